/* SPDX-License-Identifier: MIT
 *
 * The registrar as an actor: its configuration, and the thread (registrar.h)
 * that lives as long as its workers.
 */
#ifndef REGISTRAR_ACTOR_H
#define REGISTRAR_ACTOR_H

#include "actors/runtime/actor.h"

extern const struct actor_type registrar_actor;

#endif
