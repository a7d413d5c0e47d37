/* SPDX-License-Identifier: MIT
 *
 * Where the parts of a .proto file stand: SourceCodeInfo by its paths, in
 * constant time, for large files have very many.
 */
#ifndef SCHEMA_PROTO_PLACE_H
#define SCHEMA_PROTO_PLACE_H

#include "map.h"
#include "schema.h"

#include "google/protobuf/descriptor.pb-c.h"

/* A place in a file's tree of descriptors: SourceCodeInfo's path. */
struct place {
    int32_t steps[2 * SCHEMA_DEPTH_MAX + 4];
    size_t count;
};

/* The index of one file; zeroed at first. */
struct places {
    const Google__Protobuf__FileDescriptorProto *file;
    struct map map;
};

struct place place_in(const struct place *outer, int32_t field, size_t index);

/* Indexes the file if the index is of another. NULL: not there. */
const Google__Protobuf__SourceCodeInfo__Location *
place_find(struct pool *pool, struct places *places,
           const Google__Protobuf__FileDescriptorProto *file,
           const struct place *place);

#endif
