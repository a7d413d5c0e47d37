/* SPDX-License-Identifier: MIT
 *
 * Columns line up on a terminal, with Chinese and with nothing in them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "bus/cli/table.h"

static struct bus_arena arena;

static int set_up(void **state)
{
    (void)state;
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bus_arena_release(&arena);
    return 0;
}

static void printed(const struct cli_table *table, const char *expected)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    cli_table_print(table, out);
    fclose(out);
    assert_string_equal(text, expected);
    free(text);
}

static void widths(void **state)
{
    (void)state;
    assert_int_equal(cli_width(""), 0);
    assert_int_equal(cli_width("abc"), 3);
    assert_int_equal(cli_width("小明"), 4);
    assert_int_equal(cli_width("é"), 1);
    assert_int_equal(cli_width("e\xCC\x81"), 1); /* a combining accent */
    assert_int_equal(cli_width("😀"), 2);
    assert_int_equal(cli_width("\xFF\xC0"), 2); /* malformed: no crash */
    assert_int_equal(cli_width("\xE5\xB0"), 1); /* cut */
}

static void columns_line_up(void **state)
{
    (void)state;
    struct cli_table table;
    cli_table_init(&table, &arena, "NAME|AGE|WORD");
    cli_table_add(&table, "小明");
    cli_table_add(&table, "%d", 7);
    cli_table_add(&table, "a");
    cli_table_add(&table, "x");
    cli_table_add(&table, "%s", "");
    cli_table_add(&table, "%s", "");
    printed(&table, "NAME  AGE  WORD\n小明  7    a\nx\n");
}

static void a_half_row_is_not_printed(void **state)
{
    (void)state;
    struct cli_table table;
    cli_table_init(&table, &arena, "A|B");
    cli_table_add(&table, "1");
    printed(&table, "A  B\n");
}

static void control_characters_are_shown_as_such(void **state)
{
    (void)state;
    struct cli_table table;
    cli_table_init(&table, &arena, "A");
    cli_table_add(&table, "a\033[31m\nb");
    printed(&table, "A\na?[31m?b\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(widths),
        cmocka_unit_test(columns_line_up),
        cmocka_unit_test(a_half_row_is_not_printed),
        cmocka_unit_test(control_characters_are_shown_as_such),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
