/* SPDX-License-Identifier: MIT
 *
 * The sentences of config.c: "FILE:LINE:COL: key A.B: found X, expected Y".
 */
#ifndef BUS_CONFIG_SAY_H
#define BUS_CONFIG_SAY_H

#include "bus/shape.h"
#include "bus/yaml.h"

struct bus_error;

#define CONFIG_EXPECTED_MAX 200 /* bytes of the words after "expected" */

struct config_place {
    const struct bus_yaml *node;
    const struct bus_path *path; /* NULL: the whole file */
    bool secret;                 /* the value is not quoted */
};

/* What a field wants, in words: "a whole number from 0 to 255". */
void config_expected(const struct bus_field *field,
                     char ret[CONFIG_EXPECTED_MAX]);

/* All return INVALID_ARGUMENT. */
int config_refuse(const struct config_place *place, const char *expected,
                  struct bus_error *err);
int config_unknown(const struct config_place *place,
                   const struct bus_shape *const *shapes, size_t count,
                   struct bus_error *err);
/* Rewords what bus_shape_check said. */
int config_rule(const struct config_place *place, const struct bus_shape *shape,
                const struct bus_error *why, struct bus_error *err);

#endif
