/* SPDX-License-Identifier: MIT
 *
 * What a bus wants from the fixture's world.
 */
#ifndef BUS_MEMORY_INTERNAL_H
#define BUS_MEMORY_INTERNAL_H

#include "bus/bus_internal.h"
#include "bus/memory.h"

struct bus_names *memory_names(struct bus_memory *world);
struct link_net *memory_net(struct bus_memory *world);
void memory_join(struct bus_memory *world, struct bus *bus);
void memory_leave(struct bus_memory *world, struct bus *bus);
/* Delivers what was sent, unless this or another thread is at it. */
void memory_settle(struct bus_memory *world);
/* Brings something forward for one who waits; false: wait for threads. */
bool memory_idle(struct bus_memory *world);

#endif
