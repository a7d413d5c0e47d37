/* SPDX-License-Identifier: MIT
 *
 * Paths become texts, one character for each six bits, and those the keys of
 * a map. Only what a schema tells is indexed: paths of longer or shorter kinds
 * (a field's label, an option) cost a key each and harm nobody.
 */
#include "proto_place.h"

#define KEY_MAX ((2 * SCHEMA_DEPTH_MAX + 4) * 6 + 1)

typedef Google__Protobuf__FileDescriptorProto File;
typedef Google__Protobuf__SourceCodeInfo__Location Location;

struct place place_in(const struct place *outer, int32_t field, size_t index)
{
    struct place place = *outer;
    place.steps[place.count++] = field;
    place.steps[place.count++] = (int32_t)index;
    return place;
}

/* Each step in groups of six bits that are never NUL, the last one marked. */
static size_t key_of(const int32_t *steps, size_t count, char key[KEY_MAX])
{
    size_t len = 0;
    for (size_t i = 0; i < count && len + 6 < KEY_MAX; i++) {
        uint32_t step = (uint32_t)steps[i];
        for (; step >= 64; step >>= 6)
            key[len++] = (char)(0x40 + (step & 0x3f));
        key[len++] = (char)(0x80 + step);
    }
    key[len] = '\0';
    return len;
}

static void index_file(struct pool *pool, struct places *places,
                       const File *file)
{
    const Google__Protobuf__SourceCodeInfo *info = file->source_code_info;
    *places = (struct places){.file = file};
    for (size_t i = 0; info && i < info->n_location; i++) {
        Location *found = info->location[i];
        char key[KEY_MAX];
        if (found->n_span < 3 || found->n_path % 2 ||
            found->n_path > 2 * SCHEMA_DEPTH_MAX + 4)
            continue;
        size_t len = key_of(found->path, found->n_path, key);
        if (!map_get(&places->map, key))
            map_put(pool, &places->map, pool_text_n(pool, key, len), found);
    }
}

const Location *place_find(struct pool *pool, struct places *places,
                           const File *file, const struct place *place)
{
    char key[KEY_MAX];
    if (places->file != file)
        index_file(pool, places, file);
    key_of(place->steps, place->count, key);
    return map_get(&places->map, key);
}
