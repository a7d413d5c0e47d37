/* SPDX-License-Identifier: MIT
 *
 * What a message looks like: one C struct and one table of its fields. The
 * schema compiler emits both; the edge builds the tables at start from .api
 * files. One walker over these tables does msgpack (pack.h), JSON (json.h),
 * form, path and header text (bind.h), YAML configuration (config.h), SQL rows
 * (actors/store) and validation. No other code knows a message's layout.
 *
 * C types by kind, for a field of cardinality BUS_ONE:
 *   BOOL bool; I8..I64 int8_t..int64_t; U8..U64 uint8_t..uint64_t; F32 float;
 *   F64 double; ENUM int32_t; TEXT const char * (UTF-8, never holds NUL;
 *   decoders never leave NULL, encoders take NULL as ""); BYTES struct
 *   bus_bytes; DECIMAL const char * (canonical decimal text, "" is 0); TIME
 *   int64_t (us since 1970 UTC); DURATION int64_t (ns); MESSAGE a pointer to
 *   the struct, NULL when absent; ANY struct bus_bytes that holds exactly one
 *   msgpack value, len 0 when absent.
 * BUS_LIST: struct bus_list of items; an item is the C type above, but MESSAGE
 *   items lie in the array themselves, not behind pointers.
 * BUS_MAP: struct bus_list of entries; field->shape describes an entry: its
 *   fields[0] is the key, fields[1] the value.
 */
#ifndef BUS_SHAPE_H
#define BUS_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus/buf.h"

#define BUS_DEPTH_MAX 32      /* nesting of values, every format */
#define BUS_FIELDS_MAX 1024   /* fields of one shape */
#define BUS_ITEMS_MAX 1048576 /* items of one list or map */
#define BUS_TEXT_MAX 8388608  /* bytes of one text */

enum bus_kind {
    BUS_BOOL,
    BUS_I8,
    BUS_I16,
    BUS_I32,
    BUS_I64,
    BUS_U8,
    BUS_U16,
    BUS_U32,
    BUS_U64,
    BUS_F32,
    BUS_F64,
    BUS_TEXT,
    BUS_BYTES,
    BUS_ENUM,
    BUS_DECIMAL,
    BUS_TIME,
    BUS_DURATION,
    BUS_MESSAGE,
    BUS_ANY,
};

enum bus_cardinality { BUS_ONE, BUS_LIST, BUS_MAP };

/* Field flags. */
enum {
    BUS_REQUIRED = 1 << 0,  /* refuse input without it */
    BUS_OMITEMPTY = 1 << 1, /* JSON output leaves the zero value out */
    BUS_NULLABLE = 1 << 2,  /* zero prints as null when not present */
    BUS_FROM_TEXT = 1 << 3, /* JSON: number or string accepted (tag string) */
    BUS_IN_JSON = 1 << 4,   /* the sources a request field is read from */
    BUS_IN_FORM = 1 << 5,
    BUS_IN_PATH = 1 << 6,
    BUS_IN_HEADER = 1 << 7,
    BUS_INHERIT = 1 << 8, /* config: also looked up in enclosing maps */
    BUS_HAS_RANGE = 1 << 9,
    BUS_OPEN_LOW = 1 << 10, /* range: bound itself excluded */
    BUS_OPEN_HIGH = 1 << 11,
    BUS_SECRET = 1 << 12,     /* never printed in logs */
    BUS_STRING_OUT = 1 << 13, /* JSON output: number written as a string */
};

#define BUS_NO_PRESENCE UINT32_MAX

struct bus_shape;

/* Rules beyond the flags; NULL in the field when there are none. */
struct bus_rule {
    const char *fallback;       /* default=, as text; NULL: none */
    const char *const *options; /* options=, NULL-terminated; NULL: none */
    double low, high;           /* range=; -INFINITY and INFINITY when open */
    const char *with;           /* optional=other: both or neither */
    const char *without;        /* optional=!other: exactly one */
    const char *form;           /* names in other sources than JSON; NULL: */
    const char *path;           /* the field's own name */
    const char *header;
    const char *env;   /* config: variable looked up first */
    const char *alias; /* config: a second name the key is read under */
};

struct bus_enum_value {
    const char *name;
    int32_t number;
};

struct bus_field {
    const char *name; /* on the wire and in JSON */
    uint8_t kind;     /* enum bus_kind */
    uint8_t cardinality;
    uint16_t flags;
    uint32_t offset;   /* of the value in the struct, bytes */
    uint32_t presence; /* offset of its `bool has_...`, or BUS_NO_PRESENCE */
    const struct bus_shape *shape;       /* of MESSAGE fields and MAP entries */
    const struct bus_enum_value *values; /* of ENUM; ended by NULL name */
    const struct bus_rule *rule;
};

struct bus_shape {
    const char *name; /* "user.IdRequest" */
    uint32_t size;    /* of the C struct */
    uint16_t count;
    const struct bus_field *fields;
};

struct bus_list {
    void *items;
    size_t count;
};

struct bus_arena;
struct bus_error;
struct bus_faults;

/* The C size of one item of this field (BUS_LIST), or of the value itself. */
size_t bus_field_size(const struct bus_field *field);

/* True if a field is there: by its presence member; without one, a MESSAGE that
 * is not NULL, an ANY that is not empty, and everything else always. */
bool bus_field_present(const struct bus_field *field, const void *message);

/* Sets the presence member, if the field has one. */
void bus_field_set_present(const struct bus_field *field, void *message);

/* "int32", "string", "list", "map" ...: what error texts call a field's type.
 */
const char *bus_field_type(const struct bus_field *field);

/* True if the field's wire name is these bytes, which may hold anything. */
bool bus_field_named(const struct bus_field *field, const char *name,
                     size_t len);

/* The field of that wire name, or NULL. Exact case. */
const struct bus_field *bus_shape_find(const struct bus_shape *shape,
                                       const char *name, size_t len);

/* Where in a message a decoder stands: a chain on the decoders' stacks, from
 * the innermost step up. NULL: in the message itself. */
struct bus_path {
    const struct bus_path *up;
    enum { BUS_PATH_FIELD, BUS_PATH_INDEX, BUS_PATH_KEY } type;
    struct bus_bytes name; /* of a field, or a map's key as text */
    size_t index;          /* of a list's item */
};

/* "in.list[1].a"; what does not fit is cut off at the front: "...[1].a". */
void bus_path_text(const struct bus_path *path, char *ret, size_t size);

/* Fills every field that `seen` (one bool a field; NULL: none was) says is
 * missing with its default, and checks required fields, options, ranges and
 * optional= dependencies of those that came. Afterwards no TEXT or DECIMAL is
 * NULL. A missing required MESSAGE is an error, unless none of its own fields
 * is required: then it is made of defaults (go-zero's rule). Texts are
 * go-zero's
 * ("field \"x\" is not set"), INVALID_ARGUMENT, err->field the path. Messages
 * that a field holds already were checked by the decoder that made them, with a
 * `seen` of their own: it is not descended into them. */
int bus_shape_check(const struct bus_shape *shape, void *message,
                    const bool *seen, struct bus_arena *arena,
                    struct bus_error *err);

/* Where a check puts what it makes, and what it finds. */
struct bus_verdict {
    struct bus_arena *arena;
    struct bus_error *err;
    /* NULL: the first fault ends the check. Else every fault is noted there,
     * and the check is passed: bus_faults_error has the last word. */
    struct bus_faults *faults;
    /* One bool a field, or NULL: what its decoder noted as a fault already,
     * which is neither missing nor right. */
    const bool *faulty;
};

/* The same for a message that lies at a path of an outer one. */
int bus_shape_check_all(const struct bus_path *at,
                        const struct bus_shape *shape, void *message,
                        const bool *seen, const struct bus_verdict *verdict);
int bus_shape_check_at(const struct bus_path *at, const struct bus_shape *shape,
                       void *message, const bool *seen, struct bus_arena *arena,
                       struct bus_error *err);

#endif
