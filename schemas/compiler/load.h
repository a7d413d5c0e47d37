/* SPDX-License-Identifier: MIT
 *
 * Loading: one function a language, and the list of files that were read.
 */
#ifndef SCHEMA_LOAD_H
#define SCHEMA_LOAD_H

#include "source.h"
#include "types.h"

/* A file by its clean path; unit is NULL while it loads and if it failed. */
struct unit {
    const char *path;
    struct schema_unit *unit;
    bool loading;
};

/* Each parses a source and what it imports, adds errors to it, and returns a
 * unit whatever happened. */
struct schema_unit *api_load(struct source *source);
/* The same for the syntax of this file alone: errors are all that it leaves. */
void api_read(struct source *source);
struct schema_unit *sql_load(struct source *source);
struct schema_unit *saga_load(struct source *source);
void saga_read(struct source *source);
/* The file itself, not its text: protoc reads it. from: who imports it; NULL.
 */
struct schema_unit *proto_load(struct schema *schema, const char *path,
                               struct source *from, size_t at);

struct schema_unit *unit_new(struct schema *schema, enum schema_language kind,
                             const char *path);

/* Loads another file for a .saga, which names it at that offset. NULL, said, if
 * it failed or is being loaded. */
const struct schema_unit *unit_import(struct source *from, size_t at,
                                      const char *path);

#endif
