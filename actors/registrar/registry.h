/* SPDX-License-Identifier: MIT
 *
 * What the registrar says to etcd and hears from it, as JSON of its gateway:
 * keys and values are base64, 64-bit integers texts, zero and empty values
 * left out, and so is the type of an event that puts. Keys:
 *   <Etcd.Key>/<lease id> = host:port              as go-zero has it
 *   troupe/names/<node>/<actor>/<instance> = {...} ours, under the same lease
 */
#ifndef REGISTRAR_REGISTRY_H
#define REGISTRAR_REGISTRY_H

#include "actors/registrar/etcd.h"
#include "bus/names.h"

#define REGISTRY_PREFIX "troupe/names/"
#define REGISTRY_KEY_MAX 512    /* bytes, with NUL */
#define REGISTRY_VALUE_MAX 1024 /* bytes, with NUL */

/* One key and its value. */
struct registry_pair {
    char key[REGISTRY_KEY_MAX];
    char value[REGISTRY_VALUE_MAX];
};

/* Called for every pair; one longer than the limits is not ours: skipped.
 * deleted: the key is gone, value is "". */
typedef void registry_pair_heard(void *arg, const struct registry_pair *pair,
                                 bool deleted);

/* All pairs below a prefix. *ret_revision: of the store, decimal. */
int registry_list(struct etcd *etcd, const char *prefix,
                  registry_pair_heard *heard, void *arg, int64_t *ret_revision,
                  struct bus_error *err);

/* Watches prefixes from a revision on. */
void registry_watch(struct etcd *etcd, const char *const *prefixes,
                    size_t count, int64_t revision);

enum registry_watched { REGISTRY_HEARD, REGISTRY_CANCELED, REGISTRY_BROKEN };

/* Reads one line of the watch. CANCELED: the stream stays open, but nothing
 * more comes (compaction, a server's own wish): list anew. */
enum registry_watched registry_line(struct bus_bytes line,
                                    registry_pair_heard *heard, void *arg,
                                    int64_t *ret_revision);

/* A lease for one instance. */
int registry_grant(struct etcd *etcd, int64_t ttl_s, int64_t *ret_lease,
                   struct bus_error *err);
int registry_revoke(struct etcd *etcd, int64_t lease, struct bus_error *err);

/* Keeps leases in one call. Sets the lease of each that etcd no longer knows
 * to 0. */
int registry_keep(struct etcd *etcd, int64_t *const *leases, size_t count,
                  struct bus_error *err);

/* Puts an instance's pairs under its lease, in one transaction. named: with the
 * pair of ours; without it only that of go-zero's layout. */
int registry_put(struct etcd *etcd, const struct bus_name *name, bool named,
                 int64_t lease, struct bus_error *err);

/* The name that a pair of ours stands for; url is where it takes calls. False:
 * it is none. */
bool registry_name(const struct registry_pair *pair, struct bus_name *ret);

/* "host:port" of a url. */
const char *registry_address(const char *url);

#endif
