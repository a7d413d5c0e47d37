/* SPDX-License-Identifier: MIT
 *
 * What the parts of the .saga reader share: saga.c parses, saga_check.c
 * resolves names against the imported schemas and checks kinds, saga_order.c
 * says which step follows which.
 */
#ifndef SCHEMA_SAGA_H
#define SCHEMA_SAGA_H

#include "load.h"

#define SAGA_REQUEST "req" /* what inputs call the saga's request */
#define SAGA_ACTOR "saga"  /* its methods are other sagas */

struct raw_input {
    struct schema_input made; /* from, path, convert, literal are parsed */
    size_t field_at, at;
};

struct raw_branch {
    const char *actor; /* NULL: not written */
    const char *method;
    struct vec inputs; /* struct raw_input */
    size_t at;
};

struct raw_name {
    const char *name;
    size_t at;
};

struct raw_step {
    struct schema_step made; /* name and times are parsed */
    struct raw_branch action, compensate;
    bool none;        /* `no compensation` */
    bool ordered;     /* `after` */
    struct vec after; /* struct raw_name */
    size_t at;
};

struct raw_saga {
    const char *name;
    const char *request, *reply; /* "" none */
    struct vec steps;            /* struct raw_step */
    struct vec result;           /* struct raw_input */
    size_t at, request_at, reply_at, result_at;
};

struct saga_file {
    struct schema *schema;
    struct pool *pool;
    struct source *source;
    struct lowering lowering;
    struct vec imports; /* const struct schema_unit * */
    bool import_failed; /* unknown names may be its, and are not reported */
    struct vec raw;     /* struct raw_saga */
    struct vec sagas;   /* struct schema_saga * */
};

/* saga_nest.c: a step that is a saga. branch gets it, with a method of its name
 * and types; or it is reported. */
void saga_nest(struct saga_file *file, const struct raw_branch *raw,
               struct schema_branch *branch);
/* Its compensation, where the step says nothing: undone as a whole. Every step
 * of it must have one, or say that it has none. */
void saga_nest_undo(struct saga_file *file, const struct raw_step *step,
                    struct schema_step *made);

/* Turns every raw saga into a struct schema_saga, or reports. */
void saga_check(struct saga_file *file);

/* Makes made.after of step index from what it says and from the steps before
 * it, which have theirs. */
void saga_order(struct saga_file *file, struct raw_step *steps, size_t index);

/* True if another of count steps may still fail when this one is done. */
bool saga_may_turn(const struct raw_step *steps, size_t count, size_t index);

/* The message that "req" or a step's name stands for, and what may be asked of
 * it: used for inputs of calls and of the reply. */
struct saga_scope {
    struct saga_file *file;
    const struct schema_message *request;
    const struct raw_step *steps;
    size_t step_count; /* declared so far */
    uint64_t visible;  /* bit i: the reply of step i may be used */
};

/* Resolves one list of inputs against the message they fill; at: where what is
 * missing is reported. */
const struct schema_input *saga_inputs(const struct saga_scope *scope,
                                       const struct vec *raw,
                                       const struct schema_message *into,
                                       size_t at, uint16_t *ret_count);

#endif
