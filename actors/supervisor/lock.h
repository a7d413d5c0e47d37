/* SPDX-License-Identifier: MIT
 *
 * One supervisor a home: HOME/supervisor.lock, held by an open-file-description
 * lock for as long as the process lives, with its pid inside for people.
 */
#ifndef LOCK_H
#define LOCK_H

#include "bus/home.h"

struct bus_error;

struct lock {
    int fd;
    char path[BUS_PATH_MAX];
};

/* ALREADY_EXISTS if another process holds it. */
int lock_take(const char *home, struct lock *lock, struct bus_error *err);

/* Removes the file, then lets go. */
void lock_release(struct lock *lock);

#endif
