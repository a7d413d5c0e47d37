/* SPDX-License-Identifier: MIT
 *
 * One Redis server as a place to run commands. Connections are opened when they
 * are needed, kept for the next command and shared by all threads; one that the
 * server closed meanwhile is replaced without a word. A server that does not
 * answer is taken for down: from then on commands fail at once, so that no
 * worker waits for it, until somebody has probed it and called redis_up.
 *
 * redis.c is the only file that knows hiredis. Not built: TLS and cluster
 * redirections, which that library's version in Debian 12 does not have.
 */
#ifndef STORE_REDIS_H
#define STORE_REDIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus/arena.h"
#include "bus/buf.h"
#include "bus/clock.h"
#include "bus/error.h"

#define REDIS_ARGS_MAX 12
#define REDIS_WAIT                                                             \
    (500 * BUS_MILLI) /* for an answer; a deadline is shorter                  \
                       */
#define REDIS_CONNECT_WAIT (300 * BUS_MILLI)
#define REDIS_PORT 6379
#define REDIS_IDLE_MAX 64 /* connections kept */
#define REDIS_DEPTH_MAX 8 /* lists within lists of an answer */

struct redis;

struct redis_options {
    const char *host; /* "host:port", "host", "[::1]:port" or "/path" */
    const char *user; /* "" or NULL: none */
    const char *pass; /* never printed */
};

struct redis_command {
    size_t count;
    struct bus_bytes args[REDIS_ARGS_MAX]; /* the first is the name */
};

/* A Lua script, which servers keep by its hash. */
struct redis_script {
    const char *text;
    char sha[48]; /* "" until some server said it */
};

enum redis_type {
    REDIS_NIL,
    REDIS_TEXT,
    REDIS_NUMBER,
    REDIS_REFUSED,
    REDIS_LIST
};

struct redis_reply {
    enum redis_type type; /* REFUSED: the server's error, in text */
    int64_t number;
    struct bus_bytes text;     /* in the arena that was given; NUL-terminated */
    struct redis_reply *items; /* of a LIST, in the arena */
    size_t count;
};

/* Commands to run in one round trip. */
struct redis_run {
    struct redis_command *commands;
    size_t count;
    struct redis_script *script; /* commands of redis_script_command; or NULL */
    bool once;        /* never twice, as else happens when a kept connection
                       * turns out to be dead or a script unknown */
    bool probing;     /* although the server is down */
    int64_t deadline; /* on the system's monotonic clock */
    struct bus_arena *arena;
};

/* Does not connect. INVALID_ARGUMENT for no such address. */
int redis_open(const struct redis_options *options, struct redis **ret,
               struct bus_error *err);
void redis_close(struct redis *redis);
const char *redis_address(const struct redis *redis);

/* A command without arguments, and one that runs a script on that many keys,
 * which follow. */
void redis_command(struct redis_command *command, const char *name);
void redis_script_command(struct redis_command *command, const char *keys);

/* Appends an argument; a text without its NUL. The memory must live until the
 * command has run. */
void redis_text(struct redis_command *command, const char *text);
void redis_bytes(struct redis_command *command, struct bus_bytes bytes);

/* Runs the commands, an answer each; any thread. UNAVAILABLE: no answer, at
 * least to some of them; UNKNOWN: the same with `once`, and they may have run;
 * DEADLINE_EXCEEDED; RESOURCE_EXHAUSTED: the arena is full. */
int redis_run(struct redis *redis, const struct redis_run *run,
              struct redis_reply *ret);

bool redis_is_down(const struct redis *redis);

/* Takes the server for well again; by one who has had an answer. */
void redis_up(struct redis *redis);

#endif
