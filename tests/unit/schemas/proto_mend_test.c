/* SPDX-License-Identifier: MIT
 *
 * What is found and blanked in a .proto file's text: nothing may move.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/compiler/proto_mend.h"

static struct pool pool;
static struct map missing;

static int setup(void **state)
{
    (void)state;
    pool = (struct pool){0};
    missing = (struct map){0};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    pool_release(&pool);
    return 0;
}

/* Blanks are printed as '~' so that a test can be read. */
static const char *mended(const char *text, size_t options)
{
    size_t count;
    char *made = proto_mend(&pool, text, &missing, &count);
    assert_int_equal(strlen(made), strlen(text));
    assert_int_equal(count, options);
    for (size_t i = 0; made[i]; i++)
        if (made[i] == ' ' && text[i] != ' ')
            made[i] = '~';
    return made;
}

/* ---- success ---- */

static void finds_imports(void **state)
{
    (void)state;
    struct vec found = {0};
    static const char text[] =
        "syntax = \"proto3\"; // import \"no.proto\";\n"
        "/* import \"no.proto\"; */import\n public 'a/b.proto';\n"
        "import weak\"c.proto\" ;message import { string import = 1; }\n"
        "option (x) = \"import \\\"no.proto\\\";\";";
    proto_imports(&pool, text, &found);
    const struct proto_import *imports = found.items;
    assert_int_equal(found.count, 2);
    assert_string_equal(imports[0].name, "a/b.proto");
    assert_int_equal(strncmp(text + imports[0].at, "import\n public", 14), 0);
    assert_string_equal(imports[1].name, "c.proto");
}

static void blanks_option_statements(void **state)
{
    (void)state;
    assert_string_equal(mended("option a=1;option(b)={c:\";\" d{}};x", 1),
                        "option a=1;~~~~~~~~~~~~~~~~ ~~~~~x");
    assert_string_equal(
        mended("rpc option (A) returns (B) {\n option\n(b).c=1;}", 1),
        "rpc option (A) returns (B) {\n ~~~~~~\n~~~~~~~~}");
}

static void blanks_parts_of_lists(void **state)
{
    (void)state;
    assert_string_equal(mended("a=1[(b)=1];", 1), "a=1~~~~~~~;");
    assert_string_equal(mended("a=1[(b)=1,c=2];", 1), "a=1[~~~~~~c=2];");
    assert_string_equal(mended("a=1[c=2,(b)=1];", 1), "a=1[c=2~~~~~~];");
    assert_string_equal(mended("a=1[c=2,(b)=1,d=3];", 1),
                        "a=1[c=2,~~~~~~d=3];");
    assert_string_equal(mended("a=1[(b)={e:[1,2]},(f).g='],'];", 2),
                        "a=1~~~~~~~~~~~~~~~~~~~~~~~~~~;");
    assert_string_equal(mended("a=1[c=2,(b)=1,(d)=1];", 2),
                        "a=1[c=2~~~~~~~~~~~~];");
}

static void blanks_missing_imports(void **state)
{
    (void)state;
    map_put(&pool, &missing, "a.proto", &pool);
    assert_string_equal(mended("import \"a.proto\";import 'b.proto';", 0),
                        "~~~~~~ ~~~~~~~~~~import 'b.proto';");
}

static void finds_words(void **state)
{
    (void)state;
    static const char text[] = "// Nope\nmap<a.b,Nope> Nopes; Nope";
    assert_int_equal(proto_word(text, 0, "Nope"), 16);
    assert_int_equal(proto_word(text, 17, "Nope"), 29);
    assert_true(proto_word(text, 30, "Nope") == SIZE_MAX);
}

/* ---- failure ---- */

static void bears_what_has_no_end(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",          "import",      "import \"", "import \"a",  "import public",
        "option(",   "option(a)=",  "[",         "[(",          "[(a)=1",
        "[(a)=1,",   "\"",          "'\\",       "/*",          "//",
        "option(a)", "import\"a\"", "}])",       "[a=1,(b)=\"", "option(a)=[{(",
        NULL};
    for (int i = 0; texts[i]; i++) {
        size_t options;
        struct vec found = {0};
        proto_imports(&pool, texts[i], &found);
        char *made = proto_mend(&pool, texts[i], &missing, &options);
        assert_int_equal(strlen(made), strlen(texts[i]));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(finds_imports),         TEST(blanks_option_statements),
        TEST(blanks_parts_of_lists), TEST(blanks_missing_imports),
        TEST(finds_words),           TEST(bears_what_has_no_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
