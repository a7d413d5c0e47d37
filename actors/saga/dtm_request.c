/* SPDX-License-Identifier: MIT
 *
 * One table of fields an object, walked over the lexer of bus/json_in.h, which
 * checks every value that is skipped as strictly as one that is kept.
 */
#include "actors/saga/dtm_request.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bus/code.h"
#include "bus/json_in.h"

#define LIST_FIRST 8
#define ORDER_DIGITS_MAX 4

enum kind {
    KIND_TEXT,
    KIND_INT,
    KIND_BOOL,
    KIND_PAIRS,
    KIND_TEXTS,
    KIND_STEPS,
    KIND_ORDERS,
    KIND_RAW
};

struct field {
    const char *name;
    enum kind kind;
    size_t offset;
};

#define FIELD(type, member, kind)                                              \
    {                                                                          \
#member, kind, offsetof(struct type, member)                           \
    }

static const struct field trans_fields[] = {
    FIELD(dtm_trans, gid, KIND_TEXT),
    FIELD(dtm_trans, trans_type, KIND_TEXT),
    FIELD(dtm_trans, status, KIND_TEXT),
    FIELD(dtm_trans, steps, KIND_STEPS),
    FIELD(dtm_trans, payloads, KIND_TEXTS),
    FIELD(dtm_trans, custom_data, KIND_TEXT),
    FIELD(dtm_trans, query_prepared, KIND_TEXT),
    FIELD(dtm_trans, protocol, KIND_TEXT),
    FIELD(dtm_trans, rollback_reason, KIND_TEXT),
    FIELD(dtm_trans, wait_result, KIND_BOOL),
    FIELD(dtm_trans, concurrent, KIND_BOOL),
    FIELD(dtm_trans, strict, KIND_BOOL),
    FIELD(dtm_trans, timeout_to_fail, KIND_INT),
    FIELD(dtm_trans, request_timeout, KIND_INT),
    FIELD(dtm_trans, retry_interval, KIND_INT),
    FIELD(dtm_trans, retry_limit, KIND_INT),
    FIELD(dtm_trans, branch_headers, KIND_PAIRS),
    FIELD(dtm_trans, req_extra, KIND_PAIRS),
    {NULL, KIND_TEXT, 0},
};

static const struct field custom_fields[] = {
    FIELD(dtm_custom, concurrent, KIND_BOOL),
    {"orders", KIND_ORDERS, 0},
    FIELD(dtm_custom, delay, KIND_INT),
    FIELD(dtm_custom, name, KIND_TEXT),
    FIELD(dtm_custom, data, KIND_TEXT),
    {NULL, KIND_TEXT, 0},
};

static const struct field rpc_fields[] = {
    FIELD(dtm_rpc, method, KIND_TEXT),
    {"jsonrpc", KIND_TEXT, offsetof(struct dtm_rpc, version)},
    FIELD(dtm_rpc, id, KIND_TEXT),
    FIELD(dtm_rpc, params, KIND_RAW),
    {NULL, KIND_TEXT, 0},
};

/* Reads one value of an object or list into `to`. */
typedef int read_value(struct json_in *in, void *to);

static int full(struct json_in *in)
{
    return bus_error_set(in->err, BUS_RESOURCE_EXHAUSTED,
                         "the request is too large");
}

static int mismatch(struct json_in *in, const char *name, const char *wanted)
{
    return bus_error_field(in->err, BUS_INVALID_ARGUMENT, name,
                           "\"%s\" is %s, and not %s", name,
                           json_type_name(json_peek(in)), wanted);
}

static bool is_key(struct bus_bytes key, const char *name)
{
    return key.len == strlen(name) &&
           strncasecmp((const char *)key.data, name, key.len) == 0;
}

static int read_text(struct json_in *in, const char *name, const char **ret)
{
    struct bus_bytes text;
    if (json_peek(in) != JSON_TEXT)
        return mismatch(in, name, "a string");
    int code = json_text(in, &text);
    if (code)
        return code;
    const char *copy =
        bus_arena_text_n(in->arena, (const char *)text.data, text.len);
    if (!copy)
        return full(in);
    *ret = copy;
    return BUS_OK;
}

static int read_int(struct json_in *in, const char *name, int64_t *ret)
{
    struct bus_bytes digits;
    char text[24] = {0};
    char *end = NULL;
    if (json_peek(in) != JSON_NUMBER)
        return mismatch(in, name, "a whole number");
    int code = json_number(in, &digits);
    if (code)
        return code;
    if (digits.len < sizeof(text))
        memcpy(text, digits.data, digits.len);
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || !text[0] || *end)
        return bus_error_field(in->err, BUS_INVALID_ARGUMENT, name,
                               "\"%s\" is not a whole number", name);
    *ret = value;
    return BUS_OK;
}

static int read_bool(struct json_in *in, const char *name, bool *ret)
{
    struct bus_bytes word;
    if (json_peek(in) != JSON_BOOL)
        return mismatch(in, name, "true or false");
    int code = json_bool(in, &word);
    if (!code)
        *ret = word.data[0] == 't';
    return code;
}

/* Room for one more item, at the end. */
static void *list_add(struct json_in *in, struct bus_list *list, size_t size)
{
    size_t count = list->count;
    bool grow =
        count == 0 || (count >= LIST_FIRST && (count & (count - 1)) == 0);
    if (grow) {
        size_t room = count ? count * 2 : LIST_FIRST;
        void *items = bus_arena_array(in->arena, room, size);
        if (!items)
            return NULL;
        if (count > 0)
            memcpy(items, list->items, count * size);
        list->items = items;
    }
    list->count++;
    return (char *)list->items + count * size;
}

static int read_list(struct json_in *in, const char *name, read_value *item,
                     struct bus_list *ret, size_t size)
{
    struct json_scope scope;
    bool more = false;
    if (json_peek(in) != JSON_LIST)
        return mismatch(in, name, "a list");
    *ret = (struct bus_list){0};
    int code = json_enter(in, &scope);
    while (!code && !(code = json_more(in, &scope, &more)) && more) {
        void *to = list_add(in, ret, size);
        code = to ? item(in, to) : full(in);
    }
    return code;
}

static int read_pairs(struct json_in *in, const char *name,
                      struct bus_list *ret)
{
    struct json_scope scope;
    struct bus_bytes key;
    bool more = false;
    if (json_peek(in) != JSON_OBJECT)
        return mismatch(in, name, "an object");
    *ret = (struct bus_list){0};
    int code = json_enter(in, &scope);
    while (!code && !(code = json_more(in, &scope, &more)) && more) {
        if (ret->count >= DTM_PAIRS_MAX)
            return bus_error_field(in->err, BUS_INVALID_ARGUMENT, name,
                                   "\"%s\" has more than %d entries", name,
                                   DTM_PAIRS_MAX);
        struct dtm_pair *pair = list_add(in, ret, sizeof(*pair));
        code = pair ? json_key(in, &key) : full(in);
        if (code)
            return code;
        pair->name =
            bus_arena_text_n(in->arena, (const char *)key.data, key.len);
        pair->value = "";
        if (!pair->name)
            return full(in);
        code = json_peek(in) == JSON_NULL
                   ? json_null(in)
                   : read_text(in, pair->name, &pair->value);
    }
    return code;
}

static int read_payload(struct json_in *in, void *to)
{
    const char **text = to;
    *text = "";
    return json_peek(in) == JSON_NULL ? json_null(in)
                                      : read_text(in, "payloads", text);
}

static int read_step(struct json_in *in, void *to)
{
    struct dtm_step *step = to;
    struct bus_list pairs = {0};
    int code = json_peek(in) == JSON_NULL ? json_null(in)
                                          : read_pairs(in, "steps", &pairs);
    const struct dtm_pair *pair = pairs.items;
    for (size_t i = 0; !code && i < pairs.count; i++) {
        if (strcmp(pair[i].name, "action") == 0)
            step->action = pair[i].value;
        else if (strcmp(pair[i].name, "compensate") == 0)
            step->compensate = pair[i].value;
        else if (strcmp(pair[i].name, "data") == 0)
            step->data = pair[i].value;
    }
    return code;
}

static int bad_order(struct json_in *in)
{
    return bus_error_field(in->err, BUS_INVALID_ARGUMENT, "custom_data",
                           "\"orders\" does not name steps from 0 to %d",
                           DTM_STEPS_MAX - 1);
}

static int read_number_of_step(struct json_in *in, void *to)
{
    return read_int(in, "orders", to);
}

/* {"2": [0, 1]}: the third step comes after the first two. */
static int read_orders(struct json_in *in, struct dtm_custom *ret)
{
    struct json_scope scope;
    struct bus_bytes key;
    bool more = false;
    if (json_peek(in) != JSON_OBJECT)
        return mismatch(in, "orders", "an object");
    int code = json_enter(in, &scope);
    while (!code && !(code = json_more(in, &scope, &more)) && more) {
        struct bus_list before = {0};
        char digits[ORDER_DIGITS_MAX] = {0};
        char *end = NULL;
        code = json_key(in, &key);
        if (code)
            return code;
        if (key.len == 0 || key.len >= sizeof(digits))
            return bad_order(in);
        memcpy(digits, key.data, key.len);
        unsigned long step = strtoul(digits, &end, 10);
        if (*end || step >= DTM_STEPS_MAX)
            return bad_order(in);
        if (json_peek(in) == JSON_NULL)
            code = json_null(in);
        else
            code = read_list(in, "orders", read_number_of_step, &before,
                             sizeof(int64_t));
        const int64_t *items = before.items;
        for (size_t i = 0; !code && i < before.count; i++) {
            if (items[i] < 0 || items[i] >= DTM_STEPS_MAX)
                return bad_order(in);
            ret->after[step] |= UINT64_C(1) << items[i];
            ret->ordered = true;
        }
    }
    return code;
}

static int read_raw(struct json_in *in, struct bus_bytes *ret)
{
    json_peek(in);
    const uint8_t *start = in->at;
    int code = json_skip(in);
    if (!code)
        *ret = (struct bus_bytes){start, (size_t)(in->at - start)};
    return code;
}

static int read_field(struct json_in *in, const struct field *field,
                      void *object)
{
    void *to = (char *)object + field->offset;
    switch (field->kind) {
    case KIND_TEXT:
        return read_text(in, field->name, to);
    case KIND_INT:
        return read_int(in, field->name, to);
    case KIND_BOOL:
        return read_bool(in, field->name, to);
    case KIND_PAIRS:
        return read_pairs(in, field->name, to);
    case KIND_TEXTS:
        return read_list(in, field->name, read_payload, to,
                         sizeof(const char *));
    case KIND_STEPS:
        return read_list(in, field->name, read_step, to,
                         sizeof(struct dtm_step));
    case KIND_ORDERS:
        return read_orders(in, object);
    case KIND_RAW:
        return read_raw(in, to);
    }
    return json_skip(in);
}

static int read_member(struct json_in *in, const struct field *fields,
                       void *object)
{
    struct bus_bytes key;
    int code = json_key(in, &key);
    if (code)
        return code;
    while (fields->name && !is_key(key, fields->name))
        fields++;
    if (json_peek(in) == JSON_NULL)
        return json_null(in);
    return fields->name ? read_field(in, fields, object) : json_skip(in);
}

static int read_object(struct bus_bytes body, const struct field *fields,
                       struct bus_arena *arena, void *object,
                       struct bus_error *err)
{
    struct json_in in;
    struct json_scope scope;
    bool more = false;
    int code;
    json_open(&in, body, arena, err);
    if (json_peek(&in) == JSON_NULL) {
        code = json_null(&in);
    } else if (json_peek(&in) == JSON_NONE) {
        code = json_skip(&in); /* says what is wrong */
    } else if (json_peek(&in) != JSON_OBJECT) {
        code = mismatch(&in, "body", "an object");
    } else {
        code = json_enter(&in, &scope);
        while (!code && !(code = json_more(&in, &scope, &more)) && more)
            code = read_member(&in, fields, object);
    }
    if (!code)
        code = json_end(&in);
    json_close(&in);
    return code;
}

/* Without what would break a line of a log, as DTM does it. */
static const char *escaped(struct bus_arena *arena, const char *text)
{
    if (!text[strcspn(text, "\r\n;")])
        return text;
    char *copy = bus_arena_text(arena, text);
    size_t len = 0;
    for (size_t i = 0; copy && text[i]; i++)
        if (!strchr("\r\n;", text[i]))
            copy[len++] = text[i];
    if (copy)
        copy[len] = 0;
    return copy;
}

int dtm_trans_read(struct bus_bytes body, struct bus_arena *arena,
                   struct dtm_trans *ret, struct bus_error *err)
{
    struct dtm_trans trans = {.gid = "",
                              .trans_type = "",
                              .status = "",
                              .custom_data = "",
                              .query_prepared = "",
                              .protocol = "",
                              .rollback_reason = ""};
    int code = read_object(body, trans_fields, arena, &trans, err);
    if (code)
        return code;
    trans.gid = escaped(arena, trans.gid);
    trans.status = escaped(arena, trans.status);
    if (!trans.gid || !trans.status)
        return bus_error_set(err, BUS_RESOURCE_EXHAUSTED,
                             "the request is too large");
    *ret = trans;
    return BUS_OK;
}

int dtm_pairs_read(struct bus_bytes body, struct bus_arena *arena,
                   struct bus_list *ret, struct bus_error *err)
{
    struct json_in in;
    json_open(&in, body, arena, err);
    int code = json_peek(&in) == JSON_NONE ? json_skip(&in)
                                           : read_pairs(&in, "body", ret);
    if (!code)
        code = json_end(&in);
    json_close(&in);
    return code;
}

const char *dtm_pair(const struct bus_list *pairs, const char *name)
{
    const struct dtm_pair *items = pairs->items;
    for (size_t i = pairs->count; i > 0; i--)
        if (strcmp(items[i - 1].name, name) == 0)
            return items[i - 1].value;
    return "";
}

int dtm_custom_read(const char *text, struct bus_arena *arena,
                    struct dtm_custom *ret, struct bus_error *err)
{
    struct dtm_custom custom = {.name = "", .data = ""};
    const struct bus_bytes body = {(const uint8_t *)text, strlen(text)};
    int code = BUS_OK;
    if (text[0])
        code = read_object(body, custom_fields, arena, &custom, err);
    if (!code)
        *ret = custom;
    return code;
}

int dtm_rpc_read(struct bus_bytes body, struct bus_arena *arena,
                 struct dtm_rpc *ret, struct bus_error *err)
{
    struct dtm_rpc rpc = {.method = "", .version = "", .id = ""};
    int code = read_object(body, rpc_fields, arena, &rpc, err);
    *ret = rpc;
    return code;
}
