/* SPDX-License-Identifier: MIT
 *
 * From an actor's YAML to its store: which cache it gets, what is passed on to
 * it, and what keeps it from starting.
 */
#include "actors/runtime/data.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actors/store/model.h"
#include "actors/store/store.h"
#include "bus/json.h"
#include "tests/unit/runtime/cmocka_all.h"

struct note {
    int64_t id;
    const char *text;
};

static const struct bus_field fields[] = {
    {.name = "id",
     .kind = BUS_I64,
     .offset = offsetof(struct note, id),
     .presence = BUS_NO_PRESENCE},
    {.name = "text",
     .kind = BUS_TEXT,
     .offset = offsetof(struct note, text),
     .presence = BUS_NO_PRESENCE}};
static const struct bus_shape shape = {"note", sizeof(struct note), 2, fields};
static const struct model_column columns[] = {
    {"id", "bigint", NULL, "Id", MODEL_NOT_NULL},
    {"text", "varchar(20)", NULL, "Text", MODEL_NOT_NULL}};
static const uint16_t first[] = {0};
static const struct model_table table = {
    .name = "note",
    .row = &shape,
    .columns = columns,
    .column_count = 2,
    .primary = {"id", first, 1, "cache:note:id:"},
    .cached = true};
static const struct model_table *const tables[] = {&table, NULL};
static const struct actor_type with_tables = {
    .name = "note", .version = "1", .tables = tables};
static const struct actor_type without = {.name = "note", .version = "1"};

static struct {
    char home[64];
    struct runtime *runtime;
    struct bus_error err;
} scene;

static void make(const struct actor_type *type, const char *yaml)
{
    const struct runtime_options options = {.type = type,
                                            .home = scene.home,
                                            .node = "n1",
                                            .instance = "1",
                                            .config_text = yaml};
    assert_int_equal(runtime_new(&options, &scene.runtime, &scene.err), BUS_OK);
}

static int open_by(const char *yaml)
{
    make(&with_tables, yaml);
    return data_open(scene.runtime, &scene.err);
}

static struct store_stats stats(void)
{
    struct store_stats stats;
    store_stats(scene.runtime->shared, &stats);
    return stats;
}

static int set_up(void **state)
{
    (void)state;
    snprintf(scene.home, sizeof(scene.home), "/tmp/troupe-data-XXXXXX");
    return mkdtemp(scene.home) ? 0 : 1;
}

static void folder_empty(const char *path)
{
    char name[512];
    DIR *dir = opendir(path);
    struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        unlink(name);
    }
    if (dir)
        closedir(dir);
    rmdir(path);
}

static int tear_down(void **state)
{
    static const char *const folders[] = {"data", "names", "sock", "log", ""};
    (void)state;
    runtime_free(scene.runtime);
    for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s/%s", scene.home, folders[i]);
        folder_empty(path);
    }
    return 0;
}

static void without_a_word_it_is_a_file_and_memory(void **state)
{
    (void)state;
    char path[128];
    assert_int_equal(open_by(""), BUS_OK);
    snprintf(path, sizeof(path), "%s/data/note.db", scene.home);
    assert_int_equal(access(path, F_OK), 0);
    assert_true(stats().cached);
    assert_false(stats().shared);
}

static void redis_is_shared_whether_it_is_there_or_not(void **state)
{
    (void)state;
    char path[128];
    assert_int_equal(open_by("CacheRedis:\n"
                             "  - Host: 127.0.0.1:1\n"
                             "    Pass: x\n"
                             "    Type: node\n"
                             "  - Host: /nowhere.sock\n"
                             "    Weight: 50\n"
                             "Cache: {Prefixes: {note: 'cache:note:id::'}}\n"),
                     BUS_OK);
    assert_true(stats().shared);
    assert_int_equal(stats().nodes, 2);
    snprintf(path, sizeof(path), "%s/data/note.1.stale", scene.home);
    assert_int_equal(access(path, F_OK), 0);
}

static void counters_are_a_map_or_nil(void **state)
{
    (void)state;
    struct bus_buf buf, json;
    assert_int_equal(open_by(""), BUS_OK);
    bus_buf_init(&buf, 4096);
    bus_buf_init(&json, 4096);
    data_stats_pack(scene.runtime, &buf);
    struct bus_bytes value = {buf.data + 6, buf.len - 6}; /* after "cache" */
    bus_json_from_pack(&json, value);
    bus_buf_byte(&json, '\0');
    assert_non_null(
        strstr((char *)json.data, "{\"kind\":\"memory\",\"hits\":0"));
    bus_buf_reset(&buf);
    struct store_shared *shared = scene.runtime->shared;
    scene.runtime->shared = NULL;
    data_stats_pack(scene.runtime, &buf);
    scene.runtime->shared = shared;
    assert_int_equal(buf.len, 7);
    assert_int_equal(buf.data[6], 0xc0);
    bus_buf_release(&buf);
    bus_buf_release(&json);
}

static void who_has_no_tables_has_no_store(void **state)
{
    (void)state;
    make(&without, "CacheRedis:\n  - Host: 127.0.0.1:1\n");
    assert_int_equal(data_open(scene.runtime, &scene.err), BUS_OK);
    assert_null(scene.runtime->shared);
}

/* ---- failures ---- */

static void refused(const char *yaml, const char *sentence)
{
    assert_int_equal(open_by(yaml), BUS_INVALID_ARGUMENT);
    assert_non_null(strstr(scene.err.sentence, sentence));
    assert_null(scene.runtime->shared);
}

static void a_cluster_is_refused(void **state)
{
    (void)state;
    refused("CacheRedis:\n  - Host: a:1\n    Type: cluster\n",
            "CacheRedis a:1: Type cluster is not built");
}

static void a_prefix_of_no_table_is_refused(void **state)
{
    (void)state;
    refused("Cache: {Prefixes: {notes: 'x:'}}\n",
            "Cache.Prefixes.notes: no cached table");
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(without_a_word_it_is_a_file_and_memory),
        T(redis_is_shared_whether_it_is_there_or_not),
        T(counters_are_a_map_or_nil),
        T(who_has_no_tables_has_no_store),
        T(a_cluster_is_refused),
        T(a_prefix_of_no_table_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
