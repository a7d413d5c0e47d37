/* SPDX-License-Identifier: MIT
 *
 * $TROUPE_HOME (default ~/.troupe): where names/, sock/, data/ and log/ lie.
 * Folders are made 0700.
 */
#ifndef BUS_HOME_H
#define BUS_HOME_H

#include <stddef.h>

struct bus_error;

#define BUS_PATH_MAX 4096
#define BUS_SOCKET_PATH_MAX 107 /* sun_path holds 108 with its NUL */

/* The home: explicit if not NULL, else $TROUPE_HOME, else ~/.troupe, made
 * absolute. Makes it and its four folders. */
int bus_home(const char *explicit_home, char ret[BUS_PATH_MAX],
             struct bus_error *err);

/* home/folder/name into ret; RESOURCE_EXHAUSTED if it does not fit. */
int bus_home_path(const char *home, const char *folder, const char *name,
                  char *ret, size_t size, struct bus_error *err);

#endif
