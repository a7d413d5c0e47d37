/* SPDX-License-Identifier: MIT
 *
 * One pool a call: what it allocates dies with it. Blocks are kept for the next
 * call by bus_arena_reset. Not thread-safe: an arena belongs to one worker.
 * malloc failure aborts; running into the arena's own limit returns NULL, which
 * callers turn into RESOURCE_EXHAUSTED.
 */
#ifndef BUS_ARENA_H
#define BUS_ARENA_H

#include <stddef.h>

#define BUS_ARENA_LIMIT ((size_t)64 << 20) /* bytes; a call's default limit */

struct bus_arena_block;

struct bus_arena {
    struct bus_arena_block *blocks; /* newest first */
    size_t used;                    /* bytes handed out since the reset */
    size_t limit;
};

void bus_arena_init(struct bus_arena *arena, size_t limit);

/* Zeroed memory, aligned for any type, or NULL past the limit. size 0 gives a
 * valid pointer. */
void *bus_arena_alloc(struct bus_arena *arena, size_t size);

/* The same for count items of size bytes, checked against overflow. */
void *bus_arena_array(struct bus_arena *arena, size_t count, size_t size);

/* Copies; NUL-terminated. NULL past the limit. */
char *bus_arena_text(struct bus_arena *arena, const char *text);
char *bus_arena_text_n(struct bus_arena *arena, const char *text, size_t len);
char *bus_arena_printf(struct bus_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Forgets everything allocated, keeping one block for reuse. */
void bus_arena_reset(struct bus_arena *arena);
void bus_arena_release(struct bus_arena *arena);

#endif
