/* SPDX-License-Identifier: MIT
 *
 * Keys are compared by their packed bytes, so that every type can be one.
 */
#include "bus/affinity.h"

#include <string.h>

#include "bus/pack.h"

static uint64_t hash_on(uint64_t hash, const void *data, size_t len)
{
    const uint8_t *at = data;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ at[i]) * UINT64_C(1099511628211); /* FNV-1a */
    return hash;
}

/* FNV alone leaves the high bits of short texts alike (MurmurHash3's end). */
static uint64_t mixed(uint64_t hash)
{
    hash = (hash ^ hash >> 33) * UINT64_C(0xff51afd7ed558ccd);
    hash = (hash ^ hash >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return hash ^ hash >> 33;
}

uint64_t affinity_hash(struct bus_bytes key)
{
    if (key.len == 0)
        return 0;
    uint64_t hash =
        mixed(hash_on(UINT64_C(14695981039346656037), key.data, key.len));
    return hash ? hash : 1;
}

/* The path behind "method="; its length in *ret_len; NULL: there is none. */
static const char *path_of(const char *keys, const char *method,
                           size_t *ret_len)
{
    size_t len = strlen(method);
    for (const char *at = keys; *at;) {
        size_t entry = strcspn(at, ",");
        if (entry > len + 1 && at[len] == '=' && memcmp(at, method, len) == 0) {
            *ret_len = entry - len - 1;
            return at + len + 1;
        }
        at += entry + (at[entry] == ',');
    }
    return NULL;
}

uint64_t affinity_of(const char *keys, const char *method,
                     struct bus_bytes body)
{
    size_t len;
    char path[BUS_AFFINITY_MAX];
    struct bus_bytes value;
    const char *found = path_of(keys, method, &len);
    if (!found || len >= sizeof(path) || body.len == 0)
        return 0;
    memcpy(path, found, len);
    path[len] = '\0';
    return bus_pack_find(body, path, &value) ? affinity_hash(value) : 0;
}

uint64_t affinity_weight(uint64_t key, const struct bus_name *name)
{
    uint64_t hash = hash_on(key, name->instance, strlen(name->instance) + 1);
    return mixed(hash_on(hash, name->node, strlen(name->node)));
}

bool affinity_keys_valid(const char *keys)
{
    if (strlen(keys) >= BUS_AFFINITY_MAX || strpbrk(keys, "\n "))
        return false;
    for (const char *at = keys; *at;) {
        size_t entry = strcspn(at, ",");
        const char *is = memchr(at, '=', entry);
        if (!is || is == at || (size_t)(is - at) + 1 == entry)
            return false;
        at += entry;
        if (*at == ',' && !*++at)
            return false;
    }
    return true;
}
