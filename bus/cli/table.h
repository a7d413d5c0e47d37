/* SPDX-License-Identifier: MIT
 *
 * Aligned columns for people. Widths count what a terminal shows: wide for
 * CJK and emoji, nothing for combining marks. Cells are copied.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stddef.h>
#include <stdio.h>

#include "bus/arena.h"

#define CLI_COLUMNS_MAX 16
#define CLI_ROWS_MAX 4096

struct cli_table {
    struct bus_arena *arena;
    size_t columns;
    size_t cells; /* in all rows, the heading included */
    const char **cell;
    int width[CLI_COLUMNS_MAX];
};

/* headings: the words of the first row, separated by '|'. */
void cli_table_init(struct cli_table *table, struct bus_arena *arena,
                    const char *headings);
/* Adds the next cell; rows fill from the left. Rows past CLI_ROWS_MAX are not
 * kept. */
void cli_table_add(struct cli_table *table, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void cli_table_print(const struct cli_table *table, FILE *out);

/* Columns that a terminal gives to UTF-8 text. */
int cli_width(const char *text);

#endif
