/* SPDX-License-Identifier: MIT
 *
 * Walks the two folders. The supervisor knows nothing of names and sockets but
 * where they lie, how a name is locked and where a socket's name holds a pid.
 */
#define _GNU_SOURCE
#include "actors/supervisor/sweep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bus/home.h"

#define TOMB ".crashed"

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

/* Removes a dead name. */
static void sweep_name(const char *folder, const char *name, int pid)
{
    char path[BUS_PATH_MAX];
    (void)pid;
    if (join(path, folder, name) && name_dead(path))
        unlink(path);
}

/* Removes what marks a crash or was being written when its process died. */
static void sweep_hidden(const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    char path[BUS_PATH_MAX];
    while (dir && (entry = readdir(dir))) {
        bool ours = strcmp(entry->d_name, TOMB) == 0 ||
                    strncmp(entry->d_name, ".new-", 5) == 0;
        if (ours && join(path, folder, entry->d_name))
            unlink(path);
    }
    if (dir)
        closedir(dir);
}

static void sweep_actor(const char *folder, const char *actor, int pid)
{
    char path[BUS_PATH_MAX];
    if (!join(path, folder, actor))
        return;
    each_entry(path, sweep_name, pid);
    sweep_hidden(path);
    rmdir(path);
}

/* The pid in "ACTOR.INSTANCE.PID.START" and the same with ".e" (bus/server.c);
 * -1 if the name is no such. */
static long socket_pid(const char *name)
{
    char text[NAME_MAX + 1];
    char *end;
    snprintf(text, sizeof(text), "%s", name);
    size_t len = strlen(text);
    if (len > 2 && strcmp(text + len - 2, ".e") == 0)
        text[len - 2] = '\0';
    char *start = strrchr(text, '.');
    if (!start)
        return -1;
    *start = '\0';
    char *pid = strrchr(text, '.');
    if (!pid || !pid[1])
        return -1;
    long number = strtol(pid + 1, &end, 10);
    return *end || number <= 0 || number > INT32_MAX ? -1 : number;
}

/* pid > 0: it is that one's, which is dead; 0: its process is gone. */
static bool socket_dead(const char *name, int pid)
{
    long found = socket_pid(name);
    if (pid > 0 || found < 0)
        return found > 0 && found == pid;
    return kill((pid_t)found, 0) != 0 && errno == ESRCH;
}

static void sweep_socket(const char *folder, const char *name, int pid)
{
    char path[BUS_PATH_MAX];
    if (socket_dead(name, pid) && join(path, folder, name))
        unlink(path);
}

/* Turns a dead name into the mark of a crash, as the callers' own sweep does
 * (bus/names_dir.c): it tells them that a successor may soon be there. Whoever
 * changes the folder holds its lock. */
static void mark_crash(const char *folder, const char *instance)
{
    char name[BUS_PATH_MAX], tomb[BUS_PATH_MAX];
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (join(name, folder, instance) && join(tomb, folder, TOMB) &&
        flock(fd, LOCK_EX) == 0 && name_dead(name) && rename(name, tomb) == 0)
        utimensat(AT_FDCWD, tomb, NULL, 0);
    close(fd);
}

void sweep_instance(const char *home, const char *actor, int number, int pid)
{
    char names[BUS_PATH_MAX], folder[BUS_PATH_MAX], instance[16];
    snprintf(instance, sizeof(instance), "%d", number);
    if (join(names, home, "names") && join(folder, names, actor))
        mark_crash(folder, instance);
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
