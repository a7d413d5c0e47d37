/* SPDX-License-Identifier: MIT
 *
 * What branches are called with.
 */
#include "tests/unit/saga/cmocka_all.h"

#include <string.h>

#include "actors/saga/values.h"
#include "bus/code.h"
#include "bus/pack.h"
#include "tests/unit/saga/scene.h"

struct scene {
    struct plans plans;
    struct saga saga;
    struct bus_buf body, fill;
    struct bus_error err;
};

static int scene_open(void **state)
{
    struct scene *scene = test_calloc(1, sizeof(*scene));
    struct bus_buf request = scene_map("name", "小红");
    plans_init(&scene->plans);
    scene_saga(&scene->plans, &scene_register, bus_buf_bytes(&request),
               &scene->saga);
    bus_buf_init(&scene->body, 4096);
    bus_buf_init(&scene->fill, 4096);
    bus_buf_release(&request);
    *state = scene;
    return 0;
}

static int scene_close(void **state)
{
    struct scene *scene = *state;
    saga_release(&scene->saga, &scene->plans);
    plans_release(&scene->plans);
    bus_buf_release(&scene->body);
    bus_buf_release(&scene->fill);
    test_free(scene);
    return 0;
}

/* The step is done and replied {id: text}. */
static void done(struct scene *scene, uint16_t step, const char *id)
{
    struct bus_buf reply = scene_map("id", id);
    scene->saga.steps[step].branch[OP_ACTION].status = BRANCH_DONE;
    saga_reply(&scene->saga, step, bus_buf_bytes(&reply));
    bus_buf_release(&reply);
}

static int body(struct scene *scene, uint16_t step, enum engine_op op)
{
    bus_buf_reset(&scene->body);
    bus_buf_reset(&scene->fill);
    int code = values_body(&scene->saga, step, op, &scene->body, &scene->fill,
                           &scene->err);
    if (!code)
        assert_true(bus_pack_valid(bus_buf_bytes(&scene->body)));
    return code;
}

static const char *at(struct scene *scene, const char *path)
{
    return scene_at(bus_buf_bytes(&scene->body), path);
}

static void takes_from_the_request(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(body(scene, 0, OP_ACTION), BUS_OK);
    assert_string_equal(at(scene, "name"), "\"小红\"");
}

static void leaves_out_what_is_not_there(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(body(scene, 0, OP_ACTION), BUS_OK);
    assert_string_equal(at(scene, "id"), "(none)");
}

static void takes_replies_literals_and_converts(void **state)
{
    struct scene *scene = *state;
    done(scene, 0, "9223372036854775808");
    assert_int_equal(body(scene, 1, OP_ACTION), BUS_OK);
    assert_string_equal(at(scene, "user_id"), "9223372036854775808");
    assert_string_equal(at(scene, "score"), "10");
    done(scene, 0, "-9223372036854775808");
    assert_int_equal(body(scene, 1, OP_ACTION), BUS_OK);
    assert_string_equal(at(scene, "user_id"), "-9223372036854775808");
}

static void an_empty_text_is_no_number_and_left_out(void **state)
{
    struct scene *scene = *state;
    done(scene, 0, "");
    assert_int_equal(body(scene, 1, OP_ACTION), BUS_OK);
    assert_string_equal(at(scene, "user_id"), "(none)");
}

static void refuses_what_is_no_number(void **state)
{
    struct scene *scene = *state;
    static const char *const texts[] = {"abc",
                                        "1x",
                                        "-",
                                        " 1",
                                        "1.0",
                                        "+1",
                                        "1e3",
                                        "0x10",
                                        "18446744073709551616",
                                        "-9223372036854775809"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        done(scene, 0, texts[i]);
        assert_int_equal(body(scene, 1, OP_ACTION), BUS_INVALID_ARGUMENT);
        assert_string_equal(scene->err.field, "user_id");
        assert_string_equal(scene->err.sentence,
                            "\"user_id\" is not a whole number");
    }
}

static void a_compensation_takes_its_own_reply(void **state)
{
    struct scene *scene = *state;
    done(scene, 0, "7");
    assert_int_equal(body(scene, 0, OP_COMPENSATE), BUS_OK);
    assert_string_equal(at(scene, "id"), "\"7\"");
    assert_int_equal(scene->fill.len, 0);
}

static void a_reply_never_received_is_the_participants_to_fill(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(body(scene, 0, OP_COMPENSATE), BUS_OK);
    assert_string_equal(at(scene, "id"), "(none)");
    assert_string_equal(scene_at(bus_buf_bytes(&scene->fill), "id"), "\"id\"");
}

static const struct saga_input odd_in[] = {
    {.field = "number", .from = "one", .path = "", .convert = SAGA_TO_INT},
    {.field = "text", .from = "req", .path = "n", .convert = SAGA_TO_TEXT},
    {.field = "whole", .from = "req", .path = ""},
};
static const struct saga_step odd_steps[] = {
    {.name = "one",
     .action = {.target = "a",
                .method = "do",
                .inputs = odd_in + 1,
                .input_count = 2},
     .compensate =
         {.target = "a", .method = "undo", .inputs = odd_in, .input_count = 3}},
};
static const struct saga_plan odd = {
    .name = "odd", .steps = odd_steps, .step_count = 1};

static void converts_to_text_and_fills_converted(void **state)
{
    struct scene *scene = *state;
    struct saga saga;
    struct bus_buf request;
    bus_buf_init(&request, 64);
    bus_pack_map(&request, 1);
    bus_pack_text(&request, "n");
    bus_pack_int(&request, -12);
    scene_saga(&scene->plans, &odd, bus_buf_bytes(&request), &saga);
    assert_int_equal(values_body(&saga, 0, OP_COMPENSATE, &scene->body,
                                 &scene->fill, &scene->err),
                     BUS_OK);
    assert_string_equal(at(scene, "text"), "\"-12\"");
    assert_string_equal(at(scene, "whole.n"), "-12");
    assert_string_equal(scene_at(bus_buf_bytes(&scene->fill), "number"),
                        "\"int()\"");
    saga_release(&saga, &scene->plans);
    bus_buf_release(&request);
}

static void makes_the_result(void **state)
{
    struct scene *scene = *state;
    done(scene, 0, "7");
    assert_int_equal(values_result(&scene->saga, &scene->body, &scene->err),
                     BUS_OK);
    assert_string_equal(at(scene, "id"), "\"7\"");
    assert_string_equal(at(scene, "score"), "(none)");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, scene_open, scene_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(takes_from_the_request),
        TEST(leaves_out_what_is_not_there),
        TEST(takes_replies_literals_and_converts),
        TEST(an_empty_text_is_no_number_and_left_out),
        TEST(refuses_what_is_no_number),
        TEST(a_compensation_takes_its_own_reply),
        TEST(a_reply_never_received_is_the_participants_to_fill),
        TEST(converts_to_text_and_fills_converted),
        TEST(makes_the_result),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
