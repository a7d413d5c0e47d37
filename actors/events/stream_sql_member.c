/* SPDX-License-Identifier: MIT
 *
 * Who reads which partition: members say that they live, those that said
 * nothing for STREAM_LEASE are forgotten with what they held, and what is free
 * goes to whoever asks and has less than its fair share.
 */
#include "actors/events/stream_sql.h"

#include <string.h>

#include "bus/code.h"

struct number_row {
    int64_t id;
};
static const struct bus_field number_field = {
    .name = "id",
    .kind = BUS_I64,
    .offset = offsetof(struct number_row, id),
    .presence = BUS_NO_PRESENCE};
static const struct bus_shape number_shape = {
    "number", sizeof(struct number_row), 1, &number_field};

int stream_sql_number(struct stream_sql *self, const char *text,
                      const struct sql_value *args, size_t count, int64_t *ret,
                      struct bus_error *err)
{
    struct bus_arena arena;
    struct bus_list rows = {0};
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    int code = sql_sqlite.query(self->sql, text, args, count, stream_sql_soon(),
                                &number_shape, 1, &arena, &rows, err);
    if (!code)
        *ret = rows.count ? ((struct number_row *)rows.items)->id : 0;
    bus_arena_release(&arena);
    return code;
}

/* ---- members ---- */

static int members_tend(struct stream_sql *self,
                        const struct stream_group *group, struct bus_error *err)
{
    const int64_t length = STREAM_LEASE / 1000;
    int64_t now = bus_wall(self->clock);
    const struct sql_value old[] = {sql_text(group->word),
                                    sql_text(group->name), sql_int(now),
                                    sql_int(now + 2 * length)};
    const struct sql_value own[] = {
        sql_text(group->word), sql_text(group->name), sql_text(group->member),
        sql_int(now + length)};
    /* One further ahead than any may be was written under another clock. */
    int code =
        stream_sql_exec(self,
                        "delete from event_member where word = ? and grp = ? "
                        "and (until < ? or until > ?)",
                        old, 4, err);
    if (!code)
        code = stream_sql_exec(self,
                               "insert or replace into event_member "
                               "(word, grp, member, until) values (?, ?, ?, ?)",
                               own, 4, err);
    if (!code)
        code = stream_sql_exec(
            self,
            "delete from event_owner where word = ?1 and grp = ?2 and "
            "member not in (select member from event_member "
            "where word = ?1 and grp = ?2)",
            own, STREAM_GROUP_ARGS, err);
    return code;
}

static int parts_give_up(struct stream_sql *self,
                         const struct stream_group *group, uint32_t parts,
                         struct bus_error *err)
{
    int code = BUS_OK;
    for (unsigned i = 0; i < EVENTS_PARTS && !code; i++) {
        struct sql_value args[STREAM_PART_ARGS + 1];
        stream_sql_part(group, i, args);
        args[STREAM_PART_ARGS] = sql_text(group->member);
        if (parts >> i & 1)
            code = stream_sql_exec(
                self,
                "delete from event_owner where word = ? and grp = ? "
                "and part = ? and member = ?",
                args, STREAM_PART_ARGS + 1, err);
    }
    return code;
}

struct owner_row {
    int64_t part;
    const char *member;
};
static const struct bus_field owner_fields[] = {
    {.name = "part",
     .kind = BUS_I64,
     .offset = offsetof(struct owner_row, part),
     .presence = BUS_NO_PRESENCE},
    {.name = "member",
     .kind = BUS_TEXT,
     .offset = offsetof(struct owner_row, member),
     .presence = BUS_NO_PRESENCE},
};
static const struct bus_shape owner_shape = {"owner", sizeof(struct owner_row),
                                             2, owner_fields};

/* Which partitions somebody has, and which of these we. */
static int owners(struct stream_sql *self, const struct stream_group *group,
                  uint32_t *ret_taken, uint32_t *ret_own, struct bus_error *err)
{
    const struct sql_value args[] = {sql_text(group->word),
                                     sql_text(group->name)};
    struct bus_arena arena;
    struct bus_list rows = {0};
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    int code = sql_sqlite.query(
        self->sql,
        "select part, member from event_owner where word = ? and grp = ?", args,
        STREAM_GROUP_ARGS, stream_sql_soon(), &owner_shape, EVENTS_PARTS,
        &arena, &rows, err);
    for (size_t i = 0; i < rows.count && !code; i++) {
        const struct owner_row *row = (struct owner_row *)rows.items + i;
        uint32_t bit = UINT32_C(1) << (row->part & (EVENTS_PARTS - 1));
        *ret_taken |= bit;
        if (strcmp(row->member, group->member) == 0)
            *ret_own |= bit;
    }
    bus_arena_release(&arena);
    return code;
}

static int take(struct stream_sql *self, const struct stream_group *group,
                unsigned part, struct bus_error *err)
{
    struct sql_value args[STREAM_PART_ARGS + 1];
    stream_sql_part(group, part, args);
    args[STREAM_PART_ARGS] = sql_text(group->member);
    int code =
        stream_sql_exec(self,
                        "insert into event_owner (word, grp, part, member) "
                        "values (?, ?, ?, ?)",
                        args, STREAM_PART_ARGS + 1, err);
    return code ? code
                : stream_sql_exec(
                      self,
                      "insert or ignore into event_read "
                      "(word, grp, part, low, high) values (?, ?, ?, 0, 0)",
                      args, STREAM_PART_ARGS, err);
}

static int share_out(struct stream_sql *self, const struct stream_group *group,
                     struct stream_share *ret, struct bus_error *err)
{
    const struct sql_value args[] = {sql_text(group->word),
                                     sql_text(group->name)};
    int64_t members = 0;
    uint32_t taken = 0;
    *ret = (struct stream_share){0};
    int code = stream_sql_number(self,
                                 "select count(*) as id from event_member "
                                 "where word = ? and grp = ?",
                                 args, STREAM_GROUP_ARGS, &members, err);
    if (!code)
        code = owners(self, group, &taken, &ret->parts, err);
    unsigned count = members > 1 ? (unsigned)members : 1;
    ret->fair = (EVENTS_PARTS + count - 1) / count;
    for (unsigned i = 0; i < EVENTS_PARTS && !code; i++) {
        if (taken >> i & 1 ||
            (unsigned)__builtin_popcount(ret->parts) >= ret->fair)
            continue;
        code = take(self, group, i, err);
        ret->parts |= UINT32_C(1) << i;
    }
    return code;
}

int stream_sql_tend(struct stream *stream, const struct stream_group *group,
                    uint32_t give_up, struct stream_share *ret,
                    struct bus_error *err)
{
    struct stream_sql *self = (struct stream_sql *)stream;
    struct stream_share share;
    int code = stream_sql_begin(self, err);
    if (code)
        return code;
    code = members_tend(self, group, err);
    if (!code)
        code = parts_give_up(self, group, give_up, err);
    if (!code)
        code = share_out(self, group, &share, err);
    code = stream_sql_end(self, code, err);
    if (!code)
        *ret = share;
    return code;
}

int stream_sql_leave(struct stream *stream, const struct stream_group *group,
                     struct bus_error *err)
{
    struct stream_sql *self = (struct stream_sql *)stream;
    const struct sql_value args[] = {
        sql_text(group->word), sql_text(group->name), sql_text(group->member)};
    int code = stream_sql_begin(self, err);
    if (code)
        return code;
    code = stream_sql_exec(self,
                           "delete from event_owner where word = ? and grp = ? "
                           "and member = ?",
                           args, 3, err);
    if (!code)
        code = stream_sql_exec(
            self,
            "delete from event_member where word = ? and grp = ? "
            "and member = ?",
            args, 3, err);
    return stream_sql_end(self, code, err);
}
