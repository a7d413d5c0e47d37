/* SPDX-License-Identifier: MIT
 *
 * Chains that only grow: readers take no lock, and whoever adds does it behind
 * one, at the head, when the entry is whole.
 */
#include "bus/callees.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "bus/names.h"

#define BUCKETS 256

struct callees {
    struct callee *_Atomic heads[BUCKETS];
    pthread_mutex_t lock;
    unsigned count;
};

struct callees *callees_new(void)
{
    struct callees *callees = calloc(1, sizeof(*callees));
    if (!callees)
        abort();
    pthread_mutex_init(&callees->lock, NULL);
    return callees;
}

void callees_free(struct callees *callees)
{
    for (int i = 0; i < BUCKETS; i++) {
        struct callee *callee = atomic_load(&callees->heads[i]);
        while (callee) {
            struct callee *next = callee->next;
            free(callee);
            callee = next;
        }
    }
    pthread_mutex_destroy(&callees->lock);
    free(callees);
}

/* Takes a text apart in place; false: it is no target. */
static bool target_parse(char *text, struct target *ret)
{
    *ret = (struct target){.actor = text};
    char *node = strchr(text, '@');
    if (node) {
        *node++ = '\0';
        ret->node = node;
    }
    char *instance = strchr(text, '#');
    if (instance) {
        *instance++ = '\0';
        ret->instance = instance;
    }
    return bus_name_valid(text) && (!node || bus_name_valid(node)) &&
           (!instance || bus_name_valid(instance));
}

static struct callee *callee_new(uint32_t hash, const char *target,
                                 const char *method)
{
    size_t target_size = strlen(target) + 1, method_size = strlen(method) + 1;
    struct callee *callee =
        calloc(1, sizeof(*callee) + 2 * target_size + method_size);
    if (!callee)
        abort();
    guard_init(&callee->guard);
    callee->hash = hash;
    char *parts = callee->text;
    callee->name = memcpy(parts + target_size, target, target_size);
    callee->method = memcpy(parts + 2 * target_size, method, method_size);
    memcpy(parts, target, target_size);
    callee->valid = target_parse(parts, &callee->target);
    return callee;
}

static uint32_t hash_on(uint32_t hash, const char *text)
{
    for (; *text; text++)
        hash = (hash ^ (uint8_t)*text) * 16777619u; /* FNV-1a */
    return (hash ^ '.') * 16777619u;
}

static struct callee *find(struct callee *callee, uint32_t hash,
                           const char *target, const char *method)
{
    while (callee && (callee->hash != hash || strcmp(callee->method, method) ||
                      strcmp(callee->name, target)))
        callee = callee->next;
    return callee;
}

struct callee *callees_get(struct callees *callees, const char *target,
                           const char *method)
{
    uint32_t hash = hash_on(hash_on(2166136261u, target), method);
    struct callee *_Atomic *head = &callees->heads[hash % BUCKETS];
    struct callee *callee = find(
        atomic_load_explicit(head, memory_order_acquire), hash, target, method);
    if (callee)
        return callee;
    pthread_mutex_lock(&callees->lock);
    callee = find(atomic_load(head), hash, target, method);
    if (!callee) {
        callee = callee_new(hash, target, method);
        callee->kept = callees->count < CALLEES_MAX;
        if (callee->kept) {
            callee->next = atomic_load(head);
            atomic_store(head, callee);
            callees->count++;
        }
    }
    pthread_mutex_unlock(&callees->lock);
    return callee;
}

void callee_drop(struct callee *callee)
{
    if (!callee->kept)
        free(callee);
}
