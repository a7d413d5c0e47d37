/* SPDX-License-Identifier: MIT
 *
 * Tokens, durations and positions.
 */
#include "loaded.h"

#include "schemas/compiler/lex.h"

static void lex_text(struct lex *lex, const char *text)
{
    struct source *source = source_new(loaded, "x.api", text, strlen(text));
    assert_non_null(source);
    lex_init(lex, source);
}

/* ---- success ---- */

static void makes_tokens(void **state)
{
    static const struct {
        enum token_kind kind;
        const char *text;
    } rows[] = {{TOKEN_IDENT, "type"},     {TOKEN_IDENT, "名字"},
                {TOKEN_MARK, "{"},         {TOKEN_NUMBER, "1h10m"},
                {TOKEN_NUMBER, "1.5"},     {TOKEN_STRING, "a\nb"},
                {TOKEN_RAW, "json:\"x\""}, {TOKEN_AT, "@doc"},
                {TOKEN_MARK, "..."},       {TOKEN_MARK, "."},
                {TOKEN_MARK, "}"},         {TOKEN_END, ""}};
    struct lex lex;
    (void)state;
    lex_text(&lex, "type 名字{1h10m 1.5 \"a\nb\"`json:\"x\"`@doc... . } // e");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct token token = lex_next(&lex);
        assert_int_equal(token.kind, rows[i].kind);
        assert_string_equal(token.text, rows[i].text);
    }
    assert_int_equal(schema_error_count(loaded), 0);
}

static void knows_line_starts(void **state)
{
    struct lex lex;
    (void)state;
    lex_text(&lex, " a b\r\n\t/* x */ c\n d");
    assert_true(lex_next(&lex).line_start);
    assert_false(lex_next(&lex).line_start);
    assert_false(lex_next(&lex).line_start); /* behind a comment */
    assert_true(lex_next(&lex).line_start);
}

static void keeps_the_comment_before(void **state)
{
    struct lex lex;
    (void)state;
    lex_text(&lex, "// far\n\n// one\n/* two */\na // behind\nb");
    lex_peek(&lex);
    assert_string_equal(lex.doc, "one two");
    lex_next(&lex);
    lex_peek(&lex);
    assert_string_equal(lex.doc, "");
}

static void reads_durations(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {{"3s", 3000},   {"1h10m10s10ms10\xC2\xB5s10ns", 4210010},
                {"500ms", 500}, {"1.5s", 1500},
                {"0s", 0},      {"1m", 60000}};
    int64_t ms;
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_true(lex_duration(rows[i].text, &ms));
        assert_int_equal(ms, rows[i].ms);
    }
}

static void finds_line_and_column(void **state)
{
    (void)state;
    struct source *source = source_new(loaded, "x.api",
                                       "\xEF\xBB\xBF"
                                       "a\n名b\n",
                                       10);
    assert_non_null(source);
    assert_int_equal(source_pos(source, 0).line, 1);
    assert_int_equal(source_pos(source, 5).line, 2);
    assert_int_equal(source_pos(source, 5).column, 2);
    assert_int_equal(source_pos(source, 1000).line, 3);
}

static void cleans_paths(void **state)
{
    static const char *const rows[][2] = {{"a/./b//c", "a/b/c"},
                                          {"a/../b", "b"},
                                          {"../a/..", ".."},
                                          {"/../a", "/a"},
                                          {"a/b/../..", "."},
                                          {"../../x", "../../x"},
                                          {"/", "/"},
                                          {"a/b/../../..", ".."}};
    struct pool pool = {0};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(path_clean(&pool, rows[i][0]), rows[i][1]);
    assert_string_equal(path_beside(&pool, "a/b.api", "../c.api"), "c.api");
    assert_string_equal(path_beside(&pool, "a/b.api", "/c.api"), "/c.api");
    pool_release(&pool);
}

/* ---- failure ---- */

static void refuses_durations(void **state)
{
    static const char *const rows[] = {
        "", "3", "s", "3x", "3s4", "-1s", "99999999999999h"};
    int64_t ms;
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_false(lex_duration(rows[i], &ms));
}

static void refuses_full_width_marks(void **state)
{
    struct lex lex;
    (void)state;
    lex_text(&lex, "a （");
    lex_next(&lex);
    assert_int_equal(lex_next(&lex).kind, TOKEN_BAD);
    assert_string_equal(schema_error_at(loaded, 0)->message,
                        "found '（', which has no meaning here");
}

static void refuses_unknown_at_words(void **state)
{
    struct lex lex;
    (void)state;
    lex_text(&lex, "@hander");
    assert_int_equal(lex_next(&lex).kind, TOKEN_BAD);
    assert_string_equal(schema_error_at(loaded, 0)->message,
                        "found '@hander', expected @doc, @handler or @server");
}

static void refuses_broken_utf8(void **state)
{
    static const char *const rows[] = {"\x80",
                                       "\xC3",
                                       "\xE0\x80\x80",
                                       "\xED\xA0\x80",
                                       "\xF4\x90\x80\x80",
                                       "\xFF",
                                       "\xF0\x80\x80\x80"};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_null(source_new(loaded, "x.saga", rows[i], strlen(rows[i])));
    assert_null(source_new(loaded, "x.saga", "a\0b", 3));
}

/* Comments of .api files may be in any encoding, words may not. */
static void refuses_broken_utf8_outside_comments(void **state)
{
    (void)state;
    static const char text[] = "/* \xD3\xC3 */ a \xFF";
    struct source *source = source_new(loaded, "x.api", text, sizeof(text) - 1);
    struct lex lex;
    assert_non_null(source);
    lex_init(&lex, source);
    assert_string_equal(lex_next(&lex).text, "a");
    assert_int_equal(lex_next(&lex).kind, TOKEN_BAD);
    assert_string_equal(
        schema_error_at(loaded, 0)->message,
        "found a byte that is no UTF-8 text, outside a comment");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOADED_TEST(makes_tokens),
        LOADED_TEST(knows_line_starts),
        LOADED_TEST(keeps_the_comment_before),
        LOADED_TEST(reads_durations),
        LOADED_TEST(finds_line_and_column),
        LOADED_TEST(cleans_paths),
        LOADED_TEST(refuses_durations),
        LOADED_TEST(refuses_full_width_marks),
        LOADED_TEST(refuses_unknown_at_words),
        LOADED_TEST(refuses_broken_utf8),
        LOADED_TEST(refuses_broken_utf8_outside_comments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
