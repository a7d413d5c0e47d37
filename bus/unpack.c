/* SPDX-License-Identifier: MIT
 *
 * Reading msgpack (https://github.com/msgpack/msgpack/blob/master/spec.md) with
 * a cursor of our own: msgpack-c's unpacker builds a tree and trusts announced
 * counts, so that five bytes make it reserve 512 MB. Here one function reads a
 * header, and refuses it when more is announced than bytes are left (an item is
 * a byte at least, a pair two); everything else is built on it. Nothing is
 * allocated.
 */
#include "bus/pack.h"

#include <assert.h>
#include <string.h>

/* What stands before a value's content. */
struct head {
    enum bus_pack_type type;
    size_t size;    /* bytes of the header; of a whole scalar */
    uint64_t count; /* items, pairs, or bytes of content (EXT: with its type) */
    union {
        uint64_t natural; /* UINT; BOOL */
        int64_t integer;
        double real;
    } as;
};

/* The formats 0xc0 to 0xdf: type, and how many bytes of value or count follow
 * the first. 0xc1 is never used. */
static const struct {
    uint8_t type, width;
} forms[32] = {
    {BUS_PACK_NIL, 0},  {BUS_PACK_END, 0},    {BUS_PACK_BOOL, 0},
    {BUS_PACK_BOOL, 0}, {BUS_PACK_BIN, 1},    {BUS_PACK_BIN, 2},
    {BUS_PACK_BIN, 4},  {BUS_PACK_EXT, 1},    {BUS_PACK_EXT, 2},
    {BUS_PACK_EXT, 4},  {BUS_PACK_DOUBLE, 4}, {BUS_PACK_DOUBLE, 8},
    {BUS_PACK_UINT, 1}, {BUS_PACK_UINT, 2},   {BUS_PACK_UINT, 4},
    {BUS_PACK_UINT, 8}, {BUS_PACK_INT, 1},    {BUS_PACK_INT, 2},
    {BUS_PACK_INT, 4},  {BUS_PACK_INT, 8},    {BUS_PACK_EXT, 0},
    {BUS_PACK_EXT, 0},  {BUS_PACK_EXT, 0},    {BUS_PACK_EXT, 0},
    {BUS_PACK_EXT, 0},  {BUS_PACK_TEXT, 1},   {BUS_PACK_TEXT, 2},
    {BUS_PACK_TEXT, 4}, {BUS_PACK_ARRAY, 2},  {BUS_PACK_ARRAY, 4},
    {BUS_PACK_MAP, 2},  {BUS_PACK_MAP, 4},
};

#define FORM_FIRST 0xC0
#define FORM_TRUE 0xC3
#define FORM_FIXEXT 0xD4
#define FORM_NEGATIVE 0xE0

static uint64_t big_endian(const uint8_t *at, size_t width)
{
    uint64_t value = 0;
    for (size_t i = 0; i < width; i++)
        value = value << 8 | at[i];
    return value;
}

static double real_of(uint64_t bits, size_t width)
{
    double real;
    float narrow;
    uint32_t low = (uint32_t)bits;
    if (width == sizeof(real)) {
        memcpy(&real, &bits, sizeof(real));
        return real;
    }
    memcpy(&narrow, &low, sizeof(narrow));
    return (double)narrow;
}

static void integer_of(uint64_t bits, size_t width, struct head *ret)
{
    unsigned shift = (unsigned)(64 - 8 * width);
    /* Shifted left without a sign, then right with one. */
    int64_t integer = (int64_t)(bits << shift) >> shift;
    ret->type = integer < 0 ? BUS_PACK_INT : BUS_PACK_UINT;
    if (integer < 0)
        ret->as.integer = integer;
    else
        ret->as.natural = (uint64_t)integer;
}

/* A first byte that says all: small numbers, small counts. */
static void head_small(uint8_t first, struct head *ret)
{
    *ret = (struct head){.size = 1};
    if (first >= FORM_NEGATIVE) {
        ret->type = BUS_PACK_INT;
        ret->as.integer = (int64_t)first - 256;
    } else if (first < 0x80) {
        ret->type = BUS_PACK_UINT;
        ret->as.natural = first;
    } else if (first < 0x90) {
        ret->type = BUS_PACK_MAP;
        ret->count = first & 0x0F;
    } else if (first < 0xA0) {
        ret->type = BUS_PACK_ARRAY;
        ret->count = first & 0x0F;
    } else {
        ret->type = BUS_PACK_TEXT;
        ret->count = first & 0x1F;
    }
}

/* A first byte that others follow. False if they are cut off. */
static bool head_form(const uint8_t *at, size_t len, struct head *ret)
{
    unsigned form = at[0] - FORM_FIRST;
    size_t width = forms[form].width;
    *ret = (struct head){.type = (enum bus_pack_type)forms[form].type,
                         .size = 1 + width};
    if (len < ret->size)
        return false;
    uint64_t bits = big_endian(at + 1, width);
    if (ret->type == BUS_PACK_UINT)
        ret->as.natural = bits;
    else if (ret->type == BUS_PACK_INT)
        integer_of(bits, width, ret);
    else if (ret->type == BUS_PACK_DOUBLE)
        ret->as.real = real_of(bits, width);
    else if (ret->type == BUS_PACK_BOOL)
        ret->as.natural = at[0] == FORM_TRUE;
    else if (ret->type == BUS_PACK_EXT)
        ret->count = 1 + (width ? bits : UINT64_C(1) << (at[0] - FORM_FIXEXT));
    else
        ret->count = bits;
    return ret->type != BUS_PACK_END;
}

/* The header at the cursor; false if it is malformed or announces more than is
 * there. */
static bool head_read(const struct bus_unpack *in, struct head *ret)
{
    assert(in->at <= in->end);
    size_t len = (size_t)(in->end - in->at);
    if (len == 0)
        return false;
    uint8_t first = in->at[0];
    if (first < FORM_FIRST || first >= FORM_NEGATIVE)
        head_small(first, ret);
    else if (!head_form(in->at, len, ret))
        return false;
    uint64_t left = len - ret->size;
    return ret->count <= (ret->type == BUS_PACK_MAP ? left / 2 : left);
}

/* The header, if it is of this type; the cursor moves past it. */
static bool head_take(struct bus_unpack *in, enum bus_pack_type type,
                      struct head *ret)
{
    if (!head_read(in, ret) || ret->type != type)
        return false;
    in->at += ret->size;
    return true;
}

struct bus_unpack bus_unpack_open(struct bus_bytes bytes)
{
    static const uint8_t nothing[1];
    const uint8_t *data = bytes.data ? bytes.data : nothing;
    return (struct bus_unpack){data, data + bytes.len};
}

enum bus_pack_type bus_unpack_type(const struct bus_unpack *in)
{
    struct head head;
    return head_read(in, &head) ? head.type : BUS_PACK_END;
}

bool bus_unpack_nil(struct bus_unpack *in)
{
    struct head head;
    return head_take(in, BUS_PACK_NIL, &head);
}

bool bus_unpack_bool(struct bus_unpack *in, bool *ret)
{
    struct head head;
    if (!head_take(in, BUS_PACK_BOOL, &head))
        return false;
    *ret = head.as.natural != 0;
    return true;
}

bool bus_unpack_int(struct bus_unpack *in, int64_t *ret)
{
    struct head head;
    if (!head_read(in, &head))
        return false;
    if (head.type == BUS_PACK_INT)
        *ret = head.as.integer;
    else if (head.type == BUS_PACK_UINT && head.as.natural <= INT64_MAX)
        *ret = (int64_t)head.as.natural;
    else
        return false;
    in->at += head.size;
    return true;
}

bool bus_unpack_uint(struct bus_unpack *in, uint64_t *ret)
{
    struct head head;
    if (!head_take(in, BUS_PACK_UINT, &head))
        return false;
    *ret = head.as.natural;
    return true;
}

bool bus_unpack_double(struct bus_unpack *in, double *ret)
{
    struct head head;
    if (!head_read(in, &head))
        return false;
    if (head.type == BUS_PACK_DOUBLE)
        *ret = head.as.real;
    else if (head.type == BUS_PACK_INT)
        *ret = (double)head.as.integer;
    else if (head.type == BUS_PACK_UINT)
        *ret = (double)head.as.natural;
    else
        return false;
    in->at += head.size;
    return true;
}

static bool take_content(struct bus_unpack *in, enum bus_pack_type type,
                         struct bus_bytes *ret)
{
    struct head head;
    if (!head_take(in, type, &head))
        return false;
    *ret = (struct bus_bytes){in->at, (size_t)head.count};
    in->at += head.count;
    return true;
}

bool bus_unpack_text(struct bus_unpack *in, struct bus_bytes *ret)
{
    return take_content(in, BUS_PACK_TEXT, ret);
}

bool bus_unpack_bin(struct bus_unpack *in, struct bus_bytes *ret)
{
    return take_content(in, BUS_PACK_BIN, ret);
}

static bool take_count(struct bus_unpack *in, enum bus_pack_type type,
                       uint32_t *ret)
{
    struct head head;
    if (!head_take(in, type, &head))
        return false;
    *ret = (uint32_t)head.count;
    return true;
}

bool bus_unpack_array(struct bus_unpack *in, uint32_t *ret_count)
{
    return take_count(in, BUS_PACK_ARRAY, ret_count);
}

bool bus_unpack_map(struct bus_unpack *in, uint32_t *ret_count)
{
    return take_count(in, BUS_PACK_MAP, ret_count);
}

/* Moves past one whole value. Values still to come are counted a level, so
 * that depth costs no stack of ours. */
static bool skip(struct bus_unpack *in, size_t around)
{
    uint64_t left[BUS_DEPTH_MAX + 1] = {1};
    size_t level = 0;
    struct head head;
    for (;;) {
        while (left[level] == 0) {
            if (level == 0)
                return true;
            level--;
        }
        left[level]--;
        if (!head_read(in, &head))
            return false;
        in->at += head.size;
        bool map = head.type == BUS_PACK_MAP;
        if (!map && head.type != BUS_PACK_ARRAY) {
            in->at += head.count;
            continue;
        }
        if (level + around >= BUS_DEPTH_MAX)
            return false;
        left[++level] = map ? head.count * 2 : head.count;
    }
}

bool bus_unpack_value_in(struct bus_unpack *in, size_t around,
                         struct bus_bytes *ret)
{
    struct bus_unpack moved = *in;
    if (!skip(&moved, around))
        return false;
    if (ret)
        *ret = (struct bus_bytes){in->at, (size_t)(moved.at - in->at)};
    *in = moved;
    return true;
}

bool bus_unpack_value(struct bus_unpack *in, struct bus_bytes *ret)
{
    return bus_unpack_value_in(in, 0, ret);
}

bool bus_pack_valid(struct bus_bytes bytes)
{
    struct bus_unpack in = bus_unpack_open(bytes);
    return bus_unpack_value(&in, NULL) && in.at == in.end;
}

/* The value of one key of a map. */
static bool map_find(struct bus_bytes value, const char *key, size_t len,
                     struct bus_bytes *ret)
{
    struct bus_unpack in = bus_unpack_open(value);
    uint32_t count;
    if (!bus_unpack_map(&in, &count))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        struct bus_bytes name;
        bool text = bus_unpack_text(&in, &name);
        if (!text && !bus_unpack_value(&in, NULL))
            return false;
        struct bus_bytes content;
        if (!bus_unpack_value(&in, &content))
            return false;
        if (text && name.len == len && memcmp(name.data, key, len) == 0) {
            *ret = content;
            return true;
        }
    }
    return false;
}

bool bus_pack_find(struct bus_bytes value, const char *path,
                   struct bus_bytes *ret)
{
    struct bus_unpack in = bus_unpack_open(value);
    struct bus_bytes found;
    if (!bus_unpack_value(&in, &found))
        return false;
    while (*path) {
        size_t len = strcspn(path, ".");
        if (!map_find(found, path, len, &found))
            return false;
        path += len;
        if (*path == '.')
            path++;
    }
    *ret = found;
    return true;
}
