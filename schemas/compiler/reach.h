/* SPDX-License-Identifier: MIT
 *
 * Which types lie in which: those that a client sends are held to more than
 * those that only come back; one that no method has is the service's own.
 */
#ifndef SCHEMA_REACH_H
#define SCHEMA_REACH_H

#include "map.h"
#include "schema.h"

/* The messages among roots (struct schema_message *; NULL is passed over) and
 * all that lie in them, by their c_name. */
struct map reach_from(struct pool *pool, const struct vec *roots);

/* The same from the service's requests. */
struct map reach_requests(struct pool *pool,
                          const struct schema_service *service);

#endif
