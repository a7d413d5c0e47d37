/* SPDX-License-Identifier: MIT
 *
 * The parts of a unit's JSON, one function a language: each adds keys to an
 * object that is open.
 */
#ifndef SCHEMA_DESCRIBE_H
#define SCHEMA_DESCRIBE_H

#include "js.h"

void describe_types(struct out *out, const struct schema_unit *unit);
void describe_proto(struct out *out, const struct schema_unit *unit);
void describe_sql(struct out *out, const struct schema_unit *unit);
void describe_saga(struct out *out, const struct schema_unit *unit);

#endif
