/* SPDX-License-Identifier: MIT
 *
 * The control protocol: what is understood, what is refused, how replies look.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "actors/supervisor/command.h"
#include "bus/code.h"

static struct bus_bytes bytes(const char *text)
{
    return (struct bus_bytes){(const uint8_t *)text, strlen(text)};
}

static struct command well(const char *text)
{
    struct command command;
    struct bus_error err = {0};
    if (command_parse(bytes(text), &command, &err))
        fail_msg("%s", err.sentence);
    return command;
}

static void wrong(const char *text, const char *says)
{
    struct command command = {.replicas = 77};
    struct bus_error err = {0};
    assert_int_equal(command_parse(bytes(text), &command, &err),
                     BUS_INVALID_ARGUMENT);
    assert_int_equal(command.replicas, 77); /* untouched */
    if (!strstr(err.sentence, says))
        fail_msg("expected %s, found %s", says, err.sentence);
}

static void commands_are_understood(void **state)
{
    (void)state;
    struct command command =
        well("{\"do\":\"scale\",\"actor\":\"user\",\"replicas\":3}");
    assert_int_equal(command.verb, COMMAND_SCALE);
    assert_string_equal(command.actor, "user");
    assert_int_equal(command.replicas, 3);
    assert_false(command.progress);
    command = well(" {\"progress\":true, \"do\":\"wait\"} ");
    assert_int_equal(command.verb, COMMAND_WAIT);
    assert_string_equal(command.actor, "");
    assert_true(command.progress);
    assert_int_equal(well("{\"do\":\"ps\"}").verb, COMMAND_PS);
    assert_int_equal(well("{\"do\":\"restart\"}").verb, COMMAND_RESTART);
    assert_int_equal(well("{\"do\":\"reload\"}").verb, COMMAND_RELOAD);
    assert_int_equal(well("{\"do\":\"down\",\"later\":1}").verb, COMMAND_DOWN);
}

static void others_are_refused(void **state)
{
    (void)state;
    char name[128], text[256];
    wrong("", "JSON");
    wrong("hello", "JSON");
    wrong("[]", "");
    wrong("{}", "expected ps, scale");
    wrong("{\"do\":\"fly\"}", "\"fly\"");
    wrong("{\"do\":7}", "");
    wrong("{\"do\":\"scale\",\"replicas\":2}", "needs an actor");
    wrong("{\"do\":\"scale\",\"actor\":\"a\",\"replicas\":\"many\"}", "");
    wrong("{\"do\":\"scale\",\"actor\":\"a\",\"replicas\":9999999999}", "");
    memset(name, 'a', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    snprintf(text, sizeof(text), "{\"do\":\"wait\",\"actor\":\"%s\"}", name);
    wrong(text, "too long");
}

static void a_long_line_is_refused(void **state)
{
    (void)state;
    struct command command;
    struct bus_error err = {0};
    char *text = calloc(1, COMMAND_LINE_MAX + 2);
    assert_non_null(text);
    memset(text, ' ', COMMAND_LINE_MAX + 1);
    assert_int_equal(command_parse(bytes(text), &command, &err),
                     BUS_INVALID_ARGUMENT);
    free(text);
}

static const char *taken(struct bus_buf *buf)
{
    bus_buf_byte(buf, '\0');
    assert_false(buf->failed);
    return (const char *)buf->data;
}

static void replies_are_one_line(void **state)
{
    (void)state;
    struct bus_buf buf;
    struct bus_error err;
    bus_buf_init(&buf, COMMAND_REPLY_MAX);
    command_ok(&buf);
    assert_string_equal(taken(&buf), "{\"ok\":true}\n");
    bus_buf_reset(&buf);
    bus_error_reason(&err, BUS_NOT_FOUND, "no_such_actor", "no \"x\"\nhere");
    command_failed(&buf, &err);
    assert_string_equal(taken(&buf),
                        "{\"ok\":false,\"code\":\"NOT_FOUND\",\"reason\":"
                        "\"no_such_actor\",\"sentence\":\"no \\\"x\\\"\\nhere\""
                        "}\n");
    bus_buf_release(&buf);
}

static void an_event_names_the_replica(void **state)
{
    (void)state;
    const struct topology_actor spec = {.name = "user"};
    struct super_actor *actor = calloc(1, sizeof(*actor));
    assert_non_null(actor);
    actor->spec = &spec;
    struct super_instance instance = {.actor = actor,
                                      .number = 2,
                                      .state = LIFE_BACKING_OFF,
                                      .cause = "exited with status 1"};
    struct bus_buf buf;
    bus_buf_init(&buf, COMMAND_REPLY_MAX);
    command_event(&buf, &instance);
    assert_string_equal(taken(&buf),
                        "{\"event\":\"backing off\",\"actor\":\"user\","
                        "\"instance\":2,\"pid\":0,\"cause\":\"exited with "
                        "status 1\"}\n");
    bus_buf_release(&buf);
    free(actor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_understood),
        cmocka_unit_test(others_are_refused),
        cmocka_unit_test(a_long_line_is_refused),
        cmocka_unit_test(replies_are_one_line),
        cmocka_unit_test(an_event_names_the_replica),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
