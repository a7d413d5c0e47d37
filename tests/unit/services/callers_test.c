/* SPDX-License-Identifier: MIT
 *
 * Handlers of the mall without the actors that they call: those answer from a
 * script, by the fakes that the compiler writes beside their clients.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bus/pack.h"
#include "register.saga.h"
#include "search-api.actor.h"
#include "user-api.actor.h"
#include "user.bus.h"

static struct bus_fake *fake;

static int setup(void **state)
{
    (void)state;
    fake = bus_fake_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    bus_fake_free(fake);
    return 0;
}

/* A call whose token says who asks. */
static struct bus_call *call_of(uint64_t user_id)
{
    struct bus_call *call = bus_fake_call(fake);
    struct bus_buf buf;
    bus_buf_init(&buf, 256);
    bus_pack_map(&buf, 1);
    bus_pack_text(&buf, "userId");
    bus_pack_uint(&buf, user_id);
    struct bus_bytes claims = bus_buf_bytes(&buf);
    call->meta.claims.data = (const uint8_t *)bus_arena_text_n(
        call->arena, (const char *)claims.data, claims.len);
    call->meta.claims.len = claims.len;
    bus_buf_release(&buf);
    return call;
}

static void search_asks_who_it_is(void **state)
{
    const struct user_UserResponse known = {.id = "7", .name = "you"};
    const struct search_api_SearchReq req = {.name = "shoes"};
    struct search_api_SearchReply ret = {0};
    (void)state;
    fake_user_getUser(fake, NULL, &known);
    assert_int_equal(search_api_search(call_of(7), &req, &ret), BUS_OK);
    assert_string_equal(asked_user_getUser(fake, 0)->id, "7");
    assert_string_equal(ret.name, "shoes");
    assert_int_equal(bus_fake_left(fake), 0);
}

static void register_runs_its_saga(void **state)
{
    const struct register_RegisterReply made = {.id = "9", .name = "new"};
    const struct user_api_RegisterReq req = {
        .id = "9", .name = "new", .gender = "f", .score = 3};
    struct user_api_Response ret = {0};
    (void)state;
    fake_saga_register(fake, NULL, &made);
    user_api_register(bus_fake_call(fake), &req, &ret);
    assert_string_equal(asked_saga_register(fake, 0)->name, "new");
    assert_int_equal(bus_fake_left(fake), 0);
}

static void search_gives_up_with_its_caller(void **state)
{
    const struct search_api_SearchReq req = {.name = "shoes"};
    struct search_api_SearchReply ret = {0};
    (void)state;
    fake_user_getUser(fake, &(struct bus_fake_answer){.delay_ms = 60000}, NULL);
    assert_int_equal(search_api_search(call_of(7), &req, &ret),
                     BUS_DEADLINE_EXCEEDED);
}

static void search_refuses_whom_nobody_knows(void **state)
{
    const struct search_api_SearchReq req = {.name = "shoes"};
    struct search_api_SearchReply ret = {0};
    (void)state;
    fake_user_getUser(fake, &(struct bus_fake_answer){.code = BUS_NOT_FOUND},
                      NULL);
    assert_int_equal(search_api_search(call_of(7), &req, &ret), BUS_NOT_FOUND);
}

#define FAKE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_TEST(search_asks_who_it_is),
        FAKE_TEST(register_runs_its_saga),
        FAKE_TEST(search_gives_up_with_its_caller),
        FAKE_TEST(search_refuses_whom_nobody_knows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
