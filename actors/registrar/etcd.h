/* SPDX-License-Identifier: MIT
 *
 * etcd 3.4's JSON gateway over HTTP: calls that wait for their answer, and one
 * stream that watches. Everything on one thread but etcd_wake. What is sent and
 * answered is JSON text; what it means stands in registry.h.
 */
#ifndef REGISTRAR_ETCD_H
#define REGISTRAR_ETCD_H

#include <stdbool.h>

#include "bus/buf.h"
#include "bus/error.h"

#define ETCD_CALL_MS 2000 /* for one answer */
#define ETCD_ANSWER_MAX ((size_t)64 << 20)
#define ETCD_LINE_MAX ((size_t)16 << 20) /* of what a watch says at once */
#define ETCD_HOSTS_MAX 16
#define ETCD_HOST_MAX 256 /* bytes, with NUL */

struct etcd;

/* One line of the watch, without its newline. */
typedef void etcd_heard(void *arg, struct bus_bytes line);

struct etcd_options {
    const char *const *hosts; /* "127.0.0.1:2379", or with http(s):// */
    size_t host_count;
    const char *user, *pass;     /* "": without */
    const char *ca, *cert, *key; /* files, for https; "": without */
    etcd_heard *heard;
    void *arg;
};

/* Connects to nothing yet. INVALID_ARGUMENT: no host, or too many. */
int etcd_open(const struct etcd_options *options, struct etcd **ret,
              struct bus_error *err);
void etcd_close(struct etcd *etcd);

/* POST of body to /v3/PATH ("kv/range"); the answer is appended to reply (NULL:
 * thrown away). UNAVAILABLE: no answer, and the next call goes to the next
 * host; else what etcd refused with. */
int etcd_call(struct etcd *etcd, const char *path, struct bus_bytes body,
              struct bus_buf *reply, struct bus_error *err);

/* Takes the place of the stream before it. body: create requests in a row. */
void etcd_watch(struct etcd *etcd, struct bus_bytes body);
/* False once the stream has ended or was never begun. */
bool etcd_watching(const struct etcd *etcd);

/* Hears what the watch says; at most so long, less after etcd_wake. */
void etcd_poll(struct etcd *etcd, int timeout_ms);
void etcd_wake(struct etcd *etcd); /* from any thread */

#endif
