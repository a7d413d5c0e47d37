/* SPDX-License-Identifier: MIT
 *
 * Variables in the scalars of a YAML file; yaml.c's own half.
 */
#ifndef BUS_YAML_EXPAND_H
#define BUS_YAML_EXPAND_H

#include "bus/yaml.h"

/* Sets node->text to text with ${VAR} and ${VAR:-default} replaced from the
 * environment. Refuses, with the node's position: a variable that is not set
 * and has no default, a ${ that is never closed, and text that is nothing but
 * $name. */
int yaml_expand(struct bus_yaml *node, const char *text,
                struct bus_arena *arena, struct bus_error *err);

#endif
