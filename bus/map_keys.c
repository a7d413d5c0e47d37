/* SPDX-License-Identifier: MIT
 *
 * Whether a map that was read holds a key twice. Keys are compared as the
 * values they are, not as they were spelled: "0" and "-0" are one number.
 */
#include <stdlib.h>
#include <string.h>

#include "bus/map_keys.h"

#define FEW_KEYS 16 /* maps up to this need no memory of their own */

/* Keys side by side, to be sorted: equal ones become neighbours. */
union key {
    const char *text;
    uint64_t bits;
};

static int compare_text(const void *a, const void *b)
{
    return strcmp(((const union key *)a)->text, ((const union key *)b)->text);
}

static int compare_bits(const void *a, const void *b)
{
    uint64_t left = ((const union key *)a)->bits;
    uint64_t right = ((const union key *)b)->bits;
    return (left > right) - (left < right);
}

static void keys_gather(const struct bus_field *field,
                        const struct bus_list *list, union key *ret)
{
    const struct bus_field *key = &field->shape->fields[0];
    const unsigned char *entry = list->items;
    for (size_t i = 0; i < list->count; i++) {
        const void *at = entry + i * field->shape->size + key->offset;
        if (key->kind == BUS_TEXT)
            ret[i].text = *(const char *const *)at;
        else
            memcpy(&ret[i].bits, at, bus_field_size(key));
    }
}

static bool neighbours_equal(const union key *keys, size_t count, bool text)
{
    int (*compare)(const void *, const void *) =
        text ? compare_text : compare_bits;
    for (size_t i = 1; i < count; i++)
        if (compare(&keys[i - 1], &keys[i]) == 0)
            return true;
    return false;
}

/* Sorted, not hashed: no choice of keys makes it slow. */
bool bus_map_repeats(const struct bus_field *field, const struct bus_list *list)
{
    union key few[FEW_KEYS] = {{0}};
    union key *keys = few;
    bool text = field->shape->fields[0].kind == BUS_TEXT;
    if (list->count < 2)
        return false;
    if (list->count > FEW_KEYS)
        keys = calloc(list->count, sizeof(*keys));
    if (!keys)
        abort();
    keys_gather(field, list, keys);
    qsort(keys, list->count, sizeof(*keys), text ? compare_text : compare_bits);
    bool repeat = neighbours_equal(keys, list->count, text);
    if (keys != few)
        free(keys);
    return repeat;
}
