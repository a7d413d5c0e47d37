/* SPDX-License-Identifier: MIT
 *
 * A private Redis server of a test, on a socket in the test's folder, without
 * persistence. TROUPE_TEST_REDIS names the program (tests/live/redis/run);
 * where it is not set, tests that need a server are skipped.
 */
#ifndef TESTS_STORE_REDIS_SERVER_H
#define TESTS_STORE_REDIS_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

#include "actors/store/redis.h"

struct redis_server {
    char socket[128];
    const char *pass; /* NULL: none */
    pid_t pid;
};

bool redis_server_wanted(void);

/* Starts it on a socket of that name and waits until it answers. */
void redis_server_start(struct redis_server *server, const char *folder,
                        const char *name);
/* After kill: the same again. */
void redis_server_restart(struct redis_server *server);
void redis_server_kill(struct redis_server *server);
/* SIGSTOP and SIGCONT. */
void redis_server_hang(struct redis_server *server);
void redis_server_go_on(struct redis_server *server);

/* What the server answers to a command of up to four words: a text (kept until
 * the next), "" for nil, a number as text, or its error. */
const char *redis_server_ask(const struct redis_server *server,
                             const char *name, const char *a, const char *b,
                             const char *c);

/* Waits up to ten seconds for something to become true. */
bool redis_await(bool (*is_true)(void *arg), void *arg);

#endif
