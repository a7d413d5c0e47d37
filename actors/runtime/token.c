/* SPDX-License-Identifier: MIT
 *
 * A token is taken apart by hand: three canonical base64url segments, a header
 * that is strict JSON and names HS256 and nothing that would change the
 * meaning, then libjwt for the signature, then the payload's time claims by
 * type and value. It does not know HTTP, and it never fetches a key.
 */
#include "actors/runtime/token.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <jwt.h>

#include "bus/code.h"
#include "bus/json.h"
#include "bus/pack.h"

/* The least nonsense to say to whoever holds a forged token: nothing. The
 * sentence is for our own log. */
#define REFUSE(err, why) bus_error_set((err), BUS_UNAUTHENTICATED, (why))

struct segments {
    struct bus_bytes header, payload, signature;
};

static bool split(struct bus_bytes token, struct segments *ret)
{
    const uint8_t *end = token.data + token.len;
    const uint8_t *first = memchr(token.data, '.', token.len);
    if (!first)
        return false;
    const uint8_t *second = memchr(first + 1, '.', (size_t)(end - first - 1));
    if (!second || memchr(second + 1, '.', (size_t)(end - second - 1)))
        return false;
    ret->header = (struct bus_bytes){token.data, (size_t)(first - token.data)};
    ret->payload = (struct bus_bytes){first + 1, (size_t)(second - first - 1)};
    ret->signature = (struct bus_bytes){second + 1, (size_t)(end - second - 1)};
    return ret->header.len && ret->payload.len && ret->signature.len;
}

static int digit64(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

/* Strict base64url without padding (RFC 7515 section 2); bits that no byte uses
 * must be zero, for otherwise one token would have several spellings. */
static bool decode64(struct bus_bytes text, struct bus_arena *arena,
                     struct bus_bytes *ret)
{
    if (text.len % 4 == 1)
        return false;
    uint8_t *out = bus_arena_alloc(arena, text.len / 4 * 3 + 3);
    if (!out)
        return false;
    size_t len = 0;
    uint32_t bits = 0;
    unsigned have = 0;
    for (size_t i = 0; i < text.len; i++) {
        int digit = digit64(text.data[i]);
        if (digit < 0)
            return false;
        bits = bits << 6 | (uint32_t)digit;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[len++] = (uint8_t)(bits >> have);
            bits &= (1U << have) - 1;
        }
    }
    *ret = (struct bus_bytes){out, len};
    return bits == 0;
}

/* One segment as a msgpack map; duplicate names are refused by the reader. */
static bool decode_map(struct bus_bytes segment, struct bus_arena *arena,
                       struct bus_bytes *ret)
{
    struct bus_bytes json;
    if (!decode64(segment, arena, &json))
        return false;
    struct bus_buf buf;
    bus_buf_init(&buf, (size_t)ACTOR_TOKEN_MAX * 2);
    bool good = bus_json_to_pack(json, &buf, NULL) == BUS_OK && !buf.failed;
    if (good) {
        char *copy = bus_arena_text_n(arena, (char *)buf.data, buf.len);
        *ret = (struct bus_bytes){(uint8_t *)copy, buf.len};
        struct bus_unpack in = bus_unpack_open(*ret);
        good = copy && bus_unpack_type(&in) == BUS_PACK_MAP;
    }
    bus_buf_release(&buf);
    return good;
}

/* alg pinned; crit and b64 would change what the signature means; keys that a
 * token brings along (jwk, jku, x5u, x5c) are never looked at. */
static bool header_good(struct bus_bytes header)
{
    struct bus_bytes found;
    if (bus_pack_find(header, "crit", &found) ||
        bus_pack_find(header, "b64", &found) ||
        !bus_pack_find(header, "alg", &found))
        return false;
    struct bus_unpack in = bus_unpack_open(found);
    struct bus_bytes alg;
    return bus_unpack_text(&in, &alg) && bus_bytes_is(alg, "HS256");
}

static bool signature_good(struct bus_bytes token, const char *secret,
                           struct bus_arena *arena)
{
    char *text = bus_arena_text_n(arena, (const char *)token.data, token.len);
    if (!text)
        return false;
    jwt_t *jwt = NULL;
    if (jwt_decode(&jwt, text, (const unsigned char *)secret,
                   (int)strlen(secret)) != 0)
        return false;
    bool good = jwt_get_alg(jwt) == JWT_ALG_HS256;
    jwt_free(jwt);
    return good;
}

/* A time claim. False when it is there but no whole number of seconds from 0
 * on; *ret_there says whether it is there. */
static bool time_claim(struct bus_bytes payload, const char *name,
                       bool *ret_there, int64_t *ret)
{
    struct bus_bytes found;
    *ret_there = bus_pack_find(payload, name, &found);
    if (!*ret_there)
        return true;
    struct bus_unpack in = bus_unpack_open(found);
    return bus_unpack_int(&in, ret) && *ret >= 0;
}

static const char *time_fault(struct bus_bytes payload, int64_t now)
{
    bool there;
    int64_t at;
    if (!time_claim(payload, "exp", &there, &at))
        return "claim exp is no whole number of seconds";
    if (!there)
        return "claim exp is missing";
    if (at <= now)
        return "token has expired";
    if (!time_claim(payload, "nbf", &there, &at) || (there && at > now))
        return "claim nbf is not a time that has passed";
    if (!time_claim(payload, "iat", &there, &at) || (there && at > now))
        return "claim iat is not a time that has passed";
    return NULL;
}

static bool registered(struct bus_bytes name)
{
    static const char *const names[] = {"aud", "exp", "jti", "iat",
                                        "iss", "nbf", "sub"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (bus_bytes_is(name, names[i]))
            return true;
    return false;
}

/* The claims that are the user's own, as one map. */
static bool own_claims(struct bus_bytes payload, struct bus_arena *arena,
                       struct bus_bytes *ret)
{
    struct bus_unpack in = bus_unpack_open(payload);
    uint32_t count = 0, kept = 0;
    struct bus_bytes names[ACTOR_CLAIMS_MAX], values[ACTOR_CLAIMS_MAX];
    if (!bus_unpack_map(&in, &count) || count > ACTOR_CLAIMS_MAX)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (!bus_unpack_text(&in, &names[kept]) ||
            !bus_unpack_value(&in, &values[kept]))
            return false;
        if (!registered(names[kept]))
            kept++;
    }
    struct bus_buf buf;
    bus_buf_init(&buf, (size_t)ACTOR_TOKEN_MAX * 2);
    bus_pack_map(&buf, kept);
    for (uint32_t i = 0; i < kept; i++) {
        bus_pack_text_n(&buf, (const char *)names[i].data, names[i].len);
        bus_pack_raw(&buf, values[i]);
    }
    char *copy = bus_arena_text_n(arena, (char *)buf.data, buf.len);
    *ret = (struct bus_bytes){(uint8_t *)copy, buf.len};
    bool good = copy && !buf.failed;
    bus_buf_release(&buf);
    return good;
}

int actor_token_read(struct bus_bytes token, const char *secret, int64_t now,
                     struct bus_arena *arena, struct bus_bytes *ret_claims,
                     struct bus_error *err)
{
    struct segments part;
    struct bus_bytes header, payload, signature, claims;
    if (token.len == 0 || token.len > ACTOR_TOKEN_MAX || !split(token, &part))
        return REFUSE(err, "token is not three segments of fitting length");
    if (!decode_map(part.header, arena, &header) || !header_good(header))
        return REFUSE(err, "token header is not a plain HS256 one");
    if (!decode64(part.signature, arena, &signature))
        return REFUSE(err, "token signature is not canonical base64url");
    if (!decode_map(part.payload, arena, &payload))
        return REFUSE(err, "token payload is not a strict JSON object");
    if (!signature_good(token, secret, arena))
        return REFUSE(err, "token signature does not match");
    const char *fault = time_fault(payload, now);
    if (fault)
        return bus_error_set(err, BUS_UNAUTHENTICATED, "%s", fault);
    if (!own_claims(payload, arena, &claims))
        return REFUSE(err, "token has too many claims");
    *ret_claims = claims;
    return BUS_OK;
}

static void jwt_add(jwt_t *jwt, const struct actor_claim *claim)
{
    int failed = claim->text
                     ? jwt_add_grant(jwt, claim->name, claim->text)
                     : jwt_add_grant_int(jwt, claim->name, claim->number);
    /* EINVAL or EEXIST would be a claim named twice: the caller's bug. */
    assert(failed == 0);
    (void)failed;
}

int actor_token_issue(const char *secret, int64_t now, int64_t seconds,
                      const struct actor_claim *claims, size_t count,
                      struct bus_arena *arena, const char **ret_token,
                      struct bus_error *err)
{
    size_t secret_len = strlen(secret);
    if (secret_len < ACTOR_SECRET_LEAST)
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "the secret has fewer than %d bytes",
                             ACTOR_SECRET_LEAST);
    jwt_t *jwt = NULL;
    if (jwt_new(&jwt) != 0)
        abort();
    jwt_add(jwt, &(struct actor_claim){"exp", NULL, now + seconds});
    jwt_add(jwt, &(struct actor_claim){"iat", NULL, now});
    for (size_t i = 0; i < count; i++)
        jwt_add(jwt, &claims[i]);
    int failed = jwt_set_alg(jwt, JWT_ALG_HS256, (const unsigned char *)secret,
                             (int)secret_len);
    assert(failed == 0);
    (void)failed;
    char *text = jwt_encode_str(jwt);
    jwt_free(jwt);
    if (!text)
        abort();
    *ret_token = bus_arena_text(arena, text);
    free(text); /* malloc is libjwt's default allocator */
    if (!*ret_token)
        return bus_error_set(err, BUS_RESOURCE_EXHAUSTED, "arena is full");
    return BUS_OK;
}
