/* SPDX-License-Identifier: MIT
 *
 * bus down: waits until the last actor has drained and the supervisor's own
 * process is gone.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bus/cli/operate.h"
#include "bus/clock.h"
#include "bus/code.h"

/* Waits for the end of a process that is not a child of ours. */
static bool await_end(pid_t pid, int64_t timeout_ms)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0U);
    if (fd < 0)
        return errno == ESRCH || kill(pid, 0) != 0;
    struct pollfd poller = {.fd = fd, .events = POLLIN};
    int ms = timeout_ms > INT32_MAX ? INT32_MAX : (int)timeout_ms;
    int ready = poll(&poller, 1, ms);
    close(fd);
    return ready > 0;
}

static int run(struct cli *cli)
{
    struct cli_state state;
    struct bus_error err;
    const struct cli_command down = {"down", NULL, -1, true};
    int code = cli_ps(cli, &state, NULL, &err);
    if (!code)
        code = cli_operate(cli, &down, &err);
    if (!code && !await_end(state.pid, cli_patience(cli)))
        code = bus_error_set(&err, BUS_DEADLINE_EXCEEDED,
                             "the supervisor has not ended yet");
    return code ? cli_refused(cli, &err) : cli_done(cli);
}

extern const struct cli_verb cli_verb_down;
const struct cli_verb cli_verb_down = {
    .name = "down",
    .args = "",
    .summary = "Stops all actors in reverse order, and the supervisor.",
    .help = "",
    .run = run,
};
