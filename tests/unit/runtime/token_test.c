/* SPDX-License-Identifier: MIT
 *
 * Tokens: what we issue we read, and every known trick is refused.
 */
#include "actors/runtime/token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "bus/code.h"
#include "bus/pack.h"

#define SECRET "a secret of some length"
#define NOW INT64_C(1700000000)
#define HS256 "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
#define GOOD "{\"exp\":1700000060,\"iat\":1700000000,\"userId\":7}"

static struct bus_arena arena;

static int setup(void **state)
{
    (void)state;
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    bus_arena_release(&arena);
    return 0;
}

static struct bus_bytes bytes(const char *text)
{
    return (struct bus_bytes){(const uint8_t *)text, strlen(text)};
}

static char *b64url(const void *data, size_t len)
{
    char *text = bus_arena_alloc(&arena, len * 4 / 3 + 8);
    EVP_EncodeBlock((unsigned char *)text, data, (int)len);
    for (char *c = text; *c; c++)
        *c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
    text[strcspn(text, "=")] = '\0';
    return text;
}

/* A token of any header and payload, rightly signed by any digest. */
static const char *forge(const char *header, const char *payload,
                         const char *digest)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    const char *text =
        bus_arena_printf(&arena, "%s.%s", b64url(header, strlen(header)),
                         b64url(payload, strlen(payload)));
    HMAC(EVP_get_digestbyname(digest), SECRET, (int)strlen(SECRET),
         (const unsigned char *)text, strlen(text), mac, &len);
    return bus_arena_printf(&arena, "%s.%s", text, b64url(mac, len));
}

static int read_at(const char *token, int64_t now, struct bus_bytes *claims)
{
    return actor_token_read(bytes(token), SECRET, now, &arena, claims, NULL);
}

static int read_now(const char *token)
{
    struct bus_bytes claims;
    return read_at(token, NOW, &claims);
}

static void what_is_issued_is_read(void **state)
{
    (void)state;
    const struct actor_claim claims[] = {{"userId", NULL, 1},
                                         {"name", "小明", 0}};
    const char *token;
    struct bus_bytes own, value;
    int64_t number;
    assert_int_equal(
        actor_token_issue(SECRET, NOW, 60, claims, 2, &arena, &token, NULL),
        BUS_OK);
    assert_int_equal(read_at(token, NOW + 59, &own), BUS_OK);
    assert_true(bus_pack_find(own, "userId", &value));
    struct bus_unpack in = bus_unpack_open(value);
    assert_true(bus_unpack_int(&in, &number));
    assert_int_equal(number, 1);
    assert_false(bus_pack_find(own, "exp", &value));
    assert_int_equal(read_at(token, NOW + 60, &own), BUS_UNAUTHENTICATED);
    assert_int_equal(read_at(token, NOW - 1, &own), BUS_UNAUTHENTICATED);
}

static void the_forger_is_sound(void **state)
{
    (void)state;
    assert_int_equal(read_now(forge(HS256, GOOD, "SHA256")), BUS_OK);
}

static void short_secrets_issue_nothing(void **state)
{
    (void)state;
    const char *token = NULL;
    assert_int_equal(
        actor_token_issue("1234567", NOW, 60, NULL, 0, &arena, &token, NULL),
        BUS_INVALID_ARGUMENT);
    assert_null(token);
}

static void other_headers_are_refused(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "{\"alg\":\"none\"}",
        "{\"alg\":\"NONE\"}",
        "{\"alg\":\"hs256\"}",
        "{\"alg\":\"HS256 \"}",
        "{\"alg\":\"HS384\"}",
        "{\"alg\":null}",
        "{\"alg\":256}",
        "{\"alg\":[\"HS256\"]}",
        "{\"typ\":\"JWT\"}",
        "{}",
        "[]",
        "null",
        "",
        "{\"alg\":\"HS256\",\"alg\":\"none\"}",
        "{\"alg\":\"HS256\",\"\\u0061lg\":\"none\"}",
        "{\"alg\":\"HS256\",\"crit\":[]}",
        "{\"alg\":\"HS256\",\"crit\":[\"b64\"],\"b64\":false}",
        "{\"alg\":\"HS256\",\"b64\":false}",
        "{\"alg\":\"HS256\"} ,",
    };
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
        if (read_now(forge(headers[i], GOOD, "SHA256")) != BUS_UNAUTHENTICATED)
            fail_msg("taken: %s", headers[i]);
    assert_int_equal(read_now(forge("{\"alg\":\"HS512\"}", GOOD, "SHA512")),
                     BUS_UNAUTHENTICATED);
    assert_int_equal(read_now(forge(HS256, GOOD, "SHA512")),
                     BUS_UNAUTHENTICATED);
}

static void odd_times_are_refused(void **state)
{
    (void)state;
    static const char *const payloads[] = {
        "{\"userId\":7}",
        "{\"exp\":1700000000}",
        "{\"exp\":0}",
        "{\"exp\":-1}",
        "{\"exp\":\"1700000060\"}",
        "{\"exp\":1700000060.5}",
        "{\"exp\":[1700000060]}",
        "{\"exp\":null}",
        "{\"exp\":1e999}",
        "{\"exp\":18446744073709551617}",
        "{\"exp\":18446744073709551615}",
        "{\"exp\":1,\"exp\":1700000060}",
        "{\"exp\":1700000060,\"nbf\":1700000001}",
        "{\"exp\":1700000060,\"nbf\":\"1\"}",
        "{\"exp\":1700000060,\"iat\":1700000001}",
        "{\"exp\":1700000060,\"iat\":[]}",
        "[1700000060]",
        "1700000060",
        "{\"exp\":1700000060",
        "{\"exp\":1700000060}{}",
    };
    for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++)
        if (read_now(forge(HS256, payloads[i], "SHA256")) !=
            BUS_UNAUTHENTICATED)
            fail_msg("taken: %s", payloads[i]);
}

/* One flipped bit anywhere, and every other spelling of the same bytes. */
static void changed_tokens_are_refused(void **state)
{
    (void)state;
    const char *good = forge(HS256, GOOD, "SHA256");
    size_t len = strlen(good);
    for (size_t i = 0; i < len; i++) {
        for (int bit = 0; bit < 7; bit++) {
            char *bad = bus_arena_text(&arena, good);
            bad[i] = (char)(bad[i] ^ (1 << bit));
            if (bad[i] && read_now(bad) != BUS_UNAUTHENTICATED)
                fail_msg("taken with character %zu changed", i);
        }
    }
    static const char *const tails[] = {"=", "==", " ", "\n", ".", "A", "A="};
    for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++)
        assert_int_equal(
            read_now(bus_arena_printf(&arena, "%s%s", good, tails[i])),
            BUS_UNAUTHENTICATED);
}

static void pieces_and_monsters_are_refused(void **state)
{
    (void)state;
    const char *good = forge(HS256, GOOD, "SHA256");
    struct bus_bytes claims;
    for (size_t len = 0; len < strlen(good); len++)
        assert_int_equal(
            actor_token_read((struct bus_bytes){(const uint8_t *)good, len},
                             SECRET, NOW, &arena, &claims, NULL),
            BUS_UNAUTHENTICATED);
    size_t huge = (size_t)1 << 20;
    char *text = bus_arena_alloc(&arena, huge + 1);
    memset(text, 'A', huge);
    text[huge / 3] = text[huge / 2] = '.';
    assert_int_equal(read_now(text), BUS_UNAUTHENTICATED);
    static const char *const odd[] = {".", "..", "...", "a..b", ".a.", "{}"};
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
        assert_int_equal(read_now(odd[i]), BUS_UNAUTHENTICATED);
}

static void another_secret_is_refused(void **state)
{
    (void)state;
    struct bus_bytes claims;
    const char *good = forge(HS256, GOOD, "SHA256");
    assert_int_equal(actor_token_read(bytes(good), "a secret of some lengtH",
                                      NOW, &arena, &claims, NULL),
                     BUS_UNAUTHENTICATED);
    assert_int_equal(
        actor_token_read(bytes(good), "", NOW, &arena, &claims, NULL),
        BUS_UNAUTHENTICATED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_issued_is_read),          TEST(the_forger_is_sound),
        TEST(short_secrets_issue_nothing),     TEST(other_headers_are_refused),
        TEST(odd_times_are_refused),           TEST(changed_tokens_are_refused),
        TEST(pieces_and_monsters_are_refused), TEST(another_secret_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
