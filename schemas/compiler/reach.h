/* SPDX-License-Identifier: MIT
 *
 * Which types a client sends: those of requests, and what lies in them. The
 * others only come back, where a field may be left out for being empty.
 */
#ifndef SCHEMA_REACH_H
#define SCHEMA_REACH_H

#include "map.h"
#include "schema.h"

/* The messages that the service's requests reach, by their c_name. */
struct map reach_requests(struct pool *pool,
                          const struct schema_service *service);

#endif
