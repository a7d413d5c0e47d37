/* SPDX-License-Identifier: MIT
 *
 * A child for the supervisor's live tests: speaks the notify protocol and
 * misbehaves on demand. PUPPET in its environment: "crash" exits with 3 before
 * it is ready; "mute" never says ready; "stubborn" does not hear SIGTERM;
 * "refuse" exits with 2 at its start; "chatty" writes a long log first. With
 * --check it refuses a config that begins with "bad". Knows nothing of troupe's
 * libraries.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static const char *mood = "";

static const char *argument(int argc, char **argv, const char *name)
{
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], name) == 0)
            return argv[i + 1];
    }
    return NULL;
}

static int check(const char *config)
{
    char line[64] = "";
    FILE *file = config ? fopen(config, "r") : NULL;
    if (file && !fgets(line, sizeof(line), file))
        line[0] = '\0';
    if (file)
        fclose(file);
    if (strncmp(line, "bad", 3) != 0)
        return 0;
    fprintf(stderr, "%s:1:1: key bad: expected good\n", config);
    return 2;
}

static void say(const char *line)
{
    const char *fd = getenv("TROUPE_NOTIFY_FD");
    if (fd)
        dprintf((int)strtol(fd, NULL, 10), "%s\n", line);
}

static void die_with_parent(void)
{
    const char *parent = getenv("TROUPE_SUPERVISOR_PID");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (parent && getppid() != (pid_t)strtol(parent, NULL, 10))
        _exit(1);
}

static void chatter(void)
{
    char line[1024];
    memset(line, 'x', sizeof(line));
    line[sizeof(line) - 1] = '\0';
    for (int i = 0; i < 2000; i++)
        fprintf(stderr, "%d %s\n", i, line);
}

int main(int argc, char **argv)
{
    sigset_t stop;
    int signo;
    if (argc > 1 && strcmp(argv[1], "--check") == 0)
        return check(argument(argc, argv, "-f"));
    if (getenv("PUPPET"))
        mood = getenv("PUPPET");
    die_with_parent();
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigprocmask(SIG_BLOCK, &stop, NULL);
    fprintf(stderr, "puppet %s began\n", argument(argc, argv, "--instance"));
    if (strcmp(mood, "crash") == 0)
        return 3;
    if (strcmp(mood, "refuse") == 0)
        return 2;
    if (strcmp(mood, "chatty") == 0)
        chatter();
    if (strcmp(mood, "mute") != 0)
        say("ready");
    say("stats {\"queued\":1,\"busy\":2,\"workers\":4,\"calls\":7}");
    do {
        sigwait(&stop, &signo);
    } while (strcmp(mood, "stubborn") == 0);
    say("stopping");
    fprintf(stderr, "puppet %s ended\n", argument(argc, argv, "--instance"));
    return 0;
}
