/* SPDX-License-Identifier: MIT
 *
 * bus_main as a process of its own, on nng: what it says to its supervisor, how
 * it answers, how it stops, and what keeps it from starting. A child is told
 * what its handlers do through pipes, so that nothing here sleeps.
 */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "actors/runtime/actor.h"
#include "bus/home.h"
#include "bus/names.h"
#include "bus/pack.h"
#include "tests/unit/runtime/cmocka_all.h"

#define PATH_HERE 128
#define CHILD "MAIN_TEST_CHILD" /* set in the program run as the actor */
#define WAIT_MS 20000           /* a test that waits so long has failed */

/* ---- the actor ---- */

static int entered_fd, release_fd; /* the child's ends */

static int echo(struct bus_call *call, const void *request, void *reply)
{
    (void)call;
    (void)request;
    (void)reply;
    return BUS_OK;
}

/* Says that it is in, and goes on when it is let. */
static int gate(struct bus_call *call, const void *request, void *reply)
{
    char byte = 'x';
    (void)call;
    (void)request;
    (void)reply;
    if (write(entered_fd, &byte, 1) != 1 || read(release_fd, &byte, 1) != 1)
        return BUS_INTERNAL;
    return BUS_OK;
}

static const struct bus_method methods[] = {
    {"gate", "echo", "/gate.Gate/echo", NULL, NULL, BUS_IDEMPOTENT, ""},
    {"gate", "gate", "/gate.Gate/gate", NULL, NULL, 0, ""},
};
static const struct actor_method rows[] = {
    {&methods[0], echo, NULL},
    {&methods[1], gate, NULL},
};
static const struct actor_type gate_actor = {
    .name = "gate", .version = "1", .methods = rows, .count = 2};

/* ---- the child ---- */

static struct {
    char home[PATH_HERE];
    char config[PATH_HERE + 16];
    pid_t pid;
    int notify, entered, release, log; /* our ends */
    char heard[4096];                  /* through notify */
} child;

static void pipe_make(int *ret_read, int *ret_write)
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    *ret_read = fds[0];
    *ret_write = fds[1];
}

static int set_up(void **state)
{
    (void)state;
    const char *temp = getenv("TMPDIR");
    memset(&child, 0, sizeof(child));
    snprintf(child.home, PATH_HERE, "%s/main.XXXXXX", temp ? temp : "/tmp");
    if (!mkdtemp(child.home))
        return -1;
    snprintf(child.config, sizeof(child.config), "%s/c.yaml", child.home);
    return 0;
}

static void folder_remove(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        char inside[2 * BUS_PATH_MAX];
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        snprintf(inside, sizeof(inside), "%s/%s", path, entry->d_name);
        if (unlink(inside) != 0)
            folder_remove(inside);
    }
    if (folder)
        closedir(folder);
    rmdir(path);
}

static int tear_down(void **state)
{
    (void)state;
    if (child.pid > 0) {
        kill(child.pid, SIGKILL);
        waitpid(child.pid, NULL, 0);
    }
    folder_remove(child.home);
    return 0;
}

static void configure(const char *text)
{
    FILE *file = fopen(child.config, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* Starts bus_main with the words of a line after -f and --home. */
static void start(const char *line)
{
    static char text[1024];
    char *argv[16], *rest = text, *word, number[16];
    int argc = 0, notify_fd, log_fd;
    snprintf(text, sizeof(text), "gate -f %s --home %s %s", child.config,
             child.home, line);
    while ((word = strtok_r(rest, " ", &rest)))
        argv[argc++] = word;
    argv[argc] = NULL;
    pipe_make(&child.notify, &notify_fd);
    pipe_make(&child.entered, &entered_fd);
    pipe_make(&release_fd, &child.release);
    pipe_make(&child.log, &log_fd);
    child.heard[0] = '\0';
    child.pid = fork();
    assert_true(child.pid >= 0);
    if (child.pid == 0) {
        snprintf(number, sizeof(number), "%d", notify_fd);
        setenv("TROUPE_NOTIFY_FD", number, 1);
        snprintf(number, sizeof(number), "%d,%d", entered_fd, release_fd);
        setenv(CHILD, number, 1);
        dup2(log_fd, STDERR_FILENO);
        close(log_fd);
        close(child.notify);
        execv("/proc/self/exe", argv); /* nng does not survive a fork */
        _exit(127);
    }
    close(notify_fd);
    close(entered_fd);
    close(release_fd);
    close(log_fd);
}

/* Reads what comes until the text was said. */
static void hear(int fd, char *said, size_t size, const char *text)
{
    while (!strstr(said, text)) {
        size_t len = strlen(said);
        struct pollfd poll_fd = {fd, POLLIN, 0};
        assert_int_equal(poll(&poll_fd, 1, WAIT_MS), 1);
        ssize_t got = read(fd, said + len, size - 1 - len);
        if (got <= 0)
            fail_msg("ended before \"%s\"; said \"%s\"", text, said);
        said[len + (size_t)got] = '\0';
    }
}

static void hear_notify(const char *text)
{
    hear(child.notify, child.heard, sizeof(child.heard), text);
}

/* Its exit status, and all it wrote on standard error. */
static int end(char *log, size_t size)
{
    int status;
    size_t len = 0;
    ssize_t got;
    while (len + 1 < size &&
           (got = read(child.log, log + len, size - 1 - len)) > 0)
        len += (size_t)got;
    log[len] = '\0';
    assert_int_equal(waitpid(child.pid, &status, 0), child.pid);
    child.pid = 0;
    close(child.log);
    close(child.notify);
    close(child.entered);
    close(child.release);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- a caller ---- */

static struct bus *bus;
static struct bus_arena arena;
static struct bus_error err;

static void caller_open(void)
{
    const struct bus_options options = {.home = child.home, .actor = "test"};
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    assert_int_equal(bus_open(&options, &bus, &err), BUS_OK);
}

static void caller_close(void)
{
    bus_close(bus);
    bus_arena_release(&arena);
}

static struct bus_request request_make(const char *method)
{
    return (struct bus_request){.target = "gate",
                                .method = method,
                                .deadline = bus_now(&bus_clock_system) +
                                            WAIT_MS * BUS_MILLI};
}

static int call(const char *method, struct bus_reply *reply)
{
    struct bus_request request = request_make(method);
    return bus_wait(bus, &request, &arena, reply);
}

struct waiting {
    int fds[2];
};

static void note_done(void *arg, const struct bus_reply *reply)
{
    struct waiting *waiting = arg;
    char code = (char)reply->error.code;
    ssize_t put = write(waiting->fds[1], &code, 1);
    (void)put;
}

static int done_code(struct waiting *waiting)
{
    char code;
    struct pollfd poll_fd = {waiting->fds[0], POLLIN, 0};
    assert_int_equal(poll(&poll_fd, 1, WAIT_MS), 1);
    assert_int_equal(read(waiting->fds[0], &code, 1), 1);
    return code;
}

static bool name_exists(void)
{
    char path[2 * PATH_HERE];
    snprintf(path, sizeof(path), "%s/names/gate/1", child.home);
    return access(path, F_OK) == 0;
}

/* ---- success ---- */

static void a_life_from_ready_to_stopped(void **state)
{
    (void)state;
    struct bus_reply reply;
    struct bus_bytes value;
    char log[8192];
    configure("Name: gate.rpc\n");
    start("--workers 2 --node n7");
    hear_notify("ready\n");
    assert_true(name_exists());
    caller_open();
    assert_int_equal(call("echo", &reply), BUS_OK);
    assert_int_equal(call("/gate.Gate/echo", &reply), BUS_OK);
    assert_int_equal(call("$ping", &reply), BUS_OK);
    assert_true(bus_pack_find(reply.body, "node", &value));
    assert_memory_equal(value.data, "\xa2n7", 3);
    assert_int_equal(call("nothing", &reply), BUS_UNIMPLEMENTED);
    hear_notify("\"workers\":2,\"calls\":3,\"errors\":1}");
    kill(child.pid, SIGTERM);
    hear_notify("stopping\n");
    assert_int_equal(end(log, sizeof(log)), 0);
    assert_false(name_exists());
    assert_int_equal(call("echo", &reply), BUS_UNAVAILABLE);
    assert_string_equal(reply.error.reason, "no_responder");
    caller_close();
    assert_non_null(strstr(log, "\"content\":\"gate#1 is ready: 2 workers\""));
    assert_non_null(strstr(log, "\"method\":\"echo\",\"code\":\"OK\""));
}

static void stopping_answers_all_that_was_accepted(void **state)
{
    (void)state;
    struct waiting waiting;
    char log[16384], byte;
    configure("Timeout: 0\n");
    start("--workers 1");
    hear_notify("ready\n");
    caller_open();
    pipe_make(&waiting.fds[0], &waiting.fds[1]);
    struct bus_request request = request_make("gate");
    for (int i = 0; i < 3; i++)
        bus_start(bus, &request, note_done, &waiting);
    bus_flush(bus);
    assert_int_equal(read(child.entered, &byte, 1), 1);
    /* Two wait in the mailbox: an answered ping came after them. */
    struct bus_reply reply;
    assert_int_equal(call("$ping", &reply), BUS_OK);
    kill(child.pid, SIGTERM);
    hear_notify("stopping\n");
    assert_int_equal(write(child.release, "xxx", 3), 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(done_code(&waiting), BUS_OK);
    assert_int_equal(end(log, sizeof(log)), 0);
    caller_close();
    close(waiting.fds[0]);
    close(waiting.fds[1]);
}

static void drain_is_answered_and_ends_it(void **state)
{
    (void)state;
    struct bus_reply reply;
    char log[8192];
    configure("Log: {Level: error}\n");
    start("");
    hear_notify("ready\n");
    caller_open();
    assert_int_equal(call("$drain", &reply), BUS_OK);
    caller_close();
    assert_int_equal(end(log, sizeof(log)), 0);
    assert_string_equal(log, "");
}

static void check_reads_and_starts_nothing(void **state)
{
    (void)state;
    char log[8192];
    configure("Name: gate.rpc\n");
    start("--check");
    assert_int_equal(end(log, sizeof(log)), 0);
    assert_string_equal(log, "");
    assert_false(name_exists());
}

/* ---- failures ---- */

static void a_handler_that_hangs_ends_by_force(void **state)
{
    (void)state;
    struct waiting waiting;
    char log[8192], byte;
    configure("Shutdown: {WrapUpTime: 50ms, WaitTime: 300ms}\n");
    start("--workers 1");
    hear_notify("ready\n");
    caller_open();
    pipe_make(&waiting.fds[0], &waiting.fds[1]);
    struct bus_request request = request_make("gate");
    bus_start(bus, &request, note_done, &waiting);
    bus_flush(bus);
    assert_int_equal(read(child.entered, &byte, 1), 1);
    kill(child.pid, SIGTERM);
    assert_int_equal(end(log, sizeof(log)), 3);
    assert_non_null(strstr(log, "not stopped after 300 ms, ended by force"));
    assert_int_equal(done_code(&waiting), BUS_UNKNOWN);
    caller_close();
    close(waiting.fds[0]);
    close(waiting.fds[1]);
}

static void assert_refused(const char *text, const char *line, const char *said)
{
    char log[8192], expected[512];
    configure(text);
    start(line);
    assert_int_equal(end(log, sizeof(log)), 2);
    snprintf(expected, sizeof(expected), "%s%s",
             said[0] == ':' ? child.config : "", said);
    if (strncmp(log, expected, strlen(expected)) != 0)
        fail_msg("said \"%s\"", log);
    assert_false(name_exists());
}

static void a_wrong_configuration_starts_nothing(void **state)
{
    (void)state;
    assert_refused("Name: a\nPrt: 1\n", "", ":2:");
    assert_refused("Name: [\n", "", ":");
    assert_refused("Workers: x\n", "--check", ":1:");
    assert_refused("Methods:\n  open: {}\n", "", ":2:");
    assert_refused("Name: a\n", "--wrokers 1",
                   "gate: unknown argument \"--wrokers\"\nusage: ");
}

static void without_its_supervisor_it_does_not_start(void **state)
{
    (void)state;
    char log[8192];
    configure("Name: a\n");
    setenv("TROUPE_SUPERVISOR_PID", "1", 1);
    start("");
    unsetenv("TROUPE_SUPERVISOR_PID");
    assert_int_equal(end(log, sizeof(log)), 1);
    assert_string_equal(log, "gate: the supervisor is gone\n");
}

static void two_of_one_instance_do_not_run(void **state)
{
    (void)state;
    char log[8192];
    configure("Name: a\n");
    start("--instance 5");
    hear_notify("ready\n");
    pid_t first = child.pid;
    int first_log = child.log;
    start("--instance 5");
    assert_int_equal(end(log, sizeof(log)), 1);
    assert_non_null(strstr(log, "gate: "));
    child.pid = first;
    kill(first, SIGTERM);
    assert_int_equal(waitpid(first, NULL, 0), first);
    child.pid = 0;
    close(first_log);
}

/* One test in a process of its own: nng's threads outlive a bus, and what they
 * do after a peer's death must not reach the next test. */
static int run_alone(const struct CMUnitTest *test)
{
    int status = -1;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        const struct CMUnitTest tests[] = {*test};
        exit(cmocka_run_group_tests(tests, NULL, NULL));
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return 1;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_life_from_ready_to_stopped),
        TEST(stopping_answers_all_that_was_accepted),
        TEST(drain_is_answered_and_ends_it),
        TEST(check_reads_and_starts_nothing),
        TEST(a_handler_that_hangs_ends_by_force),
        TEST(a_wrong_configuration_starts_nothing),
        TEST(without_its_supervisor_it_does_not_start),
        TEST(two_of_one_instance_do_not_run),
    };
    const char *fds = getenv(CHILD);
    int failed = 0;
    if (fds) {
        char *comma;
        entered_fd = (int)strtol(fds, &comma, 10);
        release_fd = (int)strtol(comma + 1, NULL, 10);
        return bus_main(argc, argv, &gate_actor);
    }
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
        failed += run_alone(&tests[i]);
    return failed;
}
