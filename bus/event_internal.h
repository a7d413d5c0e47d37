/* SPDX-License-Identifier: MIT
 *
 * What servers and the bus want from events.
 */
#ifndef BUS_EVENT_INTERNAL_H
#define BUS_EVENT_INTERNAL_H

#include "bus/bus_internal.h"
#include "bus/event.h"

/* The publisher of a server, at server->name.events. */
int event_source_open(struct bus_server *server, struct bus_error *err);
void event_source_close(struct bus_server *server);

/* Names changed: subscriptions follow who came and leave who went. */
void events_sync(struct bus *bus);

#endif
