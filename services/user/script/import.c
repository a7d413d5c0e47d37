/* SPDX-License-Identifier: MIT
 *
 * user-import: people from lines "number,name,gender" of a file or of standard
 * input, all of them or none.
 *
 *     user-import -f ops/etc/user.yaml people.csv
 */
#include <stdio.h>
#include <string.h>

#include "user.actor.h"
#include "user.model.h"

#define LINE_BYTES_MAX 512
#define BATCH 500           /* rows of one statement */
#define PEOPLE_MAX 100000   /* of one run: they lie in its arena */
#define NUMBER_CHARS_MAX 64 /* bytes, too, for digits and letters */

struct import {
    struct bus_call *call;
    FILE *file;
    size_t line, people;
    struct user_row rows[BATCH];
    size_t count;
};

static int flush(struct import *import)
{
    if (import->count == 0)
        return BUS_OK;
    int code = user_row_insert_batch(import->call, import->rows, import->count);
    if (code == BUS_ALREADY_EXISTS)
        return bus_refuse(import->call, code,
                          "one of the %zu numbers up to line %zu is taken",
                          import->count, import->line);
    import->people += import->count;
    import->count = 0;
    return code;
}

/* Cuts the next field off; NULL: there is none. */
static char *field_cut(char **rest)
{
    char *field = *rest;
    if (!field)
        return NULL;
    size_t len = strcspn(field, ",");
    *rest = field[len] ? field + len + 1 : NULL;
    field[len] = '\0';
    return field;
}

static int line_take(struct import *import, char *text)
{
    struct bus_arena *arena = import->call->arena;
    char *rest = text;
    const char *number = field_cut(&rest), *name = field_cut(&rest);
    const char *gender = field_cut(&rest);
    if (!number || !*number || !name || !*name || rest ||
        strlen(number) > NUMBER_CHARS_MAX)
        return bus_refuse(import->call, BUS_INVALID_ARGUMENT,
                          "line %zu: expected number,name[,gender]",
                          import->line);
    if (import->people + import->count == PEOPLE_MAX)
        return bus_refuse(import->call, BUS_RESOURCE_EXHAUSTED,
                          "line %zu: one import takes %d people", import->line,
                          PEOPLE_MAX);
    struct user_row *row = &import->rows[import->count++];
    *row = (struct user_row){
        .number = bus_arena_text(arena, number),
        .has_number = true,
        .name = bus_arena_text(arena, name),
        .has_name = true,
        .gender = bus_arena_text(arena, gender ? gender : ""),
        .has_gender = gender != NULL,
    };
    if (!row->number || !row->name || !row->gender)
        return bus_refuse(import->call, BUS_RESOURCE_EXHAUSTED,
                          "arena is full");
    return import->count == BATCH ? flush(import) : BUS_OK;
}

static int lines_take(struct import *import)
{
    char text[LINE_BYTES_MAX];
    int code = BUS_OK;
    while (!code && fgets(text, sizeof(text), import->file)) {
        size_t len = strcspn(text, "\r\n");
        import->line++;
        if (!text[len] && !feof(import->file))
            return bus_refuse(import->call, BUS_INVALID_ARGUMENT,
                              "line %zu is longer than %d bytes", import->line,
                              LINE_BYTES_MAX - 2);
        text[len] = '\0';
        if (len > 0)
            code = line_take(import, text);
    }
    if (!code && ferror(import->file))
        return bus_refuse(import->call, BUS_UNAVAILABLE,
                          "the file cannot be read");
    return code ? code : flush(import);
}

static int import_people(struct bus_call *call, int argc, char **argv)
{
    static struct import import;
    import.call = call;
    import.file = argc > 0 ? fopen(argv[0], "re") : stdin;
    if (!import.file)
        return bus_refuse(call, BUS_NOT_FOUND, "cannot read %s", argv[0]);
    int code = lines_take(&import);
    if (argc > 0)
        fclose(import.file);
    if (code == BUS_OK)
        printf("{\"people\":%zu,\"lines\":%zu}\n", import.people, import.line);
    return code;
}

int main(int argc, char **argv)
{
    return bus_script_main(argc, argv, &user_actor, import_people);
}
