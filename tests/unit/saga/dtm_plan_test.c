/* SPDX-License-Identifier: MIT
 *
 * From what DTM's clients send to plans and rules: orders, topics, times.
 */
#include "tests/unit/saga/cmocka_all.h"

#include <string.h>

#include "actors/saga/dtm_plan.h"
#include "bus/code.h"
#include "bus/pack.h"

/* A plan made of a body, and what was said of it. */
struct made {
    struct bus_arena arena;
    struct plans plans;
    struct plan *plan;
    struct dtm_made made;
    struct bus_error err;
    int code;
};

static const char *subscribers[] = {"http://a/1", "http://b/2"};

static bool topic_urls(void *arg, const char *topic, struct bus_arena *arena,
                       struct bus_list *ret)
{
    (void)arg;
    (void)arena;
    *ret = (struct bus_list){subscribers, strcmp(topic, "two") == 0 ? 2 : 1};
    return strcmp(topic, "none") != 0;
}

static void make(struct made *made, const char *body)
{
    const struct dtm_making making = {
        .defaults = {.timeout_to_fail = 35,
                     .retry_interval = 10,
                     .request_timeout = 3},
        .topic_urls = topic_urls,
        .arena = &made->arena,
    };
    struct dtm_trans trans;
    memset(made, 0, sizeof(*made));
    bus_arena_init(&made->arena, BUS_ARENA_LIMIT);
    plans_init(&made->plans);
    made->code =
        dtm_trans_read((struct bus_bytes){(const uint8_t *)body, strlen(body)},
                       &made->arena, &trans, &made->err);
    assert_int_equal(made->code, BUS_OK);
    made->code = dtm_plan_make(&making, &trans, &made->made, &made->err);
    if (!made->code)
        made->code = plans_take(&made->plans, bus_buf_bytes(&made->made.plan),
                                &made->plan, &made->err);
}

static void drop(struct made *made)
{
    if (made->plan)
        plans_drop(&made->plans, made->plan);
    bus_buf_release(&made->made.plan);
    bus_buf_release(&made->made.request);
    plans_release(&made->plans);
    bus_arena_release(&made->arena);
}

#define STEPS3                                                                 \
    "\"steps\":[{\"action\":\"a\",\"compensate\":\"A\"},{\"action\":\"b\"},"   \
    "{\"action\":\"c\"}],\"payloads\":[\"1\",\"2\",\"3\"]"

static void a_saga_in_order(void **state)
{
    struct made made;
    (void)state;
    make(&made, "{\"trans_type\":\"saga\"," STEPS3 "}");
    assert_int_equal(made.code, BUS_OK);
    assert_int_equal(made.plan->plan.step_count, 3);
    assert_string_equal(made.plan->plan.steps[2].name, "03");
    assert_string_equal(made.plan->plan.steps[0].compensate.target, "A");
    assert_string_equal(made.plan->plan.steps[1].compensate.target, "");
    assert_int_equal(made.plan->rules[2].after, 3);
    assert_int_equal(made.plan->rules[0].undo_after, 6);
    assert_int_equal(made.plan->rules[0].retry_first_ms, 20000);
    assert_int_equal(made.plan->rules[0].interval_ms, 10000);
    assert_int_equal(made.plan->rules[0].retry_limit, 0);
    assert_int_equal(made.plan->plan.timeout_ms, 0);
    assert_int_equal(made.plan->dtm->request_timeout_ms, 3000);
    assert_int_equal(made.plan->dtm->prepared_ms, 35000);
    assert_string_equal(made.plan->dtm->options, "{\"concurrent\":false}");
    drop(&made);
}

static void a_saga_in_partial_order(void **state)
{
    struct made made;
    (void)state;
    make(&made, "{\"trans_type\":\"saga\",\"timeout_to_fail\":7,"
                "\"retry_limit\":2,\"custom_data\":\"{\\\"concurrent\\\":true,"
                "\\\"orders\\\":{\\\"0\\\":[2]}}\"," STEPS3 "}");
    assert_int_equal(made.code, BUS_OK);
    assert_int_equal(made.plan->rules[0].after, 4);
    assert_int_equal(made.plan->rules[1].after, 0);
    assert_int_equal(made.plan->rules[2].after, 0);
    assert_int_equal(made.plan->rules[2].undo_after, 1);
    assert_int_equal(made.plan->rules[2].retry_limit, 3);
    assert_int_equal(made.plan->plan.timeout_ms, 7000);
    assert_int_equal(made.plan->rules[0].interval_ms, 7000);
    drop(&made);
}

static void a_message_to_topics(void **state)
{
    struct made made;
    (void)state;
    make(&made, "{\"trans_type\":\"msg\",\"steps\":[{\"action\":\"topic://two"
                "\"},{\"action\":\"topic://one\"}],\"payloads\":[\"1\",\"2\"],"
                "\"custom_data\":\"{\\\"delay\\\":4}\"}");
    assert_int_equal(made.code, BUS_OK);
    assert_int_equal(made.plan->plan.step_count, 3);
    assert_string_equal(made.plan->plan.steps[0].name, "01-01");
    assert_string_equal(made.plan->plan.steps[1].name, "01-02");
    assert_string_equal(made.plan->plan.steps[2].name, "02");
    assert_string_equal(made.plan->plan.steps[1].action.target, "http://b/2");
    assert_null(made.plan->plan.steps[0].compensate.target);
    assert_int_equal(made.plan->dtm->delay_ms, 4000);
    struct bus_unpack in = bus_unpack_open(bus_buf_bytes(&made.made.request));
    uint32_t count = 0;
    struct bus_bytes payload;
    assert_true(bus_unpack_array(&in, &count) && count == 3);
    bus_unpack_value(&in, NULL);
    assert_true(bus_unpack_bin(&in, &payload) && bus_bytes_is(payload, "1"));
    drop(&made);
}

static void the_same_content_has_one_digest(void **state)
{
    struct made a, b, c;
    (void)state;
    make(&a, "{\"trans_type\":\"msg\"," STEPS3 "}");
    make(&b,
         "{\"trans_type\":\"msg\",\"gid\":\"x\",\"wait_result\":true," STEPS3
         "}");
    make(&c, "{\"trans_type\":\"msg\",\"steps\":[{\"action\":\"a\"}],"
             "\"payloads\":[\"1\"]}");
    assert_true(a.made.digest == b.made.digest && a.made.digest != 0);
    assert_true(a.made.digest != c.made.digest);
    drop(&a);
    drop(&b);
    drop(&c);
}

static void a_workflow_has_a_name_and_data(void **state)
{
    struct made made;
    (void)state;
    make(&made, "{\"trans_type\":\"workflow\",\"query_prepared\":\"u\","
                "\"custom_data\":\"{\\\"name\\\":\\\"w\\\",\\\"data\\\":"
                "\\\"aGk=\\\"}\"}");
    assert_int_equal(made.code, BUS_OK);
    assert_string_equal(made.plan->dtm->workflow, "w");
    assert_true(bus_bytes_is(made.plan->dtm->data, "hi"));
    assert_true(made.plan->checks);
    assert_int_equal(made.plan->dtm->prepared_ms, 10000);
    drop(&made);
}

static void says_what_cannot_be(void **state)
{
    static const char *const wrongs[][2] = {
        {"{\"trans_type\":\"no\"}", "unknow trans type: no"},
        {"{\"trans_type\":\"saga\",\"steps\":[{}]}", "fewer payloads"},
        {"{\"trans_type\":\"msg\",\"steps\":[{\"action\":\"topic://none\"}],"
         "\"payloads\":[\"\"]}",
         "topic not found"},
        {"{\"trans_type\":\"saga\",\"custom_data\":\"[\"}", "custom_data"},
        {"{\"trans_type\":\"saga\",\"retry_interval\":-1}", "below zero"},
        {"{\"trans_type\":\"saga\",\"custom_data\":\"{\\\"orders\\\":{"
         "\\\"9\\\":[0]}}\"," STEPS3 "}",
         "a step that there is not"},
        {"{\"trans_type\":\"saga\",\"custom_data\":\"{\\\"concurrent\\\":true,"
         "\\\"orders\\\":{\\\"0\\\":[1],\\\"1\\\":[0]}}\"," STEPS3 "}",
         "circle"},
        {"{\"trans_type\":\"workflow\",\"custom_data\":\"{\\\"data\\\":"
         "\\\"!\\\"}\"}",
         "base64"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
        struct made made;
        make(&made, wrongs[i][0]);
        assert_int_equal(made.code, BUS_INVALID_ARGUMENT);
        assert_non_null(strstr(made.err.sentence, wrongs[i][1]));
        drop(&made);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_saga_in_order),
        cmocka_unit_test(a_saga_in_partial_order),
        cmocka_unit_test(a_message_to_topics),
        cmocka_unit_test(the_same_content_has_one_digest),
        cmocka_unit_test(a_workflow_has_a_name_and_data),
        cmocka_unit_test(says_what_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
