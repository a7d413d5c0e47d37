/* SPDX-License-Identifier: MIT
 *
 * msgpack: the only file that includes msgpack-c is pack.c (writers); unpack.c
 * is the cursor, decode.c turns maps into structs. Writers append to a
 * buffer with a sticky error; readers move a cursor that never passes its end.
 * Before anything is allocated for a value, its announced counts are compared
 * with the bytes left, and depth with BUS_DEPTH_MAX.
 */
#ifndef BUS_PACK_H
#define BUS_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus/buf.h"
#include "bus/shape.h"

struct bus_error;
struct bus_arena;

void bus_pack_nil(struct bus_buf *buf);
void bus_pack_bool(struct bus_buf *buf, bool value);
void bus_pack_int(struct bus_buf *buf, int64_t value);
void bus_pack_uint(struct bus_buf *buf, uint64_t value);
void bus_pack_double(struct bus_buf *buf, double value);
void bus_pack_text(struct bus_buf *buf, const char *text); /* NULL: "" */
void bus_pack_text_n(struct bus_buf *buf, const char *text, size_t len);
void bus_pack_bin(struct bus_buf *buf, const void *data, size_t len);
void bus_pack_array(struct bus_buf *buf, size_t count);
void bus_pack_map(struct bus_buf *buf, size_t count);
/* Appends a value that is packed already. */
void bus_pack_raw(struct bus_buf *buf, struct bus_bytes value);

/* A struct as a map keyed by field name. Absent fields (presence false, NULL
 * message, empty ANY) are left out. So are, where nothing else could tell that
 * they are absent and the field is neither required nor has a default: empty
 * lists and maps, and zeros of fields under a rule, because what was not given
 * must not meet that rule at the next reader. Fails the buffer past
 * BUS_DEPTH_MAX. */
void bus_pack_message(struct bus_buf *buf, const struct bus_shape *shape,
                      const void *message);

enum bus_pack_type {
    BUS_PACK_END, /* no byte left, or malformed */
    BUS_PACK_NIL,
    BUS_PACK_BOOL,
    BUS_PACK_INT,  /* negative */
    BUS_PACK_UINT, /* zero or positive */
    BUS_PACK_DOUBLE,
    BUS_PACK_TEXT,
    BUS_PACK_BIN,
    BUS_PACK_ARRAY,
    BUS_PACK_MAP,
    BUS_PACK_EXT,
};

/* A reading cursor. Each bus_unpack_X consumes one value and returns true, or
 * consumes nothing and returns false when the next value is of another type or
 * malformed. array and map consume only the header. */
struct bus_unpack {
    const uint8_t *at;
    const uint8_t *end;
};

struct bus_unpack bus_unpack_open(struct bus_bytes bytes);
enum bus_pack_type bus_unpack_type(const struct bus_unpack *in);
bool bus_unpack_nil(struct bus_unpack *in);
bool bus_unpack_bool(struct bus_unpack *in, bool *ret);
bool bus_unpack_int(struct bus_unpack *in, int64_t *ret);
bool bus_unpack_uint(struct bus_unpack *in, uint64_t *ret);
bool bus_unpack_double(struct bus_unpack *in, double *ret); /* ints too */
bool bus_unpack_text(struct bus_unpack *in, struct bus_bytes *ret);
bool bus_unpack_bin(struct bus_unpack *in, struct bus_bytes *ret);
bool bus_unpack_array(struct bus_unpack *in, uint32_t *ret_count);
bool bus_unpack_map(struct bus_unpack *in, uint32_t *ret_count);
/* Any one value, whole; checked for counts and depth. ret may be NULL. */
bool bus_unpack_value(struct bus_unpack *in, struct bus_bytes *ret);

/* The same where `around` lists and maps enclose the value already. */
bool bus_unpack_value_in(struct bus_unpack *in, size_t around,
                         struct bus_bytes *ret);

/* True if bytes hold exactly one well-formed value. */
bool bus_pack_valid(struct bus_bytes bytes);

/* Decodes one map into a struct: unknown fields are skipped, missing ones take
 * their defaults, a wrong type is INVALID_ARGUMENT `type mismatch for field
 * "x"...`, a number that its field cannot hold, bad UTF-8, a NUL in text, a
 * field or map key given twice and bytes left over are INVALID_ARGUMENT too;
 * nil is a field that did not come; then bus_shape_check. Texts and lists are
 * copied into the arena, so bytes may go away. message is untouched on failure.
 */
int bus_unpack_message(struct bus_bytes bytes, const struct bus_shape *shape,
                       struct bus_arena *arena, void *message,
                       struct bus_error *err);

/* The value at a dotted path ("user.id") inside nested maps. False if there is
 * none. An empty path is the value itself. */
bool bus_pack_find(struct bus_bytes value, const char *path,
                   struct bus_bytes *ret);

#endif
