/* SPDX-License-Identifier: MIT
 *
 * Names of one language written in another.
 */
#ifndef SCHEMA_NAME_H
#define SCHEMA_NAME_H

#include "pool.h"
#include "schema.h"

/* Any text as (part of) a C identifier: other characters become '_', beyond
 * ASCII their code point. Not guarded against keywords. */
const char *name_c(struct pool *pool, const char *text);

/* The same as a whole identifier: keywords and common macros get a '_'. */
const char *name_member(struct pool *pool, const char *text);

/* Gives every field of one struct its member's name: no two are the same, and
 * none is the has_... beside another. Presence must be settled. stride: bytes
 * from one field to the next. */
void name_members(struct pool *pool, struct schema_field *first, size_t count,
                  size_t stride);

/* An actor's name as what its functions and structs begin with in C; not what
 * those of the libraries begin with. */
const char *name_prefix(struct pool *pool, const char *actor);

/* prefix_name, both through name_c. */
const char *name_join(struct pool *pool, const char *prefix, const char *name);

/* "create_time" as Go's camel case: "CreateTime", or "createTime". */
const char *name_camel(struct pool *pool, const char *text, bool upper);

/* "user" of "a/b/user.proto". */
const char *name_stem(struct pool *pool, const char *path);

/* Keywords of Go, which may not name a type or a field. */
bool name_is_go_keyword(const char *text);

/* goctl's ToCamel: "third_payment" to "ThirdPayment", "2fa" to "2Fa"; not
 * upper: its Untitle of that, "thirdPayment". Only ASCII letters change their
 * case. */
const char *name_go(struct pool *pool, const char *text, bool upper);

/* goctl's SafeString: '_' for what Go takes in no identifier; but characters
 * beyond ASCII stay, for names of them alone would all be one. */
const char *name_go_safe(struct pool *pool, const char *text);

#endif
