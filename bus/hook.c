/* SPDX-License-Identifier: MIT
 *
 * The crash points of test builds. The order is read again at every effect (an
 * open(2) that fails while nothing is ordered), and whoever removes the file
 * carries it out, so that of several replicas exactly one does.
 */
#include "bus/hook.h"

#ifdef TROUPE_TEST_HOOKS

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bus/home.h"

#define ORDER_MAX 128 /* bytes of an order file */
#define WORD_MAX 32

/* One order, as the file has it. */
struct order {
    unsigned long count;
    char verb[WORD_MAX];
    char kind[WORD_MAX]; /* "": every kind */
};

static struct {
    pthread_mutex_t lock;
    char order_path[BUS_PATH_MAX]; /* "": not initialised */
    char held_path[BUS_PATH_MAX];
    unsigned long passed; /* effects since the order was first seen */
} hook = {.lock = PTHREAD_MUTEX_INITIALIZER};

void bus_effect_init(const char *home, const char *actor)
{
    pthread_mutex_lock(&hook.lock);
    int len = snprintf(hook.held_path, sizeof(hook.held_path),
                       "%s/crash/%s.held", home, actor);
    hook.order_path[0] = '\0';
    if (len > 0 && (size_t)len < sizeof(hook.held_path))
        snprintf(hook.order_path, sizeof(hook.order_path), "%.*s",
                 len - (int)strlen(".held"), hook.held_path);
    hook.passed = 0;
    pthread_mutex_unlock(&hook.lock);
}

/* The next blank-separated word of *text into ret; "" at the end. */
static void next_word(const char **text, char ret[WORD_MAX])
{
    *text += strspn(*text, " \t\n");
    size_t len = strcspn(*text, " \t\n");
    snprintf(ret, WORD_MAX, "%.*s", (int)len, *text);
    *text += len;
}

/* False if there is no order, or none that can be understood (a file may be
 * seen before its content was written). */
static bool order_read(struct order *ret)
{
    char text[ORDER_MAX], count[WORD_MAX];
    const char *at = text;
    int fd = open(hook.order_path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t len = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (len <= 0)
        return false;
    text[len] = '\0';
    next_word(&at, count);
    next_word(&at, ret->verb);
    next_word(&at, ret->kind);
    ret->count = strtoul(count, NULL, 10);
    return ret->count > 0 &&
           (strcmp(ret->verb, "kill") == 0 || strcmp(ret->verb, "hold") == 0);
}

/* Whether this effect is the one ordered. Called with the lock held. */
static bool order_due(const char *kind, struct order *ret)
{
    if (!hook.order_path[0])
        return false;
    if (!order_read(ret)) {
        hook.passed = 0;
        return false;
    }
    if (ret->kind[0] && strcmp(ret->kind, kind) != 0)
        return false;
    return ++hook.passed >= ret->count && unlink(hook.order_path) == 0;
}

static void hold(void)
{
    int fd = open(hook.held_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    for (;;)
        pause();
}

void bus_effect(const char *kind)
{
    struct order order;
    int saved = errno;
    pthread_mutex_lock(&hook.lock);
    bool due = order_due(kind, &order);
    pthread_mutex_unlock(&hook.lock);
    if (due && strcmp(order.verb, "kill") == 0)
        kill(getpid(), SIGKILL);
    if (due)
        hold();
    errno = saved;
}

#endif
