/* SPDX-License-Identifier: MIT
 *
 * Two actors written by hand, as the schema compiler would emit them: `note`
 * keeps texts in a table; `desk` has none and calls note. Included by one
 * source file a program.
 */
#ifndef TEST_ACTORS_H
#define TEST_ACTORS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "actors/runtime/fixture.h"
#include "actors/store/model.h"

struct note {
    int64_t id;
    const char *text;
};

#define NO_RULE .presence = BUS_NO_PRESENCE

static const struct bus_field note_fields[] = {
    {.name = "id",
     .kind = BUS_I64,
     .offset = offsetof(struct note, id),
     NO_RULE},
    {.name = "text",
     .kind = BUS_TEXT,
     .offset = offsetof(struct note, text),
     NO_RULE},
};
static const struct bus_shape note_shape = {"note.Note", sizeof(struct note), 2,
                                            note_fields};

static const struct model_column note_columns[] = {
    {"id", "bigint(20)", NULL, "Id", MODEL_NOT_NULL | MODEL_AUTO},
    {"text", "varchar(255)", NULL, "Text", MODEL_NOT_NULL},
};
static const uint16_t id_columns[] = {0};
static const uint16_t text_columns[] = {1};
static const struct model_key note_unique[] = {
    {"text", text_columns, 1, "cache:note:text:"}};
static const char *const note_seed[] = {
    "INSERT INTO note (id, text) VALUES (1, 'first')", NULL};
static const struct model_table note_table = {
    .name = "note",
    .row = &note_shape,
    .columns = note_columns,
    .column_count = 2,
    .primary = {"id", id_columns, 1, "cache:note:id:"},
    .unique = note_unique,
    .unique_count = 1,
    .seed = note_seed,
};
static const struct model_table *const note_tables[] = {&note_table, NULL};

/* ---- note ---- */

static int note_add(struct bus_call *call, const void *request, void *reply)
{
    const struct note *in = request;
    struct note *out = reply;
    *out = (struct note){.text = in->text};
    int code = model_insert(call, &note_table, out);
    if (code)
        return bus_refuse(call, code, "%s is there already", in->text);
    return bus_publish(call, "note.added", &note_shape, out);
}

static int note_get(struct bus_call *call, const void *request, void *reply)
{
    int code =
        model_find(call, &note_table, &note_table.primary, request, reply);
    return code ? bus_refuse(call, code, "no such note") : BUS_OK;
}

static int note_remove(struct bus_call *call, const void *request, void *reply)
{
    (void)reply;
    int code = model_delete(call, &note_table, request);
    return code == BUS_NOT_FOUND ? BUS_OK : code;
}

/* Writes, then calls back: refused, for the transaction is open. */
static const struct bus_method note_methods[4];

static int note_selfish(struct bus_call *call, const void *request, void *reply)
{
    int code = note_add(call, request, reply);
    return code ? code : bus_call(call, "note", &note_methods[1], reply, reply);
}

static const struct bus_method note_methods[4] = {
    {"note", "add", "/note.Note/add", &note_shape, &note_shape, 0, ""},
    {"note", "get", "/note.Note/get", &note_shape, &note_shape,
     BUS_NO_SIDE_EFFECTS, ""},
    {"note", "remove", "/note.Note/remove", &note_shape, &note_shape,
     BUS_IDEMPOTENT, ""},
    {"note", "selfish", "/note.Note/selfish", &note_shape, &note_shape, 0, ""},
};
static const struct actor_method note_rows[] = {
    {&note_methods[0], note_add, NULL},
    {&note_methods[1], note_get, NULL},
    {&note_methods[2], note_remove, NULL},
    {&note_methods[3], note_selfish, NULL},
};
static const struct actor_type note_actor = {.name = "note",
                                             .version = "1.0",
                                             .methods = note_rows,
                                             .count = 4,
                                             .tables = note_tables};

/* ---- desk ---- */

static struct bus_trace desk_trace;

static int desk_file(struct bus_call *call, const void *request, void *reply)
{
    desk_trace = call->meta.trace;
    return bus_call(call, NULL, &note_methods[0], request, reply);
}

static int desk_read(struct bus_call *call, const void *request, void *reply)
{
    return bus_call(call, NULL, &note_methods[1], request, reply);
}

static const struct bus_method desk_methods[4];

/* Calls itself: with one worker only time ends it. */
static int desk_loop(struct bus_call *call, const void *request, void *reply)
{
    return bus_call(call, NULL, &desk_methods[2], request, reply);
}

static int desk_whoami(struct bus_call *call, const void *request, void *reply)
{
    struct note *out = reply;
    (void)request;
    out->text = bus_claim_text(call, "name");
    return bus_claim_int(call, "userId", &out->id)
               ? BUS_OK
               : bus_refuse(call, BUS_UNAUTHENTICATED, "who are you?");
}

static const struct bus_method desk_methods[4] = {
    {"desk", "file", "/desk.Desk/file", &note_shape, &note_shape, 0, ""},
    {"desk", "read", "/desk.Desk/read", &note_shape, &note_shape,
     BUS_NO_SIDE_EFFECTS, ""},
    {"desk", "loop", "/desk.Desk/loop", &note_shape, &note_shape, 0, ""},
    {"desk", "whoami", "/desk.Desk/whoami", NULL, &note_shape, 0, ""},
};
static const struct actor_method desk_rows[] = {
    {&desk_methods[0], desk_file, NULL},
    {&desk_methods[1], desk_read, NULL},
    {&desk_methods[2], desk_loop, NULL},
    {&desk_methods[3], desk_whoami, NULL},
};
static const struct actor_type desk_actor = {
    .name = "desk", .version = "1.0", .methods = desk_rows, .count = 4};

#endif
