/* SPDX-License-Identifier: MIT
 *
 * What the supervisor hears, read from the other end of a pipe.
 */
#include "actors/runtime/notify.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/runtime/cmocka_all.h"

struct ends {
    int read, write;
};

static int set_up(void **state)
{
    static struct ends ends;
    int fds[2];
    char text[16];
    if (pipe(fds) != 0)
        return -1;
    ends = (struct ends){fds[0], fds[1]};
    snprintf(text, sizeof(text), "%d", fds[1]);
    setenv("TROUPE_NOTIFY_FD", text, 1);
    *state = &ends;
    return 0;
}

static int tear_down(void **state)
{
    struct ends *ends = *state;
    unsetenv("TROUPE_NOTIFY_FD");
    unsetenv("TROUPE_SUPERVISOR_PID");
    close(ends->read);
    return 0;
}

/* All that was written until the other end closed. */
static void read_all(int fd, char *ret, size_t size)
{
    size_t len = 0;
    ssize_t got;
    while (len + 1 < size && (got = read(fd, ret + len, size - 1 - len)) > 0)
        len += (size_t)got;
    ret[len] = '\0';
}

static void tells_a_life(void **state)
{
    struct ends *ends = *state;
    struct notify notify;
    char said[1024];
    notify_open(&notify);
    assert_int_equal(notify.fd, ends->write);
    notify_ready(&notify);
    notify_stats(&notify, &(struct notify_stats){.queue_age_ms = 12,
                                                 .queued = 3,
                                                 .busy = 2,
                                                 .workers = 8,
                                                 .calls = UINT64_MAX,
                                                 .errors = 5});
    notify_stopping(&notify);
    notify_close(&notify);
    read_all(ends->read, said, sizeof(said));
    assert_string_equal(said,
                        "ready\n"
                        "stats {\"queue_age_ms\":12,\"queued\":3,\"busy\":2,"
                        "\"workers\":8,\"calls\":18446744073709551615,"
                        "\"errors\":5}\n"
                        "stopping\n");
}

static void its_children_do_not_inherit_it(void **state)
{
    struct ends *ends = *state;
    struct notify notify;
    notify_open(&notify);
    assert_true(fcntl(ends->write, F_GETFD) & FD_CLOEXEC);
    notify_close(&notify);
}

static void a_supervisor_that_does_not_read_stops_nobody(void **state)
{
    (void)state;
    struct notify notify;
    notify_open(&notify);
    for (int i = 0; i < 10000; i++)
        notify_stats(&notify, &(struct notify_stats){.calls = 1});
    assert_true(notify.fd >= 0);
    notify_close(&notify);
}

static void guards_against_a_lost_parent(void **state)
{
    (void)state;
    char text[16];
    assert_int_equal(notify_guard(), 0); /* nobody named */
    snprintf(text, sizeof(text), "%d", (int)getppid());
    setenv("TROUPE_SUPERVISOR_PID", text, 1);
    pid_t child = fork();
    if (child == 0) /* its parent is this test, not the one named */
        _exit(notify_guard() == 0 ? 1 : 0);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- failures ---- */

static void tells_nobody_when_nobody_is_named(void **state)
{
    struct ends *ends = *state;
    const char *const wrong[] = {"", "x", "-1", "3x", "99999999999", "9999"};
    struct notify notify;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        setenv("TROUPE_NOTIFY_FD", wrong[i], 1);
        notify_open(&notify);
        assert_int_equal(notify.fd, -1);
        notify_ready(&notify);
        notify_close(&notify);
    }
    unsetenv("TROUPE_NOTIFY_FD");
    notify_open(&notify);
    assert_int_equal(notify.fd, -1);
    close(ends->write);
}

static void a_supervisor_that_is_gone_is_told_nothing_more(void **state)
{
    struct ends *ends = *state;
    struct notify notify;
    signal(SIGPIPE, SIG_IGN);
    notify_open(&notify);
    close(ends->read);
    notify_ready(&notify);
    assert_int_equal(notify.fd, -1);
    notify_stopping(&notify);
    ends->read = -1;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(tells_a_life),
        TEST(its_children_do_not_inherit_it),
        TEST(a_supervisor_that_does_not_read_stops_nobody),
        TEST(guards_against_a_lost_parent),
        TEST(tells_nobody_when_nobody_is_named),
        TEST(a_supervisor_that_is_gone_is_told_nothing_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
