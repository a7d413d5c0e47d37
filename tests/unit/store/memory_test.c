/* SPDX-License-Identifier: MIT
 *
 * The cache of one process: what it keeps, how long, how much, and which values
 * it refuses as stale.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "actors/store/cache.h"

#define LIMIT ((size_t)64 << 10)
#define THREADS 4
#define ROUNDS 20000

static int64_t fake_now;

static int64_t clock_now(void *arg)
{
    (void)arg;
    return fake_now;
}

static const struct bus_clock fake_clock = {clock_now, clock_now, NULL};

struct scene {
    struct cache *cache;
    struct bus_arena arena;
    struct bus_call call;
};

static int scene_open(void **state)
{
    struct scene *scene = test_malloc(sizeof(*scene));
    memset(scene, 0, sizeof(*scene));
    fake_now = 0;
    scene->cache = cache_memory_open(LIMIT, &fake_clock);
    bus_arena_init(&scene->arena, BUS_ARENA_LIMIT);
    scene->call.arena = &scene->arena;
    *state = scene;
    return 0;
}

static int scene_close(void **state)
{
    struct scene *scene = *state;
    scene->cache->driver->close(scene->cache);
    bus_arena_release(&scene->arena);
    test_free(scene);
    return 0;
}

/* The value as text, or NULL. */
static const char *get(struct scene *scene, const char *key,
                       uint64_t *ret_token)
{
    struct cache_look look = {.key = key};
    enum cache_found found =
        scene->cache->driver->get(scene->cache, &scene->call, &look);
    if (ret_token)
        *ret_token = look.token;
    return found == CACHE_HIT ? (const char *)look.value.data : NULL;
}

static void set_len(struct scene *scene, const char *key, const char *text,
                    size_t len, uint64_t token)
{
    const struct cache_item item = {
        key, {(const uint8_t *)text, len}, token, key, BUS_SECOND};
    scene->cache->driver->set(scene->cache, &scene->call, &item);
}

static void set(struct scene *scene, const char *key, const char *text,
                uint64_t token)
{
    set_len(scene, key, text, strlen(text), token);
}

static void del(struct scene *scene, const char *key)
{
    const struct cache_key one = {key, NULL};
    scene->cache->driver->del(scene->cache, &scene->call, &one);
}

static struct cache_stats stats(struct scene *scene)
{
    struct cache_stats stats;
    scene->cache->driver->stats(scene->cache, &stats);
    return stats;
}

/* ---- keeping ---- */

static void a_value_is_kept_replaced_and_deleted(void **state)
{
    struct scene *scene = *state;
    uint64_t token;
    assert_null(get(scene, "a", &token));
    set(scene, "a", "one", token);
    assert_string_equal(get(scene, "a", NULL), "one");
    set(scene, "a", "another", token);
    assert_string_equal(get(scene, "a", NULL), "another");
    assert_int_equal(stats(scene).entries, 1);
    del(scene, "a");
    assert_null(get(scene, "a", NULL));
    assert_int_equal(stats(scene).entries, 0);
    assert_int_equal(stats(scene).bytes, 0);
}

static void an_empty_value_is_a_value(void **state)
{
    struct scene *scene = *state;
    set(scene, "a", "", 0);
    assert_string_equal(get(scene, "a", NULL), "");
}

static void a_value_expires(void **state)
{
    struct scene *scene = *state;
    set(scene, "a", "one", 0);
    fake_now = BUS_SECOND - 1;
    assert_non_null(get(scene, "a", NULL));
    fake_now = BUS_SECOND;
    assert_null(get(scene, "a", NULL));
    assert_int_equal(stats(scene).entries, 0);
}

static void jitter_stays_within_five_percent(void **state)
{
    int64_t low = INT64_MAX;
    int64_t high = 0;
    (void)state;
    for (int i = 0; i < 1000; i++) {
        int64_t ns = cache_jitter(1000 * BUS_SECOND);
        assert_in_range(ns, 950 * BUS_SECOND, 1050 * BUS_SECOND);
        assert_int_equal(ns % BUS_SECOND, 0);
        low = ns < low ? ns : low;
        high = ns > high ? ns : high;
    }
    assert_true(low < 960 * BUS_SECOND && high > 1040 * BUS_SECOND);
}

/* ---- limits ---- */

static void the_least_recently_used_goes_first(void **state)
{
    struct scene *scene = *state;
    char key[32];
    set(scene, "kept", "value", 0);
    for (int i = 0; i < 20000; i++) {
        snprintf(key, sizeof(key), "key %d", i);
        set(scene, key, "some value of some length", 0);
        assert_non_null(get(scene, "kept", NULL));
        assert_non_null(get(scene, key, NULL));
        assert_true(stats(scene).bytes <= LIMIT);
    }
    assert_null(get(scene, "key 0", NULL));
    struct cache_stats now = stats(scene);
    assert_int_equal(now.entries + now.evicted, now.stored);
    assert_true(now.entries > 100);
}

static void what_is_larger_than_its_share_is_refused(void **state)
{
    struct scene *scene = *state;
    static char large[LIMIT];
    set(scene, "small", "value", 0);
    set_len(scene, "large", large, sizeof(large), 0);
    assert_null(get(scene, "large", NULL));
    assert_non_null(get(scene, "small", NULL));
    assert_int_equal(stats(scene).refused, 1);
}

static void a_full_arena_is_an_error(void **state)
{
    struct scene *scene = *state;
    struct cache_look look = {.key = "a"};
    set(scene, "a", "a value of more than sixteen bytes", 0);
    scene->arena.limit = 16;
    assert_int_equal(
        scene->cache->driver->get(scene->cache, &scene->call, &look),
        CACHE_FULL);
}

/* ---- staleness ---- */

static void a_value_read_before_a_delete_is_refused(void **state)
{
    struct scene *scene = *state;
    uint64_t token;
    get(scene, "a", &token);
    del(scene, "a");
    set(scene, "a", "stale", token);
    assert_null(get(scene, "a", &token));
    assert_int_equal(stats(scene).refused, 1);
    set(scene, "a", "fresh", token);
    assert_string_equal(get(scene, "a", NULL), "fresh");
}

static void one_token_serves_every_key_read_with_it(void **state)
{
    struct scene *scene = *state;
    uint64_t token;
    get(scene, "index", &token);
    del(scene, "row");
    set(scene, "index", "1", token);
    set(scene, "row", "stale", token);
    assert_non_null(get(scene, "index", NULL));
    assert_null(get(scene, "row", NULL));
}

/* ---- at once ---- */

static void *hammer(void *arg)
{
    struct scene *shared = arg;
    struct scene own = {.cache = shared->cache};
    char key[32];
    bus_arena_init(&own.arena, BUS_ARENA_LIMIT);
    own.call.arena = &own.arena;
    uintptr_t wrong = 0;
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t token;
        snprintf(key, sizeof(key), "key %d", i % 500);
        const char *value = get(&own, key, &token);
        wrong += value && strcmp(value, key) != 0;
        if (!value)
            set(&own, key, key, token);
        if (i % 7 == 0)
            del(&own, key);
        bus_arena_reset(&own.arena);
    }
    bus_arena_release(&own.arena);
    return (void *)wrong;
}

static void threads_see_only_whole_values(void **state)
{
    struct scene *scene = *state;
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, hammer, scene);
    for (int i = 0; i < THREADS; i++) {
        void *wrong;
        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
    assert_true(stats(scene).bytes <= LIMIT);
}

#define T(name) cmocka_unit_test_setup_teardown(name, scene_open, scene_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_value_is_kept_replaced_and_deleted),
        T(an_empty_value_is_a_value),
        T(a_value_expires),
        T(jitter_stays_within_five_percent),
        T(the_least_recently_used_goes_first),
        T(what_is_larger_than_its_share_is_refused),
        T(a_full_arena_is_an_error),
        T(a_value_read_before_a_delete_is_refused),
        T(one_token_serves_every_key_read_with_it),
        T(threads_see_only_whole_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
