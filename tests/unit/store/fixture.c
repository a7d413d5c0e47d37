/* SPDX-License-Identifier: MIT
 *
 * The shared world of the store's tests.
 */
#include "tests/unit/store/fixture.h"

#include <assert.h>
#include <dirent.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/store/mysql_server.h"

#define FIELD(member, kind_)                                                   \
    {                                                                          \
        .name = #member, .kind = (kind_),                                      \
        .offset = offsetof(struct person, member), .presence = BUS_NO_PRESENCE \
    }

static const struct bus_field person_fields[] = {
    FIELD(id, BUS_I64),
    FIELD(name, BUS_TEXT),
    FIELD(number, BUS_TEXT),
    FIELD(age, BUS_U8),
    FIELD(balance, BUS_DECIMAL),
    FIELD(weight, BUS_F64),
    FIELD(member, BUS_BOOL),
    {.name = "nick",
     .kind = BUS_TEXT,
     .flags = BUS_NULLABLE,
     .offset = offsetof(struct person, nick),
     .presence = offsetof(struct person, has_nick)},
    FIELD(photo, BUS_BYTES),
    FIELD(born, BUS_TIME),
};

#define COLUMNS (sizeof(person_fields) / sizeof(*person_fields))

static const struct bus_shape person_shape = {"person", sizeof(struct person),
                                              COLUMNS, person_fields};

static const struct model_column person_columns[] = {
    {"id", "bigint(20)", NULL, "Id", MODEL_NOT_NULL | MODEL_AUTO},
    {"name", "varchar(20)", "''", "Name", MODEL_NOT_NULL},
    {"number", "varchar(255)", "''", "Number", MODEL_NOT_NULL},
    {"age", "tinyint(3) unsigned", "'0'", "Age", MODEL_NOT_NULL},
    {"balance", "decimal(10,2)", "0.00", "Balance", MODEL_NOT_NULL},
    {"weight", "double", NULL, "Weight", MODEL_NOT_NULL},
    {"member", "tinyint(1)", NULL, "Member", MODEL_NOT_NULL},
    {"nick", "varchar(20)", NULL, "Nick", 0},
    {"photo", "blob", NULL, "Photo", MODEL_NOT_NULL},
    {"born", "datetime(6)", NULL, "Born", MODEL_NOT_NULL},
};

static const uint16_t primary_columns[] = {0};
static const uint16_t number_columns[] = {2};
static const struct model_key person_unique[] = {
    {"number", number_columns, 1, "cache:person:number:"}};

static const char *const person_seed[] = {
    "INSERT INTO `person` (`id`, `name`, `number`, `age`, `weight`, `member`, "
    "`photo`, `born`) VALUES (1, '小明', '666', 18, 60.5, 1, x'0141', "
    "'2003-04-05 06:07:08')",
    NULL};

const struct model_table person_table = {
    .name = "person",
    .row = &person_shape,
    .columns = person_columns,
    .column_count = COLUMNS,
    .primary = {"id", primary_columns, 1, "cache:person:id:"},
    .unique = person_unique,
    .unique_count = 1,
    .seed = person_seed,
    .cached = true,
};

const struct bus_method person_write_method = {.actor = "person",
                                               .name = "write"};
const struct bus_method person_read_method = {
    .actor = "person", .name = "read", .flags = BUS_NO_SIDE_EFFECTS};

struct store_shared *world_share_by(const struct world *world,
                                    struct store_options options)
{
    static const struct model_table *const tables[] = {&person_table, NULL};
    options.source = world->source;
    options.tables = tables;
    options.clock = &bus_clock_system;
    struct store_shared *shared = NULL;
    struct bus_error err = {0};
    if (store_shared_open(&options, &shared, &err) != BUS_OK) {
        fprintf(stderr, "store: %s\n", err.sentence);
        abort();
    }
    return shared;
}

struct store_shared *world_share(const struct world *world, bool cache)
{
    return world_share_by(world, (struct store_options){.cache = cache});
}

bool world_on_mysql(void)
{
    return mysql_server_wanted();
}

/* A database named as the folder. */
static void open_on_mysql(struct world *world)
{
    world->name = strrchr(world->folder, '/') + 1;
    mysql_server_make(world->name, world->source, sizeof(world->source));
}

void world_open(struct world *world, bool cache)
{
    *world = (struct world){.folder = "/tmp/troupe-store-XXXXXX"};
    if (!mkdtemp(world->folder))
        abort();
    if (world_on_mysql())
        open_on_mysql(world);
    else
        snprintf(world->source, sizeof(world->source), "sqlite:%s/data.db",
                 world->folder);
    world->shared = world_share(world, cache);
}

void world_close(struct world *world)
{
    store_shared_close(world->shared);
    DIR *dir = opendir(world->folder);
    struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        char path[512];
        snprintf(path, sizeof(path), "%s/%s", world->folder, entry->d_name);
        unlink(path);
    }
    if (dir)
        closedir(dir);
    rmdir(world->folder);
    if (world->name)
        mysql_server_drop(world->name);
}

void worker_open(struct worker *worker, struct store_shared *shared)
{
    struct bus_error err;
    *worker = (struct worker){0};
    bus_arena_init(&worker->arena, BUS_ARENA_LIMIT);
    if (store_open(shared, &worker->store, &err) != BUS_OK)
        abort();
}

void worker_close(struct worker *worker)
{
    if (worker->call.locked)
        store_end(&worker->call, BUS_CANCELLED, (struct bus_bytes){0});
    store_close(worker->store);
    bus_arena_release(&worker->arena);
}

struct bus_call *worker_call(struct worker *worker,
                             const struct bus_method *method)
{
    bus_arena_reset(&worker->arena);
    worker->call =
        (struct bus_call){.arena = &worker->arena,
                          .clock = &bus_clock_system,
                          .deadline = bus_now(&bus_clock_system) + SOON,
                          .store = worker->store,
                          .method = method};
    return &worker->call;
}

struct bus_call *worker_step(struct worker *worker, const char *gid,
                             const char *op)
{
    struct bus_call *call = worker_call(worker, &person_write_method);
    call->meta.saga =
        (struct bus_saga_mark){.gid = gid, .branch = "01", .op = op};
    return call;
}

void call_begin(struct bus_call *call)
{
    enum store_verdict verdict = STORE_LATE;
    struct bus_bytes stored;
    int code = store_begin(call, &verdict, &stored);
    assert(code == BUS_OK && verdict == STORE_RUN);
    (void)code;
}

int call_end(struct bus_call *call, int code)
{
    return store_end(call, code, (struct bus_bytes){0});
}

struct person person_make(int64_t id, const char *number)
{
    return (struct person){.id = id,
                           .name = "大卫",
                           .number = number,
                           .age = 30,
                           .balance = "12.30",
                           .weight = 71.25,
                           .photo = {(const uint8_t *)"\x01\x42", 2},
                           .born = INT64_C(1234567890123456)};
}

int person_find(struct bus_call *call, int64_t id, struct person *ret)
{
    const struct person probe = {.id = id};
    return model_find(call, &person_table, &person_table.primary, &probe, ret);
}

int person_find_by_number(struct bus_call *call, const char *number,
                          struct person *ret)
{
    const struct person probe = {.number = number};
    return model_find(call, &person_table, &person_table.unique[0], &probe,
                      ret);
}

struct count_row {
    int64_t count;
};

int64_t world_count(const struct world *world, const char *table)
{
    static const struct bus_field field = {
        .name = "count", .kind = BUS_I64, .presence = BUS_NO_PRESENCE};
    static const struct bus_shape shape = {"count", sizeof(struct count_row), 1,
                                           &field};
    struct worker worker;
    struct bus_list rows;
    char text[128];
    bool elsewhere = world_on_mysql() && strcmp(table, "barrier") == 0;
    snprintf(text, sizeof(text), "select count(*) as count from %s%s",
             elsewhere ? "dtm_barrier." : "", table);
    worker_open(&worker, world->shared);
    struct bus_call *call = worker_call(&worker, &person_read_method);
    if (sql_query(call, text, NULL, 0, &shape, 1, &rows) != BUS_OK) {
        fprintf(stderr, "count: %s\n", call->error.sentence);
        abort();
    }
    int64_t count = ((struct count_row *)rows.items)->count;
    worker_close(&worker);
    return count;
}
