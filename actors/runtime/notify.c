/* SPDX-License-Identifier: MIT
 *
 * Lines are shorter than PIPE_BUF and written at once, so a reader never sees
 * half of one. PR_SET_PDEATHSIG is Linux; it follows the thread that forked,
 * which in the supervisor lives as long as the process. The parent's pid is
 * compared afterwards: it may have died before the signal was asked for.
 */
#define _GNU_SOURCE /* prctl */
#include "actors/runtime/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* A whole non-negative number in an environment variable, or -1. */
static long env_number(const char *name)
{
    const char *text = getenv(name);
    char *end;
    if (!text || *text < '0' || *text > '9')
        return -1;
    errno = 0;
    long value = strtol(text, &end, 10);
    return errno || *end || value > INT_MAX ? -1 : value;
}

void notify_open(struct notify *notify)
{
    notify->fd = (int)env_number("TROUPE_NOTIFY_FD");
    int flags = notify->fd < 0 ? -1 : fcntl(notify->fd, F_GETFL);
    if (flags < 0 || fcntl(notify->fd, F_SETFD, FD_CLOEXEC) < 0 ||
        fcntl(notify->fd, F_SETFL, flags | O_NONBLOCK) < 0)
        notify->fd = -1;
}

static void line_write(struct notify *notify, const char *line)
{
    size_t len = strlen(line);
    while (notify->fd >= 0 && write(notify->fd, line, len) < 0) {
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN)
            notify_close(notify);
        return;
    }
}

void notify_ready(struct notify *notify)
{
    line_write(notify, "ready\n");
}

void notify_stopping(struct notify *notify)
{
    line_write(notify, "stopping\n");
}

void notify_stats(struct notify *notify, const struct notify_stats *stats)
{
    char line[NOTIFY_LINE_MAX];
    int len = snprintf(line, sizeof(line),
                       "stats {\"queue_age_ms\":%" PRId64 ",\"queued\":%" PRIu64
                       ",\"busy\":%" PRIu64 ",\"workers\":%" PRIu64
                       ",\"calls\":%" PRIu64 ",\"errors\":%" PRIu64 "}\n",
                       stats->queue_age_ms, stats->queued, stats->busy,
                       stats->workers, stats->calls, stats->errors);
    if (len > 0 && (size_t)len < sizeof(line))
        line_write(notify, line);
}

void notify_close(struct notify *notify)
{
    if (notify->fd >= 0)
        close(notify->fd);
    notify->fd = -1;
}

int notify_guard(void)
{
    long parent = env_number("TROUPE_SUPERVISOR_PID");
    if (parent < 0)
        return 0;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    return getppid() == (pid_t)parent ? 0 : -1;
}
