/* SPDX-License-Identifier: MIT
 *
 * Linux's F_OFD_SETLK. The holder removes the file when it ends, so whoever got
 * the lock of a file that has no name any more tries again with the new one.
 */
#define _GNU_SOURCE
#include "actors/supervisor/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bus/code.h"
#include "bus/error.h"

/* The open file is the one that stands at the path. */
static bool still_named(int fd, const char *path)
{
    struct stat own, named;
    return fstat(fd, &own) == 0 && stat(path, &named) == 0 &&
           own.st_ino == named.st_ino && own.st_dev == named.st_dev;
}

static void write_pid(int fd)
{
    if (ftruncate(fd, 0) == 0)
        dprintf(fd, "%d\n", (int)getpid());
}

int lock_take(const char *home, struct lock *lock, struct bus_error *err)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    snprintf(lock->path, sizeof(lock->path), "%.4000s/supervisor.lock", home);
    for (;;) {
        lock->fd = open(lock->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (lock->fd < 0)
            return bus_error_set(err, BUS_UNAVAILABLE, "cannot open %.300s: %s",
                                 lock->path, strerror(errno));
        if (fcntl(lock->fd, F_OFD_SETLK, &whole)) {
            close(lock->fd);
            return bus_error_set(err, BUS_ALREADY_EXISTS,
                                 "a supervisor runs in %.300s already", home);
        }
        if (still_named(lock->fd, lock->path))
            break;
        close(lock->fd);
    }
    write_pid(lock->fd);
    return BUS_OK;
}

void lock_release(struct lock *lock)
{
    unlink(lock->path);
    close(lock->fd);
}
