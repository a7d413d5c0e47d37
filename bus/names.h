/* SPDX-License-Identifier: MIT
 *
 * Names are files: a replica that is ready writes HOME/names/ACTOR/INSTANCE
 * with its address, held by an open-file-description lock for as long as its
 * process lives; callers read the folder, ask F_OFD_GETLK whether a name is
 * alive and watch with one inotify instance a process (polling where there is
 * none to be had). `ls` shows the truth.
 */
#ifndef BUS_NAMES_H
#define BUS_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bus_error;

#define BUS_NAME_MAX 64     /* bytes of an actor's or a node's name, with NUL */
#define BUS_REPLICA_MAX 32  /* of an instance on its own node, with NUL */
#define BUS_INSTANCE_MAX 96 /* of one of another node: "n2.3" */
#define BUS_URL_MAX 160
#define BUS_KEY_NAME_MAX 128 /* of a key in a registry, with NUL */

enum bus_name_origin {
    BUS_NAME_OWN,      /* of this node */
    BUS_NAME_MIRRORED, /* of another, put here by the registrar */
    BUS_NAME_STALE,    /* mirrored, and the registry is out of reach */
};
#define BUS_AFFINITY_MAX 256

/* One live instance. */
struct bus_name {
    char actor[BUS_NAME_MAX];        /* "user" */
    char instance[BUS_INSTANCE_MAX]; /* "3": user#3 */
    char node[BUS_NAME_MAX];         /* "n1": user@n1 */
    char url[BUS_URL_MAX];           /* where it takes calls */
    char events[BUS_URL_MAX];        /* where it publishes; "": it does not */
    char tcp[BUS_URL_MAX];           /* where other nodes call it; "" */
    char key[BUS_KEY_NAME_MAX];      /* under which it is registered; "" */
    uint8_t origin;                  /* enum bus_name_origin */
    char affinity[BUS_AFFINITY_MAX]; /* keys of methods, affinity.h; "" */
    int32_t pid;
    int64_t started; /* Unix time, us: with pid one incarnation */
};

/* Letters, digits, '-', '_' and '.', not first a '.' or '$'; below the max. */
bool bus_name_valid(const char *text);

struct bus_names;

/* Opens the folder and starts the watching thread. */
int bus_names_open(const char *home, struct bus_names **ret,
                   struct bus_error *err);
void bus_names_close(struct bus_names *names);

/* Names without files, for the fixture: one set shared by several buses. */
struct bus_names *bus_names_memory(void);

/* Publishes a name: temporary file, locked, renamed. ALREADY_EXISTS if
 * a live process holds it. The lock lives until withdraw or the process's end.
 */
int bus_names_publish(struct bus_names *names, const struct bus_name *name,
                      struct bus_error *err);
void bus_names_withdraw(struct bus_names *names, const char *actor,
                        const char *instance);

/* Says of a mirrored name that this process published whether it is stale:
 * others see it within a second. False: it is not ours. */
bool bus_names_mark(struct bus_names *names, const char *actor,
                    const char *instance, bool stale);

/* Copies up to max live names of one actor (NULL: of all), in order of actor
 * and instance; returns how many there are. Reads memory only: kept true by the
 * watcher within milliseconds. */
size_t bus_names_list(struct bus_names *names, const char *actor,
                      struct bus_name *ret, size_t max);

/* Counts every change seen; waits until it passes `seen` or the time-out (ms)
 * is over. Returns the new count. */
uint64_t bus_names_wait(struct bus_names *names, uint64_t seen, int timeout_ms);

/* heard is called after every look, on the watcher's thread, and after every
 * change of names in memory; must not block. */
void bus_names_listen(struct bus_names *names, void (*heard)(void *arg),
                      void *arg);
void bus_names_unlisten(struct bus_names *names, void *arg);

/* Looks at the folder again now, for a caller that lost a connection. */
void bus_names_refresh(struct bus_names *names);

#endif
