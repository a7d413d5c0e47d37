/* SPDX-License-Identifier: MIT
 *
 * Forked children of tests.
 */
#include "tests/unit/store/child.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_SECONDS_MAX 100 /* then SIGALRM ends it */

void child_start(struct child *child,
                 int (*body)(struct child *self, void *arg), void *arg)
{
    int up[2], down[2];
    if (pipe(up) || pipe(down))
        abort();
    child->pid = fork();
    if (child->pid < 0)
        abort();
    if (child->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        alarm(CHILD_SECONDS_MAX);
        close(up[0]);
        close(down[1]);
        struct child self = {0, down[0], up[1]};
        _exit(body(&self, arg));
    }
    close(up[1]);
    close(down[0]);
    child->in = up[0];
    child->out = down[1];
}

void child_say(struct child *child)
{
    if (write(child->out, "!", 1) != 1)
        abort();
}

bool child_hear(struct child *child)
{
    char byte;
    return read(child->in, &byte, 1) == 1;
}

int child_wait(struct child *child)
{
    int status;
    close(child->out);
    if (waitpid(child->pid, &status, 0) != child->pid)
        abort();
    close(child->in);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int child_kill(struct child *child)
{
    kill(child->pid, SIGKILL);
    return child_wait(child);
}
