/* SPDX-License-Identifier: MIT
 *
 * Plans and sagas for unit tests: two or three steps that take values from the
 * request and from each other.
 */
#ifndef SAGA_SCENE_H
#define SAGA_SCENE_H

#include "actors/saga/state.h"
#include "bus/buf.h"

/* register: user (compensated by its own id), score (needs user's id). */
extern const struct saga_plan scene_register;

/* Packed plan; release it. */
struct bus_buf scene_pack(const struct saga_plan *plan);

/* Packs {key: text}; release it. */
struct bus_buf scene_map(const char *key, const char *text);

/* A new saga of that plan with that request. */
void scene_saga(struct plans *plans, const struct saga_plan *plan,
                struct bus_bytes request, struct saga *ret);

/* The text or number at a path, printed; "(none)" if there is none. Valid until
 * the next call. */
const char *scene_at(struct bus_bytes value, const char *path);

#endif
