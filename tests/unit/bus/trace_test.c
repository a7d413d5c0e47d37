/* SPDX-License-Identifier: MIT
 *
 * Trace ids and the traceparent header, with the examples and refusals of the
 * W3C recommendation.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bus/trace.h"

#define EXAMPLE "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

/* ---- success ---- */

static void the_example_reads_and_writes(void **state)
{
    struct bus_trace trace;
    char text[BUS_TRACEPARENT_TEXT], id[BUS_TRACE_TEXT];
    (void)state;
    assert_true(bus_trace_parse(EXAMPLE, &trace));
    assert_int_equal(trace.id[0], 0x4B);
    assert_int_equal(trace.span[7], 0xB7);
    assert_int_equal(trace.flags, 1);
    bus_trace_text(&trace, text);
    assert_string_equal(text, EXAMPLE);
    bus_trace_id_text(&trace, id);
    assert_string_equal(id, "4bf92f3577b34da6a3ce929d0e0e4736");
}

static void new_traces_differ_and_are_sampled(void **state)
{
    struct bus_trace one, two, read;
    char text[BUS_TRACEPARENT_TEXT];
    (void)state;
    bus_trace_new(&one);
    bus_trace_new(&two);
    assert_true(bus_trace_some(&one));
    assert_memory_not_equal(one.id, two.id, sizeof(one.id));
    assert_memory_not_equal(one.span, two.span, sizeof(one.span));
    assert_int_equal(one.flags, 1);
    bus_trace_text(&one, text);
    assert_true(bus_trace_parse(text, &read));
    assert_memory_equal(&one, &read, sizeof(one));
}

static void a_child_keeps_the_trace(void **state)
{
    struct bus_trace parent, child;
    (void)state;
    bus_trace_new(&parent);
    parent.flags = 0;
    bus_trace_child(&parent, &child);
    assert_memory_equal(parent.id, child.id, sizeof(parent.id));
    assert_memory_not_equal(parent.span, child.span, sizeof(parent.span));
    assert_int_equal(child.flags, 0);
}

static void later_versions_may_say_more(void **state)
{
    struct bus_trace trace;
    (void)state;
    assert_true(bus_trace_parse(
        "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        &trace));
    assert_true(bus_trace_parse(
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", &trace));
}

/* ---- failure ---- */

static void malformed_headers_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "00",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-011",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.more",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
        "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7_01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x",
    };
    struct bus_trace trace, before;
    (void)state;
    memset(&trace, 0x55, sizeof(trace));
    before = trace;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (bus_trace_parse(bad[i], &trace))
            fail_msg("accepted %s", bad[i]);
        assert_memory_equal(&trace, &before, sizeof(trace));
    }
}

static void a_zero_trace_is_none(void **state)
{
    struct bus_trace trace = {.span = {1}};
    (void)state;
    assert_false(bus_trace_some(&trace));
    trace.id[15] = 1;
    assert_true(bus_trace_some(&trace));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_reads_and_writes),
        cmocka_unit_test(new_traces_differ_and_are_sampled),
        cmocka_unit_test(a_child_keeps_the_trace),
        cmocka_unit_test(later_versions_may_say_more),
        cmocka_unit_test(malformed_headers_are_refused),
        cmocka_unit_test(a_zero_trace_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
