/* SPDX-License-Identifier: MIT
 *
 * The `type` blocks of .api and .saga files: their syntax as it was written,
 * and their lowering to messages once every file is read (types may be used
 * before they are declared).
 */
#ifndef SCHEMA_TYPES_H
#define SCHEMA_TYPES_H

#include "lex.h"
#include "map.h"

enum type_form {
    TYPE_NAME,
    TYPE_POINTER,
    TYPE_LIST,
    TYPE_MAP,
    TYPE_STRUCT,
    TYPE_ANY, /* interface{} */
};

struct type_expr {
    enum type_form form;
    const char *name; /* NAME: "string", "time.Time" */
    struct type_expr *key, *item;
    struct vec fields; /* STRUCT: struct type_field */
    const char *text;  /* as written, without blanks */
    size_t at;
};

struct type_field {
    const char *name; /* "" when embedded */
    struct type_expr *type;
    const char *tag;
    size_t at, tag_at;
    const char *doc;
    struct source *source;
};

struct type_decl {
    const char *name;
    struct vec fields;       /* struct type_field */
    struct type_expr *alias; /* what it stands for; NULL: it is a struct */
    const char *doc;
    size_t at;
    struct source *source;
    struct schema_message *message; /* made by types_lower */
    bool open;                      /* its fields are being gathered */
};

/* Behind the word `type`: one declaration or a block of them, added to decls
 * (struct type_decl *). Errors are added to the source and passed over. */
void types_parse(struct lex *lex, struct vec *decls);

/* A type expression; NULL after an error. */
struct type_expr *types_parse_expr(struct lex *lex, int depth);

/* Makes a message of every declaration, added to messages (struct
 * schema_message *). prefix is the actor's name. */
struct lowering {
    struct schema *schema;
    struct pool *pool;
    const char *prefix; /* "user-api" */
    struct vec decls;   /* struct type_decl * */
    struct map by_name; /* the same, made by types_lower */
    struct map inner;   /* names of what is not declared, as keys */
    struct vec messages;
    const struct source *root; /* others are imported */
    size_t embeds;             /* in the type at hand, repeats counted */
};
void types_lower(struct lowering *lowering);

struct schema_message *types_find(const struct lowering *lowering,
                                  const char *name);

/* Makes the message of a response that is no struct, once types are lowered:
 * one field, "value", of that type. */
struct schema_message *types_bare(struct lowering *lowering, const char *name,
                                  struct source *source,
                                  struct type_expr *type);

/* A name that stands for a base type, a list, a map: anything but a struct. */
bool types_is_alias(const struct lowering *lowering, const char *name);

/* Adds a name for another type, which may be a name of a package. */
void types_alias(struct source *source, size_t at, const char *name,
                 const char *target, struct vec *decls);

/* True for the names of base types ("int", "string", "any"). */
bool types_is_base(const char *name);

#endif
