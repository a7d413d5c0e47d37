/* SPDX-License-Identifier: MIT
 *
 * Cells are gathered first: the widest of a column sets its width. Control
 * characters in a cell are shown as '?': a value may come from anywhere.
 */
#include "bus/cli/table.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define GAP 2 /* blanks between columns */
#define CELL_MAX 4096

struct range {
    uint32_t first, last;
};

/* Unicode's East Asian Width W and F, joined where gaps are unassigned. */
static const struct range wide[] = {
    {0x1100, 0x115F},   {0x2E80, 0x303E},   {0x3041, 0x33FF},
    {0x3400, 0x4DBF},   {0x4E00, 0x9FFF},   {0xA000, 0xA4CF},
    {0xA960, 0xA97C},   {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},
    {0xFE30, 0xFE6B},   {0xFF01, 0xFF60},   {0xFFE0, 0xFFE6},
    {0x1F300, 0x1F64F}, {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF},
    {0x20000, 0x3FFFD},
};

static const struct range none[] = {
    {0x0300, 0x036F}, {0x200B, 0x200F}, {0x20D0, 0x20F0}, {0xFE00, 0xFE0F}};

static int in_ranges(const struct range *ranges, size_t count, uint32_t code)
{
    for (size_t i = 0; i < count; i++) {
        if (ranges[i].first <= code && code <= ranges[i].last)
            return 1;
    }
    return 0;
}

static int char_width(uint32_t code)
{
    if (in_ranges(none, sizeof(none) / sizeof(none[0]), code))
        return 0;
    return 1 + in_ranges(wide, sizeof(wide) / sizeof(wide[0]), code);
}

/* The next character of text; malformed bytes count as one each. */
static uint32_t next_char(const unsigned char **at)
{
    unsigned char lead = *(*at)++;
    int more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
    uint32_t code = more ? lead & (0x3FU >> more) : lead;
    while (more-- > 0 && (**at & 0xC0) == 0x80)
        code = code << 6 | (*(*at)++ & 0x3FU);
    return code;
}

int cli_width(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    int width = 0;
    while (*at)
        width += char_width(next_char(&at));
    return width;
}

static const char *keep(struct cli_table *table, const char *text)
{
    char *copy = bus_arena_text(table->arena, text);
    assert(copy);
    for (char *at = copy; *at; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7F)
            *at = '?';
    }
    return copy;
}

static void add_cell(struct cli_table *table, const char *text)
{
    size_t column = table->cells % table->columns;
    if (table->cells >= table->columns * CLI_ROWS_MAX)
        return;
    table->cell[table->cells++] = keep(table, text);
    int width = cli_width(text);
    if (width > table->width[column])
        table->width[column] = width;
}

void cli_table_init(struct cli_table *table, struct bus_arena *arena,
                    const char *headings)
{
    *table = (struct cli_table){.arena = arena, .columns = 1};
    for (const char *at = headings; *at; at++)
        table->columns += *at == '|';
    assert(table->columns <= CLI_COLUMNS_MAX);
    table->cell = bus_arena_array(arena, table->columns * CLI_ROWS_MAX,
                                  sizeof(*table->cell));
    assert(table->cell);
    for (const char *at = headings;; at++) {
        size_t len = strcspn(at, "|");
        add_cell(table, bus_arena_text_n(arena, at, len));
        at += len;
        if (!*at)
            break;
    }
}

void cli_table_add(struct cli_table *table, const char *format, ...)
{
    char text[CELL_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    add_cell(table, text);
}

static void print_row(const struct cli_table *table, const char **row,
                      FILE *out)
{
    int pad = 0; /* blanks owed: not printed at a line's end */
    for (size_t i = 0; i < table->columns; i++) {
        if (*row[i]) {
            fprintf(out, "%*s%s", pad, "", row[i]);
            pad = 0;
        }
        pad += table->width[i] + GAP - cli_width(row[i]);
    }
    fputc('\n', out);
}

void cli_table_print(const struct cli_table *table, FILE *out)
{
    for (size_t i = 0; i + table->columns <= table->cells; i += table->columns)
        print_row(table, &table->cell[i], out);
}
