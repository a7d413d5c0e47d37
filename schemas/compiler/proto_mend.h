/* SPDX-License-Identifier: MIT
 *
 * Import statements and custom options of a .proto file, found by their tokens
 * alone: what to look for before protoc runs, and what to leave out when an
 * option file is not installed. Everything else of the language is protoc's.
 */
#ifndef SCHEMA_PROTO_MEND_H
#define SCHEMA_PROTO_MEND_H

#include <stddef.h>
#include <stdint.h>

#include "map.h"

struct proto_import {
    const char *name; /* "google/api/annotations.proto" */
    size_t at;        /* of the statement */
};

/* Adds a struct proto_import for each import statement. */
void proto_imports(struct pool *pool, const char *text, struct vec *ret);

/* A copy in which imports that have a value in the map, and every option whose
 * name begins with '(', are blank: all else keeps its place.
 * ret_options: how many options that were. */
char *proto_mend(struct pool *pool, const char *text, const struct map *missing,
                 size_t *ret_options);

/* Where the word stands, at or behind an offset; SIZE_MAX: nowhere. */
size_t proto_word(const char *text, size_t from, const char *word);

#endif
