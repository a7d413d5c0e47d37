/* SPDX-License-Identifier: MIT
 *
 * Imports of .api files: what is found beside the file, merged and read once;
 * what is refused, and where. The files lie in fixtures/schemas/language.
 */
#include "loaded.h"

#define ROOT "language/root.api" /* from memory; its folder is there */
#define USE "service a {\n@handler h\nget /a (Page)\n}\n"

/* ---- success ---- */

static void finds_files_beside_the_importing_one(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "import \"import/page.api\"\n" USE,
        "import \"./import/../import/page.api\"\n" USE,
        "import (\n\t\"import/page.api\" // c\n)\n" USE,
        "import(\"import/page.api\")\n" USE,
        USE "import \"import/page.api\"\n",
        "import ()\nimport \"import/page.api\"\n" USE,
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        loaded_renew();
        const struct schema_unit *unit = load_good(ROOT, rows[i]);
        assert_string_equal(method_of(unit, "h")->request->name, "Page");
        assert_string_equal(unit->files[1], "language/import/page.api");
        /* page.api imports ../import/sort.api. */
        assert_string_equal(unit->files[2], "language/import/sort.api");
    }
}

static void keeps_the_roots_info_and_names(void **state)
{
    (void)state;
    const struct schema_unit *unit =
        load_good(ROOT, "info(title: \"root\")\nimport \"import/page.api\"\n"
                        "import \"import/sort.api\"\n" USE);
    assert_int_equal(unit->info_count, 1);
    assert_string_equal(unit->info[0].value, "root");
    assert_string_equal(unit->import_names[0], "import/page.api");
    assert_string_equal(unit->import_names[1], "import/sort.api");
    assert_null(unit->import_names[2]);
    assert_int_equal(unit->file_count, 3); /* sort.api is read once */
}

static void merges_services(void **state)
{
    (void)state;
    const struct schema_unit *unit =
        load_good(ROOT, "import \"import/service.api\"\n"
                        "service a {\n@handler h\nget /a\n}\n");
    assert_int_equal(unit->service_count, 1);
    assert_int_equal(unit->services[0]->group_count, 2);
    assert_string_equal(method_of(unit, "imported")->url, "/v1/imported");
}

/* ---- failure ---- */

static void refuses_bad_imports(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t line, column;
        const char *message;
    } rows[] = {
        {"import \"import/none.api\"\n", 1, 8,
         "cannot read language/import/none.api: No such file or directory"},
        {"import \"\"\n", 1, 8, "cannot read language: not a file"},
        {"import \"import/page.api\"\nimport \"import/page.api\"\n", 2, 8,
         "'import/page.api' is imported twice"},
        {"import (\n \"import/page.api\"\n \"import/page.api\"\n)\n", 3, 2,
         "'import/page.api' is imported twice"},
        {"import page\n", 1, 8, "found 'page', expected a file in quotes"},
        {"import (\n \"import/page.api\"\n", 3, 1,
         "found the end of the file, expected a file in quotes"},
        {"import \"import/page.api\"\ntype Page {\n}\n", 2, 6,
         "type 'Page' is declared already, at language/import/page.api:5"},
        {"import \"import/service.api\"\nservice b {\n}\n", 2, 9,
         "found service 'b', expected 'a' as before"},
        {"import \"import/service.api\"\nservice a {\n@handler h\n"
         "get /v1/imported\n}\n",
         4, 5,
         "route 'GET /v1/imported' is declared already, at "
         "language/import/service.api:6"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        loaded_renew();
        load_bad(ROOT, rows[i].text, rows[i].line, rows[i].column,
                 rows[i].message);
    }
}

static void refuses_two_syntaxes(void **state)
{
    (void)state;
    load_bad(ROOT, "syntax = \"v1\"\nsyntax = \"v1\"\n", 2, 1,
             "a second syntax statement, expected one");
    loaded_renew();
    assert_null(schema_load_text(loaded, ROOT,
                                 "syntax = \"v2\"\n"
                                 "import \"import/page.api\"\n",
                                 40));
    const struct schema_error *error = schema_error_at(loaded, 0);
    assert_string_equal(error->pos.file, "language/import/page.api");
    assert_string_equal(error->message,
                        "found syntax \"v1\", expected \"v2\" as in the files "
                        "before");
}

static void refuses_a_file_that_imports_itself(void **state)
{
    (void)state;
    assert_null(schema_load(loaded, "errors/cycle.api"));
    assert_true(strstr(schema_error_at(loaded, 0)->message,
                       "import cycle not allowed") != NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOADED_TEST(finds_files_beside_the_importing_one),
        LOADED_TEST(keeps_the_roots_info_and_names),
        LOADED_TEST(merges_services),
        LOADED_TEST(refuses_bad_imports),
        LOADED_TEST(refuses_two_syntaxes),
        LOADED_TEST(refuses_a_file_that_imports_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
