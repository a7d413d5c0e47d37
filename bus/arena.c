/* SPDX-License-Identifier: MIT
 *
 * The arena: a list of blocks, newest first, each twice the size of the one
 * before up to BLOCK_MAX. A request larger than a block gets one of its own.
 */
#include "bus/arena.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_FIRST ((size_t)4096)
#define BLOCK_MAX ((size_t)256 << 10)
#define ALIGN ((size_t)16)

struct bus_arena_block {
    struct bus_arena_block *next;
    size_t size;
    size_t used;
    _Alignas(16) unsigned char data[];
};

void bus_arena_init(struct bus_arena *arena, size_t limit)
{
    /* So that no size within the limit overflows when it is rounded up. */
    if (limit > SIZE_MAX / 2)
        limit = SIZE_MAX / 2;
    *arena = (struct bus_arena){.limit = limit};
}

static struct bus_arena_block *block_new(struct bus_arena *arena, size_t least)
{
    size_t size = arena->blocks ? arena->blocks->size * 2 : BLOCK_FIRST;
    if (size > BLOCK_MAX)
        size = BLOCK_MAX;
    if (size < least)
        size = least;
    struct bus_arena_block *block = malloc(sizeof(*block) + size);
    if (!block)
        abort();
    block->next = arena->blocks;
    block->size = size;
    block->used = 0;
    arena->blocks = block;
    return block;
}

void *bus_arena_alloc(struct bus_arena *arena, size_t size)
{
    assert(arena->used <= arena->limit);
    if (size > arena->limit - arena->used)
        return NULL;
    size_t rounded = (size + ALIGN - 1) / ALIGN * ALIGN;
    if (rounded == 0)
        rounded = ALIGN;
    struct bus_arena_block *block = arena->blocks;
    if (!block || rounded > block->size - block->used)
        block = block_new(arena, rounded);
    void *at = block->data + block->used;
    block->used += rounded;
    /* The rounding may pass the limit by less than ALIGN. */
    arena->used += rounded;
    if (arena->used > arena->limit)
        arena->used = arena->limit;
    return memset(at, 0, rounded);
}

void *bus_arena_array(struct bus_arena *arena, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size)
        return NULL;
    return bus_arena_alloc(arena, count * size);
}

char *bus_arena_text_n(struct bus_arena *arena, const char *text, size_t len)
{
    if (len == SIZE_MAX)
        return NULL;
    char *copy = bus_arena_alloc(arena, len + 1);
    if (copy && len)
        memcpy(copy, text, len);
    return copy;
}

char *bus_arena_text(struct bus_arena *arena, const char *text)
{
    return bus_arena_text_n(arena, text, strlen(text));
}

char *bus_arena_printf(struct bus_arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    assert(len >= 0);
    char *text = bus_arena_alloc(arena, (size_t)len + 1);
    if (!text)
        return NULL;
    va_start(args, format);
    vsnprintf(text, (size_t)len + 1, format, args);
    va_end(args);
    return text;
}

void bus_arena_reset(struct bus_arena *arena)
{
    struct bus_arena_block *kept = arena->blocks;
    if (kept) {
        struct bus_arena_block *block = kept->next;
        while (block) {
            struct bus_arena_block *next = block->next;
            free(block);
            block = next;
        }
        kept->next = NULL;
        kept->used = 0;
        /* One huge call must not pin its memory for ever. */
        if (kept->size > BLOCK_MAX) {
            free(kept);
            arena->blocks = NULL;
        }
    }
    arena->used = 0;
}

void bus_arena_release(struct bus_arena *arena)
{
    while (arena->blocks) {
        struct bus_arena_block *next = arena->blocks->next;
        free(arena->blocks);
        arena->blocks = next;
    }
    arena->used = 0;
}
