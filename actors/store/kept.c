/* SPDX-License-Identifier: MIT
 *
 * Things by text: the table is small enough to be searched whole.
 */
#include "actors/store/kept.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "actors/store/wait.h"

void *kept_get(struct kept *kept, const char *text)
{
    uint64_t hash = text_hash(text);
    for (size_t i = 0; i < KEPT_MAX; i++) {
        struct kept_slot *slot = &kept->slots[i];
        if (slot->thing && slot->hash == hash &&
            strcmp(slot->text, text) == 0) {
            slot->used = ++kept->uses;
            return slot->thing;
        }
    }
    return NULL;
}

static void *slot_empty(struct kept_slot *slot)
{
    void *thing = slot->thing;
    free(slot->text);
    *slot = (struct kept_slot){0};
    return thing;
}

void *kept_put(struct kept *kept, const char *text, void *thing)
{
    struct kept_slot *oldest = &kept->slots[0];
    for (size_t i = 1; i < KEPT_MAX; i++) {
        if (kept->slots[i].used < oldest->used)
            oldest = &kept->slots[i];
    }
    void *gone = slot_empty(oldest);
    *oldest =
        (struct kept_slot){thing, strdup(text), text_hash(text), ++kept->uses};
    if (!oldest->text)
        abort();
    return gone;
}

void *kept_take(struct kept *kept)
{
    for (size_t i = 0; i < KEPT_MAX; i++) {
        if (kept->slots[i].thing)
            return slot_empty(&kept->slots[i]);
    }
    return NULL;
}
