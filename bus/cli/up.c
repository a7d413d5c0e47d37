/* SPDX-License-Identifier: MIT
 *
 * bus up: starts the supervisor and waits until every actor is ready. In the
 * foreground it stays, passes signals on and ends with it; the supervisor has
 * a session of its own, so a terminal's Ctrl-C reaches it only through here,
 * and it is told to stop when this process dies (PR_SET_PDEATHSIG).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bus/cli/operate.h"
#include "bus/code.h"

struct launch {
    const char *supervisor, *topology, *bin, *log;
    bool detached;
    int notify[2];
    pid_t parent;
};

static volatile sig_atomic_t supervisor_pid;

static void pass_on(int signo)
{
    int kept = errno;
    (void)signo;
    if (supervisor_pid > 0)
        kill((pid_t)supervisor_pid, SIGTERM);
    errno = kept;
}

static void catch_signals(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = pass_on};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        sigaction(signals[i], &action, NULL);
}

/* A topology that is there: the word, or one of the usual places. */
static const char *choose_topology(const struct cli *cli)
{
    static const char *const usual[] = {"ops/troupe.yaml", "troupe.yaml"};
    if (cli->argc > 0)
        return cli->argv[0];
    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
        if (access(usual[i], R_OK) == 0)
            return usual[i];
    }
    return NULL;
}

const char *cli_own_folder(struct cli *cli)
{
    char path[BUS_PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
    while (len > 0 && path[len - 1] != '/')
        len--;
    return len > 1 ? bus_arena_text_n(&cli->arena, path, (size_t)len - 1) : ".";
}

/* In the new process: becomes the supervisor, or ends. */
static _Noreturn void become_supervisor(const struct cli *cli,
                                        const struct launch *launch)
{
    char fd[16];
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    setsid();
    if (!launch->detached) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != launch->parent)
            _exit(CLI_FAILED);
    }
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    fcntl(launch->notify[1], F_SETFD, 0);
    snprintf(fd, sizeof(fd), "%d", launch->notify[1]);
    setenv("TROUPE_NOTIFY_FD", fd, 1);
    execl(launch->supervisor, launch->supervisor, "--home", cli->home,
          "--topology", launch->topology, "--bin", launch->bin, "--log",
          launch->log, (char *)NULL);
    dprintf(STDERR_FILENO, "bus: cannot run %s\n", launch->supervisor);
    _exit(CLI_USAGE);
}

/* True when the supervisor listens; false when it has ended before. */
static bool await_listening(int fd)
{
    char byte = 0;
    ssize_t len;
    do {
        len = read(fd, &byte, 1);
    } while ((len > 0 && byte != '\n') || (len < 0 && errno == EINTR));
    return len > 0;
}

/* Waits for the supervisor's end; its exit status. */
static int await_end(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return CLI_FAILED;
    }
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    return cli_fail(CLI_FAILED, "the supervisor was killed by signal %d",
                    WTERMSIG(status));
}

/* Not every actor came up: stops what did. */
static int give_up(struct cli *cli, pid_t pid, const struct bus_error *err)
{
    int status = cli_refused(cli, err);
    cli_talk("stopping");
    kill(pid, SIGTERM);
    await_end(pid);
    if (err->code == BUS_INVALID_ARGUMENT)
        return CLI_USAGE;
    return status;
}

static int report_ready(struct cli *cli, pid_t pid)
{
    struct cli_state state;
    struct bus_error err;
    const char *json;
    if (cli_ps(cli, &state, &json, &err))
        return cli_refused(cli, &err);
    cli_talk("all %zu actors are ready (supervisor %d, home %s)",
             state.actors.count, (int)pid, cli->home);
    if (cli->json) {
        puts(json);
        fflush(stdout);
    }
    return CLI_DONE;
}

static int start(struct cli *cli, struct launch *launch)
{
    struct bus_error err;
    if (pipe2(launch->notify, O_CLOEXEC))
        return cli_fail(CLI_FAILED, "cannot make a pipe");
    launch->parent = getpid();
    pid_t pid = fork();
    if (pid < 0)
        return cli_fail(CLI_FAILED, "cannot fork: error %d", errno);
    if (pid == 0)
        become_supervisor(cli, launch);
    supervisor_pid = pid;
    catch_signals();
    close(launch->notify[1]);
    bool listening = await_listening(launch->notify[0]);
    close(launch->notify[0]);
    if (!listening)
        return await_end(pid);
    if (cli_settled(cli, NULL, &err))
        return give_up(cli, pid, &err);
    int status = report_ready(cli, pid);
    return launch->detached ? status : await_end(pid);
}

static int run(struct cli *cli)
{
    const char *folder = cli_own_folder(cli);
    const char *bin = cli_value(cli, "bin");
    struct launch launch = {
        .supervisor = bus_arena_printf(&cli->arena, "%s/supervisor", folder),
        .topology = choose_topology(cli),
        .bin = bin ? bin : folder,
        .log =
            bus_arena_printf(&cli->arena, "%s/log/supervisor.log", cli->home),
        .detached = cli_value(cli, "detach") != NULL};
    if (!launch.topology)
        return cli_fail(CLI_USAGE, "no topology given, and neither "
                                   "ops/troupe.yaml nor troupe.yaml is here");
    return start(cli, &launch);
}

static const struct cli_option options[] = {
    {'d', "detach", NULL, "come back when all are ready; they go on"},
    {0, "bin", "DIR", "where programs lie (default: beside this one)"},
    {0}};

extern const struct cli_verb cli_verb_up;
const struct cli_verb cli_verb_up = {
    .name = "up",
    .args = "[TOPOLOGY.yaml]",
    .summary = "Starts the actors of a topology under a supervisor.",
    .help = "Checks every config first, then starts the actors in order, each "
            "when those before\nit are ready. Stays in the foreground; Ctrl-C "
            "drains and stops all. Default:\nops/troupe.yaml, then "
            "troupe.yaml.",
    .args_max = 1,
    .options = options,
    .run = run,
};
