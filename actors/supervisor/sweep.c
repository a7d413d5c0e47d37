/* SPDX-License-Identifier: MIT
 *
 * Walks the two folders. The supervisor knows nothing of names and sockets but
 * where they lie, how a name is locked and that a socket's name holds a pid.
 */
#define _GNU_SOURCE
#include "actors/supervisor/sweep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bus/home.h"

typedef void entry_visit(const char *folder, const char *name, int pid);

/* Calls visit for every entry that is not hidden. */
static void each_entry(const char *folder, entry_visit *visit, int pid)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        if (entry->d_name[0] != '.')
            visit(folder, entry->d_name, pid);
    }
    if (dir)
        closedir(dir);
}

static bool join(char path[BUS_PATH_MAX], const char *folder, const char *name)
{
    return snprintf(path, BUS_PATH_MAX, "%s/%s", folder, name) < BUS_PATH_MAX;
}

/* Nobody holds the lock of that name. */
static bool name_dead(const char *path)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return false;
    bool dead = fcntl(fd, F_OFD_GETLK, &whole) == 0 && whole.l_type == F_UNLCK;
    close(fd);
    return dead;
}

static void sweep_name(const char *folder, const char *name, int pid)
{
    char path[BUS_PATH_MAX];
    (void)pid;
    if (join(path, folder, name) && name_dead(path))
        unlink(path);
}

static void sweep_actor(const char *folder, const char *actor, int pid)
{
    char path[BUS_PATH_MAX];
    if (!join(path, folder, actor))
        return;
    each_entry(path, sweep_name, pid);
    rmdir(path);
}

/* The number at *at, if a whole word is one; *at moves past the word. */
static long word_number(const char **at)
{
    char *end;
    size_t len = strcspn(*at, "-.");
    long number = strtol(*at, &end, 10);
    bool whole = len > 0 && end == *at + len;
    *at += len;
    if (**at)
        (*at)++;
    return whole ? number : -1;
}

static bool process_gone(long pid)
{
    return kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

/* pid > 0: it is that one's; 0: every number of a plausible pid in it is of a
 * process that is gone, and there is one. */
static bool socket_dead(const char *name, int pid)
{
    bool found = false;
    while (*name) {
        long number = word_number(&name);
        if (pid > 0 && number == pid)
            return true;
        if (pid > 0 || number <= 0 || number > INT32_MAX)
            continue;
        if (!process_gone(number))
            return false;
        found = true;
    }
    return found;
}

static void sweep_socket(const char *folder, const char *name, int pid)
{
    char path[BUS_PATH_MAX];
    if (socket_dead(name, pid) && join(path, folder, name))
        unlink(path);
}

void sweep_instance(const char *home, const char *actor, int number, int pid)
{
    char folder[BUS_PATH_MAX], name[BUS_PATH_MAX], instance[16];
    if (!join(folder, home, "names") || !join(name, folder, actor))
        return;
    snprintf(instance, sizeof(instance), "%d", number);
    sweep_name(name, instance, 0);
    if (join(folder, home, "sock"))
        each_entry(folder, sweep_socket, pid);
}

void sweep_home(const char *home)
{
    char folder[BUS_PATH_MAX];
    if (join(folder, home, "names"))
        each_entry(folder, sweep_actor, 0);
    if (join(folder, home, "sock"))
        each_entry(folder, sweep_socket, 0);
}
