/* SPDX-License-Identifier: MIT
 *
 * Option files that many .proto files import and few machines have installed.
 * What they declare is only needed for protoc to read the options; nothing of
 * it is used here. They are written into the folder of one run, and searched
 * behind every folder of the author's.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protoc.h"

static const struct stub {
    const char *name;
    const char *text;
} stubs[] = {
    {"google/api/http.proto",
     "syntax = \"proto3\";\npackage google.api;\n"
     "message Http { repeated HttpRule rules = 1; "
     "bool fully_decode_reserved_expansion = 2; }\n"
     "message HttpRule { string selector = 1; oneof pattern { string get = 2; "
     "string put = 3; string post = 4; string delete = 5; string patch = 6; "
     "CustomHttpPattern custom = 8; } string body = 7; "
     "string response_body = 12; repeated HttpRule additional_bindings = 11; }"
     "\nmessage CustomHttpPattern { string kind = 1; string path = 2; }\n"},
    {"google/api/annotations.proto",
     "syntax = \"proto3\";\npackage google.api;\n"
     "import \"google/api/http.proto\";\n"
     "import \"google/protobuf/descriptor.proto\";\n"
     "extend google.protobuf.MethodOptions { HttpRule http = 72295728; }\n"},
    {"google/api/field_behavior.proto",
     "syntax = \"proto3\";\npackage google.api;\n"
     "import \"google/protobuf/descriptor.proto\";\n"
     "extend google.protobuf.FieldOptions { repeated FieldBehavior "
     "field_behavior = 1052; }\n"
     "enum FieldBehavior { FIELD_BEHAVIOR_UNSPECIFIED = 0; OPTIONAL = 1; "
     "REQUIRED = 2; OUTPUT_ONLY = 3; INPUT_ONLY = 4; IMMUTABLE = 5; "
     "UNORDERED_LIST = 6; NON_EMPTY_DEFAULT = 7; IDENTIFIER = 8; }\n"},
    {"gogoproto/gogo.proto",
     "syntax = \"proto2\";\npackage gogoproto;\n"
     "import \"google/protobuf/descriptor.proto\";\n"
     "extend google.protobuf.FileOptions { "
     "optional bool goproto_getters_all = 63001; "
     "optional bool goproto_enum_prefix_all = 63002; "
     "optional bool goproto_stringer_all = 63003; "
     "optional bool equal_all = 63013; optional bool stringer_all = 63015; "
     "optional bool marshaler_all = 63017; optional bool sizer_all = 63020; "
     "optional bool unmarshaler_all = 63023; }\n"
     "extend google.protobuf.MessageOptions { "
     "optional bool goproto_getters = 64001; "
     "optional bool goproto_stringer = 64003; optional bool equal = 64013; "
     "optional bool typedecl = 64030; }\n"
     "extend google.protobuf.FieldOptions { optional bool nullable = 65001; "
     "optional bool embed = 65002; optional string customtype = 65003; "
     "optional string customname = 65004; optional string jsontag = 65005; "
     "optional string moretags = 65006; optional string casttype = 65007; "
     "optional bool stdtime = 65010; optional bool stdduration = 65011; }\n"},
    {NULL, NULL}};

static const char *const folders[] = {"google", "google/api", "gogoproto",
                                      NULL};

static bool write_stub(struct pool *pool, const char *folder,
                       const struct stub *stub)
{
    FILE *file = fopen(pool_printf(pool, "%s/%s", folder, stub->name), "wxe");
    if (!file)
        return false;
    bool good = fputs(stub->text, file) >= 0;
    return fclose(file) == 0 && good;
}

bool proto_stubs_write(struct pool *pool, const char *folder)
{
    for (int i = 0; folders[i]; i++)
        if (mkdir(pool_printf(pool, "%s/%s", folder, folders[i]), 0700) &&
            errno != EEXIST)
            return false;
    for (const struct stub *stub = stubs; stub->name; stub++)
        if (!write_stub(pool, folder, stub))
            return false;
    return true;
}

void proto_stubs_remove(struct pool *pool, const char *folder)
{
    static const char *const inner_first[] = {"google/api", "google",
                                              "gogoproto", NULL};
    for (const struct stub *stub = stubs; stub->name; stub++)
        unlink(pool_printf(pool, "%s/%s", folder, stub->name));
    for (int i = 0; inner_first[i]; i++)
        rmdir(pool_printf(pool, "%s/%s", folder, inner_first[i]));
}
