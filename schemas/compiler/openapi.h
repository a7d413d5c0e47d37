/* SPDX-License-Identifier: MIT
 *
 * What the two halves of the OpenAPI printer share: openapi.c prints paths,
 * openapi_info.c what is said of the whole, openapi_type.c the schemas of
 * types.
 */
#ifndef SCHEMA_OPENAPI_H
#define SCHEMA_OPENAPI_H

#include "js.h"

/* The keys info, servers and externalDocs of a document. */
void openapi_info(struct out *out, const struct schema_unit *unit);

/* The key of a message below components/schemas. */
const char *openapi_name(struct out *out, const struct schema_message *message);

/* Keys of a field's schema, into an object that is open. */
void openapi_field(struct out *out, const struct schema_field *field);
/* Keys of an object with the fields that have one of these sources. asked: it
 * is sent by clients, and required is what they must send; else what is always
 * there in an answer. */
void openapi_object(struct out *out, const struct schema_message *message,
                    unsigned sources, bool asked);
/* A base type by its name ("int64"), into an object that is open. */
void openapi_base(struct out *out, const char *name);
void openapi_ref(struct out *out, const struct schema_message *message);

/* The name by which one source calls a field. */
const char *openapi_source_name(const struct schema_field *field,
                                unsigned source);

#endif
