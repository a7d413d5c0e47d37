/* SPDX-License-Identifier: MIT
 *
 * What the printers of C share: gen.c decides which files there are and writes
 * them, gen_message.c prints structs and shapes, gen_bus.c methods and clients,
 * gen_actor.c the implementer's side, gen_model.c tables, gen_saga.c plans.
 */
#ifndef SCHEMA_GEN_H
#define SCHEMA_GEN_H

#include "source.h"

/* Text that grows; its memory is the pool's. */
struct out {
    struct pool *pool;
    char *text;
    size_t len, cap;
};

void out_printf(struct out *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A C string literal; NULL prints NULL. */
void out_quoted(struct out *out, const char *text);
/* A comment of its own line, if there is a doc. */
void out_doc(struct out *out, const char *indent, const char *doc);

struct gen {
    struct schema *schema;
    struct pool *pool;
    const struct schema_gen *options;
    const char *actor;  /* "user-api" */
    const char *prefix; /* "user_api" */
    struct vec units;   /* const struct schema_unit *: named by the caller */
    struct vec methods; /* const struct schema_method *: of all services */
};

/* The C type of one value of a field, as a list's item or a parameter. */
const char *gen_c_type(struct gen *gen, const struct schema_field *field);
/* The C type of one value of a column's kind, without a blank at its end. */
const char *gen_kind_type(struct pool *pool, enum schema_kind kind);
/* A parameter declaration: "int64_t id", "const char *number". */
const char *gen_parameter(struct gen *gen, const struct schema_field *field);

void gen_struct(struct gen *gen, struct out *out,
                const struct schema_message *message);
void gen_shape(struct gen *gen, struct out *out,
               const struct schema_message *message);
void gen_enum(struct out *out, const struct schema_enum *values, bool guarded);
void gen_bus_header(struct gen *gen, struct out *out);
void gen_bus_source(struct gen *gen, struct out *out);
void gen_actor_header(struct gen *gen, struct out *out);
void gen_actor_source(struct gen *gen, struct out *out);
void gen_model_header(struct gen *gen, struct out *out,
                      const struct schema_unit *unit);
void gen_model_source(struct gen *gen, struct out *out,
                      const struct schema_unit *unit);
void gen_saga_header(struct gen *gen, struct out *out,
                     const struct schema_unit *unit);
void gen_saga_source(struct gen *gen, struct out *out,
                     const struct schema_unit *unit);

/* "int bus_user_getUser(struct bus_call *call, ...)" without its end. */
void gen_prototype(struct out *out, const char *name,
                   const struct schema_method *method);

/* What tests say of a method or a saga in place of calling it: a script's line
 * and what was asked. method: the name of its struct bus_method. */
struct gen_fake {
    const char *name;
    const char *method;
    const struct schema_message *request; /* NULL: none */
    const struct schema_message *reply;
};
void gen_fake(struct out *out, struct gen_fake fake, bool body);

/* The function that the author writes for a method. */
const char *gen_handler_name(struct gen *gen,
                             const struct schema_method *method);
/* The same for a middleware, apart from the handlers' names. */
const char *gen_middleware_name(struct gen *gen, const char *name);
/* Every middleware that some route names, once, as C names. */
void gen_middlewares(const struct gen *gen, struct vec *ret);
/* Adds an error for every two names that are one in C. */
void gen_check_names(struct gen *gen);
/* The author's files, those that are not there yet. */
bool gen_author(struct gen *gen);

/* A file's stem as part of an include guard. */
const char *gen_guard(struct gen *gen, const struct schema_unit *unit);

/* The Config message of a unit of the caller, if no method has to do with it;
 * NULL: none. */
const struct schema_message *gen_config(const struct gen *gen);

/* msgpack bytes of a literal as C string text, and their count. */
void gen_literal(struct out *out, const struct schema_input *input);

#endif
