/* SPDX-License-Identifier: MIT
 *
 * Descriptors of .proto files to messages, enums and services. Well-known types
 * become the kinds that they stand for.
 */
#include <string.h>

#include "load.h"
#include "name.h"
#include "proto_mend.h"
#include "proto_place.h"
#include "protoc.h"

typedef Google__Protobuf__FileDescriptorProto File;
typedef Google__Protobuf__DescriptorProto Message;
typedef Google__Protobuf__FieldDescriptorProto Field;
typedef Google__Protobuf__EnumDescriptorProto Enum;
typedef Google__Protobuf__ServiceDescriptorProto Service;
typedef Google__Protobuf__MethodDescriptorProto Method;
typedef Google__Protobuf__SourceCodeInfo__Location Location;

#define FIELD_TYPE(name)                                                       \
    GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_##name

/* A message or enum by protoc's full name, ".user.IdRequest". */
struct known {
    const char *name;
    struct schema_message *message;
    struct schema_enum *values;
    const Message *descriptor; /* of messages */
    bool used;                 /* by a field or a method */
    bool listed;               /* among the unit's */
    const File *file;
    struct place place;
};

struct proto {
    struct protoc protoc;
    struct pool *pool;
    const File *root;
    const File *file; /* being read */
    struct places places;
    struct vec known;   /* struct known * */
    struct map by_name; /* the same */
    struct map methods; /* names of methods; a value: of several */
    struct vec messages, enums, services;
};

static const Location *find_location(struct proto *proto,
                                     const struct place *place)
{
    return place_find(proto->pool, &proto->places, proto->file, place);
}

/* Positions in imported files are not known to the character. */
static struct schema_pos pos_at(struct proto *proto, const struct place *place)
{
    const File *file = proto->file;
    const Location *found = find_location(proto, place);
    struct schema_pos none = {file->name, 0, 0};
    if (!found)
        return none;
    if (file == proto->root)
        return source_pos(proto->protoc.source,
                          protoc_offset(proto->protoc.source, found->span[0],
                                        found->span[1]));
    return (struct schema_pos){file->name, (uint32_t)found->span[0] + 1,
                               (uint32_t)found->span[1] + 1};
}

static void complain(struct proto *proto, const struct place *place,
                     const char *message, const char *name)
{
    const Location *found = find_location(proto, place);
    struct schema_pos pos = pos_at(proto, place);
    if (proto->file == proto->root && found)
        source_error(
            proto->protoc.source,
            protoc_offset(proto->protoc.source, found->span[0], found->span[1]),
            "%s: '%s'", message, name);
    else
        schema_error_add(proto->protoc.schema, &pos, NULL, "%s: '%s'", message,
                         name);
}

static const char *doc_at(struct proto *proto, const struct place *place)
{
    const Location *found = find_location(proto, place);
    const char *text = found ? found->leading_comments : NULL;
    if (!text && found)
        text = found->trailing_comments;
    if (!text)
        return "";
    size_t from = strspn(text, " \t\r\n*"), to = strlen(text);
    while (to > from && strchr(" \t\r\n*", text[to - 1]))
        to--;
    char *doc = pool_text_n(proto->pool, text + from, to - from);
    for (char *at = doc; *at; at++)
        if (*at == '\n' || *at == '\r')
            *at = ' ';
    return doc;
}

static const char *package_of(const struct proto *proto, const File *file)
{
    return file->package && file->package[0]
               ? file->package
               : name_stem(proto->pool, file->name);
}

/* What the file's types begin with in C. */
static const char *prefix_of(const struct proto *proto)
{
    return name_prefix(proto->pool, package_of(proto, proto->file));
}

static struct known *find_known(const struct proto *proto, const char *name)
{
    return name ? map_get(&proto->by_name, name) : NULL;
}

static struct known *add_known(struct proto *proto, const char *outer,
                               const char *name, const struct place *place)
{
    struct known *known = pool_alloc(proto->pool, sizeof(*known));
    known->name = pool_printf(proto->pool, "%s.%s", outer, name);
    known->file = proto->file;
    known->place = *place;
    vec_push(proto->pool, &proto->known, known);
    map_put(proto->pool, &proto->by_name, known->name, known);
    return known;
}

/* ".user.A.B" without ".user." */
static const char *local_name(const struct proto *proto, const char *full)
{
    const char *package = proto->file->package;
    full++;
    if (!package || !package[0])
        return full;
    return full + strlen(package) + 1;
}

static bool is_google(const struct known *known)
{
    return !strncmp(known->name, ".google.protobuf.", 17);
}

static void read_enum(struct proto *proto, const char *outer, const Enum *from,
                      const struct place *place)
{
    struct known *known = add_known(proto, outer, from->name, place);
    struct schema_enum *made = pool_alloc(proto->pool, sizeof(*made));
    struct schema_enum_value *values =
        pool_array(proto->pool, from->n_value + 1, sizeof(*values));
    for (size_t i = 0; i < from->n_value; i++)
        values[i] = (struct schema_enum_value){from->value[i]->name,
                                               from->value[i]->number};
    made->name = known->name + 1;
    made->c_name = name_join(proto->pool, prefix_of(proto),
                             local_name(proto, known->name));
    made->values = values;
    made->pos = pos_at(proto, place);
    made->value_count = from->n_value;
    known->values = made;
    if (strncmp(known->name, ".google.protobuf.", 17))
        vec_push(proto->pool, &proto->enums, made);
}

static void declare(struct proto *proto, const char *outer, const Message *from,
                    const struct place *place)
{
    struct known *known = add_known(proto, outer, from->name, place);
    struct schema_message *made = pool_alloc(proto->pool, sizeof(*made));
    if (place->count / 2 > SCHEMA_DEPTH_MAX) {
        complain(proto, place, "messages nested too deeply", from->name);
        return;
    }
    known->message = made;
    known->descriptor = from;
    made->name = local_name(proto, known->name);
    made->full = pool_printf(proto->pool, "%s.%s",
                             package_of(proto, proto->file), made->name);
    made->c_name = name_join(proto->pool, prefix_of(proto), made->name);
    made->imported = proto->file != proto->root;
    made->entry = from->options && from->options->has_map_entry &&
                  from->options->map_entry;
    made->pos = pos_at(proto, place);
    made->doc = doc_at(proto, place);
    vec_push(proto->pool, &proto->messages, made);
    for (size_t i = 0; i < from->n_nested_type; i++) {
        struct place inner = place_in(place, 3, i);
        declare(proto, known->name, from->nested_type[i], &inner);
    }
    for (size_t i = 0; i < from->n_enum_type; i++) {
        struct place inner = place_in(place, 4, i);
        read_enum(proto, known->name, from->enum_type[i], &inner);
    }
}

static void declare_file(struct proto *proto, const File *file)
{
    const struct place root = {.count = 0};
    const char *outer = "";
    proto->file = file;
    if (file->package && file->package[0])
        outer = pool_printf(proto->pool, ".%s", file->package);
    for (size_t i = 0; i < file->n_message_type; i++) {
        struct place place = place_in(&root, 4, i);
        declare(proto, outer, file->message_type[i], &place);
    }
    for (size_t i = 0; i < file->n_enum_type; i++) {
        struct place place = place_in(&root, 5, i);
        read_enum(proto, outer, file->enum_type[i], &place);
    }
}

/* Types that have a kind of their own. */
static const struct well_known {
    const char *name;
    enum schema_kind kind;
    bool presence;
} well_known[] = {
    {"Timestamp", SCHEMA_TIME, true},   {"Duration", SCHEMA_DURATION, true},
    {"DoubleValue", SCHEMA_F64, true},  {"FloatValue", SCHEMA_F32, true},
    {"Int64Value", SCHEMA_I64, true},   {"UInt64Value", SCHEMA_U64, true},
    {"Int32Value", SCHEMA_I32, true},   {"UInt32Value", SCHEMA_U32, true},
    {"BoolValue", SCHEMA_BOOL, true},   {"StringValue", SCHEMA_TEXT, true},
    {"BytesValue", SCHEMA_BYTES, true}, {"Struct", SCHEMA_ANY, false},
    {"Value", SCHEMA_ANY, false},       {"ListValue", SCHEMA_ANY, false},
    {"Any", SCHEMA_ANY, false},         {NULL, SCHEMA_ANY, false}};

static const struct well_known *find_well_known(const char *name)
{
    static const char prefix[] = ".google.protobuf.";
    if (strncmp(name, prefix, sizeof(prefix) - 1))
        return NULL;
    for (const struct well_known *at = well_known; at->name; at++)
        if (!strcmp(at->name, name + sizeof(prefix) - 1))
            return at;
    return NULL;
}

static enum schema_kind
scalar_kind(Google__Protobuf__FieldDescriptorProto__Type type)
{
    static const unsigned char kinds[] = {
        [FIELD_TYPE(DOUBLE)] = SCHEMA_F64,
        [FIELD_TYPE(FLOAT)] = SCHEMA_F32,
        [FIELD_TYPE(INT64)] = SCHEMA_I64,
        [FIELD_TYPE(UINT64)] = SCHEMA_U64,
        [FIELD_TYPE(INT32)] = SCHEMA_I32,
        [FIELD_TYPE(FIXED64)] = SCHEMA_U64,
        [FIELD_TYPE(FIXED32)] = SCHEMA_U32,
        [FIELD_TYPE(BOOL)] = SCHEMA_BOOL,
        [FIELD_TYPE(STRING)] = SCHEMA_TEXT,
        [FIELD_TYPE(BYTES)] = SCHEMA_BYTES,
        [FIELD_TYPE(UINT32)] = SCHEMA_U32,
        [FIELD_TYPE(ENUM)] = SCHEMA_ENUM,
        [FIELD_TYPE(SFIXED32)] = SCHEMA_I32,
        [FIELD_TYPE(SFIXED64)] = SCHEMA_I64,
        [FIELD_TYPE(SINT32)] = SCHEMA_I32,
        [FIELD_TYPE(SINT64)] = SCHEMA_I64,
    };
    return (enum schema_kind)kinds[type];
}

static const char *
scalar_name(Google__Protobuf__FieldDescriptorProto__Type type)
{
    static const char *const names[] = {
        [FIELD_TYPE(DOUBLE)] = "double",
        [FIELD_TYPE(FLOAT)] = "float",
        [FIELD_TYPE(INT64)] = "int64",
        [FIELD_TYPE(UINT64)] = "uint64",
        [FIELD_TYPE(INT32)] = "int32",
        [FIELD_TYPE(FIXED64)] = "fixed64",
        [FIELD_TYPE(FIXED32)] = "fixed32",
        [FIELD_TYPE(BOOL)] = "bool",
        [FIELD_TYPE(STRING)] = "string",
        [FIELD_TYPE(BYTES)] = "bytes",
        [FIELD_TYPE(UINT32)] = "uint32",
        [FIELD_TYPE(SFIXED32)] = "sfixed32",
        [FIELD_TYPE(SFIXED64)] = "sfixed64",
        [FIELD_TYPE(SINT32)] = "sint32",
        [FIELD_TYPE(SINT64)] = "sint64",
        [FIELD_TYPE(GROUP)] = "group",
    };
    return names[type] ? names[type] : "";
}

static bool read_message_type(struct proto *proto, const Field *from,
                              struct schema_field *field,
                              const struct place *place)
{
    const struct well_known *special = find_well_known(from->type_name);
    struct known *known = find_known(proto, from->type_name);
    if (special) {
        field->kind = special->kind;
        field->presence = special->presence && field->cardinality == SCHEMA_ONE;
        return true;
    }
    if (!known || !known->message) {
        complain(proto, place, "unresolved type", from->type_name);
        return false;
    }
    known->used = true;
    field->kind = SCHEMA_MESSAGE;
    field->message = known->message;
    const Google__Protobuf__MessageOptions *options =
        known->descriptor->options;
    if (options && options->has_map_entry && options->map_entry)
        field->cardinality = SCHEMA_MAP;
    return true;
}

static const char *oneof_of(const Message *message, const Field *from)
{
    bool synthetic = from->has_proto3_optional && from->proto3_optional;
    if (!from->has_oneof_index || synthetic || from->oneof_index < 0 ||
        (size_t)from->oneof_index >= message->n_oneof_decl)
        return "";
    return message->oneof_decl[from->oneof_index]->name;
}

static bool is_proto3(const File *file)
{
    return file->syntax && !strcmp(file->syntax, "proto3");
}

static bool read_field(struct proto *proto, const Message *message,
                       const Field *from, const struct place *place,
                       struct schema_field *field)
{
    bool repeated =
        from->label ==
        GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED;
    bool required =
        from->label ==
        GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REQUIRED;
    *field = (struct schema_field){
        .name = from->name,
        .written = from->name,
        .tag = "",
        .oneof = oneof_of(message, from),
        .doc = doc_at(proto, place),
        .number = from->number,
        .cardinality = repeated ? SCHEMA_LIST : SCHEMA_ONE,
        .flags = SCHEMA_IN_JSON,
        .pos = pos_at(proto, place),
        .type =
            from->type_name ? from->type_name + 1 : scalar_name(from->type)};
    if (required)
        field->flags |= SCHEMA_REQUIRED;
    if (from->type == FIELD_TYPE(MESSAGE) || from->type == FIELD_TYPE(GROUP))
        return read_message_type(proto, from, field, place);
    field->kind = scalar_kind(from->type);
    bool optional = from->has_proto3_optional && from->proto3_optional;
    field->presence = !repeated && !required &&
                      (optional || field->oneof[0] || !is_proto3(proto->file));
    if (from->type == FIELD_TYPE(ENUM)) {
        struct known *known = find_known(proto, from->type_name);
        field->values = known ? known->values : NULL;
        if (known && is_google(known) && !known->listed)
            vec_push(proto->pool, &proto->enums, known->values);
        if (known)
            known->listed = true;
    }
    return true;
}

static void read_message(struct proto *proto, struct known *known)
{
    const Message *from = known->descriptor;
    size_t count = 0;
    proto->file = known->file;
    if (from->n_field > SCHEMA_FIELDS_MAX) {
        complain(proto, &known->place, "too many fields", from->name);
        return;
    }
    struct schema_field *fields =
        pool_array(proto->pool, from->n_field + 1, sizeof(*fields));
    for (size_t i = 0; i < from->n_field; i++) {
        struct place place = place_in(&known->place, 2, i);
        if (read_field(proto, from, from->field[i], &place, &fields[count]))
            count++;
    }
    name_members(proto->pool, fields, count, sizeof(*fields));
    known->message->fields = fields;
    known->message->field_count = count;
}

/* google.protobuf.Empty is no message at all. */
static const struct schema_message *body_of(const struct proto *proto,
                                            const char *type)
{
    struct known *known = find_known(proto, type);
    if (!strcmp(type, ".google.protobuf.Empty"))
        return NULL;
    if (known)
        known->used = true;
    return known ? known->message : NULL;
}

static uint32_t method_flags(const Method *from)
{
    if (!from->options || !from->options->has_idempotency_level)
        return 0;
    if (from->options->idempotency_level ==
        GOOGLE__PROTOBUF__METHOD_OPTIONS__IDEMPOTENCY_LEVEL__NO_SIDE_EFFECTS)
        return SCHEMA_NO_SIDE_EFFECTS | SCHEMA_IDEMPOTENT;
    if (from->options->idempotency_level ==
        GOOGLE__PROTOBUF__METHOD_OPTIONS__IDEMPOTENCY_LEVEL__IDEMPOTENT)
        return SCHEMA_IDEMPOTENT;
    return 0;
}

static void count_methods(struct proto *proto)
{
    struct map seen = {0};
    for (size_t i = 0; i < proto->root->n_service; i++)
        for (size_t j = 0; j < proto->root->service[i]->n_method; j++) {
            char *name = proto->root->service[i]->method[j]->name;
            if (map_get(&seen, name))
                map_put(proto->pool, &proto->methods, name, name);
            map_put(proto->pool, &seen, name, name);
        }
}

/* Services of one package are one actor: a method name that several of them
 * have gets its service's name before it. */
static const char *method_name(const struct proto *proto,
                               const struct schema_service *service,
                               const char *name)
{
    return map_get(&proto->methods, name)
               ? name_join(proto->pool, service->name, name)
               : name;
}

static void read_method(struct proto *proto,
                        const struct schema_service *service,
                        const Method *from, const struct place *place,
                        struct schema_method *method)
{
    bool packaged = service->package[0];
    *method = (struct schema_method){
        .name = method_name(proto, service, from->name),
        .c_name = name_c(proto->pool, method_name(proto, service, from->name)),
        .path = pool_printf(proto->pool, "/%s%s%s/%s", service->package,
                            packaged ? "." : "", service->name, from->name),
        .flags = method_flags(from),
        .request = body_of(proto, from->input_type),
        .reply = body_of(proto, from->output_type),
        .request_type = from->input_type + 1,
        .reply_type = from->output_type + 1,
        .client_stream = from->has_client_streaming && from->client_streaming,
        .server_stream = from->has_server_streaming && from->server_streaming,
        .doc = doc_at(proto, place),
        .pos = pos_at(proto, place)};
}

static void read_service(struct proto *proto, const Service *from, size_t index)
{
    const struct place root = {.count = 0};
    struct place place = place_in(&root, 6, index);
    struct schema_service *service = pool_alloc(proto->pool, sizeof(*service));
    struct schema_method *methods =
        pool_array(proto->pool, from->n_method + 1, sizeof(*methods));
    service->name = from->name;
    service->package = proto->file->package ? proto->file->package : "";
    service->actor = package_of(proto, proto->file);
    service->pos = pos_at(proto, &place);
    for (size_t i = 0; i < from->n_method; i++) {
        struct place inner = place_in(&place, 2, i);
        read_method(proto, service, from->method[i], &inner, &methods[i]);
    }
    service->methods = methods;
    service->method_count = from->n_method;
    vec_push(proto->pool, &proto->services, service);
}

static void list_files(struct proto *proto, struct schema_unit *unit)
{
    struct vec files = {0};
    const Google__Protobuf__FileDescriptorSet *set = proto->protoc.set;
    vec_push(proto->pool, &files, unit->path);
    for (size_t i = 0; i + 1 < set->n_file; i++) {
        const char *path = protoc_file(&proto->protoc, set->file[i]->name);
        if (path)
            vec_push(proto->pool, &files, path);
    }
    unit->files = files.items;
    unit->file_count = files.count;
}

static void list_imports(struct proto *proto, struct schema_unit *unit)
{
    struct vec names = {0}, missing = {0};
    const struct proto_file *root =
        ((struct proto_file *const *)proto->protoc.files.items)[0];
    const struct proto_import *imports = root->imports.items;
    for (size_t i = 0; i < root->imports.count; i++) {
        vec_push(proto->pool, &names, imports[i].name);
        if (map_get(&proto->protoc.missing, imports[i].name))
            vec_push(proto->pool, &missing, imports[i].name);
    }
    unit->import_names = vec_texts(proto->pool, &names);
    unit->missing_names = vec_texts(proto->pool, &missing);
}

/* Of Google's own messages those that somebody uses, which a message that is
 * read later may do: called until there are no more. */
static void list_messages(struct proto *proto, struct vec *messages)
{
    struct known *const *known = proto->known.items;
    for (size_t i = 0; i < proto->known.count; i++) {
        if (!known[i]->message || known[i]->listed ||
            (is_google(known[i]) && !known[i]->used))
            continue;
        known[i]->listed = true;
        read_message(proto, known[i]);
        vec_push(proto->pool, messages, known[i]->message);
    }
}

static void fill_unit(struct proto *proto, struct schema_unit *unit)
{
    struct vec messages = {0};
    proto->file = proto->root;
    count_methods(proto);
    for (size_t i = 0; i < proto->root->n_service; i++)
        read_service(proto, proto->root->service[i], i);
    size_t before;
    do {
        before = messages.count;
        list_messages(proto, &messages);
    } while (messages.count > before);
    unit->actor = package_of(proto, proto->root);
    unit->package = proto->root->package ? proto->root->package : "";
    unit->messages = messages.items;
    unit->message_count = messages.count;
    unit->enums = proto->enums.items;
    unit->enum_count = proto->enums.count;
    unit->services = proto->services.items;
    unit->service_count = proto->services.count;
    list_files(proto, unit);
    list_imports(proto, unit);
}

struct schema_unit *proto_load(struct schema *schema, const char *path,
                               struct source *from, size_t at)
{
    struct schema_unit *unit = unit_new(schema, SCHEMA_PROTO, path);
    struct proto proto = {
        .protoc = {.schema = schema, .path = path, .from = from, .at = at},
        .pool = &schema->pool};
    if (!protoc_run(&proto.protoc))
        return unit;
    const Google__Protobuf__FileDescriptorSet *set = proto.protoc.set;
    proto.root = set->file[set->n_file - 1];
    for (size_t i = 0; i < set->n_file; i++)
        declare_file(&proto, set->file[i]);
    fill_unit(&proto, unit);
    return unit;
}
