/* SPDX-License-Identifier: MIT
 *
 * Chains that only grow: readers take no lock, and whoever adds does it behind
 * one, at the head, when the entry is whole.
 */
#include "bus/guards.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "bus/call.h"

#define BUCKETS 256

struct entry {
    struct entry *next;
    struct guard guard;
    uint32_t hash;
    char target[BUS_TARGET_MAX];
    char method[BUS_METHOD_MAX];
};

struct guards {
    struct entry *_Atomic heads[BUCKETS];
    pthread_mutex_t lock;
    unsigned count;
};

struct guards *guards_new(void)
{
    struct guards *guards = calloc(1, sizeof(*guards));
    if (!guards)
        abort();
    pthread_mutex_init(&guards->lock, NULL);
    return guards;
}

void guards_free(struct guards *guards)
{
    for (int i = 0; i < BUCKETS; i++) {
        struct entry *entry = atomic_load(&guards->heads[i]);
        while (entry) {
            struct entry *next = entry->next;
            free(entry);
            entry = next;
        }
    }
    pthread_mutex_destroy(&guards->lock);
    free(guards);
}

static uint32_t hash_on(uint32_t hash, const char *text)
{
    for (; *text; text++)
        hash = (hash ^ (uint8_t)*text) * 16777619u; /* FNV-1a */
    return (hash ^ '.') * 16777619u;
}

static struct entry *find(struct entry *entry, uint32_t hash,
                          const char *target, const char *method)
{
    while (entry && (entry->hash != hash || strcmp(entry->method, method) ||
                     strcmp(entry->target, target)))
        entry = entry->next;
    return entry;
}

static struct entry *entry_new(uint32_t hash, const char *target,
                               const char *method)
{
    struct entry *entry = calloc(1, sizeof(*entry));
    if (!entry)
        abort();
    guard_init(&entry->guard);
    entry->hash = hash;
    memcpy(entry->target, target, strlen(target));
    memcpy(entry->method, method, strlen(method));
    return entry;
}

struct guard *guards_get(struct guards *guards, const char *target,
                         const char *method)
{
    uint32_t hash = hash_on(hash_on(2166136261u, target), method);
    struct entry *_Atomic *head = &guards->heads[hash % BUCKETS];
    struct entry *entry = find(atomic_load(head), hash, target, method);
    if (entry)
        return &entry->guard;
    pthread_mutex_lock(&guards->lock);
    entry = find(atomic_load(head), hash, target, method);
    if (!entry && guards->count < GUARDS_MAX) {
        entry = entry_new(hash, target, method);
        entry->next = atomic_load(head);
        atomic_store(head, entry);
        guards->count++;
    }
    pthread_mutex_unlock(&guards->lock);
    return entry ? &entry->guard : NULL;
}
