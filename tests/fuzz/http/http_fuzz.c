/* SPDX-License-Identifier: MIT
 *
 * Requests from any bytes: the reader, then target and form of what it took.
 * The first byte says in how large pieces the rest is fed: a request must read
 * the same however it is cut.
 */
#include <stdlib.h>
#include <string.h>

#include "actors/http/reader.h"
#include "actors/http/target.h"

#define BODY_MAX ((size_t)4096)
#define PAIRS 64

static void look(const struct http_reader *reader)
{
    struct bus_arena arena;
    struct target target;
    struct bus_pair pairs[PAIRS];
    size_t count = 0;
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    if (!target_parse(reader->target, &arena, &target, NULL))
        target_form(target.query, &arena, pairs, PAIRS, &count, NULL);
    target_form(bus_buf_bytes(&reader->body), &arena, pairs, PAIRS, &count,
                NULL);
    bus_arena_release(&arena);
}

/* Reads up to one end; returns how many bytes it took. */
static size_t run(struct http_reader *reader, const uint8_t *data, size_t size,
                  size_t piece)
{
    size_t at = 0;
    while (at < size && reader->state < READER_DONE) {
        size_t len = size - at < piece ? size - at : piece;
        size_t taken = http_reader_feed(reader, data + at, len);
        if (taken > len || (taken == 0 && reader->state < READER_DONE))
            abort();
        at += taken;
    }
    return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct http_reader whole, cut;
    http_reader_init(&whole, BODY_MAX);
    http_reader_init(&cut, BODY_MAX);
    size_t a = run(&whole, data + 1, size - 1, size);
    size_t b = run(&cut, data + 1, size - 1, (size_t)data[0] % 7 + 1);
    if (whole.state != cut.state)
        abort();
    if (whole.state == READER_DONE) {
        if (a != b || whole.body.len != cut.body.len ||
            (whole.body.len &&
             memcmp(whole.body.data, cut.body.data, whole.body.len)))
            abort();
        look(&whole);
    }
    http_reader_release(&whole);
    http_reader_release(&cut);
    return 0;
}
