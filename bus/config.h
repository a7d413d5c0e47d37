/* SPDX-License-Identifier: MIT
 *
 * Configuration: a YAML map bound to a struct by its shape, go-zero's rules.
 * Keys match in any case, underscores ignored; an unknown key, a wrong type or
 * a missing value is an error "FILE:LINE:COL: key Mysql.DataSource: ...".
 */
#ifndef BUS_CONFIG_H
#define BUS_CONFIG_H

#include <stddef.h>

#include "bus/shape.h"
#include "bus/yaml.h"

struct bus_arena;
struct bus_error;

struct bus_config_part {
    const struct bus_shape *shape;
    void *message; /* zeroed by the caller, filled here */
};

/* Binds one map to several structs at once (the runtime's own keys and the
 * service's Config message): every key must belong to at least one of them. */
int bus_config_bind(const struct bus_yaml *map,
                    const struct bus_config_part *parts, size_t count,
                    struct bus_arena *arena, struct bus_error *err);

#endif
