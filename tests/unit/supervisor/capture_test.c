/* SPDX-License-Identifier: MIT
 *
 * Log files: appended, turned over at a line's end, a bounded number of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "actors/supervisor/capture.h"

static char folder[] = "/tmp/capture_test.XXXXXX";
static char path[256];

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/a.log", folder);
    return 0;
}

static void remove_all(void)
{
    char file[300];
    unlink(path);
    for (int i = 1; i < 10; i++) {
        snprintf(file, sizeof(file), "%s.%d", path, i);
        unlink(file);
    }
}

static int tear_down(void **state)
{
    (void)state;
    remove_all();
    return rmdir(folder);
}

/* What file number i holds; "" if there is none. */
static const char *content(int i)
{
    static char text[4096];
    char file[300];
    snprintf(file, sizeof(file), i ? "%s.%d" : "%s", path, i);
    FILE *in = fopen(file, "r");
    size_t len = in ? fread(text, 1, sizeof(text) - 1, in) : 0;
    text[len] = '\0';
    if (in)
        fclose(in);
    return text;
}

static void write_text(struct capture *capture, const char *text)
{
    capture_write(capture, text, strlen(text));
}

static void what_is_written_is_appended(void **state)
{
    (void)state;
    struct capture capture;
    capture_open(&capture, path, 0);
    write_text(&capture, "one\ntw");
    write_text(&capture, "o\n");
    capture_close(&capture);
    capture_open(&capture, path, 0);
    write_text(&capture, "three\n");
    capture_close(&capture);
    assert_string_equal(content(0), "one\ntwo\nthree\n");
    remove_all();
}

static void a_full_file_is_turned_over_at_a_line_end(void **state)
{
    (void)state;
    struct capture capture;
    capture_open(&capture, path, 10);
    write_text(&capture, "12345678");
    write_text(&capture, "rest\nnext\n");
    capture_close(&capture);
    assert_string_equal(content(1), "12345678rest\n");
    assert_string_equal(content(0), "next\n");
    remove_all();
}

static void old_files_go(void **state)
{
    (void)state;
    struct capture capture;
    capture_open(&capture, path, 2);
    for (int i = 0; i < 9; i++) {
        char line[16];
        snprintf(line, sizeof(line), "line %d\n", i);
        write_text(&capture, line);
    }
    capture_close(&capture);
    assert_string_equal(content(CAPTURE_FILES - 1), "line 5\n");
    assert_string_equal(content(CAPTURE_FILES), "");
    remove_all();
}

static void a_file_that_cannot_be_opened_blocks_nobody(void **state)
{
    (void)state;
    struct capture capture;
    capture_open(&capture, "/nowhere/a.log", 0);
    write_text(&capture, "lost\n");
    assert_int_equal(capture.fd, -1);
    capture_close(&capture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_appended),
        cmocka_unit_test(a_full_file_is_turned_over_at_a_line_end),
        cmocka_unit_test(old_files_go),
        cmocka_unit_test(a_file_that_cannot_be_opened_blocks_nobody),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
