/* SPDX-License-Identifier: MIT
 *
 * Values behind "key:" in info and @server, as one of the public parsers reads
 * them: to the end of the line, or several pairs on it.
 */
#include <stdio.h>

#include "loaded.h"

/* ---- success ---- */

static void reads_values_of_info(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"\"quoted: text\"", "quoted: text"},
        {"\"two\nlines\"", "two\nlines"},
        {"`raw \"text\"`", "raw \"text\""},
        {"\"say \\\"hi\\\" there\"", "say \"hi\" there"},
        {"\"C:\\\"", "C:\\"},
        {"word", "word"},
        {"1.0.0", "1.0.0"},
        {"2021-05-06 12:30:45", "2021-05-06 12:30:45"},
        {"some words, and (more)", "some words, and (more)"},
        {"张三 <a@b.c> 100%，。", "张三 <a@b.c> 100%，。"},
        {"https://x.y/z?a=b", "https://x.y/z?a=b"},
        {"words // a comment", "words"},
        {"words /* a comment */", "words"},
        {"// TODO: add title", ""},
        {"", ""},
        {"\"a\" // b: c", "a"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[300];
        snprintf(text, sizeof(text),
                 "info (\n\ttitle : %s\n\tnext: \"n\"\n)\nservice a{}",
                 rows[i][0]);
        loaded_renew();
        const struct schema_unit *unit = load_good("a.api", text);
        assert_int_equal(unit->info_count, 2);
        assert_string_equal(unit->info[0].value, rows[i][1]);
        assert_string_equal(unit->info[1].value, "n");
    }
}

static void reads_several_pairs_on_a_line(void **state)
{
    (void)state;
    const struct schema_unit *unit = load_good(
        "a.api", "info (title: foo desc: bar)\n"
                 "@server(jwt: Auth group: a/b prefix: /v1 middleware: A,B)\n"
                 "service a{\n@handler h\nget /x\n}");
    assert_string_equal(unit->info[0].value, "foo");
    assert_string_equal(unit->info[1].value, "bar");
    const struct schema_group *group = method_of(unit, "h")->group;
    assert_string_equal(group->jwt, "Auth");
    assert_string_equal(group->group, "a/b");
    assert_string_equal(group->prefix, "/v1");
    assert_string_equal(group->middlewares[1], "B");
}

static void reads_values_of_server(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"/a/b-c", "/a/b-c"},
        {"a,b,c", "a,b,c"},
        {"a, b ,c", "a, b ,c"},
        {"a,\n b,\n c", "a,b,c"},
        {"a-b-c", "a-b-c"},
        {"a/b/c", "a/b/c"},
        {"1h10m10s10ms10µs10ns", "1h10m10s10ms10µs10ns"},
        {"1024", "1024"},
        {"0.0.0.0", "0.0.0.0"},
        {"\"a b\"", "a b"},
        {"`a b`", "a b"},
        {"true", "true"},
        {"words, and more // comment: here", "words, and more"},
        {"a /* b: c */", "a"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[300];
        snprintf(text, sizeof(text),
                 "@server (\n\tany: %s\n\t// d: e\n\tjwt  :  Auth\n)\n"
                 "// between\nservice a{\n@handler h\nget /x\n}",
                 rows[i][0]);
        loaded_renew();
        const struct schema_group *group =
            method_of(load_good("a.api", text), "h")->group;
        assert_int_equal(group->annotation_count, 2);
        assert_string_equal(group->annotations[0].value, rows[i][1]);
        assert_string_equal(group->jwt, "Auth");
    }
}

static void reads_empty_blocks(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "info()\nservice a{}",        "info (\n)\nservice a{}",
        "@server()\nservice a{}",     "@server (\n\n)\nservice a{}",
        "@server(jwt:)\nservice a{}",
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        loaded_renew();
        load_good("a.api", rows[i]);
    }
}

/* ---- failure ---- */

static void refuses_bad_pairs(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t line, column;
        const char *message;
    } rows[] = {
        {"info(\n a: 1\n a: 2\n)", 3, 2, "'a' is set twice"},
        {"info()\ninfo()", 2, 1, "a second info block, expected one"},
        {"info {", 1, 6, "found '{', expected '('"},
        {"info(\n a: b", 2, 6, "found the end of the file, expected ')'"},
        {"info(\n a, b\n)", 2, 3, "found ',', expected ':'"},
        {"info(\n 1: b\n)", 2, 2, "found '1', expected a key or ')'"},
        {"@server(\n a: 1\n a: 2\n)\nservice a{}", 3, 2, "'a' is set twice"},
        {"@server(jwt: A, group: b)\nservice a{}", 1, 15,
         "found ',' between two pairs, expected a new line"},
        {"@server(timeout: soon)\nservice a{}", 1, 18,
         "found 'soon', expected a duration such as 3s or 500ms"},
        {"@server(maxBytes: much)\nservice a{}", 1, 19,
         "found 'much', expected a number of bytes"},
        {"@server(a: b", 1, 13, "found the end of the file, expected ')'"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        loaded_renew();
        load_bad("a.api", rows[i].text, rows[i].line, rows[i].column,
                 rows[i].message);
    }
}

static void stops_at_the_limit_of_pairs(void **state)
{
    (void)state;
    static char text[40000] = "info(\n";
    size_t at = strlen(text);
    for (int i = 0; i < 2000; i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at, "k%d: v\n", i);
    snprintf(text + at, sizeof(text) - at, ")\nservice a{}");
    load_bad("a.api", text, 514, 1, "more than 512 pairs");
    assert_int_equal(schema_error_count(loaded), 1);
}

static void reads_long_runs_of_blanks_once(void **state)
{
    (void)state;
    size_t len = 2000000;
    char *text = malloc(len + 40);
    assert_non_null(text);
    memcpy(text, "info(a: b", 9);
    memset(text + 9, ' ', len);
    memcpy(text + 9 + len, "c)\nservice a{}", 15);
    assert_non_null(schema_load_text(loaded, "a.api", text, strlen(text)));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOADED_TEST(reads_values_of_info),
        LOADED_TEST(reads_several_pairs_on_a_line),
        LOADED_TEST(reads_values_of_server),
        LOADED_TEST(reads_empty_blocks),
        LOADED_TEST(refuses_bad_pairs),
        LOADED_TEST(stops_at_the_limit_of_pairs),
        LOADED_TEST(reads_long_runs_of_blanks_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
