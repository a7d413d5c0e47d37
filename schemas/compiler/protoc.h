/* SPDX-License-Identifier: MIT
 *
 * Runs protoc on one .proto file and decodes its descriptor set.
 */
#ifndef SCHEMA_PROTOC_H
#define SCHEMA_PROTOC_H

#include "source.h"

#include "google/protobuf/descriptor.pb-c.h"

#define PROTO_FOLDERS_MAX 16 /* searched for imports */

struct protoc {
    struct schema *schema;
    const char *path;    /* as given */
    struct source *from; /* who imports it, and where; NULL */
    size_t at;
    struct source *source; /* its text, for positions */
    const char *scratch;   /* folder of this run */
    struct vec folders;    /* const char *: where imports were looked for */
    Google__Protobuf__FileDescriptorSet *set; /* in the schema's pool */
};

/* False, with protoc's own errors added, if it does not compile. */
bool protoc_run(struct protoc *protoc);

/* The file behind a name in the set, where it was found. */
const char *protoc_file(const struct protoc *protoc, const char *name);

/* Option files of others, for imports that are not installed: written under a
 * folder (false: it could not be), and removed again. */
bool proto_stubs_write(struct pool *pool, const char *folder);
void proto_stubs_remove(struct pool *pool, const char *folder);

/* The offset of protoc's line and column (both from 0, tabs to 8). */
size_t protoc_offset(const struct source *source, int32_t line, int32_t column);

#endif
