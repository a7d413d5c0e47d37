/* SPDX-License-Identifier: MIT
 *
 * Deletes that wait: when they are due, how many are kept, and what a file
 * brings back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/store/cache.h"
#include "actors/store/stale.h"

static int64_t fake_now;

static int64_t clock_now(void *arg)
{
    (void)arg;
    return fake_now;
}

static const struct bus_clock fake_clock = {clock_now, clock_now, NULL};

struct scene {
    struct stale *stale;
    char path[64];
};

static int scene_open(void **state)
{
    struct scene *scene = test_malloc(sizeof(*scene));
    snprintf(scene->path, sizeof(scene->path), "/tmp/troupe-stale-XXXXXX");
    int file = mkstemp(scene->path);
    assert_true(file >= 0);
    close(file);
    fake_now = 1000 * BUS_SECOND;
    scene->stale = stale_open(scene->path, &fake_clock);
    *state = scene;
    return 0;
}

static int scene_close(void **state)
{
    struct scene *scene = *state;
    stale_close(scene->stale);
    unlink(scene->path);
    test_free(scene);
    return 0;
}

static void reopen(struct scene *scene)
{
    stale_close(scene->stale);
    scene->stale = stale_open(scene->path, &fake_clock);
}

static uint64_t pending(struct scene *scene)
{
    struct stale_view view;
    stale_look(scene->stale, &view);
    return view.pending;
}

static long file_bytes(const struct scene *scene)
{
    struct stat status;
    assert_int_equal(stat(scene->path, &status), 0);
    return (long)status.st_size;
}

static void write_file(const struct scene *scene, const char *text)
{
    int file = open(scene->path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_int_equal(write(file, text, strlen(text)), (ssize_t)strlen(text));
    close(file);
}

/* Takes what is due and puts it back; how many. */
static size_t fail_due(struct scene *scene)
{
    size_t count = 0;
    struct stale_key *list = stale_take(scene->stale, STALE_MAX);
    while (list) {
        struct stale_key *next = list->next;
        stale_again(scene->stale, list);
        list = next;
        count++;
    }
    return count;
}

static void finish_due(struct scene *scene)
{
    struct stale_key *list = stale_take(scene->stale, STALE_MAX);
    while (list) {
        struct stale_key *next = list->next;
        stale_done(scene->stale, list);
        list = next;
    }
}

static void a_key_is_due_after_go_zeros_steps(void **state)
{
    struct scene *scene = *state;
    static const int seconds[] = {1, 5, 60, 300, 3600, 3600};
    stale_add(scene->stale, "a");
    for (size_t i = 0; i < sizeof(seconds) / sizeof(*seconds); i++) {
        fake_now += (seconds[i] - 1) * BUS_SECOND;
        assert_int_equal(fail_due(scene), 0);
        fake_now += BUS_SECOND;
        assert_int_equal(fail_due(scene), 1);
    }
}

static void all_are_due_when_the_server_is_back(void **state)
{
    struct scene *scene = *state;
    stale_add(scene->stale, "a");
    stale_add(scene->stale, "b");
    assert_int_equal(fail_due(scene), 0);
    stale_hasten(scene->stale);
    assert_null(stale_take(scene->stale, 0));
    finish_due(scene);
    assert_int_equal(pending(scene), 0);
}

static void the_next_process_finds_them(void **state)
{
    struct scene *scene = *state;
    stale_add(scene->stale, "cache:person:number:1,2:\n3");
    stale_add(scene->stale, "b");
    reopen(scene);
    struct stale_key *first = stale_take(scene->stale, 9);
    assert_non_null(first->next);
    assert_null(first->next->next);
    const char *other = first->next->key;
    assert_true(strcmp(first->key, "b") == 0 || strcmp(other, "b") == 0);
    assert_true(strcmp(first->key, "cache:person:number:1,2:\n3") == 0 ||
                strcmp(other, "cache:person:number:1,2:\n3") == 0);
    struct stale_key *second = first->next;
    stale_done(scene->stale, first);
    assert_true(file_bytes(scene) > 0);
    stale_done(scene->stale, second);
    assert_int_equal(file_bytes(scene), 0);
    reopen(scene);
    assert_int_equal(pending(scene), 0);
}

static void what_has_expired_by_itself_is_dropped(void **state)
{
    struct scene *scene = *state;
    stale_add(scene->stale, "a");
    fake_now += CACHE_ROW_NS + CACHE_ROW_NS / 5;
    assert_int_equal(fail_due(scene), 1);
    assert_int_equal(pending(scene), 0);
}

/* ---- failure ---- */

static void half_a_file_is_half_a_list(void **state)
{
    struct scene *scene = *state;
    static const struct {
        const char *text;
        uint64_t keys;
    } files[] = {{"1:a,1:b", 1},
                 {"1:a,9999:b,", 1},
                 {"1:a,0:,", 1},
                 {"nothing", 0},
                 {"1:ab,", 0},
                 {"-1:a,", 0},
                 {"1:a,1:b,2:cc,", 3},
                 {"", 0},
                 {"1:", 0}};
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        write_file(scene, files[i].text);
        reopen(scene);
        assert_int_equal(pending(scene), files[i].keys);
    }
}

static void too_many_are_counted_as_lost(void **state)
{
    struct scene *scene = *state;
    struct stale_view view;
    struct stale *stale = stale_open(NULL, &fake_clock);
    (void)scene;
    for (size_t i = 0; i < STALE_MAX + 3; i++)
        stale_add(stale, "a");
    stale_look(stale, &view);
    assert_int_equal(view.pending, STALE_MAX);
    assert_int_equal(view.lost, 3);
    stale_close(stale);
}

static void no_file_is_no_failure(void **state)
{
    (void)state;
    struct stale *stale = stale_open("/nowhere/at/all", &fake_clock);
    stale_add(stale, "a");
    stale_close(stale);
}

#define T(name) cmocka_unit_test_setup_teardown(name, scene_open, scene_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_key_is_due_after_go_zeros_steps),
        T(all_are_due_when_the_server_is_back),
        T(the_next_process_finds_them),
        T(what_has_expired_by_itself_is_dropped),
        T(half_a_file_is_half_a_list),
        T(too_many_are_counted_as_lost),
        T(no_file_is_no_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
