/* SPDX-License-Identifier: MIT
 *
 * Runs protoc on one .proto file and decodes its descriptor set.
 */
#ifndef SCHEMA_PROTOC_H
#define SCHEMA_PROTOC_H

#include "map.h"
#include "source.h"

#include "google/protobuf/descriptor.pb-c.h"

#define PROTO_FOLDERS_MAX 32 /* searched for imports */

/* A file that protoc will read: the one asked for, then what it imports. */
struct proto_file {
    const char *name;   /* as imports write it */
    const char *path;   /* where it lies */
    const char *text;   /* UTF-8 */
    struct vec imports; /* struct proto_import */
    bool copied;        /* protoc reads a copy, not the file */
};

struct protoc {
    struct schema *schema;
    const char *path;    /* as given */
    struct source *from; /* who imports it, and where; NULL */
    size_t at;
    struct source *source; /* its text, for positions */
    const char *scratch;   /* folder of this run */
    struct vec written;    /* const char *: files in it */
    struct vec made;       /* const char *: folders in it, outer first */
    struct vec folders;    /* const char *: where imports were looked for */
    struct vec files;      /* struct proto_file * */
    struct map by_name;    /* their names */
    struct map missing;    /* names of imports that protoc did not find */
    size_t missing_count;
    bool undefined;  /* protoc missed a name */
    struct map said; /* such names, and how far in the text */
    Google__Protobuf__FileDescriptorSet *set; /* in the schema's pool */
};

/* False, with protoc's own errors added, if it does not compile. */
bool protoc_run(struct protoc *protoc);

/* The file behind a name in the set, where it was found; NULL. */
const char *protoc_file(const struct protoc *protoc, const char *name);

/* The offset of protoc's line and column (both from 0, tabs to 8). */
size_t protoc_offset(const struct source *source, int32_t line, int32_t column);

/* Fills files and folders: the file itself, then all that it imports, as far as
 * they are found. */
void proto_find(struct protoc *protoc);

/* Writes into the scratch folder what protoc cannot read where it lies. False:
 * it could not be, and errno says why. */
bool proto_copy(struct protoc *protoc);
/* The same for every file, without missing imports and custom options. */
bool proto_copy_mended(struct protoc *protoc);
void proto_copies_remove(struct protoc *protoc);

/* Whether the file itself needs what it imports and is missing for more than
 * the options that were left out. */
bool proto_missing_matters(struct protoc *protoc);
/* Adds an error for each missing import that may be to blame. */
void proto_missing_say(struct protoc *protoc);

#endif
