/* SPDX-License-Identifier: MIT
 *
 * One pool a compilation: all that is parsed lives until schema_free. vec is an
 * array that grows inside a pool; its items move when it grows, so pointers to
 * them are taken only when it is complete. malloc failure aborts.
 */
#ifndef SCHEMA_POOL_H
#define SCHEMA_POOL_H

#include <stdarg.h>
#include <stddef.h>

struct pool_block;

struct pool {
    struct pool_block *blocks;
};

/* Zeroed, aligned for any type. */
void *pool_alloc(struct pool *pool, size_t size);
void *pool_array(struct pool *pool, size_t count, size_t size);
char *pool_text_n(struct pool *pool, const char *text, size_t len);
char *pool_text(struct pool *pool, const char *text);
char *pool_printf(struct pool *pool, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
char *pool_vprintf(struct pool *pool, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
void pool_release(struct pool *pool);

struct vec {
    void *items;
    size_t count;
    size_t cap;
};

/* A new zeroed item at the end. */
void *vec_add(struct pool *pool, struct vec *vec, size_t size);

/* vec_add for arrays of pointers. */
void vec_push(struct pool *pool, struct vec *vec, const void *pointer);

/* A NULL-terminated copy of an array of pointers. */
const char *const *vec_texts(struct pool *pool, const struct vec *vec);

#endif
