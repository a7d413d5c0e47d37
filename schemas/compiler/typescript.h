/* SPDX-License-Identifier: MIT
 *
 * What the two halves of the TypeScript printer share: typescript.c prints the
 * client, typescript_type.c types.
 */
#ifndef SCHEMA_TYPESCRIPT_H
#define SCHEMA_TYPESCRIPT_H

#include "openapi.h"

/* All interfaces of a unit. */
void ts_types(struct out *out, const struct schema_unit *unit);
const char *ts_name(struct out *out, const struct schema_message *message);
/* The type of a response as the .api file writes it; "void" of none. */
const char *ts_reply(struct out *out, const struct schema_unit *unit,
                     const char *type);

/* A property's key: id, "access-token"; and as a member: .id, ["a-b"]. */
void ts_key(struct out *out, const char *name);
void ts_member(struct out *out, const char *name);
void ts_doc(struct out *out, const char *indent, const char *doc);

#endif
