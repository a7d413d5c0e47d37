/* SPDX-License-Identifier: MIT
 *
 * Sagas: their syntax, and their check against the schemas they import.
 */
#include "loaded.h"

#define HEAD                                                                   \
    "import \"shop.proto\"\n"                                                  \
    "type Req { Id string `json:\"id\"`\n Big int64 `json:\"big\"` }\n"
#define SHOP "language/x.saga"

/* ---- success ---- */

static void reads_steps_inputs_and_times(void **state)
{
    (void)state;
    const struct schema_unit *unit = schema_load(loaded, "language/order.saga");
    assert_non_null(unit);
    const struct schema_saga *order = unit->sagas[0];
    assert_string_equal(order->name, "order");
    assert_string_equal(order->request->c_name, "order_OrderReq");
    assert_int_equal(order->step_count, 3);
    const struct schema_step *first = &order->steps[0];
    assert_string_equal(first->action.actor, "shop");
    assert_string_equal(first->action.method->name, "get");
    assert_int_equal(first->timeout_ms, 3000);
    assert_int_equal(first->retry_limit, 5);
    assert_int_equal(first->retry_first_ms, 100);
    assert_int_equal(first->retry_max_ms, 10000);
    assert_int_equal(first->interval_ms, 2000);
    const struct schema_input *inputs = first->action.inputs;
    assert_string_equal(inputs[0].from, "req");
    assert_string_equal(inputs[0].path, "id");
    assert_int_equal(inputs[1].convert, SCHEMA_TO_INT);
    assert_null(inputs[2].from);
    assert_int_equal(inputs[2].literal_kind, SCHEMA_LITERAL_INT);
    assert_string_equal(first->compensate.method->name, "put");
    assert_string_equal(first->compensate.inputs[0].from, "first");
    assert_string_equal(first->compensate.inputs[2].literal, "-1.5");
    assert_null(order->steps[1].compensate.actor);
    assert_int_equal(order->result_count, 3);
    assert_int_equal(order->result[1].convert, SCHEMA_TO_TEXT);
}

static void imports_are_not_compiled_along(void **state)
{
    (void)state;
    assert_non_null(schema_load(loaded, "language/order.saga"));
    assert_int_equal(schema_unit_count(loaded), 2);
    assert_true(schema_unit_at(loaded, 0)->imported);
    assert_false(schema_unit_at(loaded, 1)->imported);
    /* Named by the caller as well, it is the caller's. */
    assert_non_null(schema_load(loaded, "language/shop.proto"));
    assert_int_equal(schema_unit_count(loaded), 2);
    assert_false(schema_unit_at(loaded, 0)->imported);
}

static void needs_no_reply(void **state)
{
    (void)state;
    const struct schema_unit *unit =
        load_good(SHOP, HEAD "saga s (Req) { step a = shop.put(id: \"x\") }");
    assert_null(unit->sagas[0]->reply);
    assert_int_equal(unit->sagas[0]->result_count, 0);
}

static void takes_a_smaller_integer(void **state)
{
    (void)state;
    load_good(SHOP, HEAD "saga s (Req) returns (Req) {\n"
                         "step a = shop.get(shop: req.big)\n"
                         "return (id: a.id, big: a.count) }");
}

static void reads_the_order_of_steps(void **state)
{
    (void)state;
    const struct schema_unit *unit = schema_load(loaded, "language/trip.saga");
    assert_non_null(unit);
    const struct schema_saga *trip = unit->sagas[0];
    assert_true(trip->partial);
    assert_int_equal(trip->steps[0].after, 0);
    assert_int_equal(trip->steps[1].after, 0);
    assert_int_equal(trip->steps[2].after, 1);
    assert_int_equal(trip->steps[3].after, 7); /* flight by way of car */
    assert_null(trip->steps[3].compensate.actor);
}

static void steps_follow_in_the_order_written(void **state)
{
    (void)state;
    const struct schema_unit *unit =
        load_good(SHOP, HEAD "saga s (Req) {\n"
                             "step a = shop.put(id: req.id) no compensation\n"
                             "step b = shop.put(id: req.id) no compensation\n"
                             "step c = shop.put(id: req.id) }");
    assert_false(unit->sagas[0]->partial);
    assert_int_equal(unit->sagas[0]->steps[2].after, 3);
}

/* ---- failure ---- */

static void takes_a_saga_as_a_step(void **state)
{
    (void)state;
    const struct schema_unit *unit = schema_load(loaded, "language/tour.saga");
    assert_non_null(unit);
    assert_int_equal(schema_error_count(loaded), 0);
    const struct schema_step *steps = unit->sagas[1]->steps;
    assert_ptr_equal(steps[0].action.saga, unit->sagas[0]);
    assert_string_equal(steps[0].action.actor, "saga");
    assert_string_equal(steps[0].action.method->name, "day");
    assert_string_equal(steps[0].compensate.actor, "saga");
    assert_ptr_equal(steps[0].compensate.saga, unit->sagas[0]);
    assert_string_equal(steps[1].action.saga->name, "trip");
    assert_string_equal(steps[1].compensate.actor, "shop");
    assert_null(steps[1].compensate.saga);
    assert_null(steps[2].compensate.actor);
}

#define INNER "saga in (Req) {\n step a = shop.put(id: req.id)\n}\n"

static void refuses_a_saga_that_is_not_there(void **state)
{
    (void)state;
    load_bad(SHOP,
             HEAD "saga s (Req) {\n step a = saga.s(id: req.id)\n no "
                  "compensation\n}",
             5, 11,
             "found 's', expected a saga declared before this one, or of an "
             "imported file");
}

static void refuses_a_saga_that_cannot_be_undone(void **state)
{
    (void)state;
    load_bad(SHOP,
             HEAD INNER "saga s (Req) {\n step a = saga.in(id: \"1\", big: "
                        "2)\n}",
             8, 7,
             "step 'a' of saga 'in' has no compensation and may have to be "
             "undone with this one: add one, or write 'no compensation', there "
             "or here");
}

static void refuses_a_saga_that_compensates(void **state)
{
    (void)state;
    load_bad(SHOP,
             HEAD INNER "saga s (Req) {\n step a = shop.get()\n compensate "
                        "saga.in(id: \"1\", big: 2)\n}",
             9, 13, "found a saga, expected a method to compensate with");
}

static void checks_what_a_saga_is_given(void **state)
{
    (void)state;
    load_bad(SHOP,
             HEAD INNER "saga s (Req) {\n step a = saga.in(id: req.big, big: "
                        "2)\n no compensation\n}",
             8, 23,
             "found 'big' (int64), expected a value for 'id' (text); text(...) "
             "converts");
}

static void refuses_a_reply_that_may_not_be_there(void **state)
{
    (void)state;
    load_bad(SHOP,
             HEAD "saga s (Req) {\n"
                  " step a = shop.get(id: req.id) no compensation\n"
                  " step b = shop.put(id: a.id) after req no compensation\n}",
             6, 24, "'a' may not have answered yet: say 'after a'");
}

static void refuses_an_order_that_is_none(void **state)
{
    (void)state;
    load_bad(SHOP,
             HEAD "saga s (Req) {\n"
                  " step a = shop.get(id: req.id) after b no compensation\n"
                  " step b = shop.put(id: a.id) no compensation\n}",
             5, 38,
             "found 'b', expected the name of a step before this one, or req");
}

static void refuses_an_order_twice(void **state)
{
    (void)state;
    load_bad(SHOP,
             HEAD "saga s (Req) {\n"
                  " step a = shop.get(id: req.id) after req after req\n}",
             5, 48, "a second 'after', expected one");
}

static void wants_to_undo_what_runs_beside_others(void **state)
{
    (void)state;
    load_bad(SHOP,
             HEAD "saga s (Req) {\n"
                  " step a = shop.get(id: req.id) no compensation\n"
                  " step b = shop.put(id: req.id) after req\n}",
             6, 7,
             "step 'b' has no compensation and others run beside it: add one, "
             "or write 'no compensation'");
}

static void refuses_an_unknown_method(void **state)
{
    (void)state;
    load_bad(SHOP, HEAD "saga s (Req) {\n step a = shop.gett(id: req.id)\n}", 5,
             11, "found 'gett', expected a method of the actor 'shop'");
}

static void refuses_an_unknown_actor(void **state)
{
    (void)state;
    load_bad(SHOP, HEAD "saga s (Req) {\n step a = a-b.get(id: req.id)\n}", 5,
             11, "found 'a-b', expected an actor of an imported file");
}

static void refuses_an_unknown_field(void **state)
{
    (void)state;
    load_bad(SHOP, HEAD "saga s (Req) {\n step a = shop.get(idd: req.id)\n}", 5,
             20, "found 'idd', expected a field of 'shop.Item'");
}

static void refuses_an_unknown_path(void **state)
{
    (void)state;
    load_bad(SHOP, HEAD "saga s (Req) {\n step a = shop.get(id: req.x)\n}", 5,
             24, "found 'x', expected a field of 'x.Req'");
}

static void refuses_a_step_that_comes_later(void **state)
{
    (void)state;
    load_bad(SHOP,
             HEAD "saga s (Req) {\n step a = shop.get(id: b.id) no "
                  "compensation\n step b = shop.get()\n}",
             5, 24,
             "found 'b', expected req or the name of a step before this one");
}

static void refuses_its_own_reply_in_an_action(void **state)
{
    (void)state;
    load_bad(SHOP, HEAD "saga s (Req) {\n step a = shop.get(id: a.id)\n}", 5,
             24,
             "found 'a', expected req or the name of a step before this one");
}

static void refuses_a_wrong_kind(void **state)
{
    (void)state;
    load_bad(SHOP, HEAD "saga s (Req) {\n step a = shop.get(shop: req.id)\n}",
             5, 26,
             "found 'id' (text), expected a value for 'shop' (int64); "
             "int(...) converts");
}

static void refuses_an_integer_that_may_not_fit(void **state)
{
    (void)state;
    load_bad(SHOP, HEAD "saga s (Req) {\n step a = shop.get(count: req.big)\n}",
             5, 27,
             "found 'big' (int64), expected a value for 'count' (int32)");
}

static void refuses_a_literal_that_does_not_fit(void **state)
{
    (void)state;
    load_bad(SHOP,
             HEAD "saga s (Req) {\n step a = shop.get(count: 2147483648)\n}", 5,
             27, "found '2147483648', expected a value for 'count' (int32)");
}

static void refuses_a_missing_compensation(void **state)
{
    (void)state;
    load_bad(SHOP,
             HEAD "saga s (Req) {\n step a = shop.get()\n step b = "
                  "shop.get()\n}",
             5, 7,
             "step 'a' has no compensation and others follow: add one, or "
             "write 'no compensation'");
}

static void refuses_a_reply_left_open(void **state)
{
    (void)state;
    load_bad(SHOP,
             HEAD "saga s (Req) returns (Req) {\n step a = shop.get()\n "
                  "return (id: a.id)\n}",
             6, 2, "'big' of 'x.Req' is required and not given");
}

static void refuses_a_file_that_imports_itself(void **state)
{
    (void)state;
    load_bad("language/own.saga", "import \"own.saga\"\n", 1, 8,
             "'language/own.saga' imports itself");
}

static void names_the_import_that_is_absent(void **state)
{
    (void)state;
    load_bad("x.saga", "import \"y.proto\"\nsaga s (Req) {\n step a = y.z()\n}",
             1, 8, "cannot read y.proto: No such file or directory");
    assert_int_equal(schema_error_count(loaded), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOADED_TEST(reads_steps_inputs_and_times),
        LOADED_TEST(imports_are_not_compiled_along),
        LOADED_TEST(needs_no_reply),
        LOADED_TEST(takes_a_smaller_integer),
        LOADED_TEST(reads_the_order_of_steps),
        LOADED_TEST(steps_follow_in_the_order_written),
        LOADED_TEST(takes_a_saga_as_a_step),
        LOADED_TEST(refuses_a_saga_that_is_not_there),
        LOADED_TEST(refuses_a_saga_that_cannot_be_undone),
        LOADED_TEST(refuses_a_saga_that_compensates),
        LOADED_TEST(checks_what_a_saga_is_given),
        LOADED_TEST(refuses_a_reply_that_may_not_be_there),
        LOADED_TEST(refuses_an_order_that_is_none),
        LOADED_TEST(refuses_an_order_twice),
        LOADED_TEST(wants_to_undo_what_runs_beside_others),
        LOADED_TEST(refuses_an_unknown_method),
        LOADED_TEST(refuses_an_unknown_actor),
        LOADED_TEST(refuses_an_unknown_field),
        LOADED_TEST(refuses_an_unknown_path),
        LOADED_TEST(refuses_a_step_that_comes_later),
        LOADED_TEST(refuses_its_own_reply_in_an_action),
        LOADED_TEST(refuses_a_wrong_kind),
        LOADED_TEST(refuses_an_integer_that_may_not_fit),
        LOADED_TEST(refuses_a_literal_that_does_not_fit),
        LOADED_TEST(refuses_a_missing_compensation),
        LOADED_TEST(refuses_a_reply_left_open),
        LOADED_TEST(refuses_a_file_that_imports_itself),
        LOADED_TEST(names_the_import_that_is_absent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
