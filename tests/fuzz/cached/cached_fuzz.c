/* SPDX-License-Identifier: MIT
 *
 * What a shared cache holds was written by others: a row, a primary key's value
 * or, in a file of ours, deletes that were left over. Whatever it is, it is
 * taken or refused; and what was taken as a row comes back the same when it is
 * written and read again. The first byte says as which of them the rest is
 * read.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actors/store/cached.h"
#include "actors/store/stale.h"
#include "tests/unit/store/fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_row(struct bus_call *call, const struct store_form *form,
                     struct bus_bytes text)
{
    struct person row, again;
    struct bus_bytes written;
    if (!form_read(form, call, text, &row) ||
        !form_write(form, call, &row, &written))
        return;
    bool same = form_read(form, call, written, &again);
    assert(same);
    assert(again.id == row.id && again.born == row.born);
    assert(strcmp(again.balance, row.balance) == 0);
    assert(strcmp(again.name, row.name) == 0);
    assert(again.has_nick == row.has_nick);
    (void)same;
}

static void read_file(struct bus_bytes text)
{
    char path[] = "/tmp/troupe-fuzz-XXXXXX";
    int file = mkstemp(path);
    ssize_t written = file < 0 ? -1 : write(file, text.data, text.len);
    if (file >= 0)
        close(file);
    if (written == (ssize_t)text.len) {
        struct stale_view view;
        struct stale *stale = stale_open(path, &bus_clock_system);
        stale_look(stale, &view);
        assert(view.pending <= text.len);
        stale_close(stale);
    }
    unlink(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct store_form form;
    struct zone zone = {0};
    struct bus_arena arena;
    struct bus_call call = {.arena = &arena};
    struct person row = {0};
    if (size == 0)
        return 0;
    const struct bus_bytes text = {data + 1, size - 1};
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    form_init(&form, &person_table, &zone, true);
    if (*data == 'k')
        cached_primary_read(&call, &form, text, &row);
    else if (*data == 'f')
        read_file(text);
    else
        read_row(&call, &form, text);
    form_release(&form);
    bus_arena_release(&arena);
    return 0;
}
