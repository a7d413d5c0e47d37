/* SPDX-License-Identifier: MIT
 *
 * The node's voice: what other nodes may ask of this node's supervisor, handed
 * on to its control socket (actors/supervisor/command.h).
 */
#ifndef REGISTRAR_ORDERS_H
#define REGISTRAR_ORDERS_H

#include "actors/runtime/actor.h"

#define ORDERS_ANSWER_MAX ((size_t)4 << 20)

/* Asks one line of the supervisor of a home and waits for its answer, at most
 * until the deadline (monotonic ns). *ret_line lives in arena. UNAVAILABLE: no
 * supervisor runs there. What it refused is an answer, too. */
int orders_ask(const char *home, const char *request, int64_t deadline,
               struct bus_arena *arena, const char **ret_line,
               struct bus_error *err);

/* ps, scale and restart, as the actor's methods. */
extern const struct actor_method orders_methods[];
extern const size_t orders_count;

#endif
