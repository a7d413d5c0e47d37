/* SPDX-License-Identifier: MIT
 *
 * Scripted answers: replies, codes, delays, and what was asked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bus/call.h"
#include "bus/fake.h"

struct note {
    int64_t id;
    const char *text;
};

static const struct bus_field note_fields[] = {
    {.name = "id",
     .kind = BUS_I64,
     .flags = BUS_REQUIRED,
     .offset = offsetof(struct note, id),
     .presence = BUS_NO_PRESENCE},
    {.name = "text",
     .kind = BUS_TEXT,
     .offset = offsetof(struct note, text),
     .presence = BUS_NO_PRESENCE}};
static const struct bus_shape note_shape = {.name = "note.Note",
                                            .size = sizeof(struct note),
                                            .count = 2,
                                            .fields = note_fields};
static const struct bus_method get = {.actor = "note",
                                      .name = "get",
                                      .request = &note_shape,
                                      .reply = &note_shape};
static const struct bus_method put = {
    .actor = "note", .name = "put", .request = &note_shape};

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

/* ---- success ---- */

static void answers_in_the_order_written(void **state)
{
    char text[] = "one";
    const struct note one = {1, text}, two = {2, "two"};
    struct note ret = {0};
    (void)state;
    bus_fake_script(fake, &get, NULL, &one);
    bus_fake_script(fake, &put, NULL, NULL);
    bus_fake_script(fake, &get, &(struct bus_fake_answer){.times = 2}, &two);
    text[0] = '!'; /* the script has a copy */
    assert_int_equal(bus_fake_left(fake), 4);
    struct bus_call *call = bus_fake_call(fake);
    assert_int_equal(bus_call(call, NULL, &get, &one, &ret), BUS_OK);
    assert_int_equal(ret.id, 1);
    assert_string_equal(ret.text, "one");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(bus_call(call, NULL, &get, &one, &ret), BUS_OK);
        assert_string_equal(ret.text, "two");
    }
    assert_int_equal(bus_call(call, NULL, &put, &two, NULL), BUS_OK);
    assert_int_equal(bus_fake_left(fake), 0);
}

static void tells_what_was_asked(void **state)
{
    (void)state;
    bus_fake_script(fake, &put, &(struct bus_fake_answer){.times = 2}, NULL);
    for (int i = 0; i < 2; i++) {
        const struct note note = {i + 1, i ? "second" : "first"};
        bus_call(bus_fake_call(fake), NULL, &put, &note, NULL);
    }
    const struct note *asked = bus_fake_asked(fake, &put, 1);
    assert_non_null(asked);
    assert_int_equal(asked->id, 2);
    assert_string_equal(asked->text, "second");
    assert_int_equal(bus_fake_calls(fake, &put), 2);
    assert_int_equal(bus_fake_calls(fake, &get), 0);
    assert_null(bus_fake_asked(fake, &put, 2));
    assert_null(bus_fake_asked(fake, &get, 0));
}

static void time_passes_by_delays_alone(void **state)
{
    const struct note note = {1, ""};
    struct note ret = {0};
    (void)state;
    bus_fake_script(fake, &get, &(struct bus_fake_answer){.delay_ms = 150},
                    &note);
    struct bus_call *call = bus_fake_call(fake);
    int64_t before = bus_now(call->clock), wall = bus_wall(call->clock);
    assert_int_equal(bus_call(call, NULL, &get, &note, &ret), BUS_OK);
    assert_int_equal(bus_now(call->clock) - before, 150 * BUS_MILLI);
    assert_int_equal(bus_wall(call->clock) - wall, 150000);
    assert_int_equal(bus_fake_now(fake), bus_now(call->clock));
}

/* ---- failure ---- */

static void answers_codes(void **state)
{
    const struct bus_fake_answer refusal = {.code = BUS_NOT_FOUND,
                                            .reason = "gone",
                                            .sentence = "no note 7",
                                            .business = 1001};
    const struct note note = {7, ""};
    struct note ret = {.id = -1};
    (void)state;
    bus_fake_script(fake, &get, &refusal, NULL);
    struct bus_call *call = bus_fake_call(fake);
    assert_int_equal(bus_call(call, NULL, &get, &note, &ret), BUS_NOT_FOUND);
    assert_int_equal(ret.id, -1);
    assert_int_equal(call->error.code, BUS_NOT_FOUND);
    assert_string_equal(call->error.reason, "gone");
    assert_string_equal(call->error.sentence, "no note 7");
    assert_int_equal(call->error.business, 1001);
}

static void a_delay_ends_at_the_deadline(void **state)
{
    const struct note note = {1, ""};
    struct note ret = {.id = -1};
    (void)state;
    bus_fake_script(fake, &get, &(struct bus_fake_answer){.delay_ms = 10000},
                    &note);
    struct bus_call *call = bus_fake_call(fake);
    assert_int_equal(bus_call(call, NULL, &get, &note, &ret),
                     BUS_DEADLINE_EXCEEDED);
    assert_int_equal(bus_fake_now(fake), call->deadline);
    assert_int_equal(ret.id, -1);
}

static void says_what_is_not_scripted(void **state)
{
    const struct note note = {1, ""};
    struct note ret;
    (void)state;
    bus_fake_script(fake, &put, NULL, NULL);
    struct bus_call *call = bus_fake_call(fake);
    assert_int_equal(bus_call(call, NULL, &get, &note, &ret),
                     BUS_UNIMPLEMENTED);
    assert_string_equal(call->error.reason, "not_scripted");
    assert_string_equal(call->error.sentence, "note.get: nothing is scripted");
    assert_int_equal(bus_fake_left(fake), 1);
}

static void refuses_what_a_real_call_refuses(void **state)
{
    const struct note note = {1, ""}, bad = {1, "\xFF"};
    (void)state;
    bus_fake_script(fake, &put, &(struct bus_fake_answer){.times = 2}, NULL);
    struct bus_call *call = bus_fake_call(fake);
    call->locked = true;
    assert_int_equal(bus_call(call, NULL, &put, &note, NULL),
                     BUS_FAILED_PRECONDITION);
    call->locked = false;
    assert_int_equal(bus_call(call, NULL, &put, &bad, NULL),
                     BUS_INVALID_ARGUMENT);
    assert_int_equal(bus_fake_left(fake), 2);
}

#define FAKE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_TEST(answers_in_the_order_written),
        FAKE_TEST(tells_what_was_asked),
        FAKE_TEST(time_passes_by_delays_alone),
        FAKE_TEST(answers_codes),
        FAKE_TEST(a_delay_ends_at_the_deadline),
        FAKE_TEST(says_what_is_not_scripted),
        FAKE_TEST(refuses_what_a_real_call_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
