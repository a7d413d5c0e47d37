/* SPDX-License-Identifier: MIT
 *
 * The schema compiler's library: .api, .proto, .sql and .saga files in, one
 * language-independent description out. schemac and `bus gen` print C from it,
 * the edge builds its routes and shapes of .api files from it at start. It
 * includes nothing else of troupe, prints nothing and never exits.
 *
 * Use: schema_new, schema_load for each file, schema_error_count or
 * schema_errors_text; then walk schema->units, or schema_find_service. All that
 * is reached from a struct schema is owned by it, is const for the caller, and
 * dies in schema_free. Not thread-safe; no global state. malloc failure aborts.
 */
#ifndef SCHEMA_H
#define SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SCHEMA_FILE_BYTES_MAX (64u << 20) /* of one source file */
#define SCHEMA_FILES_MAX 256              /* loaded together, with imports */
#define SCHEMA_ERRORS_MAX 100             /* reported in one run */
#define SCHEMA_DEPTH_MAX 32               /* nesting of types and blocks */
#define SCHEMA_FIELDS_MAX 1024            /* of one message or table */
#define SCHEMA_STEPS_MAX 64               /* of one saga */
#define SCHEMA_INPUTS_MAX 64              /* of one call in a saga */
#define SCHEMA_ACTOR_BYTES_MAX 63         /* of an actor's name: BUS_NAME_MAX */

/* Same names, same order and same numbers as enum bus_kind in bus/shape.h. */
enum schema_kind {
    SCHEMA_BOOL,
    SCHEMA_I8,
    SCHEMA_I16,
    SCHEMA_I32,
    SCHEMA_I64,
    SCHEMA_U8,
    SCHEMA_U16,
    SCHEMA_U32,
    SCHEMA_U64,
    SCHEMA_F32,
    SCHEMA_F64,
    SCHEMA_TEXT,
    SCHEMA_BYTES,
    SCHEMA_ENUM,
    SCHEMA_DECIMAL,
    SCHEMA_TIME,
    SCHEMA_DURATION,
    SCHEMA_MESSAGE,
    SCHEMA_ANY,
};

/* As enum bus_cardinality. */
enum schema_cardinality { SCHEMA_ONE, SCHEMA_LIST, SCHEMA_MAP };

/* As the field flags of bus/shape.h. */
enum {
    SCHEMA_REQUIRED = 1 << 0,
    SCHEMA_OMITEMPTY = 1 << 1,
    SCHEMA_NULLABLE = 1 << 2,
    SCHEMA_FROM_TEXT = 1 << 3,
    SCHEMA_IN_JSON = 1 << 4,
    SCHEMA_IN_FORM = 1 << 5,
    SCHEMA_IN_PATH = 1 << 6,
    SCHEMA_IN_HEADER = 1 << 7,
    SCHEMA_INHERIT = 1 << 8,
    SCHEMA_HAS_RANGE = 1 << 9,
    SCHEMA_OPEN_LOW = 1 << 10,
    SCHEMA_OPEN_HIGH = 1 << 11,
    SCHEMA_SECRET = 1 << 12,
    SCHEMA_STRING_OUT = 1 << 13,
};

/* As the method flags of bus/call.h. */
enum { SCHEMA_IDEMPOTENT = 1 << 0, SCHEMA_NO_SIDE_EFFECTS = 1 << 1 };

enum schema_language { SCHEMA_API, SCHEMA_PROTO, SCHEMA_SQL, SCHEMA_SAGA };

/* Where something was written. line and column count from 1, columns in
 * characters (UTF-8); line 0: no position. */
struct schema_pos {
    const char *file; /* as given, imports relative to their importer */
    uint32_t line;
    uint32_t column;
};

struct schema_error {
    struct schema_pos pos;
    const char *message; /* "found 'x', expected a type" */
    const char *excerpt; /* the source line; "" if there is none */
};

/* Members as struct bus_rule. */
struct schema_rule {
    const char *fallback;
    const char *const *options; /* NULL-terminated */
    double low, high;           /* -INFINITY, INFINITY when open */
    const char *with;
    const char *without;
    const char *form;
    const char *path;
    const char *header;
    const char *env;
};

struct schema_enum_value {
    const char *name;
    int32_t number;
};

struct schema_enum {
    const char *name;   /* "user.Gender" */
    const char *c_name; /* "user_Gender" */
    const struct schema_enum_value *values;
    size_t value_count;
    struct schema_pos pos;
};

struct schema_message;

/* One field, ready to become a struct bus_field: name, kind, cardinality,
 * flags and rule mean the same there. A presence member exists for scalars
 * only (has_<c_name>): an absent message is NULL, an absent list is empty. */
struct schema_field {
    const char *name;    /* on the wire and in JSON */
    const char *written; /* in the schema: the Go field, the proto field */
    const char *c_name;  /* struct member */
    enum schema_kind kind;
    enum schema_cardinality cardinality;
    uint16_t flags;
    bool presence;
    /* MESSAGE: its message. MAP: the entry, fields[0] key, fields[1] value. */
    const struct schema_message *message;
    const struct schema_enum *values; /* ENUM */
    const struct schema_rule *rule;   /* NULL: none */
    const char *type;                 /* as written, without blanks */
    const char *tag;                  /* .api: raw tag, "" */
    const char *oneof;                /* .proto: its oneof; "" */
    const char *doc;                  /* "" */
    int32_t number;                   /* .proto */
    struct schema_pos pos;
};

/* One field of an .api type as it stands there: embedded types are not followed
 * (name is "" then), inner structs have lines of their own. */
struct schema_line {
    const char *name;
    const char *type; /* without blanks */
    const char *tag;  /* "" */
    const char *doc;  /* "" */
    bool embedded;
    const struct schema_line *lines; /* of a struct without a name */
    size_t line_count;
    struct schema_pos pos;
};

struct schema_message {
    const char *name;   /* "LoginReq" */
    const char *full;   /* "user-api.LoginReq", "user.IdRequest" */
    const char *c_name; /* "user_api_LoginReq" */
    const struct schema_field *fields;
    size_t field_count;
    const char *doc;
    bool imported; /* declared by a file that was only imported */
    bool entry;    /* of a map field */
    bool bare;     /* of a response that is no struct: its only field, "value",
                    * is what HTTP has for an answer */
    bool declared; /* by a `type` of an .api or .saga file: it has lines */
    const struct schema_line *lines;
    size_t line_count;
    struct schema_pos pos;
};

struct schema_pair {
    const char *key;
    const char *value;
};

/* One service block of an .api file: what @server says of its routes. */
struct schema_group {
    const char *prefix; /* "/v1"; "" */
    const char *group;  /* "a/b"; "" */
    const char *jwt;    /* "Auth"; NULL: no token needed */
    const char *jwt_transition;
    const char *const *middlewares; /* NULL-terminated, listed order */
    int64_t timeout_ms;             /* 0: not said */
    int64_t max_bytes;              /* 0: not said */
    bool signature;
    bool sse;
    const struct schema_pair *annotations; /* every key as written */
    size_t annotation_count;
};

/* One method of an actor. A route is a method with verb and url. */
struct schema_method {
    const char *name;    /* on the bus: rpc name, @handler name */
    const char *c_name;  /* "getUser" */
    const char *handler; /* .api: @handler as written; NULL */
    const char *path;    /* "/user.User/getUser", "POST /user/login" */
    uint32_t flags;      /* SCHEMA_IDEMPOTENT ... */
    const struct schema_message *request; /* NULL: none */
    const struct schema_message *reply;   /* NULL: none */
    const char *request_type;             /* as written; "" */
    const char *reply_type;
    bool client_stream, server_stream; /* listed, not served */
    const char *verb;                  /* "POST"; NULL: not a route */
    const char *url;                   /* "/user/:id", prefix included */
    const struct schema_group *group;  /* of routes */
    const char *doc;                   /* "" */
    struct schema_pos pos;
};

struct schema_service {
    const char *actor;   /* "user" (the proto package), "user-api" */
    const char *name;    /* "User", "user-api" */
    const char *package; /* "user"; "" in .api */
    const struct schema_method *methods; /* in source order */
    size_t method_count;
    const struct schema_group *const *groups; /* .api: in source order */
    size_t group_count;
    struct schema_pos pos;
};

struct schema_column {
    struct schema_field field; /* of the row struct */
    const char *sql;           /* "bigint(20) unsigned" */
    const char *fallback;      /* DEFAULT as SQL text; NULL: none */
    const char *go_name;       /* "CreateTime", as cached JSON names it */
    const char *comment;
    bool not_null;
    bool automatic; /* AUTO_INCREMENT */
    bool unwritten; /* create_time and the like: the database's */
    bool on_update; /* ON UPDATE CURRENT_TIMESTAMP */
    bool version;   /* counts the row's updates */
    bool gone;      /* 0 or NULL: the row is there; else deleted */
    bool gone_time; /* when it was deleted */
};

struct schema_key {
    const char *name; /* "number", "user_id_and_kind" */
    const uint16_t *columns;
    uint16_t count;
    const char *cache_prefix; /* "cache:user:number:" */
};

struct schema_table {
    const char *name;
    const char *c_name; /* "user_row" */
    const struct schema_column *columns;
    uint16_t column_count;
    struct schema_key primary;
    const struct schema_key *unique;
    uint16_t unique_count;
    const struct schema_key *indexes;
    uint16_t index_count;
    const char *const *seeds; /* INSERT statements; NULL-terminated */
    const char *comment;
    const char *note; /* what a reader should know: no primary key ...; "" */
    struct schema_pos pos;
};

enum schema_convert { SCHEMA_AS_IS, SCHEMA_TO_INT, SCHEMA_TO_TEXT };

enum schema_literal_kind {
    SCHEMA_NO_LITERAL,
    SCHEMA_LITERAL_NULL,
    SCHEMA_LITERAL_BOOL,
    SCHEMA_LITERAL_INT,
    SCHEMA_LITERAL_FLOAT,
    SCHEMA_LITERAL_TEXT,
};

/* field: req.name, field: int(user.id), field: 10 */
struct schema_input {
    const char *field;
    const char *from; /* "req", a step's name; NULL: literal */
    const char *path; /* "name", "a.b"; "" the whole */
    enum schema_convert convert;
    enum schema_literal_kind literal_kind;
    const char *literal; /* text of it, decoded */
    struct schema_pos pos;
};

struct schema_saga;

struct schema_branch {
    const char *actor; /* NULL: no compensation */
    const struct schema_method *method;
    /* A saga instead of a method, which then has its name and its types. Of a
     * compensation: it is undone as a whole. */
    const struct schema_saga *saga;
    const struct schema_input *inputs;
    uint16_t input_count;
};

struct schema_step {
    const char *name;
    struct schema_branch action;
    struct schema_branch compensate;
    uint32_t timeout_ms, retry_first_ms, retry_max_ms, retry_limit;
    uint32_t interval_ms;
    uint64_t after; /* bit i: step i comes before it, at once or by others */
    bool none;      /* `no compensation` */
    struct schema_pos pos;
};

struct schema_saga {
    const char *name;
    const char *c_name;
    const struct schema_message *request;
    const struct schema_message *reply;
    const struct schema_step *steps;
    uint16_t step_count;
    bool partial; /* some step says `after`; else each follows all before it */
    const struct schema_input *result;
    uint16_t result_count;
    struct schema_pos pos;
};

/* One loaded file. Pointer arrays hold count pointers. */
struct schema_unit {
    enum schema_language language;
    const char *path;    /* as given */
    const char *stem;    /* "user" of "a/user.proto" */
    const char *actor;   /* of its service or package; "" if none */
    const char *package; /* .proto: as written; "" */
    bool imported;       /* not named by the caller itself */
    const struct schema_unit *const *imports;
    size_t import_count;
    const struct schema_pair *info; /* .api */
    size_t info_count;
    /* .api, .proto: as written; NULL-terminated */
    const char *const *import_names;
    /* .proto: of these, files that are not there and only gave options */
    const char *const *missing_names;
    const struct schema_message *const *messages;
    size_t message_count;
    const struct schema_enum *const *enums;
    size_t enum_count;
    const struct schema_service *const *services;
    size_t service_count;
    const struct schema_table *const *tables;
    size_t table_count;
    const struct schema_saga *const *sagas;
    size_t saga_count;
    const struct schema_pair *skipped; /* .sql: statement word, count */
    size_t skipped_count;
    const char *const *files; /* every file read for it, for depfiles */
    size_t file_count;
};

struct schema;

struct schema *schema_new(void);
void schema_free(struct schema *schema);

/* Names of Go packages that .api files loaded later may use, and what they
 * stand for: "decimal.Decimal=string, page.Page=Page", as `types` of info says
 * it of one file, which goes first. mapping must live as long as schema. False,
 * with an error added, if it is not written so. */
bool schema_map_types(struct schema *schema, const char *mapping);

/* Reads a file (language by its suffix) and what it imports. A file is read
 * once, however often it is named. Returns the unit, or NULL if it has errors;
 * all errors are kept, other files can still be loaded. */
const struct schema_unit *schema_load(struct schema *schema, const char *path);

/* The same from memory; path gives the language and the folder of imports.
 * .proto cannot be loaded this way (protoc reads files). */
const struct schema_unit *schema_load_text(struct schema *schema,
                                           const char *path, const char *text,
                                           size_t len);

/* Units in the order in which their loading ended: imports first. */
size_t schema_unit_count(const struct schema *schema);
const struct schema_unit *schema_unit_at(const struct schema *schema,
                                         size_t index);

size_t schema_error_count(const struct schema *schema);
const struct schema_error *schema_error_at(const struct schema *schema,
                                           size_t index);

/* Prints every error as file:line:column: message, the line and a caret. */
void schema_errors_print(const struct schema *schema, FILE *out);

/* The message of that name in a unit or what it imports; NULL. Accepts
 * "LoginReq" and "user.IdRequest". */
const struct schema_message *schema_message_find(const struct schema_unit *unit,
                                                 const char *name);
const struct schema_field *
schema_field_find(const struct schema_message *message, const char *name);

/* C from units (schemas/compiler/gen.c). name: the actor, checked against the
 * services among the units; NULL: taken from them. Writes files into out_dir
 * (made if missing), each only if its content changed. Returns 0, or 1 with
 * errors added to schema. */
struct schema_gen {
    const char *name;
    const char *out_dir;
    bool cached; /* models go through the cache */
    /* Where handlers, middlewares and etc/NAME.yaml are made as stubs if they
     * are not there yet; NULL: not. */
    const char *author_dir;
};
int schema_generate(struct schema *schema, const struct schema_gen *options);

/* What keeps the loaded units from becoming C (two names that are one in C,
 * say) is added to the errors. Returns how many there are then. */
size_t schema_check(struct schema *schema);

/* One JSON object, without a newline, the schema's: all of a unit, or all
 * errors; path is what it calls the file. */
const char *schema_describe(struct schema *schema,
                            const struct schema_unit *unit, const char *path);
const char *schema_describe_errors(struct schema *schema, const char *path);

/* An .api unit as another language has it, all of it the schema's; NULL, with
 * an error added, if there is no service in it. OpenAPI 3.1, JSON. */
const char *schema_openapi(struct schema *schema,
                           const struct schema_unit *unit);
/* A client on fetch alone. */
const char *schema_typescript(struct schema *schema,
                              const struct schema_unit *unit);
/* True if an .api or .saga file can be read: its syntax alone counts, neither
 * what it imports nor what its names mean. Errors are added. */
bool schema_reads(struct schema *schema, const char *path);
/* The text of an .api file in its canonical layout: only blanks differ. It must
 * be one that can be read. */
const char *schema_format(struct schema *schema, const char *text, size_t len);

#endif
