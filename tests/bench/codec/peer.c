/* SPDX-License-Identifier: MIT
 *
 * The peer: jansson reads the text into its tree and writes it from one,
 * msgpack-c packs and unpacks, and every field between them is moved by hand,
 * as one does it who has no schema compiler. Texts are borrowed from the tree
 * or the message rather than copied, and the buffer is kept: what an expert
 * would do.
 */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <msgpack.h>

#include "codec.h"

#define ITEMS_MAX 256
#define TAGS_MAX 16

struct text {
    const char *at;
    size_t len;
};

struct item {
    struct text sku, title;
    int32_t count;
    double price;
    bool gift;
};

struct order {
    int64_t id;
    struct text user, state;
    double total;
    struct text tags[TAGS_MAX];
    size_t tag_count;
    struct item items[ITEMS_MAX];
    size_t item_count;
};

static bool text_is(struct text text, const char *word)
{
    return text.len == strlen(word) && !memcmp(text.at, word, text.len);
}

static bool is_right(const struct order *order)
{
    for (size_t i = 0; i < order->item_count; i++)
        if (order->items[i].count < 1 || order->items[i].count > 1000)
            return false;
    return text_is(order->state, "open") || text_is(order->state, "paid") ||
           text_is(order->state, "sent");
}

/* ---- JSON to struct ---- */

static bool json_take_text(const json_t *from, const char *key,
                           struct text *ret)
{
    const json_t *value = json_object_get(from, key);
    *ret = (struct text){json_string_value(value), json_string_length(value)};
    return ret->at != NULL;
}

static bool json_take_int(const json_t *from, const char *key, int64_t *ret)
{
    const json_t *value = json_object_get(from, key);
    *ret = json_integer_value(value);
    return json_is_integer(value);
}

static bool json_take_double(const json_t *from, const char *key, double *ret)
{
    const json_t *value = json_object_get(from, key);
    *ret = json_number_value(value);
    return json_is_number(value);
}

static bool json_take_item(const json_t *from, struct item *ret)
{
    int64_t count;
    const json_t *gift = json_object_get(from, "gift");
    if (!json_take_text(from, "sku", &ret->sku) ||
        !json_take_text(from, "title", &ret->title) ||
        !json_take_int(from, "count", &count) || count < INT32_MIN ||
        count > INT32_MAX || !json_take_double(from, "price", &ret->price) ||
        (gift && !json_is_boolean(gift)))
        return false;
    ret->count = (int32_t)count;
    ret->gift = json_is_true(gift);
    return true;
}

static bool json_take_order(const json_t *from, struct order *ret)
{
    const json_t *items = json_object_get(from, "items");
    const json_t *tags = json_object_get(from, "tags");
    ret->item_count = json_array_size(items);
    ret->tag_count = json_array_size(tags);
    if (!json_is_array(items) || ret->item_count > ITEMS_MAX ||
        (tags && !json_is_array(tags)) || ret->tag_count > TAGS_MAX ||
        !json_take_int(from, "id", &ret->id) ||
        !json_take_text(from, "user", &ret->user) ||
        !json_take_text(from, "state", &ret->state) ||
        !json_take_double(from, "total", &ret->total))
        return false;
    for (size_t i = 0; i < ret->tag_count; i++) {
        const json_t *tag = json_array_get(tags, i);
        ret->tags[i] =
            (struct text){json_string_value(tag), json_string_length(tag)};
        if (!ret->tags[i].at)
            return false;
    }
    for (size_t i = 0; i < ret->item_count; i++)
        if (!json_take_item(json_array_get(items, i), &ret->items[i]))
            return false;
    return is_right(ret);
}

/* ---- struct to msgpack ---- */

static void pack_text(msgpack_packer *out, struct text text)
{
    msgpack_pack_str(out, text.len);
    msgpack_pack_str_body(out, text.at, text.len);
}

static void pack_key(msgpack_packer *out, const char *key)
{
    pack_text(out, (struct text){key, strlen(key)});
}

static void pack_item(msgpack_packer *out, const struct item *item)
{
    msgpack_pack_map(out, 5);
    pack_key(out, "sku");
    pack_text(out, item->sku);
    pack_key(out, "title");
    pack_text(out, item->title);
    pack_key(out, "count");
    msgpack_pack_int32(out, item->count);
    pack_key(out, "price");
    msgpack_pack_double(out, item->price);
    pack_key(out, "gift");
    item->gift ? msgpack_pack_true(out) : msgpack_pack_false(out);
}

static void pack_order(msgpack_packer *out, const struct order *order)
{
    msgpack_pack_map(out, 6);
    pack_key(out, "id");
    msgpack_pack_int64(out, order->id);
    pack_key(out, "user");
    pack_text(out, order->user);
    pack_key(out, "state");
    pack_text(out, order->state);
    pack_key(out, "total");
    msgpack_pack_double(out, order->total);
    pack_key(out, "tags");
    msgpack_pack_array(out, order->tag_count);
    for (size_t i = 0; i < order->tag_count; i++)
        pack_text(out, order->tags[i]);
    pack_key(out, "items");
    msgpack_pack_array(out, order->item_count);
    for (size_t i = 0; i < order->item_count; i++)
        pack_item(out, &order->items[i]);
}

/* ---- msgpack to struct ---- */

static bool take_text(const msgpack_object *from, struct text *ret)
{
    if (from->type != MSGPACK_OBJECT_STR)
        return false;
    *ret = (struct text){from->via.str.ptr, from->via.str.size};
    return true;
}

static bool take_int(const msgpack_object *from, int64_t *ret)
{
    *ret = from->via.i64;
    return from->type == MSGPACK_OBJECT_NEGATIVE_INTEGER ||
           (from->type == MSGPACK_OBJECT_POSITIVE_INTEGER &&
            from->via.u64 <= INT64_MAX);
}

static bool take_double(const msgpack_object *from, double *ret)
{
    *ret = from->via.f64;
    return from->type == MSGPACK_OBJECT_FLOAT64;
}

static bool key_is(const msgpack_object *key, const char *word)
{
    struct text text;
    return take_text(key, &text) && text_is(text, word);
}

static bool take_item(const msgpack_object *from, struct item *ret)
{
    *ret = (struct item){0};
    bool good = from->type == MSGPACK_OBJECT_MAP;
    for (uint32_t i = 0; good && i < from->via.map.size; i++) {
        const msgpack_object_kv *pair = &from->via.map.ptr[i];
        int64_t count = ret->count;
        if (key_is(&pair->key, "sku"))
            good = take_text(&pair->val, &ret->sku);
        else if (key_is(&pair->key, "title"))
            good = take_text(&pair->val, &ret->title);
        else if (key_is(&pair->key, "count"))
            good = take_int(&pair->val, &count);
        else if (key_is(&pair->key, "price"))
            good = take_double(&pair->val, &ret->price);
        else if (key_is(&pair->key, "gift"))
            ret->gift = pair->val.via.boolean;
        ret->count = (int32_t)count;
    }
    return good && ret->sku.at && ret->title.at;
}

static bool take_tags(const msgpack_object *from, struct order *ret)
{
    bool good =
        from->type == MSGPACK_OBJECT_ARRAY && from->via.array.size <= TAGS_MAX;
    ret->tag_count = good ? from->via.array.size : 0;
    for (size_t i = 0; good && i < ret->tag_count; i++)
        good = take_text(&from->via.array.ptr[i], &ret->tags[i]);
    return good;
}

static bool take_items(const msgpack_object *from, struct order *ret)
{
    bool good =
        from->type == MSGPACK_OBJECT_ARRAY && from->via.array.size <= ITEMS_MAX;
    ret->item_count = good ? from->via.array.size : 0;
    for (size_t i = 0; good && i < ret->item_count; i++)
        good = take_item(&from->via.array.ptr[i], &ret->items[i]);
    return good;
}

static bool take_order(const msgpack_object *from, struct order *ret)
{
    bool good = from->type == MSGPACK_OBJECT_MAP;
    for (uint32_t i = 0; good && i < from->via.map.size; i++) {
        const msgpack_object_kv *pair = &from->via.map.ptr[i];
        if (key_is(&pair->key, "id"))
            good = take_int(&pair->val, &ret->id);
        else if (key_is(&pair->key, "user"))
            good = take_text(&pair->val, &ret->user);
        else if (key_is(&pair->key, "state"))
            good = take_text(&pair->val, &ret->state);
        else if (key_is(&pair->key, "total"))
            good = take_double(&pair->val, &ret->total);
        else if (key_is(&pair->key, "tags"))
            good = take_tags(&pair->val, ret);
        else if (key_is(&pair->key, "items"))
            good = take_items(&pair->val, ret);
    }
    return good && is_right(ret);
}

/* ---- struct to JSON ---- */

static json_t *json_of_text(struct text text)
{
    return json_stringn(text.at, text.len);
}

static json_t *json_of_item(const struct item *item)
{
    json_t *to = json_object();
    json_object_set_new(to, "sku", json_of_text(item->sku));
    json_object_set_new(to, "title", json_of_text(item->title));
    json_object_set_new(to, "count", json_integer(item->count));
    json_object_set_new(to, "price", json_real(item->price));
    json_object_set_new(to, "gift", json_boolean(item->gift));
    return to;
}

static json_t *json_of_order(const struct order *order)
{
    json_t *to = json_object(), *tags = json_array(), *items = json_array();
    for (size_t i = 0; i < order->tag_count; i++)
        json_array_append_new(tags, json_of_text(order->tags[i]));
    for (size_t i = 0; i < order->item_count; i++)
        json_array_append_new(items, json_of_item(&order->items[i]));
    json_object_set_new(to, "id", json_integer(order->id));
    json_object_set_new(to, "user", json_of_text(order->user));
    json_object_set_new(to, "state", json_of_text(order->state));
    json_object_set_new(to, "total", json_real(order->total));
    json_object_set_new(to, "tags", tags);
    json_object_set_new(to, "items", items);
    return to;
}

/* ---- there and back ---- */

static bool there(const char *text, size_t len, msgpack_sbuffer *packed)
{
    static struct order order;
    msgpack_packer out;
    json_t *tree = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    bool good = tree && json_take_order(tree, &order);
    msgpack_packer_init(&out, packed, msgpack_sbuffer_write);
    if (good)
        pack_order(&out, &order);
    json_decref(tree);
    return good;
}

static bool back(const msgpack_sbuffer *packed, char *ret)
{
    static char written[CODEC_BYTES];
    static struct order order;
    msgpack_unpacked unpacked;
    size_t offset = 0, len = 0;
    msgpack_unpacked_init(&unpacked);
    bool good = msgpack_unpack_next(&unpacked, packed->data, packed->size,
                                    &offset) == MSGPACK_UNPACK_SUCCESS &&
                take_order(&unpacked.data, &order);
    if (good) {
        json_t *tree = json_of_order(&order);
        len = json_dumpb(tree, written, sizeof(written), JSON_COMPACT);
        json_decref(tree);
    }
    msgpack_unpacked_destroy(&unpacked);
    if (ret && len < sizeof(written)) {
        memcpy(ret, written, len);
        ret[len] = '\0';
    }
    return len > 0 && len < sizeof(written);
}

bool peer_trip(const char *text, size_t len, char *ret)
{
    static msgpack_sbuffer packed; /* zeroed is empty */
    msgpack_sbuffer_clear(&packed);
    return there(text, len, &packed) && back(&packed, ret);
}
