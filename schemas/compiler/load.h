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
struct schema_unit *sql_load(struct source *source);
struct schema_unit *saga_load(struct source *source);
/* The file itself, not its text: protoc reads it. */
struct schema_unit *proto_load(struct schema *schema, const char *path);

struct schema_unit *unit_new(struct schema *schema, enum schema_language kind,
                             const char *path);

/* Loads another file for a .saga. NULL if it failed, or if it is being loaded
 * (said at pos). */
const struct schema_unit *unit_import(struct schema *schema, const char *path,
                                      const struct schema_pos *pos);

#endif
