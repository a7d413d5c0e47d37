/* SPDX-License-Identifier: MIT
 *
 * Other nodes' instances as names of this home: a picture of what etcd holds
 * below the watched prefixes, and the names that were made of it. A name
 * "user#1" of the node n2 is instance "n2.1" here.
 */
#ifndef REGISTRAR_MIRROR_H
#define REGISTRAR_MIRROR_H

#include "actors/registrar/registry.h"
#include "bus/wire.h"

#define MIRROR_PAIRS_MAX 65536

/* Instances that others registered under a key in go-zero's layout, and which
 * actor they are here. */
struct mirror_key {
    const char *key;   /* "user.rpc" */
    const char *actor; /* "user" */
};

struct mirror {
    struct bus_names *names;
    const char *node; /* our own: not mirrored */
    const struct mirror_key *keys;
    size_t key_count;
    struct bus_wire wire;

    struct registry_pair *pairs; /* owned; by key */
    size_t count, cap;
    struct bus_name *made; /* owned: names published */
    size_t made_count, made_cap;
    bool changed; /* pairs, since the last mirror_settle */
    int64_t hold; /* until then (monotonic ns) what is missing is kept */
};

void mirror_init(struct mirror *mirror, struct bus_names *names,
                 const char *node);
void mirror_release(struct mirror *mirror); /* withdraws every name */

void mirror_clear(struct mirror *mirror); /* before a new list */
/* A registry_pair_heard; arg is the mirror. */
void mirror_hear(void *arg, const struct registry_pair *pair, bool deleted);
bool mirror_has(const struct mirror *mirror, const char *key);

/* etcd was lost and is back: others need a moment to register anew, so what it
 * does not know any more is kept for so long. */
void mirror_hold(struct mirror *mirror, int64_t ns);

/* Makes the names true to the picture, if it changed. */
void mirror_settle(struct mirror *mirror);
/* Marks every name as the last that is known, or as fresh again. */
void mirror_mark(struct mirror *mirror, bool stale);

#endif
