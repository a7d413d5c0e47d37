/* SPDX-License-Identifier: MIT
 *
 * The layout of .api and .saga files: what it is, that a second time changes
 * nothing, and that nothing but blanks ever changes.
 */
#define _GNU_SOURCE
#include <ctype.h>

#include "golden.h"

static const char *formatted(const char *text)
{
    return schema_format(loaded, text, strlen(text));
}

/* Equal but for blanks. */
static bool same_ink(const char *a, const char *b)
{
    for (;;) {
        while (isspace((unsigned char)*a))
            a++;
        while (isspace((unsigned char)*b))
            b++;
        if (!*a || *a != *b)
            return *a == *b;
        a++, b++;
    }
}

static void assert_layout(const char *text, const char *expected)
{
    const char *once = formatted(text);
    assert_string_equal(once, expected);
    assert_string_equal(formatted(once), once);
    assert_true(same_ink(text, once));
}

static void indents_and_aligns(void **state)
{
    (void)state;
    assert_layout("type A {\n  X int `json:\"x\"` // one\r\n"
                  "  Longer   map[string]int `json:\"l\"`\n Y  []*A // two\n}",
                  "type A {\n\tX      int            `json:\"x\"` // one\n"
                  "\tLonger map[string]int `json:\"l\"`\n"
                  "\tY      []*A                      // two\n}\n");
}

static void indents_what_belongs_to_a_step(void **state)
{
    (void)state;
    assert_layout(
        "saga t (A) returns (B) {\n step x = a.b(c: req.c,\n d: req.d)\n"
        "backoff 50ms max 1s\n  compensate a.undo(c: x.c,\n e: x.e)\n\n\n"
        "// next\nstep y = a.b()\n return (c: y.c,\n d: x.d)\n}\n"
        "type A {\n C int\n}",
        "saga t (A) returns (B) {\n\tstep x = a.b(c: req.c,\n"
        "\t\td: req.d)\n\t\tbackoff 50ms max 1s\n"
        "\t\tcompensate a.undo(c: x.c,\n\t\te: x.e)\n\n"
        "\t// next\n\tstep y = a.b()\n\treturn (c: y.c,\n"
        "\t\td: x.d)\n}\n\ntype A {\n\tC int\n}\n");
}

static void keeps_comments(void **state)
{
    (void)state;
    assert_layout("// top\n\n\n/* a\n     b { */\ntype (\n// in {\n"
                  "A {\n}\n)\n// end",
                  "// top\n\n/* a\n     b { */\ntype (\n\t// in {\n"
                  "\tA {\n\t}\n)\n\n// end\n");
}

static void parts_blocks_by_one_line(void **state)
{
    (void)state;
    assert_layout("type A {\n\n\n X int\n\n}\ntype B {\n}\n@server(\njwt: A\n)"
                  "\n\nservice s {\n\n@handler h\nget /a\n}\n\n\n",
                  "type A {\n\tX int\n}\n\ntype B {\n}\n\n@server(\n\tjwt: A\n)"
                  "\nservice s {\n\t@handler h\n\tget /a\n}\n");
}

static void texts_of_several_lines_stay(void **state)
{
    (void)state;
    assert_layout("info (\n  desc: `one\n   two  {\n`\n)\n",
                  "info (\n\tdesc: `one\n   two  {\n`\n)\n");
}

static void takes_any_bytes(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",   "\n", "}}}\n))",
        "`",  "\"", "type {\n a b `\n c d",
        "/*", "*/", "type A {\n\xC3 \xA9 `x`y` `\n}"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_true(same_ink(texts[i], formatted(texts[i])));
}

static void files_mean_the_same(void **state)
{
    (void)state;
    static const char *const files[] = {
        "language/kinds.api", "tutorial-1/search-middleware.api",
        "language/order.saga", "language/trip.saga"};
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        char *text = golden_read(files[i]);
        assert_non_null(text);
        const char *once = formatted(text);
        bool same = same_ink(text, once) && !strcmp(formatted(once), once);
        free(text);
        assert_true(same);
        const struct schema_unit *before = schema_load(loaded, files[i]);
        assert_non_null(before);
        struct schema *other = schema_new();
        const struct schema_unit *after =
            schema_load_text(other, files[i], once, strlen(once));
        bool equal = after && !strcmp(schema_describe(loaded, before, "f"),
                                      schema_describe(other, after, "f"));
        schema_free(other);
        assert_true(equal);
    }
}

static char path[64];

/* A file of its own with that text. */
static const char *written(const char *text)
{
    strncpy(path, "/tmp/schema-format-XXXXXX.api", sizeof(path) - 1);
    int fd = mkstemps(path, 4);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    return path;
}

static void reads_what_is_not_whole(void **state)
{
    (void)state;
    assert_true(schema_reads(loaded, written("import \"absent.api\"\n"
                                             "type A { X Elsewhere }\n")));
    unlink(path);
    assert_true(schema_reads(loaded, "language/trip.saga"));
    assert_int_equal(schema_error_count(loaded), 0);
}

static void refuses_what_is_broken(void **state)
{
    (void)state;
    assert_false(schema_reads(loaded, written("type A { X int\n")));
    unlink(path);
    assert_int_equal(schema_error_at(loaded, 0)->pos.line, 2);
    assert_false(schema_reads(loaded, "errors/closed.saga"));
    assert_false(schema_reads(loaded, "language/shop.proto"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOADED_TEST(indents_and_aligns),
        LOADED_TEST(indents_what_belongs_to_a_step),
        LOADED_TEST(keeps_comments),
        LOADED_TEST(parts_blocks_by_one_line),
        LOADED_TEST(texts_of_several_lines_stay),
        LOADED_TEST(takes_any_bytes),
        LOADED_TEST(files_mean_the_same),
        LOADED_TEST(reads_what_is_not_whole),
        LOADED_TEST(refuses_what_is_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
