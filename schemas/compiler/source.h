/* SPDX-License-Identifier: MIT
 *
 * One source file in memory, and the errors found in it. Positions are byte
 * offsets until somebody wants to read them.
 */
#ifndef SCHEMA_SOURCE_H
#define SCHEMA_SOURCE_H

#include "pool.h"
#include "schema.h"

struct schema {
    struct pool pool;
    struct vec units;   /* struct unit * */
    struct vec errors;  /* struct schema_error */
    bool errors_ceased; /* SCHEMA_ERRORS_MAX reached, said once */
    bool alone;         /* .api: a file is read without those that it imports */
    size_t files;
    const char *types; /* schema_map_types; NULL: none */
};

struct source {
    struct schema *schema;
    struct pool *pool;
    const char *path;
    const char *text; /* NUL after len; no BOM */
    size_t len;
    size_t *lines; /* offset of each line's start */
    size_t line_count;
    size_t *chunks; /* characters before each chunk of the text */
    size_t errors;  /* of this source */
    bool mended;    /* the text is not what the file holds: source_mend */
};

/* Reads a file. NULL, with an error where it was asked for (from NULL: nowhere)
 * if it cannot be read or is too large, in itself if it is not UTF-8. */
struct source *source_read(struct schema *schema, const char *path,
                           struct source *from, size_t at);
struct source *source_new(struct schema *schema, const char *path,
                          const char *text, size_t len);

/* A file's bytes, NUL behind them; NULL, and why (a text), if it cannot be had.
 */
char *source_slurp(struct pool *pool, const char *path, size_t *ret_len,
                   const char **why);
/* Puts '?' for each byte that is no UTF-8. True: there was one. */
bool source_mend(char *text, size_t size);

struct schema_pos source_pos(const struct source *source, size_t offset);

/* Adds an error at that place. */
void source_error(struct source *source, size_t offset, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Adds an error where no source is at hand; pos may be empty. */
void schema_error_add(struct schema *schema, const struct schema_pos *pos,
                      const char *excerpt, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Puts the errors from that index on in the order of their places. */
void errors_sort(struct schema *schema, size_t from);

/* dir/of/base + relative; relative itself if it is absolute. */
const char *path_beside(struct pool *pool, const char *base,
                        const char *relative);

/* The path without ".", "..", and doubled slashes, where that is certain. */
const char *path_clean(struct pool *pool, const char *path);

#endif
