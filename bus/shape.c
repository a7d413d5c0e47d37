/* SPDX-License-Identifier: MIT
 *
 * The rules of a message, checked after a decoder filled its struct: defaults,
 * required fields, options, ranges and dependencies, in the order of the
 * fields, go-zero's meaning and texts (zeromicro/go-zero core/mapping). Two
 * things differ on purpose: a range error names its field, and options and
 * ranges hold for the items of a list as well. Conversion of default texts is
 * bus_text_set's; nothing here reads input.
 */
#include "bus/shape.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/arena.h"
#include "bus/bind.h"
#include "bus/code.h"
#include "bus/error.h"
#include "bus/fault.h"
#include "bus/text.h"

#define VALUE_TEXT TEXT_DOUBLE_MAX /* one number as text */
#define OPTIONS_TEXT 256           /* "[a b c]" in an error */

/* What all steps of one check share. */
struct check {
    const struct bus_path *at;
    const struct bus_shape *shape;
    unsigned char *message;
    const bool *seen;
    struct bus_arena *arena;
    struct bus_error *err;
    const struct bus_verdict *verdict;
};

static const struct {
    size_t size;
    const char *type;
} kinds[] = {
    [BUS_BOOL] = {sizeof(bool), "bool"},
    [BUS_I8] = {sizeof(int8_t), "int8"},
    [BUS_I16] = {sizeof(int16_t), "int16"},
    [BUS_I32] = {sizeof(int32_t), "int32"},
    [BUS_I64] = {sizeof(int64_t), "int64"},
    [BUS_U8] = {sizeof(uint8_t), "uint8"},
    [BUS_U16] = {sizeof(uint16_t), "uint16"},
    [BUS_U32] = {sizeof(uint32_t), "uint32"},
    [BUS_U64] = {sizeof(uint64_t), "uint64"},
    [BUS_F32] = {sizeof(float), "float32"},
    [BUS_F64] = {sizeof(double), "float64"},
    [BUS_TEXT] = {sizeof(const char *), "string"},
    [BUS_BYTES] = {sizeof(struct bus_bytes), "bytes"},
    [BUS_ENUM] = {sizeof(int32_t), "enum"},
    [BUS_DECIMAL] = {sizeof(const char *), "decimal"},
    [BUS_TIME] = {sizeof(int64_t), "time"},
    [BUS_DURATION] = {sizeof(int64_t), "duration"},
    [BUS_MESSAGE] = {sizeof(void *), "object"},
    [BUS_ANY] = {sizeof(struct bus_bytes), "any"},
};

size_t bus_field_size(const struct bus_field *field)
{
    assert(field->kind < sizeof(kinds) / sizeof(kinds[0]));
    if (field->cardinality == BUS_MAP)
        return field->shape->size;
    if (field->cardinality == BUS_LIST && field->kind == BUS_MESSAGE)
        return field->shape->size;
    return kinds[field->kind].size;
}

const char *bus_field_type(const struct bus_field *field)
{
    assert(field->kind < sizeof(kinds) / sizeof(kinds[0]));
    if (field->cardinality == BUS_MAP)
        return "map";
    return field->cardinality == BUS_LIST ? "list" : kinds[field->kind].type;
}

bool bus_field_present(const struct bus_field *field, const void *message)
{
    const unsigned char *base = message;
    const void *at = base + field->offset;
    if (field->presence != BUS_NO_PRESENCE)
        return *(const bool *)(base + field->presence);
    if (field->cardinality != BUS_ONE)
        return true;
    if (field->kind == BUS_MESSAGE)
        return *(void *const *)at != NULL;
    if (field->kind == BUS_ANY)
        return ((const struct bus_bytes *)at)->len != 0;
    return true;
}

void bus_field_set_present(const struct bus_field *field, void *message)
{
    unsigned char *base = message;
    if (field->presence != BUS_NO_PRESENCE)
        *(bool *)(base + field->presence) = true;
}

bool bus_field_named(const struct bus_field *field, const char *name,
                     size_t len)
{
    /* name may hold a NUL, field->name ends at one. */
    return strncmp(field->name, name, len) == 0 && strlen(field->name) == len;
}

const struct bus_field *bus_shape_find(const struct bus_shape *shape,
                                       const char *name, size_t len)
{
    for (uint16_t i = 0; i < shape->count; i++)
        if (bus_field_named(&shape->fields[i], name, len))
            return &shape->fields[i];
    return NULL;
}

/* Writes one step before `end`, from the back to the front; false when full. */
static bool path_step(const struct bus_path *path, char **end, char *start)
{
    char number[VALUE_TEXT];
    const char *text = (const char *)path->name.data;
    size_t len = path->name.len;
    if (path->type == BUS_PATH_INDEX) {
        len = (size_t)snprintf(number, sizeof(number), "%zu", path->index);
        text = number;
    }
    bool bracket = path->type != BUS_PATH_FIELD;
    bool dot = !bracket && path->up;
    if ((size_t)(*end - start) < len + (bracket ? 2 : 0) + (dot ? 1 : 0))
        return false;
    if (bracket)
        *--*end = ']';
    *end -= len;
    if (len)
        memcpy(*end, text, len);
    if (bracket || dot)
        *--*end = bracket ? '[' : '.';
    return true;
}

void bus_path_text(const struct bus_path *path, char *ret, size_t size)
{
    static const char more[] = "...";
    assert(size > sizeof(more));
    char *start = ret + sizeof(more) - 1; /* room for the dots */
    char *end = ret + size - 1;
    const struct bus_path *step = path;
    while (step && path_step(step, &end, start))
        step = step->up;
    if (step) {
        end -= sizeof(more) - 1;
        memcpy(end, more, sizeof(more) - 1);
    }
    size_t len = (size_t)(ret + size - 1 - end);
    memmove(ret, end, len);
    ret[len] = '\0';
}

static struct bus_path field_step(const struct check *check, const char *name)
{
    return (struct bus_path){
        .up = check->at,
        .type = BUS_PATH_FIELD,
        .name = {(const uint8_t *)name, strlen(name)},
    };
}

/* The path of one field of the message under check. */
static const char *field_path(const struct check *check, const char *name,
                              char ret[BUS_FIELD_MAX])
{
    struct bus_path step = field_step(check, name);
    bus_path_text(&step, ret, BUS_FIELD_MAX);
    return ret;
}

static bool seen_at(const struct check *check, size_t index)
{
    return check->seen && check->seen[index];
}

static bool faulty_at(const struct check *check, size_t index)
{
    return check->verdict->faulty && check->verdict->faulty[index];
}

/* A field that came, right or wrong. */
static bool seen_name(const struct check *check, const char *name)
{
    const struct bus_field *field =
        bus_shape_find(check->shape, name, strlen(name));
    size_t index = field ? (size_t)(field - check->shape->fields) : 0;
    return field && (seen_at(check, index) || faulty_at(check, index));
}

static int full(struct bus_error *err)
{
    return bus_error_set(err, BUS_RESOURCE_EXHAUSTED,
                         "the message needs more memory than a call may use");
}

/* A whole number of up to 63 bits; false for every other kind. */
static bool value_integer(uint8_t kind, const void *at, int64_t *ret)
{
    switch ((enum bus_kind)kind) {
    case BUS_I8: /* NOLINTNEXTLINE(bugprone-signed-char-misuse): a number */
        return *ret = *(const int8_t *)at, true;
    case BUS_I16:
        return *ret = *(const int16_t *)at, true;
    case BUS_I32:
    case BUS_ENUM:
        return *ret = *(const int32_t *)at, true;
    case BUS_I64:
    case BUS_TIME:
    case BUS_DURATION:
        return *ret = *(const int64_t *)at, true;
    case BUS_U8:
        return *ret = *(const uint8_t *)at, true;
    case BUS_U16:
        return *ret = *(const uint16_t *)at, true;
    case BUS_U32:
        return *ret = *(const uint32_t *)at, true;
    case BUS_BOOL:
    case BUS_U64:
    case BUS_F32:
    case BUS_F64:
    case BUS_TEXT:
    case BUS_BYTES:
    case BUS_DECIMAL:
    case BUS_MESSAGE:
    case BUS_ANY:
        break;
    }
    return false;
}

/* The same for every number, as ranges compare it. */
static bool value_number(uint8_t kind, const void *at, double *ret)
{
    int64_t integer;
    if (value_integer(kind, at, &integer))
        *ret = (double)integer;
    else if (kind == BUS_U64)
        *ret = (double)*(const uint64_t *)at;
    else if (kind == BUS_F32)
        *ret = (double)*(const float *)at;
    else if (kind == BUS_F64)
        *ret = *(const double *)at;
    else
        return false;
    return true;
}

/* One value as error texts print it; NULL for kinds without a text. */
static const char *value_text(uint8_t kind, const void *at,
                              char number[VALUE_TEXT])
{
    int64_t integer;
    double real;
    if (kind == BUS_TEXT || kind == BUS_DECIMAL) {
        const char *text = *(const char *const *)at;
        return text ? text : "";
    }
    if (kind == BUS_BOOL)
        return *(const bool *)at ? "true" : "false";
    if (value_integer(kind, at, &integer))
        snprintf(number, VALUE_TEXT, "%" PRId64, integer);
    else if (kind == BUS_U64)
        snprintf(number, VALUE_TEXT, "%" PRIu64, *(const uint64_t *)at);
    else if (!value_number(kind, at, &real))
        return NULL;
    else if (!isfinite(real))
        snprintf(number, VALUE_TEXT, "%g", real);
    else
        text_double_write(real, kind == BUS_F32, number);
    return number;
}

/* An option equals a value by its text, or a fraction by its number. */
static bool option_equals(const char *option, uint8_t kind, const void *at,
                          const char *text)
{
    if (kind == BUS_F32)
        return strtof(option, NULL) == *(const float *)at;
    if (kind == BUS_F64)
        return strtod(option, NULL) == *(const double *)at;
    return strcmp(option, text) == 0;
}

/* "[a b]", cut where it grows too long. */
static void options_text(const char *const *options, char ret[OPTIONS_TEXT])
{
    size_t len = 0;
    for (size_t i = 0; options[i] && len < OPTIONS_TEXT; i++)
        len += (size_t)snprintf(ret + len, OPTIONS_TEXT - len, "%s%s",
                                i ? " " : "[", options[i]);
    if (len + 1 < OPTIONS_TEXT)
        snprintf(ret + len, OPTIONS_TEXT - len, "]");
}

static int check_options(const struct check *check,
                         const struct bus_field *field,
                         const struct bus_path *step, const void *at)
{
    char number[VALUE_TEXT], list[OPTIONS_TEXT], path[BUS_FIELD_MAX];
    const char *text = value_text(field->kind, at, number);
    if (!text)
        return BUS_OK;
    const char *const *options = field->rule->options;
    for (size_t i = 0; options[i]; i++)
        if (option_equals(options[i], field->kind, at, text))
            return BUS_OK;
    options_text(options, list);
    bus_path_text(step, path, sizeof(path));
    return bus_error_field(
        check->err, BUS_INVALID_ARGUMENT, path,
        "value \"%s\" for field \"%s\" is not defined in options \"%s\"", text,
        path, list);
}

/* One end of a range as the schema writes it; an open one is empty. */
static const char *bound_text(double bound, char number[VALUE_TEXT])
{
    number[0] = '\0';
    if (isfinite(bound))
        text_double_write(bound, false, number);
    return number;
}

static int range_error(const struct check *check, const struct bus_field *field,
                       const struct bus_path *step, const void *at)
{
    char number[VALUE_TEXT], low[VALUE_TEXT], high[VALUE_TEXT];
    char path[BUS_FIELD_MAX];
    bus_path_text(step, path, sizeof(path));
    return bus_error_field(check->err, BUS_INVALID_ARGUMENT, path,
                           "wrong number range setting for field \"%s\": %s is "
                           "not in %c%s:%s%c",
                           path, value_text(field->kind, at, number),
                           field->flags & BUS_OPEN_LOW ? '(' : '[',
                           bound_text(field->rule->low, low),
                           bound_text(field->rule->high, high),
                           field->flags & BUS_OPEN_HIGH ? ')' : ']');
}

static int check_range(const struct check *check, const struct bus_field *field,
                       const struct bus_path *step, const void *at)
{
    const struct bus_rule *rule = field->rule;
    double value;
    if (!value_number(field->kind, at, &value))
        return BUS_OK;
    /* Written so that NaN is in no range. */
    bool above =
        field->flags & BUS_OPEN_LOW ? value > rule->low : value >= rule->low;
    bool below =
        field->flags & BUS_OPEN_HIGH ? value < rule->high : value <= rule->high;
    return above && below ? BUS_OK : range_error(check, field, step, at);
}

/* Options and range of one value, or of one item of a list. */
static int check_value(const struct check *check, const struct bus_field *field,
                       const struct bus_path *step, const void *at)
{
    int code = BUS_OK;
    if (field->rule->options)
        code = check_options(check, field, step, at);
    if (code == BUS_OK && field->flags & BUS_HAS_RANGE)
        code = check_range(check, field, step, at);
    return code;
}

static int check_items(const struct check *check, const struct bus_field *field,
                       const struct bus_list *list)
{
    size_t size = bus_field_size(field);
    const unsigned char *items = list->items;
    struct bus_path outer = field_step(check, field->name);
    int code = BUS_OK;
    for (size_t i = 0; i < list->count && code == BUS_OK; i++) {
        struct bus_path step = {
            .up = &outer, .type = BUS_PATH_INDEX, .index = i};
        code = check_value(check, field, &step, items + i * size);
    }
    return code;
}

/* A field that came: options= and range=. */
static int check_seen(const struct check *check, const struct bus_field *field)
{
    const void *at = check->message + field->offset;
    if (!field->rule ||
        (!field->rule->options && !(field->flags & BUS_HAS_RANGE)))
        return BUS_OK;
    if (field->cardinality == BUS_LIST)
        return check_items(check, field, at);
    if (field->cardinality == BUS_MAP)
        return BUS_OK;
    struct bus_path step = field_step(check, field->name);
    return check_value(check, field, &step, at);
}

static int check_dependency(const struct check *check,
                            const struct bus_field *field, bool seen)
{
    const struct bus_rule *rule = field->rule;
    char path[BUS_FIELD_MAX], outer[BUS_FIELD_MAX] = "";
    if (!rule || (!rule->with && !rule->without))
        return BUS_OK;
    if (check->at)
        bus_path_text(check->at, outer, sizeof(outer));
    field_path(check, field->name, path);
    if (rule->with && seen_name(check, rule->with) != seen)
        return bus_error_field(check->err, BUS_INVALID_ARGUMENT, path,
                               "values for \"%s\" and \"%s\" should be both "
                               "provided or both not in \"%s\"",
                               rule->with, field->name, outer);
    if (rule->without && seen_name(check, rule->without) == seen)
        return bus_error_field(check->err, BUS_INVALID_ARGUMENT, path,
                               "set value for either \"%s\" or \"%s\" in "
                               "\"%s\"",
                               rule->without, field->name, outer);
    return BUS_OK;
}

/* The items of "[a,b]", or of "a" alone, each converted like one value. */
static int default_list(const struct check *check,
                        const struct bus_field *field, const char *text)
{
    size_t len = strlen(text), count = 1;
    if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    }
    for (size_t i = 0; i < len; i++)
        count += text[i] == ',';
    size_t size = bus_field_size(field);
    struct bus_list list = {.count = len ? count : 0};
    unsigned char *items = bus_arena_array(check->arena, list.count, size);
    if (!items)
        return full(check->err);
    list.items = items;
    for (size_t i = 0; i < list.count; i++) {
        const char *comma = memchr(text, ',', len);
        size_t step = comma ? (size_t)(comma - text) : len;
        struct bus_bytes one = {(const uint8_t *)text, step};
        int code = bus_text_item(field, one, check->arena, items + i * size,
                                 check->err);
        if (code)
            return code;
        text += step + (comma ? 1 : 0);
        len -= step + (comma ? 1 : 0);
    }
    memcpy(check->message + field->offset, &list, sizeof(list));
    return BUS_OK;
}

static int fill_default(const struct check *check,
                        const struct bus_field *field)
{
    const char *text = field->rule->fallback;
    struct bus_bytes bytes = {(const uint8_t *)text, strlen(text)};
    int code = field->cardinality == BUS_LIST
                   ? default_list(check, field, text)
                   : bus_text_set(field, bytes, check->arena, check->message,
                                  check->err);
    if (code == BUS_OK)
        bus_field_set_present(field, check->message);
    return code;
}

static bool has_default(const struct bus_field *field)
{
    return field->rule && field->rule->fallback;
}

/* Whether some input must be there for a message of this shape. */
static bool shape_required(const struct bus_shape *shape, int depth)
{
    for (uint16_t i = 0; i < shape->count && depth < BUS_DEPTH_MAX; i++) {
        const struct bus_field *field = &shape->fields[i];
        if (!(field->flags & BUS_REQUIRED) || has_default(field))
            continue;
        if (field->cardinality != BUS_ONE || field->kind != BUS_MESSAGE ||
            shape_required(field->shape, depth + 1))
            return true;
    }
    return depth >= BUS_DEPTH_MAX;
}

/* A required message that nobody sent, made of its own defaults. */
static int fill_message(const struct check *check,
                        const struct bus_field *field)
{
    struct bus_path at = field_step(check, field->name);
    void *inner = bus_arena_alloc(check->arena, field->shape->size);
    if (!inner)
        return full(check->err);
    struct bus_verdict verdict = *check->verdict;
    verdict.faulty = NULL;
    int code = bus_shape_check_all(&at, field->shape, inner, NULL, &verdict);
    if (code)
        return code;
    memcpy(check->message + field->offset, &inner, sizeof(inner));
    bus_field_set_present(field, check->message);
    return BUS_OK;
}

/* TEXT and DECIMAL are never NULL. */
static void fill_empty(const struct check *check, const struct bus_field *field)
{
    void *at = check->message + field->offset;
    const char **slot = at;
    bool text = field->kind == BUS_TEXT || field->kind == BUS_DECIMAL;
    if (text && field->cardinality == BUS_ONE && !*slot)
        *slot = "";
}

/* A field that did not come. */
static int check_missing(const struct check *check,
                         const struct bus_field *field)
{
    char path[BUS_FIELD_MAX];
    if (has_default(field))
        return fill_default(check, field);
    fill_empty(check, field);
    if (!(field->flags & BUS_REQUIRED))
        return BUS_OK;
    if (field->kind == BUS_MESSAGE && field->cardinality == BUS_ONE &&
        !shape_required(field->shape, 0))
        return fill_message(check, field);
    field_path(check, field->name, path);
    return bus_error_field(check->err, BUS_INVALID_ARGUMENT, path,
                           "field \"%s\" is not set", path);
}

static int check_field(const struct check *check, size_t index)
{
    const struct bus_field *field = &check->shape->fields[index];
    bool came = seen_at(check, index);
    if (faulty_at(check, index)) {
        fill_empty(check, field);
        return BUS_OK;
    }
    int code = check_dependency(check, field, came);
    if (code == BUS_OK)
        code = came ? check_seen(check, field) : check_missing(check, field);
    return code && bus_fault_keep(check->verdict->faults, check->err) ? BUS_OK
                                                                      : code;
}

int bus_shape_check_all(const struct bus_path *at,
                        const struct bus_shape *shape, void *message,
                        const bool *seen, const struct bus_verdict *verdict)
{
    struct check check = {at,           shape,  message, seen, verdict->arena,
                          verdict->err, verdict};
    int code = BUS_OK;
    for (uint16_t i = 0; i < shape->count && code == BUS_OK; i++)
        code = check_field(&check, i);
    return code;
}

int bus_shape_check_at(const struct bus_path *at, const struct bus_shape *shape,
                       void *message, const bool *seen, struct bus_arena *arena,
                       struct bus_error *err)
{
    const struct bus_verdict verdict = {.arena = arena, .err = err};
    return bus_shape_check_all(at, shape, message, seen, &verdict);
}

int bus_shape_check(const struct bus_shape *shape, void *message,
                    const bool *seen, struct bus_arena *arena,
                    struct bus_error *err)
{
    return bus_shape_check_at(NULL, shape, message, seen, arena, err);
}
