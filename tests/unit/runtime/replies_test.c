/* SPDX-License-Identifier: MIT
 *
 * Replies kept under keys: what is the same call, what is not, and what is let
 * go.
 */
#include "actors/runtime/replies.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/arena.h"
#include "tests/unit/runtime/cmocka_all.h"

static int64_t now;
static struct bus_arena arena;
static struct replies *replies;

static int64_t clock_now(void *arg)
{
    (void)arg;
    return now;
}

static const struct bus_clock fake_clock = {clock_now, clock_now, NULL};

static int set_up(void **state)
{
    (void)state;
    now = BUS_SECOND;
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    replies = replies_new(&fake_clock);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    replies_free(replies);
    bus_arena_release(&arena);
    return 0;
}

static struct bus_bytes text(const char *from)
{
    return (struct bus_bytes){(const uint8_t *)from, strlen(from)};
}

static struct replies_id id(const char *method, const char *key,
                            const char *claims)
{
    return (struct replies_id){method, key, text(claims)};
}

static enum replies_state begin(struct replies_id which, struct kept_reply *ret)
{
    return replies_begin(replies, &which, &arena, ret);
}

static void run(struct replies_id which, const char *body)
{
    const struct kept_reply reply = {text(body), text("h")};
    assert_int_equal(begin(which, NULL), REPLIES_NEW);
    replies_end(replies, &which, &reply);
}

static void a_repetition_gets_the_first_reply(void **state)
{
    (void)state;
    struct kept_reply kept;
    run(id("m", "k", "c"), "body");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(begin(id("m", "k", "c"), &kept), REPLIES_KEPT);
        assert_true(bus_bytes_is(kept.body, "body"));
        assert_true(bus_bytes_is(kept.headers, "h"));
    }
}

static void empty_replies_are_kept_too(void **state)
{
    (void)state;
    struct kept_reply kept;
    const struct kept_reply none = {{NULL, 0}, {NULL, 0}};
    const struct replies_id which = id("m", "k", "");
    assert_int_equal(begin(which, NULL), REPLIES_NEW);
    replies_end(replies, &which, &none);
    assert_int_equal(begin(which, &kept), REPLIES_KEPT);
    assert_int_equal(kept.body.len, 0);
}

static void others_calls_are_others(void **state)
{
    (void)state;
    run(id("m", "k", "c"), "body");
    assert_int_equal(begin(id("n", "k", "c"), NULL), REPLIES_NEW);
    assert_int_equal(begin(id("m", "l", "c"), NULL), REPLIES_NEW);
    assert_int_equal(begin(id("m", "k", "d"), NULL), REPLIES_NEW);
    assert_int_equal(begin(id("m", "k", ""), NULL), REPLIES_NEW);
}

static void the_second_is_told_that_the_first_runs(void **state)
{
    (void)state;
    const struct replies_id which = id("m", "k", "");
    assert_int_equal(begin(which, NULL), REPLIES_NEW);
    assert_int_equal(begin(which, NULL), REPLIES_RUNNING);
    now += 2 * REPLIES_AGE;
    assert_int_equal(begin(which, NULL), REPLIES_RUNNING);
}

static void what_failed_may_be_tried_again(void **state)
{
    (void)state;
    const struct replies_id which = id("m", "k", "");
    assert_int_equal(begin(which, NULL), REPLIES_NEW);
    replies_end(replies, &which, NULL);
    assert_int_equal(begin(which, NULL), REPLIES_NEW);
}

static void after_a_while_they_go(void **state)
{
    (void)state;
    struct kept_reply kept;
    run(id("m", "k", ""), "body");
    now += REPLIES_AGE;
    assert_int_equal(begin(id("m", "k", ""), &kept), REPLIES_KEPT);
    now += 1;
    assert_int_equal(begin(id("m", "k", ""), &kept), REPLIES_NEW);
}

static void the_oldest_go_when_there_are_too_many(void **state)
{
    (void)state;
    char key[32];
    struct kept_reply kept;
    for (int i = 0; i <= REPLIES_MAX; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        run(id("m", key, ""), "body");
    }
    assert_int_equal(begin(id("m", "k0", ""), NULL), REPLIES_NEW);
    assert_int_equal(begin(id("m", key, ""), &kept), REPLIES_KEPT);
}

static void the_oldest_go_when_they_are_too_large(void **state)
{
    (void)state;
    char key[32];
    struct kept_reply kept;
    char *large = malloc(REPLIES_ONE_MAX + 1);
    memset(large, 'x', REPLIES_ONE_MAX);
    large[REPLIES_ONE_MAX - 2] = '\0';
    for (size_t i = 0; i <= REPLIES_BYTES_MAX / REPLIES_ONE_MAX; i++) {
        snprintf(key, sizeof(key), "k%zu", i);
        run(id("m", key, ""), large);
    }
    assert_int_equal(begin(id("m", "k0", ""), NULL), REPLIES_NEW);
    assert_int_equal(begin(id("m", key, ""), &kept), REPLIES_KEPT);
    large[REPLIES_ONE_MAX - 2] = 'x';
    large[REPLIES_ONE_MAX] = '\0';
    run(id("m", "larger", ""), large); /* with its header: not kept */
    assert_int_equal(begin(id("m", "larger", ""), NULL), REPLIES_NEW);
    free(large);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_repetition_gets_the_first_reply),
        TEST(empty_replies_are_kept_too),
        TEST(others_calls_are_others),
        TEST(the_second_is_told_that_the_first_runs),
        TEST(what_failed_may_be_tried_again),
        TEST(after_a_while_they_go),
        TEST(the_oldest_go_when_there_are_too_many),
        TEST(the_oldest_go_when_they_are_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
