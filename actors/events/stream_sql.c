/* SPDX-License-Identifier: MIT
 *
 * Streams as tables of one SQLite file that all processes of a node share. Its
 * writers come one after the other, so ids become visible in order and a number
 * a partition says how far a group has fetched (high) and up to where all is
 * done (low); what is done between the two stands in event_done until low has
 * passed it. So handing events out costs one row a partition, not one an event.
 */
#include "actors/events/stream_sql.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/code.h"

#define WAIT (2 * BUS_SECOND)
#define RECOVER_MAX 100000 /* fetched and not done, of a partition */

static const char *const tables[] = {
    "CREATE TABLE IF NOT EXISTS event ("
    "id INTEGER PRIMARY KEY AUTOINCREMENT, word TEXT NOT NULL, "
    "part INTEGER NOT NULL, blob BLOB NOT NULL, created INTEGER NOT NULL)",
    "CREATE INDEX IF NOT EXISTS event_part ON event (word, part, id)",
    "CREATE TABLE IF NOT EXISTS event_member ("
    "word TEXT NOT NULL, grp TEXT NOT NULL, member TEXT NOT NULL, "
    "until INTEGER NOT NULL, PRIMARY KEY (word, grp, member)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS event_owner ("
    "word TEXT NOT NULL, grp TEXT NOT NULL, part INTEGER NOT NULL, "
    "member TEXT NOT NULL, PRIMARY KEY (word, grp, part)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS event_read ("
    "word TEXT NOT NULL, grp TEXT NOT NULL, part INTEGER NOT NULL, "
    "low INTEGER NOT NULL, high INTEGER NOT NULL, "
    "PRIMARY KEY (word, grp, part)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS event_done ("
    "word TEXT NOT NULL, grp TEXT NOT NULL, part INTEGER NOT NULL, "
    "id INTEGER NOT NULL, PRIMARY KEY (word, grp, part, id)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS event_tries ("
    "word TEXT NOT NULL, grp TEXT NOT NULL, part INTEGER NOT NULL, "
    "id INTEGER NOT NULL, tries BLOB NOT NULL, "
    "PRIMARY KEY (word, grp, part, id)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS event_dead ("
    "id INTEGER PRIMARY KEY AUTOINCREMENT, actor TEXT NOT NULL, "
    "blob BLOB NOT NULL)",
    "CREATE INDEX IF NOT EXISTS event_dead_actor ON event_dead (actor, id)",
    NULL};

/* ---- statements ---- */

int64_t stream_sql_soon(void)
{
    return bus_now(&bus_clock_system) + WAIT;
}

static void disconnect(struct stream_sql *self)
{
    if (self->sql)
        sql_sqlite.close(self->sql);
    self->sql = NULL;
}

int stream_sql_exec(struct stream_sql *self, const char *text,
                    const struct sql_value *args, size_t count,
                    struct bus_error *err)
{
    return sql_sqlite.exec(self->sql, text, args, count, stream_sql_soon(),
                           NULL, err);
}

static int define_tables(struct stream_sql *self, struct bus_error *err)
{
    int code = sql_sqlite.begin(self->sql, stream_sql_soon(), err);
    if (code)
        return code;
    for (const char *const *text = tables; *text && !code; text++)
        code = stream_sql_exec(self, *text, NULL, 0, err);
    if (!code)
        return sql_sqlite.commit(self->sql, err);
    sql_sqlite.rollback(self->sql);
    return code;
}

static int connect_now(struct stream_sql *self, struct bus_error *err)
{
    if (self->sql)
        return BUS_OK;
    int code = sql_sqlite.open(self->source, &self->sql, err);
    if (!code)
        code = define_tables(self, err);
    if (code)
        disconnect(self);
    return code;
}

int stream_sql_begin(struct stream_sql *self, struct bus_error *err)
{
    int code = connect_now(self, err);
    return code ? code : sql_sqlite.begin(self->sql, stream_sql_soon(), err);
}

/* Commits what went well; what is wrong with a connection ends with it. */
int stream_sql_end(struct stream_sql *self, int code, struct bus_error *err)
{
    if (!self->sql)
        return code;
    if (!code)
        code = sql_sqlite.commit(self->sql, err);
    if (code) {
        sql_sqlite.rollback(self->sql);
        disconnect(self);
    }
    return code;
}

struct entry_row {
    int64_t id;
    struct bus_bytes blob, tries;
};
static const struct bus_field entry_fields[] = {
    {.name = "id",
     .kind = BUS_I64,
     .offset = offsetof(struct entry_row, id),
     .presence = BUS_NO_PRESENCE},
    {.name = "blob",
     .kind = BUS_BYTES,
     .offset = offsetof(struct entry_row, blob),
     .presence = BUS_NO_PRESENCE},
    {.name = "tries",
     .kind = BUS_BYTES,
     .offset = offsetof(struct entry_row, tries),
     .presence = BUS_NO_PRESENCE},
};
static const struct bus_shape entry_shape = {
    "entry", sizeof(struct entry_row),
    sizeof(entry_fields) / sizeof(*entry_fields), entry_fields};

struct entries {
    struct bus_arena *arena;
    struct stream_entry *items;
    size_t count, room;
};

static int no_arena(struct bus_error *err)
{
    return bus_error_set(err, BUS_RESOURCE_EXHAUSTED,
                         "too many events at once");
}

/* Appends the rows of a query. */
static int entries_query(struct stream_sql *self, struct entries *entries,
                         unsigned part, const char *text,
                         const struct sql_value *args, size_t count, size_t max,
                         struct bus_error *err)
{
    struct bus_list rows = {0};
    int code = sql_sqlite.query(self->sql, text, args, count, stream_sql_soon(),
                                &entry_shape, max, entries->arena, &rows, err);
    if (code || rows.count == 0)
        return code;
    if (entries->count + rows.count > entries->room) {
        size_t room = 2 * (entries->count + rows.count);
        struct stream_entry *items =
            bus_arena_array(entries->arena, room, sizeof(*items));
        if (!items)
            return no_arena(err);
        if (entries->count)
            memcpy(items, entries->items, entries->count * sizeof(*items));
        entries->items = items;
        entries->room = room;
    }
    for (size_t i = 0; i < rows.count; i++) {
        const struct entry_row *row = (struct entry_row *)rows.items + i;
        struct stream_entry *entry = &entries->items[entries->count++];
        *entry = (struct stream_entry){
            .part = part, .blob = row->blob, .tries = row->tries};
        snprintf(entry->id, sizeof(entry->id), "%" PRId64, row->id);
    }
    return BUS_OK;
}

static struct sql_value id_value(const char *id)
{
    return sql_int(strtoll(id, NULL, 10));
}

/* word, group, partition: what most statements begin with. */
void stream_sql_part(const struct stream_group *group, unsigned part,
                     struct sql_value *ret)
{
    ret[0] = sql_text(group->word);
    ret[1] = sql_text(group->name);
    ret[2] = sql_int(part);
}

/* ---- appending ---- */

static int put(struct stream_sql *self, const struct stream_put *one,
               struct bus_error *err)
{
    const struct sql_value args[] = {sql_text(one->word), sql_int(one->part),
                                     sql_blob(one->blob),
                                     sql_int(bus_wall(self->clock))};
    return stream_sql_exec(self,
                           "insert into event (word, part, blob, created) "
                           "values (?, ?, ?, ?)",
                           args, sizeof(args) / sizeof(*args), err);
}

static int sql_append(struct stream *stream, const struct stream_put *puts,
                      size_t count, struct bus_error *err)
{
    struct stream_sql *self = (struct stream_sql *)stream;
    int code = stream_sql_begin(self, err);
    if (code)
        return code;
    for (size_t i = 0; i < count && !code; i++)
        code = put(self, &puts[i], err);
    return stream_sql_end(self, code, err);
}

/* ---- reading ---- */

static int sql_recover(struct stream *stream, const struct stream_group *group,
                       unsigned part, struct bus_arena *arena,
                       struct bus_list *ret, struct bus_error *err)
{
    struct stream_sql *self = (struct stream_sql *)stream;
    struct entries entries = {.arena = arena};
    struct sql_value args[STREAM_PART_ARGS];
    int code = connect_now(self, err);
    if (code)
        return code;
    stream_sql_part(group, part, args);
    code = entries_query(
        self, &entries, part,
        "select e.id as id, e.blob as blob, t.tries as tries "
        "from event_read r join event e on e.word = r.word and "
        "e.part = r.part and e.id > r.low and e.id <= r.high "
        "left join event_tries t on t.word = r.word and t.grp = r.grp and "
        "t.part = r.part and t.id = e.id "
        "where r.word = ? and r.grp = ? and r.part = ? and not exists "
        "(select 1 from event_done d where d.word = r.word and "
        "d.grp = r.grp and d.part = r.part and d.id = e.id) order by e.id",
        args, STREAM_PART_ARGS, RECOVER_MAX, err);
    if (!code)
        *ret = (struct bus_list){entries.items, entries.count};
    return code;
}

static int fetch_part(struct stream_sql *self, const struct stream_group *group,
                      unsigned part, unsigned max, struct entries *entries,
                      struct bus_error *err)
{
    struct sql_value args[STREAM_PART_ARGS + 1];
    stream_sql_part(group, part, args);
    args[STREAM_PART_ARGS] = sql_int(max);
    return entries_query(
        self, entries, part,
        "select e.id as id, e.blob as blob, null as tries from event e "
        "where e.word = ?1 and e.part = ?3 and e.id > "
        "(select high from event_read where word = ?1 and grp = ?2 and "
        "part = ?3) order by e.id limit ?4",
        args, STREAM_PART_ARGS + 1, max, err);
}

/* The last entry of each partition is as far as was fetched. */
static int highs_set(struct stream_sql *self, const struct stream_group *group,
                     const struct entries *entries, struct bus_error *err)
{
    int code = stream_sql_begin(self, err);
    if (code)
        return code;
    for (size_t i = 0; i < entries->count && !code; i++) {
        const struct stream_entry *entry = &entries->items[i];
        struct sql_value args[STREAM_PART_ARGS + 1];
        if (i + 1 < entries->count && entry[1].part == entry->part)
            continue;
        args[0] = id_value(entry->id);
        stream_sql_part(group, entry->part, args + 1);
        code = stream_sql_exec(self,
                               "update event_read set high = ? "
                               "where word = ? and grp = ? and part = ?",
                               args, STREAM_PART_ARGS + 1, err);
    }
    return stream_sql_end(self, code, err);
}

static int sql_fetch(struct stream *stream, const struct stream_group *group,
                     uint32_t parts, unsigned max, struct bus_arena *arena,
                     struct bus_list *ret, struct bus_error *err)
{
    struct stream_sql *self = (struct stream_sql *)stream;
    struct entries entries = {.arena = arena};
    int64_t newest = 0;
    int code = connect_now(self, err);
    if (!code)
        code = stream_sql_number(self,
                                 "select coalesce(max(id), 0) as id from event",
                                 NULL, 0, &newest, err);
    bool idle = self->idle.group == group && self->idle.parts == parts &&
                self->idle.newest == newest;
    for (unsigned i = 0; i < EVENTS_PARTS && !code && !idle; i++)
        if (parts >> i & 1)
            code = fetch_part(self, group, i, max, &entries, err);
    if (!code && entries.count)
        code = highs_set(self, group, &entries, err);
    if (code)
        return code;
    self->idle.group = entries.count ? NULL : group;
    self->idle.parts = parts;
    self->idle.newest = newest;
    *ret = (struct bus_list){entries.items, entries.count};
    return BUS_OK;
}

static int sql_note(struct stream *stream, const struct stream_group *group,
                    const struct stream_entry *entry, struct bus_error *err)
{
    struct stream_sql *self = (struct stream_sql *)stream;
    struct sql_value args[STREAM_PART_ARGS + 2];
    int code = stream_sql_begin(self, err);
    if (code)
        return code;
    stream_sql_part(group, entry->part, args);
    args[STREAM_PART_ARGS] = id_value(entry->id);
    args[STREAM_PART_ARGS + 1] = sql_blob(entry->tries);
    code =
        stream_sql_exec(self,
                        "insert or replace into event_tries "
                        "(word, grp, part, id, tries) values (?, ?, ?, ?, ?)",
                        args, STREAM_PART_ARGS + 2, err);
    return stream_sql_end(self, code, err);
}

/* ---- done ---- */

/* Moves low up to the first event that is not done. */
static int low_move(struct stream_sql *self, const struct stream_group *group,
                    unsigned part, struct bus_error *err)
{
    struct sql_value args[STREAM_PART_ARGS + 1];
    stream_sql_part(group, part, args);
    int code = stream_sql_exec(
        self,
        "update event_read set low = coalesce((select min(e.id) - 1 "
        "from event e where e.word = ?1 and e.part = ?3 and "
        "e.id > event_read.low and e.id <= event_read.high and not exists "
        "(select 1 from event_done d where d.word = ?1 and d.grp = ?2 and "
        "d.part = ?3 and d.id = e.id)), high) "
        "where word = ?1 and grp = ?2 and part = ?3",
        args, STREAM_PART_ARGS, err);
    return code ? code
                : stream_sql_exec(
                      self,
                      "delete from event_done where word = ?1 and grp = ?2 "
                      "and part = ?3 and id <= (select low from event_read "
                      "where word = ?1 and grp = ?2 and part = ?3)",
                      args, STREAM_PART_ARGS, err);
}

static int mark(struct stream_sql *self, const struct stream_group *group,
                const struct stream_done *done, struct bus_error *err)
{
    struct sql_value args[STREAM_PART_ARGS + 1];
    stream_sql_part(group, done->part, args);
    args[STREAM_PART_ARGS] = id_value(done->id);
    int code = stream_sql_exec(
        self,
        "insert or ignore into event_done (word, grp, part, id) "
        "values (?, ?, ?, ?)",
        args, STREAM_PART_ARGS + 1, err);
    if (!code && done->noted)
        code = stream_sql_exec(
            self,
            "delete from event_tries where word = ? and grp = ? and "
            "part = ? and id = ?",
            args, STREAM_PART_ARGS + 1, err);
    return code;
}

static int mark_all(struct stream_sql *self, const struct stream_group *group,
                    const struct stream_done *done, size_t count,
                    struct bus_error *err)
{
    uint32_t touched = 0;
    int code = BUS_OK;
    for (size_t i = 0; i < count && !code; i++) {
        touched |= UINT32_C(1) << done[i].part;
        code = mark(self, group, &done[i], err);
    }
    for (unsigned i = 0; i < EVENTS_PARTS && !code; i++)
        if (touched >> i & 1)
            code = low_move(self, group, i, err);
    return code;
}

static int sql_finish(struct stream *stream, const struct stream_group *group,
                      const struct stream_done *done, size_t count,
                      struct bus_error *err)
{
    struct stream_sql *self = (struct stream_sql *)stream;
    int code = stream_sql_begin(self, err);
    return code ? code
                : stream_sql_end(self, mark_all(self, group, done, count, err),
                                 err);
}

/* ---- dead ones ---- */

static int sql_bury(struct stream *stream, const struct stream_group *group,
                    const struct stream_done *done, const char *actor,
                    struct bus_bytes blob, struct bus_error *err)
{
    struct stream_sql *self = (struct stream_sql *)stream;
    const struct sql_value args[] = {sql_text(actor), sql_blob(blob)};
    int code = stream_sql_begin(self, err);
    if (code)
        return code;
    code = stream_sql_exec(self,
                           "insert into event_dead (actor, blob) values (?, ?)",
                           args, 2, err);
    if (!code)
        code = mark_all(self, group, done, 1, err);
    return stream_sql_end(self, code, err);
}

static int sql_dead(struct stream *stream, const char *actor, const char *after,
                    unsigned max, struct bus_arena *arena, struct bus_list *ret,
                    struct bus_error *err)
{
    struct stream_sql *self = (struct stream_sql *)stream;
    struct entries entries = {.arena = arena};
    const struct sql_value args[] = {sql_text(actor), id_value(after),
                                     sql_int(max)};
    int code = connect_now(self, err);
    if (!code)
        code = entries_query(self, &entries, 0,
                             "select id, blob, null as tries from event_dead "
                             "where actor = ? and id > ? order by id limit ?",
                             args, 3, max, err);
    if (!code)
        *ret = (struct bus_list){entries.items, entries.count};
    return code;
}

static int sql_revive(struct stream *stream, const char *actor, const char *id,
                      const struct stream_put *one, struct bus_error *err)
{
    struct stream_sql *self = (struct stream_sql *)stream;
    const struct sql_value args[] = {sql_text(actor), id_value(id)};
    struct sql_done gone = {0};
    int code = stream_sql_begin(self, err);
    if (code)
        return code;
    code = sql_sqlite.exec(self->sql,
                           "delete from event_dead where actor = ? and id = ?",
                           args, 2, stream_sql_soon(), &gone, err);
    if (!code && gone.affected == 0)
        code = bus_error_set(err, BUS_NOT_FOUND, "%s has no dead event %s",
                             actor, id);
    if (!code)
        code = put(self, one, err);
    return stream_sql_end(self, code, err);
}

static int sql_trim(struct stream *stream, const char *word, int64_t older_than,
                    struct bus_error *err)
{
    struct stream_sql *self = (struct stream_sql *)stream;
    int code = stream_sql_begin(self, err);
    for (unsigned i = 0; i < EVENTS_PARTS && !code; i++) {
        const struct sql_value args[] = {sql_text(word), sql_int(i),
                                         sql_int(older_than)};
        code = stream_sql_exec(
            self,
            "delete from event where word = ?1 and part = ?2 and "
            "created < ?3 and id <= coalesce((select min(low) "
            "from event_read where word = ?1 and part = ?2), id)",
            args, 3, err);
    }
    return stream_sql_end(self, code, err);
}

/* ---- life ---- */

static void sql_close(struct stream *stream)
{
    struct stream_sql *self = (struct stream_sql *)stream;
    disconnect(self);
    free(self->source);
    free(self);
}

static const struct stream_driver driver = {
    .close = sql_close,
    .append = sql_append,
    .tend = stream_sql_tend,
    .leave = stream_sql_leave,
    .recover = sql_recover,
    .fetch = sql_fetch,
    .note = sql_note,
    .done = sql_finish,
    .bury = sql_bury,
    .dead = sql_dead,
    .revive = sql_revive,
    .trim = sql_trim,
};

int stream_sql_open(const struct stream_options *options, struct stream **ret,
                    struct bus_error *err)
{
    static const char scheme[] = "sqlite:";
    (void)err; /* opening waits for the first statement */
    struct stream_sql *self = calloc(1, sizeof(*self));
    size_t size = sizeof(scheme) + strlen(options->file);
    char *source = malloc(size);
    if (!self || !source)
        abort();
    snprintf(source, size, "%s%s", scheme, options->file);
    self->stream.driver = &driver;
    self->source = source;
    self->clock = options->clock;
    *ret = &self->stream;
    return BUS_OK;
}
