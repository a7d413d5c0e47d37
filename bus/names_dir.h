/* SPDX-License-Identifier: MIT
 *
 * One actor's folder of name files: how a name is written, locked, read,
 * probed and swept. No memory of what was seen is kept here.
 */
#ifndef BUS_NAMES_DIR_H
#define BUS_NAMES_DIR_H

#include "bus/home.h"
#include "bus/names.h"

#define NAMES_FILE_MAX 2048 /* bytes of a name file */

/* Writes HOME/names/ACTOR/INSTANCE. *ret_lock: a descriptor that holds the
 * name's lock until it is closed. */
int names_dir_publish(const char *home, const struct bus_name *name,
                      int *ret_lock, struct bus_error *err);

/* Removes the file, if it is still the one that lock holds, and closes lock. */
void names_dir_withdraw(const char *home, const struct bus_name *name,
                        int lock);

/* Says in the file of a mirrored name whether it is stale. */
void names_dir_mark(int lock, uint8_t origin);

typedef void names_dir_live(void *arg, const struct bus_name *name);

/* Calls live for every name whose owner lives. Names of the dead are removed
 * with their sockets. *ret_crashed: Unix time (us) of the last such death, 0 if
 * none is known. False if there is no such folder. */
bool names_dir_scan(const char *home, const char *actor, names_dir_live *live,
                    void *arg, int64_t *ret_crashed);

typedef void names_dir_actor(void *arg, const char *actor);

/* Calls found for every actor that has a folder. */
void names_dir_actors(const char *home, names_dir_actor *found, void *arg);

#endif
