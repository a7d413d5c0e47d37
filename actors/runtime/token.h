/* SPDX-License-Identifier: MIT
 *
 * JSON web tokens (RFC 7519, 7515) as go-zero's users have them: compact, HS256
 * and nothing else. libjwt signs and checks signatures; what it lets through
 * (RFC 8725; other HMACs, `none`, non-canonical base64url, missing or odd time
 * claims, duplicates, crit) is refused here, before and after it. The only file
 * that includes libjwt is token.c.
 */
#ifndef ACTOR_TOKEN_H
#define ACTOR_TOKEN_H

#include <stddef.h>
#include <stdint.h>

#include "bus/arena.h"
#include "bus/buf.h"
#include "bus/error.h"

#define ACTOR_TOKEN_MAX 8192 /* bytes of a whole token */
#define ACTOR_SECRET_LEAST 8 /* bytes; go-zero's own least */
#define ACTOR_CLAIMS_MAX 64  /* names of one payload */

/* Checks a token (spaces and "Bearer " already removed) against a secret at
 * Unix time now, in s: HS256, signature, exp there and later than now, nbf and
 * iat not later. ret_claims receives a msgpack map, in the arena, of the claims
 * that are not registered ones (go-zero passes on all but aud exp jti iat iss
 * nbf sub). UNAUTHENTICATED and a sentence for the log otherwise; the sentence
 * never holds any part of the token. */
int actor_token_read(struct bus_bytes token, const char *secret, int64_t now,
                     struct bus_arena *arena, struct bus_bytes *ret_claims,
                     struct bus_error *err);

/* One claim of a token to be issued; number when text is NULL. */
struct actor_claim {
    const char *name;
    const char *text;
    int64_t number;
};

/* Signs a token with claims exp = now + seconds, iat = now and those given.
 * ret_token lives in the arena. INVALID_ARGUMENT for a secret that is too
 * short. */
int actor_token_issue(const char *secret, int64_t now, int64_t seconds,
                      const struct actor_claim *claims, size_t count,
                      struct bus_arena *arena, const char **ret_token,
                      struct bus_error *err);

#endif
