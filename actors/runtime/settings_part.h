/* SPDX-License-Identifier: MIT
 *
 * What settings.c and settings_auth.c share: parts of a configuration whose
 * keys are not known before the file is read.
 */
#ifndef ACTOR_SETTINGS_PART_H
#define ACTOR_SETTINGS_PART_H

#include "actors/runtime/settings.h"
#include "bus/config.h"
#include "bus/yaml.h"

extern const struct bus_shape actor_auth_shape;

/* True for a map with a secret of tokens under another key than Auth. */
bool settings_is_auth(const struct bus_yaml *node);

/* A part with one field for each such key that own (NULL: none) does not have;
 * its message is an array of pointers in the same order. */
int settings_auths(const struct bus_yaml *map, const struct bus_shape *own,
                   struct bus_arena *arena, struct bus_config_part *ret,
                   struct bus_error *err);

#endif
