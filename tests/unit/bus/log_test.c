/* SPDX-License-Identifier: MIT
 *
 * Log lines, read back from standard error: go-zero's field names, one line an
 * entry whatever it holds, valid JSON even where it was cut.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "bus/code.h"
#include "bus/error.h"
#include "bus/json.h"
#include "bus/log.h"
#include "bus/trace.h"
#include "tests/unit/bus/folder.h"

#define READ_MAX (8 << 20)
#define THREADS 4
#define LINES 200

struct fixture {
    char folder[FOLDER_MAX];
    int fd;    /* of the file that stands in for standard error */
    int saved; /* the real one */
    char *text;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    char path[FOLDER_MAX + 8];
    folder_make(f->folder);
    snprintf(path, sizeof(path), "%s/log", f->folder);
    f->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    f->saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    bus_log_level(BUS_LOG_INFO);
    *state = f;
    return f->fd < 0 || f->saved < 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    dup2(f->saved, STDERR_FILENO);
    close(f->saved);
    close(f->fd);
    folder_remove(f->folder);
    free(f->text);
    free(f);
    return 0;
}

/* Between these two, standard error is the file; asserts stand outside, for
 * cmocka reports on standard error too. */
static void capture(struct fixture *f)
{
    dup2(f->fd, STDERR_FILENO);
}

static const char *captured(struct fixture *f)
{
    dup2(f->saved, STDERR_FILENO);
    free(f->text);
    f->text = calloc(1, READ_MAX);
    ssize_t len = pread(f->fd, f->text, READ_MAX - 1, 0);
    assert_true(len >= 0);
    return f->text;
}

static bool is_json(const char *line, size_t len)
{
    struct bus_buf buf;
    struct bus_error err;
    bus_buf_init(&buf, 1 << 20);
    int code = bus_json_to_pack((struct bus_bytes){(const uint8_t *)line, len},
                                &buf, &err);
    bus_buf_release(&buf);
    return code == BUS_OK;
}

/* Every line is one object within the limit; returns how many there are. */
static size_t lines_valid(const char *text)
{
    size_t count = 0;
    while (*text) {
        const char *end = strchr(text, '\n');
        assert_non_null(end);
        assert_true(end - text < BUS_LOG_LINE_MAX);
        if (!is_json(text, (size_t)(end - text)))
            fail_msg("not JSON: %.*s", (int)(end - text), text);
        text = end + 1;
        count++;
    }
    return count;
}

static const char *after(const char *text, const char *words)
{
    const char *at = strstr(text, words);
    if (!at)
        fail_msg("%s is not in %s", words, text);
    return at + strlen(words);
}

/* ---- success ---- */

static void a_line_has_go_zeros_fields(void **state)
{
    struct fixture *f = *state;
    struct bus_trace trace;
    struct bus_log_field fields[] = {
        {"caller", "a.c:1", 0}, {"count", NULL, -5}, {NULL, NULL, 0}};
    assert_true(bus_trace_parse(
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", &trace));
    capture(f);
    bus_log(BUS_LOG_INFO, &trace, fields, "user %d: \"%s\"\n", 7, "小明");
    const char *text = captured(f);
    assert_int_equal(lines_valid(text), 1);
    assert_true(strncmp(text, "{\"@timestamp\":\"", 15) == 0);
    assert_string_equal(
        after(text, "\",\"level\""),
        ":\"info\",\"content\":\"user 7: "
        "\\\"小明\\\"\\n\",\"caller\":\"a.c:1\","
        "\"count\":-5,\"trace\":\"4bf92f3577b34da6a3ce929d0e0e4736\","
        "\"span\":\"00f067aa0ba902b7\"}\n");
}

static void times_are_local_with_an_offset(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *zone, *offset;
    } zones[] = {{"UTC", "Z"}, {"XXX-8", "+08:00"}, {"XXX3:30", "-03:30"}};
    for (size_t i = 0; i < 3; i++) {
        setenv("TZ", zones[i].zone, 1);
        tzset();
        capture(f);
        bus_log(BUS_LOG_ERROR, NULL, NULL, "x");
        const char *text = captured(f);
        unsetenv("TZ");
        tzset();
        for (size_t skip = 0; skip < i; skip++)
            text = strchr(text, '\n') + 1;
        text = after(text, "{\"@timestamp\":\"");
        const char *shape = "dddd-dd-ddTdd:dd:dd.ddd";
        for (; *shape; shape++, text++)
            assert_true(*shape == 'd' ? *text >= '0' && *text <= '9'
                                      : *text == *shape);
        assert_memory_equal(text, zones[i].offset, strlen(zones[i].offset));
        assert_int_equal(text[strlen(zones[i].offset)], '"');
    }
}

static void levels_below_the_least_are_silent(void **state)
{
    struct fixture *f = *state;
    capture(f);
    bus_log(BUS_LOG_DEBUG, NULL, NULL, "no");
    bus_log_level(BUS_LOG_ERROR);
    bus_log(BUS_LOG_SLOW, NULL, NULL, "no");
    bus_log(BUS_LOG_SEVERE, NULL, NULL, "yes");
    bus_log_level(BUS_LOG_DEBUG);
    bus_log(BUS_LOG_DEBUG, NULL, NULL, "yes");
    const char *text = captured(f);
    assert_int_equal(lines_valid(text), 2);
    assert_non_null(strstr(text, "\"level\":\"severe\""));
    assert_non_null(strstr(text, "\"level\":\"debug\""));
    assert_null(strstr(text, "no"));
}

static void levels_have_names(void **state)
{
    enum bus_log_level level = BUS_LOG_DEBUG;
    (void)state;
    assert_int_equal(bus_log_level_from_name("severe", &level), BUS_OK);
    assert_int_equal(level, BUS_LOG_SEVERE);
    assert_int_equal(bus_log_level_from_name("Info", &level), BUS_OK);
    assert_int_equal(level, BUS_LOG_INFO);
}

static void *log_many(void *arg)
{
    for (int i = 0; i < LINES; i++)
        bus_log(BUS_LOG_INFO, NULL, NULL, "%s %d", (const char *)arg, i);
    return NULL;
}

static void lines_of_threads_do_not_mix(void **state)
{
    struct fixture *f = *state;
    static char filler[3000];
    pthread_t threads[THREADS];
    memset(filler, 'x', sizeof(filler) - 1);
    capture(f);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, log_many, filler))
            abort();
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(lines_valid(captured(f)), THREADS * LINES);
}

/* ---- failure ---- */

static void long_content_is_cut_but_valid(void **state)
{
    struct fixture *f = *state;
    static const char *const pieces[] = {"a", "é", "小", "😀", "\"", "\x01"};
    static char text[3 * BUS_LOG_LINE_MAX];
    struct bus_trace trace;
    size_t lines = 0;
    bus_trace_new(&trace);
    capture(f);
    for (size_t k = 0; k < 6; k++) {
        for (size_t lead = 0; lead < 7; lead++, lines++) {
            size_t len = lead;
            memset(text, '.', lead);
            for (; len + 5 < sizeof(text); len += strlen(pieces[k]))
                memcpy(text + len, pieces[k], strlen(pieces[k]));
            text[len] = '\0';
            bus_log(BUS_LOG_INFO, &trace, NULL, "%s", text);
        }
    }
    const char *got = captured(f);
    assert_int_equal(lines_valid(got), lines);
    assert_null(strstr(got, "\xEF\xBF\xBD")); /* nothing cut in a character */
    for (; *got; got = strchr(got, '\n') + 1) {
        assert_true(strchr(got, '\n') - got > BUS_LOG_LINE_MAX - 16);
        after(got, "\"span\":\""); /* the trace is never what is lost */
    }
}

static void long_fields_leave_room_for_the_rest(void **state)
{
    struct fixture *f = *state;
    static char value[BUS_LOG_LINE_MAX];
    struct bus_log_field fields[12];
    struct bus_trace trace;
    bus_trace_new(&trace);
    memset(value, '\x01', sizeof(value) - 1); /* six bytes each when escaped */
    for (size_t i = 0; i < 11; i++)
        fields[i] = (struct bus_log_field){"field", value, 0};
    fields[10] = (struct bus_log_field){"last", "short", 0};
    fields[11] = (struct bus_log_field){NULL, NULL, 0};
    capture(f);
    bus_log(BUS_LOG_INFO, &trace, fields + 10, "content");
    bus_log(BUS_LOG_INFO, &trace, fields, "content");
    const char *text = captured(f);
    const char *second = strchr(text, '\n') + 1;
    after(text, "\"last\":\"short\",\"trace\"");
    assert_true(is_json(text, (size_t)(second - text - 1)));
    after(second, "\"content\":\"content\"");
    after(second, "\"last\":\"short\",\"trace\"");
    after(second, "\"span\":\"");
    assert_true(strlen(second) <= BUS_LOG_LINE_MAX);
}

static void bad_utf8_becomes_replacement_characters(void **state)
{
    struct fixture *f = *state;
    capture(f);
    bus_log(BUS_LOG_INFO, NULL, NULL,
            "a\xFF"
            "b");
    const char *text = captured(f);
    assert_int_equal(lines_valid(text), 1);
    after(text, "\"content\":\"a\xEF\xBF\xBD"
                "b\"");
}

static void unknown_levels_are_refused(void **state)
{
    enum bus_log_level level = BUS_LOG_SLOW;
    (void)state;
    assert_int_equal(bus_log_level_from_name("loud", &level),
                     BUS_INVALID_ARGUMENT);
    assert_int_equal(level, BUS_LOG_SLOW);
}

static void errno_survives(void **state)
{
    struct fixture *f = *state;
    close(STDERR_FILENO); /* writing fails; nothing else does */
    errno = EXDEV;
    bus_log(BUS_LOG_INFO, NULL, NULL, "x");
    int got = errno;
    dup2(f->saved, STDERR_FILENO);
    assert_int_equal(got, EXDEV);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(a_line_has_go_zeros_fields),
        CASE(times_are_local_with_an_offset),
        CASE(levels_below_the_least_are_silent),
        CASE(levels_have_names),
        CASE(lines_of_threads_do_not_mix),
        CASE(long_content_is_cut_but_valid),
        CASE(long_fields_leave_room_for_the_rest),
        CASE(bad_utf8_becomes_replacement_characters),
        CASE(unknown_levels_are_refused),
        CASE(errno_survives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
