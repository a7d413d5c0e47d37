/* SPDX-License-Identifier: MIT
 *
 * Crash points, each in a child process of the test's own: it is killed or held
 * at the effect that was ordered and at no other.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "bus/hook.h"
#include "tests/unit/bus/folder.h"

#define AWAIT_MS 10000

struct fixture {
    char folder[FOLDER_MAX];
    char order[FOLDER_MAX + 32];
    char held[FOLDER_MAX + 32];
    pid_t child; /* 0: none is running */
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    char crash[FOLDER_MAX + 8];
    folder_make(f->folder);
    snprintf(crash, sizeof(crash), "%s/crash", f->folder);
    snprintf(f->order, sizeof(f->order), "%s/crash/user", f->folder);
    snprintf(f->held, sizeof(f->held), "%s/crash/user.held", f->folder);
    *state = f;
    return mkdir(crash, 0700);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    if (f->child) {
        kill(f->child, SIGKILL);
        waitpid(f->child, NULL, 0);
    }
    folder_remove(f->folder);
    free(f);
    return 0;
}

static void order(struct fixture *f, const char *text)
{
    FILE *file = fopen(f->order, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* Runs effects "send" and "commit" by turns in a child, writing one byte to a
 * pipe after each. Returns how many it passed; *status as waitpid has it. */
static size_t run(struct fixture *f, size_t effects, int *status)
{
    int ends[2];
    char byte;
    size_t passed = 0;
    assert_int_equal(pipe(ends), 0);
    f->child = fork();
    if (f->child == 0) {
        bus_effect_init(f->folder, "user");
        for (size_t i = 0; i < effects; i++) {
            bus_effect(i % 2 ? "commit" : "send");
            if (write(ends[1], ".", 1) != 1)
                _exit(2);
        }
        _exit(0);
    }
    close(ends[1]);
    while (read(ends[0], &byte, 1) == 1)
        passed++;
    close(ends[0]);
    waitpid(f->child, status, 0);
    f->child = 0;
    return passed;
}

static bool killed(int status)
{
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/* ---- success ---- */

static void kills_at_the_nth_effect(void **state)
{
    struct fixture *f = *state;
    int status;
    for (size_t n = 1; n <= 3; n++) {
        char text[32];
        snprintf(text, sizeof(text), "%zu kill\n", n);
        order(f, text);
        assert_int_equal(run(f, 10, &status), n - 1);
        assert_true(killed(status));
        assert_int_equal(access(f->order, F_OK), -1); /* carried out once */
    }
    assert_int_equal(run(f, 10, &status), 10);
    assert_int_equal(status, 0);
}

static void counts_one_kind_only(void **state)
{
    struct fixture *f = *state;
    int status;
    order(f, "2 kill commit");
    assert_int_equal(run(f, 10, &status), 3); /* the fourth effect */
    assert_true(killed(status));
}

static void holds_and_says_so(void **state)
{
    struct fixture *f = *state;
    char crash[FOLDER_MAX + 8];
    char event[sizeof(struct inotify_event) + NAME_MAX + 1];
    int watch = inotify_init1(IN_CLOEXEC);
    snprintf(crash, sizeof(crash), "%s/crash", f->folder);
    order(f, "1 hold");
    assert_true(inotify_add_watch(watch, crash, IN_CREATE) >= 0);
    f->child = fork();
    if (f->child == 0) {
        bus_effect_init(f->folder, "user");
        bus_effect("send");
        _exit(0); /* must not come here */
    }
    struct pollfd ready = {.fd = watch, .events = POLLIN};
    assert_int_equal(poll(&ready, 1, AWAIT_MS), 1);
    assert_true(read(watch, event, sizeof(event)) > 0);
    close(watch);
    assert_int_equal(access(f->held, F_OK), 0);
    assert_int_equal(waitpid(f->child, NULL, WNOHANG), 0); /* still there */
    assert_int_equal(access(f->order, F_OK), -1);
}

static void counting_starts_with_the_order(void **state)
{
    struct fixture *f = *state;
    bus_effect_init(f->folder, "user");
    for (int i = 0; i < 5; i++)
        bus_effect("send"); /* no order yet: these do not count */
    order(f, "3 kill");
    f->child = fork();
    if (f->child == 0) {
        bus_effect("send");
        bus_effect("send");
        _exit(7);
    }
    int status;
    waitpid(f->child, &status, 0);
    f->child = 0;
    bus_effect_init(f->folder, "nobody"); /* this process is out of it */
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

/* ---- failure ---- */

static void nonsense_is_no_order(void **state)
{
    static const char *const bad[] = {"",        "kill", "0 kill", "1",
                                      "1 smile", "x",    "-"};
    struct fixture *f = *state;
    int status;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        order(f, bad[i]);
        assert_int_equal(run(f, 4, &status), 4);
        assert_int_equal(status, 0);
    }
}

static void nothing_happens_uninitialised_or_elsewhere(void **state)
{
    struct fixture *f = *state;
    static char long_home[5000];
    order(f, "1 kill");
    memset(long_home, 'a', sizeof(long_home) - 1);
    bus_effect_init(long_home, "user");
    bus_effect("send");
    bus_effect_init(f->folder, "score");
    errno = EXDEV;
    bus_effect("send");
    assert_int_equal(errno, EXDEV);
    assert_int_equal(access(f->order, F_OK), 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(kills_at_the_nth_effect),
        CASE(counts_one_kind_only),
        CASE(holds_and_says_so),
        CASE(counting_starts_with_the_order),
        CASE(nonsense_is_no_order),
        CASE(nothing_happens_uninitialised_or_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
