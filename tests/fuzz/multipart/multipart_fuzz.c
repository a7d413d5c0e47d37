/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a multipart body: the first line is its Content-Type. What comes
 * out lies within the body, or is refused with a sentence.
 */
#include <stdlib.h>
#include <string.h>

#include "actors/http/multipart.h"

#define PAIRS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *newline = size ? memchr(data, '\n', size) : NULL;
    struct bus_bytes type = {data, newline ? (size_t)(newline - data) : size};
    struct bus_bytes body = {data + type.len, size - type.len};
    struct bus_pair pairs[PAIRS];
    struct bus_arena arena;
    struct bus_error err = {0};
    size_t count = 0;
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    if (newline) {
        body.data++;
        body.len--;
    }
    int code = multipart_form(type, body, &arena, pairs, PAIRS, &count, &err);
    if (count > PAIRS || (code && !err.sentence[0]))
        abort();
    for (size_t i = 0; i < count; i++)
        if (pairs[i].value.data < body.data ||
            pairs[i].value.data + pairs[i].value.len > body.data + body.len)
            abort();
    bus_arena_release(&arena);
    return 0;
}
