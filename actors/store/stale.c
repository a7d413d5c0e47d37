/* SPDX-License-Identifier: MIT
 *
 * A list under a mutex. The file is a row of netstrings ("3:abc,"), appended
 * with one write each and emptied when no key is left, so that a process killed
 * between two writes leaves at worst half a string, which is ignored.
 */
#include "actors/store/stale.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/store/cache.h"

#define FILE_BYTES_MAX ((off_t)64 << 20)
#define HEAD_MAX 24 /* bytes of "4096:" */

static const int64_t steps[] = {1 * BUS_SECOND, 5 * BUS_SECOND, 60 * BUS_SECOND,
                                300 * BUS_SECOND, 3600 * BUS_SECOND};
#define STEPS (sizeof(steps) / sizeof(*steps))

struct stale {
    const struct bus_clock *clock;
    pthread_mutex_t lock;
    struct stale_key *first;
    size_t count; /* in the list and taken out */
    uint64_t added, lost;
    int file; /* -1: none */
};

static void *must(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

/* ---- the file ---- */

static void file_add(const struct stale *stale, const char *key)
{
    char head[HEAD_MAX];
    size_t len = strlen(key);
    if (stale->file < 0)
        return;
    int head_len = snprintf(head, sizeof(head), "%zu:", len);
    char *text = must(malloc((size_t)head_len + len + 1));
    memcpy(text, head, (size_t)head_len);
    memcpy(text + head_len, key, len);
    text[(size_t)head_len + len] = ',';
    ssize_t written = write(stale->file, text, (size_t)head_len + len + 1);
    (void)written; /* the list has it; a full disk loses what a crash would */
    free(text);
}

static void list_add(struct stale *stale, const char *key, size_t len,
                     int64_t due)
{
    struct stale_key *entry = must(calloc(1, sizeof(*entry)));
    entry->key = must(strndup(key, len));
    entry->since = bus_now(stale->clock);
    entry->due = due;
    entry->next = stale->first;
    stale->first = entry;
    stale->count++;
}

static void file_read(struct stale *stale, const char *at, size_t len)
{
    const char *end = at + len;
    while (at < end && stale->count < STALE_MAX) {
        char *colon;
        unsigned long size = strtoul(at, &colon, 10);
        if (*colon != ':' || size == 0 || size > CACHE_KEY_MAX ||
            (size_t)(end - colon) < size + 2 || colon[size + 1] != ',')
            return;
        list_add(stale, colon + 1, size, 0);
        at = colon + size + 2;
    }
}

static void file_open(struct stale *stale, const char *path)
{
    struct stat status;
    stale->file =
        open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (stale->file < 0 || fstat(stale->file, &status) != 0 ||
        status.st_size <= 0 || status.st_size > FILE_BYTES_MAX)
        return;
    size_t size = (size_t)status.st_size;
    char *text = must(calloc(1, size + 1));
    if (pread(stale->file, text, size, 0) == (ssize_t)size)
        file_read(stale, text, size);
    free(text);
}

/* Where nothing is left there is nothing to survive. */
static void file_settle(const struct stale *stale)
{
    if (stale->count == 0 && stale->file >= 0 && ftruncate(stale->file, 0) != 0)
        return; /* repeated deletes do no harm */
}

/* ---- the list ---- */

struct stale *stale_open(const char *path, const struct bus_clock *clock)
{
    struct stale *stale = must(calloc(1, sizeof(*stale)));
    stale->clock = clock;
    stale->file = -1;
    pthread_mutex_init(&stale->lock, NULL);
    if (path)
        file_open(stale, path);
    return stale;
}

static void key_free(struct stale_key *key)
{
    free(key->key);
    free(key);
}

void stale_close(struct stale *stale)
{
    while (stale->first) {
        struct stale_key *key = stale->first;
        stale->first = key->next;
        key_free(key);
    }
    if (stale->file >= 0)
        close(stale->file);
    pthread_mutex_destroy(&stale->lock);
    free(stale);
}

void stale_add(struct stale *stale, const char *key)
{
    pthread_mutex_lock(&stale->lock);
    if (stale->count < STALE_MAX) {
        stale->added++;
        list_add(stale, key, strlen(key), bus_now(stale->clock) + steps[0]);
        file_add(stale, key);
    } else {
        stale->lost++;
    }
    pthread_mutex_unlock(&stale->lock);
}

void stale_hasten(struct stale *stale)
{
    pthread_mutex_lock(&stale->lock);
    for (struct stale_key *at = stale->first; at; at = at->next)
        at->due = 0;
    pthread_mutex_unlock(&stale->lock);
}

struct stale_key *stale_take(struct stale *stale, size_t max)
{
    struct stale_key *taken = NULL;
    pthread_mutex_lock(&stale->lock);
    int64_t now = bus_now(stale->clock);
    struct stale_key **at = &stale->first;
    while (*at && max) {
        struct stale_key *key = *at;
        if (key->due > now) {
            at = &key->next;
            continue;
        }
        *at = key->next;
        key->next = taken;
        taken = key;
        max--;
    }
    pthread_mutex_unlock(&stale->lock);
    return taken;
}

void stale_again(struct stale *stale, struct stale_key *key)
{
    int64_t now = bus_now(stale->clock);
    if (now - key->since > CACHE_ROW_NS + CACHE_ROW_NS / 10) {
        stale_done(stale, key);
        return;
    }
    pthread_mutex_lock(&stale->lock);
    key->tries++;
    key->due = now + steps[key->tries < STEPS ? key->tries : STEPS - 1];
    key->next = stale->first;
    stale->first = key;
    pthread_mutex_unlock(&stale->lock);
}

void stale_done(struct stale *stale, struct stale_key *key)
{
    key_free(key);
    pthread_mutex_lock(&stale->lock);
    stale->count--;
    file_settle(stale);
    pthread_mutex_unlock(&stale->lock);
}

void stale_look(struct stale *stale, struct stale_view *ret)
{
    pthread_mutex_lock(&stale->lock);
    *ret = (struct stale_view){stale->added, stale->count, stale->lost};
    pthread_mutex_unlock(&stale->lock);
}
