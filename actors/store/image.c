/* SPDX-License-Identifier: MIT
 *
 * A row's image: the struct's bytes, then its texts and blobs one behind the
 * other. Where the struct has a pointer, the image has the distance from its
 * own beginning; reading is one copy and as many additions. An image never
 * leaves the process that made it.
 */
#include <string.h>

#include "actors/store/cache.h"
#include "actors/store/form.h"

static bool is_text(const struct bus_field *field)
{
    return field->kind == BUS_TEXT || field->kind == BUS_DECIMAL;
}

/* What the field points at; a text with its NUL. len 0: nothing. */
static struct bus_bytes target(const struct bus_field *field, const void *row)
{
    struct bus_bytes bytes = {0};
    const char *slot = (const char *)row + field->offset;
    if (is_text(field)) {
        const char *text;
        memcpy(&text, slot, sizeof(text));
        text = text ? text : "";
        bytes = (struct bus_bytes){(const uint8_t *)text, strlen(text) + 1};
    } else if (field->kind == BUS_BYTES) {
        memcpy(&bytes, slot, sizeof(bytes));
    }
    return bytes;
}

static size_t image_size(const struct bus_shape *shape, const void *row)
{
    size_t size = shape->size;
    for (uint16_t i = 0; i < shape->count; i++)
        size += target(&shape->fields[i], row).len;
    return size;
}

bool form_image_write(const struct store_form *form, struct bus_call *call,
                      const void *row, struct bus_bytes *ret)
{
    const struct bus_shape *shape = form->table->row;
    size_t size = image_size(shape, row);
    uintptr_t at = shape->size;
    char *image = NULL;
    if (size > 1 && size <= CACHE_VALUE_MAX) /* one byte is the placeholder */
        image = bus_arena_alloc(call->arena, size);
    if (!image)
        return false;
    memcpy(image, row, shape->size);
    for (uint16_t i = 0; i < shape->count; i++) {
        const struct bus_field *field = &shape->fields[i];
        struct bus_bytes bytes = target(field, row);
        if (!is_text(field) && field->kind != BUS_BYTES)
            continue;
        memcpy(image + field->offset, &at, sizeof(at));
        if (bytes.len)
            memcpy(image + at, bytes.data, bytes.len);
        at += bytes.len;
    }
    *ret = (struct bus_bytes){(const uint8_t *)image, size};
    return true;
}

bool form_image_read(const struct store_form *form, struct bus_bytes image,
                     void *row)
{
    const struct bus_shape *shape = form->table->row;
    if (image.len < shape->size)
        return false;
    memcpy(row, image.data, shape->size);
    for (uint16_t i = 0; i < shape->count; i++) {
        const struct bus_field *field = &shape->fields[i];
        char *slot = (char *)row + field->offset;
        uintptr_t at;
        if (!is_text(field) && field->kind != BUS_BYTES)
            continue;
        memcpy(&at, slot, sizeof(at));
        const uint8_t *place = image.data + at;
        memcpy(slot, &place, sizeof(place));
    }
    return true;
}
