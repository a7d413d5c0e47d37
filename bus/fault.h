/* SPDX-License-Identifier: MIT
 *
 * Every fault of one input: a decoder or check that has a list of them notes
 * what is wrong with a field and goes on with the next, where without one it
 * would stop at the first. Faults that are of no field (malformed text, no
 * memory) end the reading either way. Caller-allocated; the texts lie in an
 * arena. One thread at a time.
 */
#ifndef BUS_FAULT_H
#define BUS_FAULT_H

#include <stdbool.h>
#include <stddef.h>

#define BUS_FAULTS_MAX 64 /* kept of one input; later ones are dropped */

struct bus_arena;
struct bus_error;

struct bus_fault {
    const char *field; /* its path: "in.list[1].a" */
    const char *sentence;
};

struct bus_faults {
    struct bus_arena *arena;
    size_t count;
    struct bus_fault items[BUS_FAULTS_MAX];
};

void bus_faults_init(struct bus_faults *faults, struct bus_arena *arena);

/* Notes what err says of a field. True: go on with the next one. False, and
 * nothing is noted: no list (NULL), or err is not about a field alone, so that
 * its code is to be returned. */
bool bus_fault_keep(struct bus_faults *faults, const struct bus_error *err);

/* 0 if nothing was noted (faults may be NULL); else INVALID_ARGUMENT, with the
 * first one in err. */
int bus_faults_error(const struct bus_faults *faults, struct bus_error *err);

#endif
