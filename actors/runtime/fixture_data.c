/* SPDX-License-Identifier: MIT
 *
 * The fixture's folder, and the rows in it, read through a connection of its
 * own and not through the actor's.
 */
#include "actors/runtime/fixture_world.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actors/store/sql.h"

#define FIXTURE_ROWS_MAX 10000
#define FIXTURE_DEPTH_MAX 8 /* of folders to be removed */

void fixture_folder_make(char home[BUS_PATH_MAX])
{
    const char *temp = getenv("TMPDIR");
    snprintf(home, BUS_PATH_MAX, "%s/fixture.XXXXXX", temp ? temp : "/tmp");
    if (!mkdtemp(home))
        fixture_fail(home, "not made");
}

static void remove_inside(const char *path, int depth)
{
    DIR *folder = depth < FIXTURE_DEPTH_MAX ? opendir(path) : NULL;
    struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        char inside[BUS_PATH_MAX];
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        int len =
            snprintf(inside, sizeof(inside), "%s/%s", path, entry->d_name);
        if (len > 0 && (size_t)len < sizeof(inside) && unlink(inside) != 0)
            remove_inside(inside, depth + 1);
    }
    if (folder)
        closedir(folder);
    rmdir(path);
}

void fixture_folder_remove(const char *path)
{
    remove_inside(path, 0);
}

struct value_row {
    const char *value;
};

static const struct bus_field value_fields[] = {
    {.name = "value",
     .kind = BUS_TEXT,
     .offset = offsetof(struct value_row, value),
     .presence = BUS_NO_PRESENCE},
};
static const struct bus_shape value_shape = {
    "fixture.Row", sizeof(struct value_row), 1, value_fields};

static struct sql *data_open(struct fixture *fixture, const char *actor)
{
    char source[BUS_PATH_MAX + BUS_NAME_MAX + 16];
    struct bus_error err = {0};
    struct sql *sql = NULL;
    snprintf(source, sizeof(source), "sqlite:%s/data/%s.db", fixture->home,
             actor);
    if (sql_sqlite.open(source, &sql, &err))
        fixture_fail(source, err.sentence);
    return sql;
}

const char *fixture_rows(struct fixture *fixture, const char *actor,
                         const char *sql)
{
    struct bus_error err = {0};
    struct bus_list rows = {0};
    struct bus_buf buf;
    bus_arena_reset(&fixture->rows);
    const char *text = bus_arena_printf(
        &fixture->rows, "select cast(value as text) as value from (%s)", sql);
    struct sql *data = data_open(fixture, actor);
    if (sql_sqlite.query(data, text, NULL, 0, BUS_FOREVER, &value_shape,
                         FIXTURE_ROWS_MAX, &fixture->rows, &rows, &err))
        fixture_fail(sql, err.sentence);
    sql_sqlite.close(data);
    bus_buf_init(&buf, FIXTURE_JSON_MAX);
    const struct value_row *row = rows.items;
    for (size_t i = 0; i < rows.count; i++)
        bus_buf_printf(&buf, "%s%s", i ? "\n" : "", row[i].value);
    text = bus_arena_text_n(&fixture->rows,
                            buf.data ? (const char *)buf.data : "", buf.len);
    bus_buf_release(&buf);
    return text;
}

int fixture_exec(struct fixture *fixture, const char *actor, const char *sql)
{
    struct sql *data = data_open(fixture, actor);
    struct sql_done done;
    int code = sql_sqlite.exec(data, sql, NULL, 0, BUS_FOREVER, &done,
                               &fixture->error);
    sql_sqlite.close(data);
    return code;
}
