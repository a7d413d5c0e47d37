/* SPDX-License-Identifier: MIT
 *
 * Bump allocation in blocks. Nothing is freed before the pool is.
 */
#include "pool.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POOL_BLOCK_BYTES 65536

struct pool_block {
    struct pool_block *next;
    size_t used, cap;
    _Alignas(max_align_t) unsigned char data[];
};

static struct pool_block *pool_grow(struct pool *pool, size_t size)
{
    size_t cap = size > POOL_BLOCK_BYTES / 4 ? size : POOL_BLOCK_BYTES;
    struct pool_block *block = malloc(sizeof(*block) + cap);
    if (!block)
        abort();
    block->used = 0;
    block->cap = cap;
    /* A large item gets its own block behind the current one. */
    if (pool->blocks && cap == size) {
        block->next = pool->blocks->next;
        pool->blocks->next = block;
    } else {
        block->next = pool->blocks;
        pool->blocks = block;
    }
    return block;
}

void *pool_alloc(struct pool *pool, size_t size)
{
    size_t align = _Alignof(max_align_t);
    assert(size < SIZE_MAX / 2);
    size = (size + align - 1) / align * align;
    struct pool_block *block = pool->blocks;
    if (!block || block->cap - block->used < size)
        block = pool_grow(pool, size);
    void *found = block->data + block->used;
    block->used += size;
    memset(found, 0, size);
    return found;
}

void *pool_array(struct pool *pool, size_t count, size_t size)
{
    assert(!size || count < SIZE_MAX / 2 / size);
    return pool_alloc(pool, count * size);
}

char *pool_text_n(struct pool *pool, const char *text, size_t len)
{
    char *copy = pool_alloc(pool, len + 1);
    if (len)
        memcpy(copy, text, len);
    return copy;
}

char *pool_text(struct pool *pool, const char *text)
{
    return pool_text_n(pool, text, strlen(text));
}

char *pool_vprintf(struct pool *pool, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    assert(len >= 0);
    char *text = pool_alloc(pool, (size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, format, args);
    return text;
}

char *pool_printf(struct pool *pool, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = pool_vprintf(pool, format, args);
    va_end(args);
    return text;
}

void pool_release(struct pool *pool)
{
    while (pool->blocks) {
        struct pool_block *next = pool->blocks->next;
        free(pool->blocks);
        pool->blocks = next;
    }
}

void *vec_add(struct pool *pool, struct vec *vec, size_t size)
{
    if (vec->count == vec->cap) {
        size_t cap = vec->cap ? vec->cap * 2 : 8;
        void *items = pool_array(pool, cap, size);
        if (vec->count)
            memcpy(items, vec->items, vec->count * size);
        vec->items = items;
        vec->cap = cap;
    }
    return (char *)vec->items + vec->count++ * size;
}

void vec_push(struct pool *pool, struct vec *vec, const void *pointer)
{
    const void **slot = vec_add(pool, vec, sizeof(*slot));
    *slot = pointer;
}

const char *const *vec_texts(struct pool *pool, const struct vec *vec)
{
    const char **texts = pool_array(pool, vec->count + 1, sizeof(*texts));
    if (vec->count)
        memcpy(texts, vec->items, vec->count * sizeof(*texts));
    return texts;
}
