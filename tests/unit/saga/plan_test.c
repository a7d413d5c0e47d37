/* SPDX-License-Identifier: MIT
 *
 * Plans as they travel: read, checked, shared.
 */
#include "tests/unit/saga/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "bus/code.h"
#include "bus/pack.h"
#include "tests/unit/saga/scene.h"

static int take(struct plans *plans, const struct saga_plan *from,
                struct plan **ret, struct bus_error *err)
{
    struct bus_buf bytes = scene_pack(from);
    int code = plans_take(plans, bus_buf_bytes(&bytes), ret, err);
    bus_buf_release(&bytes);
    return code;
}

static void is_read_and_shared(void **state)
{
    struct plans plans;
    struct plan *one, *two;
    struct bus_error err = {0};
    (void)state;
    plans_init(&plans);
    assert_int_equal(take(&plans, &scene_register, &one, &err), BUS_OK);
    assert_int_equal(take(&plans, &scene_register, &two, &err), BUS_OK);
    assert_ptr_equal(one, two);
    assert_string_equal(one->plan.name, "register");
    assert_int_equal(one->plan.step_count, 2);
    const struct saga_step *score = &one->plan.steps[1];
    assert_string_equal(score->name, "score");
    assert_string_equal(score->action.target, "score");
    assert_string_equal(score->action.inputs[0].from, "user");
    assert_int_equal(score->action.inputs[0].convert, SAGA_TO_INT);
    assert_null(score->action.inputs[1].from);
    assert_int_equal(score->action.inputs[1].literal.len, 1);
    assert_int_equal(score->timeout_ms, PLAN_TIMEOUT_MS);
    assert_int_equal(one->rules[0].needs, 0);
    assert_int_equal(one->rules[1].needs, 1);
    assert_int_equal(one->rules[1].after, 1);
    plans_drop(&plans, one);
    plans_drop(&plans, two);
    plans_release(&plans);
}

static void many_plans_are_told_apart(void **state)
{
    struct plans plans;
    struct plan *held[500];
    struct bus_error err = {0};
    (void)state;
    plans_init(&plans);
    for (int i = 0; i < 500; i++) {
        char name[32];
        struct saga_plan plan = scene_register;
        snprintf(name, sizeof(name), "plan%d", i);
        plan.name = name;
        assert_int_equal(take(&plans, &plan, &held[i], &err), BUS_OK);
    }
    for (int i = 0; i < 500; i++) {
        char name[32];
        snprintf(name, sizeof(name), "plan%d", i);
        assert_string_equal(held[i]->plan.name, name);
        plans_drop(&plans, held[i]);
    }
    assert_int_equal(plans.count, 0);
    plans_release(&plans);
}

/* One thing wrong with a plan of one step, and what is said of it. */
struct wrong {
    const char *step;
    const char *target;
    const char *method;
    struct saga_input input;
    const char *says;
};

static const uint8_t one = 1;

static const struct wrong wrongs[] = {
    {"", "t", "m", {0}, "bad step name"},
    {"req", "t", "m", {0}, "bad step name"},
    {"s", "", "m", {0}, "bad target"},
    {"s", "t", "", {0}, "bad method"},
    {"s", "t", "m", {.field = "", .literal = {&one, 1}}, "bad field name"},
    {"s", "t", "m", {.field = "f", .from = "x", .path = "p"}, "no such step"},
    {"s",
     "t",
     "m",
     {.field = "f", .from = "s", .path = "p"},
     "used before it has run"},
    {"s",
     "t",
     "m",
     {.field = "f", .literal = {&one, 1}, .convert = 9},
     "unknown conversion"},
};

static void says_what_is_wrong(void **state)
{
    struct plans plans;
    (void)state;
    plans_init(&plans);
    for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
        const struct wrong *wrong = &wrongs[i];
        const struct saga_step step = {
            .name = wrong->step,
            .action = {.target = wrong->target,
                       .method = wrong->method,
                       .inputs = &wrong->input,
                       .input_count = wrong->input.field ? 1 : 0}};
        const struct saga_plan plan = {
            .name = "n", .steps = &step, .step_count = 1};
        struct plan *ret = NULL;
        struct bus_error err = {0};
        assert_int_equal(take(&plans, &plan, &ret, &err), BUS_INVALID_ARGUMENT);
        assert_non_null(strstr(err.sentence, wrong->says));
        assert_null(ret);
    }
    plans_release(&plans);
}

static void refuses_too_much_and_too_little(void **state)
{
    struct plans plans;
    struct plan *ret = NULL;
    struct bus_error err = {0};
    static struct saga_step steps[SAGA_STEPS_MAX + 1];
    static struct saga_input inputs[SAGA_INPUTS_MAX + 1];
    static char names[SAGA_STEPS_MAX + 1][8];
    struct saga_plan plan = {.name = "n", .steps = steps};
    (void)state;
    plans_init(&plans);
    assert_int_equal(take(&plans, &plan, &ret, &err), BUS_INVALID_ARGUMENT);
    for (int i = 0; i <= SAGA_STEPS_MAX; i++) {
        snprintf(names[i], sizeof(names[i]), "s%d", i);
        steps[i].name = names[i];
        steps[i].action = (struct saga_branch){.target = "t", .method = "m"};
    }
    plan.step_count = SAGA_STEPS_MAX + 1;
    assert_int_equal(take(&plans, &plan, &ret, &err), BUS_INVALID_ARGUMENT);
    plan.step_count = SAGA_STEPS_MAX;
    assert_int_equal(take(&plans, &plan, &ret, &err), BUS_OK);
    plans_drop(&plans, ret);
    for (int i = 0; i <= SAGA_INPUTS_MAX; i++)
        inputs[i] = (struct saga_input){.field = "f", .literal = {&one, 1}};
    steps[0].action.inputs = inputs;
    steps[0].action.input_count = SAGA_INPUTS_MAX + 1;
    assert_int_equal(take(&plans, &plan, &ret, &err), BUS_INVALID_ARGUMENT);
    steps[0].action.input_count = 0;
    steps[1].name = "s0";
    assert_int_equal(take(&plans, &plan, &ret, &err), BUS_INVALID_ARGUMENT);
    plans_release(&plans);
}

static void refuses_every_cut_of_a_plan(void **state)
{
    struct plans plans;
    struct bus_buf bytes = scene_pack(&scene_register);
    (void)state;
    plans_init(&plans);
    for (size_t len = 0; len < bytes.len; len++) {
        struct plan *ret = NULL;
        struct bus_error err = {0};
        const struct bus_bytes part = {bytes.data, len};
        assert_int_equal(plans_take(&plans, part, &ret, &err),
                         BUS_INVALID_ARGUMENT);
    }
    bus_buf_release(&bytes);
    plans_release(&plans);
}

static const struct saga_input of_b[] = {
    {.field = "x", .from = "b", .path = "id"},
};

/* a and b at once, c after b. */
static struct saga_plan partial_plan(struct saga_step steps[3])
{
    steps[0] = (struct saga_step){.name = "a",
                                  .action = {.target = "t", .method = "m"},
                                  .compensate = {.target = "t", .method = "u"}};
    steps[1] = steps[2] = steps[0];
    steps[1].name = "b";
    steps[2].name = "c";
    steps[2].after = 2;
    return (struct saga_plan){
        .name = "n", .steps = steps, .step_count = 3, .partial = true};
}

static void keeps_a_partial_order(void **state)
{
    struct saga_step steps[3];
    struct saga_plan plan = partial_plan(steps);
    struct plans plans;
    struct plan *ret = NULL;
    struct bus_error err = {0};
    (void)state;
    plans_init(&plans);
    steps[2].action.inputs = of_b;
    steps[2].action.input_count = 1;
    assert_int_equal(take(&plans, &plan, &ret, &err), BUS_OK);
    assert_int_equal(ret->rules[1].after, 0);
    assert_int_equal(ret->rules[2].after, 2);
    assert_int_equal(ret->rules[1].undo_after, 4);
    assert_int_equal(ret->rules[0].undo_after, 0);
    plans_drop(&plans, ret);
    plans_release(&plans);
}

static void refuses_an_order_that_cannot_be(void **state)
{
    struct saga_step steps[3];
    struct saga_plan plan = partial_plan(steps);
    struct plans plans;
    struct plan *ret = NULL;
    struct bus_error err = {0};
    (void)state;
    plans_init(&plans);
    steps[1].after = 4;
    assert_int_equal(take(&plans, &plan, &ret, &err), BUS_INVALID_ARGUMENT);
    assert_non_null(strstr(err.sentence, "circle"));
    steps[1].after = 0;
    steps[0].action.inputs = of_b;
    steps[0].action.input_count = 1;
    assert_int_equal(take(&plans, &plan, &ret, &err), BUS_INVALID_ARGUMENT);
    assert_non_null(strstr(err.sentence, "before it has run"));
    plans_release(&plans);
}

static void takes_urls_as_targets(void **state)
{
    struct saga_step steps[3];
    struct saga_plan plan = partial_plan(steps);
    struct plans plans;
    struct plan *ret = NULL;
    struct bus_error err = {0};
    (void)state;
    plans_init(&plans);
    steps[0].action.target = "https://host/pay";
    assert_int_equal(take(&plans, &plan, &ret, &err), BUS_INVALID_ARGUMENT);
    steps[0].action.method = "";
    assert_int_equal(take(&plans, &plan, &ret, &err), BUS_OK);
    plans_drop(&plans, ret);
    plans_release(&plans);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_read_and_shared),
        cmocka_unit_test(many_plans_are_told_apart),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(refuses_too_much_and_too_little),
        cmocka_unit_test(refuses_every_cut_of_a_plan),
        cmocka_unit_test(keeps_a_partial_order),
        cmocka_unit_test(refuses_an_order_that_cannot_be),
        cmocka_unit_test(takes_urls_as_targets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
