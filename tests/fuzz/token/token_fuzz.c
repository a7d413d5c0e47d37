/* SPDX-License-Identifier: MIT
 *
 * Tokens from any bytes. No input may be taken but one that was signed: the
 * fuzzer does not know the secret, so everything that passes is a hole.
 */
#include <stdlib.h>

#include "actors/runtime/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bus_arena arena;
    struct bus_bytes claims;
    struct bus_error err;
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    /* 1: before any seed's exp, so that time is not what refuses it. */
    int code = actor_token_read((struct bus_bytes){data, size},
                                "no seed was signed with this", 1, &arena,
                                &claims, &err);
    if (code == 0)
        abort();
    bus_arena_release(&arena);
    return 0;
}
