/* SPDX-License-Identifier: MIT
 *
 * Dials a server's own address every few seconds, from outside nng, and says
 * hello: nng 1.5.2 stops accepting when a peer leaves during the handshake,
 * and nothing tells. Where no welcome comes, the hub listens anew.
 */
#ifndef BUS_WATCHDOG_H
#define BUS_WATCHDOG_H

#include <stdbool.h>

#include "bus/link.h"

#define WATCHDOG_EVERY_MS 500
#define WATCHDOG_ANSWER_MS 700

struct watchdog;

struct watchdog *watchdog_start(struct link_hub *hub, const char *url);
void watchdog_stop(struct watchdog *dog); /* NULL: nothing */

/* One probe of an ipc:// address: connects, shakes hands, says hello. True if
 * it was welcomed in time. */
bool watchdog_probe(const char *url, int timeout_ms);

#endif
