/* SPDX-License-Identifier: MIT
 *
 * What a bus knows of the methods that were called through it, each found by
 * one look: where it is (the target taken apart, the route to its actor) and
 * how calls to it have gone (its guard).
 */
#ifndef BUS_CALLEES_H
#define BUS_CALLEES_H

#include "bus/guard.h"

#define CALLEES_MAX 4096 /* methods of targets that are remembered */

struct route;

/* "user", "user#3", "user@n2" or "user#3@n2", taken apart. */
struct target {
    const char *actor;
    const char *instance; /* NULL: any */
    const char *node;     /* NULL: any */
};

struct callee {
    struct callee *next;
    struct guard guard;
    struct target target;
    bool valid;                  /* the target is one */
    bool kept;                   /* until the end; else for one call */
    struct route *_Atomic route; /* NULL: not looked for yet */
    uint32_t hash;
    const char *name, *method; /* name: the target as it is written */
    char text[];
};

struct callees;

struct callees *callees_new(void);
void callees_free(struct callees *callees);

/* Made on first use. Past CALLEES_MAX it is made for this call alone. Give it
 * back with callee_drop. Any thread. */
struct callee *callees_get(struct callees *callees, const char *target,
                           const char *method);
void callee_drop(struct callee *callee);

#endif
