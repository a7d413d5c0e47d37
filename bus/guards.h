/* SPDX-License-Identifier: MIT
 *
 * The guards of a bus, one for each method of each target that was ever called.
 */
#ifndef BUS_GUARDS_H
#define BUS_GUARDS_H

#include "bus/guard.h"

#define GUARDS_MAX 4096 /* methods of targets; others go unguarded */

struct guards;

struct guards *guards_new(void);
void guards_free(struct guards *guards);

/* Made on first use, kept until the end. NULL: there are GUARDS_MAX. Any
 * thread. */
struct guard *guards_get(struct guards *guards, const char *target,
                         const char *method);

#endif
