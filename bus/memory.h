/* SPDX-License-Identifier: MIT
 *
 * The fixture's world: several buses in one process, joined by links in memory
 * that carry the same frames as nng's, with one set of names and one fake
 * clock. Frames are delivered in the thread that sent them, before the call
 * that sent them returns. Links can be cut, replies lost, instances killed.
 * Shipped to users for tests of their own.
 */
#ifndef BUS_MEMORY_H
#define BUS_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "bus/clock.h"

struct bus_memory;
struct bus_names;

/* Monotonic time begins at one second, wall time at 2026-01-01. */
struct bus_memory *bus_memory_new(void);
/* After all its buses are closed. */
void bus_memory_free(struct bus_memory *world);

const struct bus_clock *bus_memory_clock(struct bus_memory *world);
struct bus_names *bus_memory_names(struct bus_memory *world);

/* Lets time pass, stopping wherever a bus has something due (deadlines, calls
 * that wait), and at the end. */
void bus_memory_advance(struct bus_memory *world, int64_t ns);

/* A blocked bus_wait asks pump to bring things forward (true: something
 * happened); when it cannot, time passes to whatever is due next. With
 * threads true it waits for other threads instead and never moves the clock.
 */
void bus_memory_pump(struct bus_memory *world, bool (*pump)(void *arg),
                     void *arg);
void bus_memory_threads(struct bus_memory *world, bool threads);

/* Cuts every link to an instance (NULL: to all of the actor) and refuses new
 * ones until mended. Calls in flight are lost. */
void bus_memory_cut(struct bus_memory *world, const char *actor,
                    const char *instance);
void bus_memory_mend(struct bus_memory *world);

enum bus_memory_loss {
    BUS_MEMORY_SILENT, /* vanishes: the caller's deadline passes */
    BUS_MEMORY_BROKEN, /* the connection breaks instead: outcome unknown */
};

/* The next count frames of replies of an actor are lost on their way. */
void bus_memory_lose(struct bus_memory *world, const char *actor,
                     unsigned count, enum bus_memory_loss how);

/* The instance dies as by kill -9: its links break, its name is gone, nothing
 * that it says afterwards arrives. The server object stays to be closed. */
void bus_memory_kill(struct bus_memory *world, const char *actor,
                     const char *instance);

#endif
