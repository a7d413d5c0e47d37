/* SPDX-License-Identifier: MIT
 *
 * Multipart bodies as browsers and curl write them, and what is none.
 */
#include "actors/http/multipart.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bus/code.h"

#define TYPE "multipart/form-data; boundary=X-b"
#define TEXT_PART(name) "Content-Disposition: form-data; name=" name "\r\n\r\n"
#define PAIRS_MAX 4

struct fixture {
    struct bus_arena arena;
    struct bus_pair pairs[PAIRS_MAX];
    size_t count;
    struct bus_error err;
};

static int setup(void **state)
{
    static struct fixture fixture;
    bus_arena_init(&fixture.arena, BUS_ARENA_LIMIT);
    fixture.count = 0;
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    bus_arena_release(&f->arena);
    return 0;
}

static struct bus_bytes bytes(const char *text)
{
    return (struct bus_bytes){(const uint8_t *)text, strlen(text)};
}

static int read_form(struct fixture *f, const char *type, const char *body)
{
    f->count = 0;
    return multipart_form(bytes(type), bytes(body), &f->arena, f->pairs,
                          PAIRS_MAX, &f->count, &f->err);
}

/* "name=value;name=value;" */
static void assert_form(struct fixture *f, const char *type, const char *body,
                        const char *expected)
{
    char found[200] = "";
    size_t len = 0;
    assert_int_equal(read_form(f, type, body), BUS_OK);
    for (size_t i = 0; i < f->count; i++)
        len += (size_t)snprintf(
            found + len, sizeof(found) - len, "%.*s=%.*s;",
            (int)f->pairs[i].name.len, (const char *)f->pairs[i].name.data,
            (int)f->pairs[i].value.len, (const char *)f->pairs[i].value.data);
    assert_string_equal(found, expected);
}

static void refused(struct fixture *f, const char *type, const char *body,
                    const char *why)
{
    assert_int_equal(read_form(f, type, body), BUS_INVALID_ARGUMENT);
    assert_string_equal(f->err.sentence, why);
}

/* ---- success ---- */

static void reads_texts_in_order(void **state)
{
    assert_form(*state, TYPE,
                "--X-b\r\n" TEXT_PART("\"a\"") "1\r\n--X-b\r\n" TEXT_PART(
                    "\"b\"") "two\r\nlines\r\n--X-b--\r\n",
                "a=1;b=two\r\nlines;");
}

static void reads_what_is_empty(void **state)
{
    assert_form(*state, TYPE,
                "--X-b\r\n" TEXT_PART("a") "\r\n--X-b\r\n" TEXT_PART(
                    "\"\"") "x\r\n--X-b--",
                "a=;=x;");
    assert_form(*state, TYPE, "--X-b--\r\n", "");
}

static void passes_over_files_and_other_parts(void **state)
{
    assert_form(
        *state, TYPE,
        "--X-b\r\nContent-Type: text/plain\r\n"
        "content-disposition: FORM-DATA; filename=\"x;\\\"y.txt\"; "
        "name=\"f\"\r\n\r\nfile\r\n--X-b\r\n\r\nno headers\r\n--X-b\r\n"
        "Content-Disposition: attachment; name=\"no\"\r\n\r\nx\r\n--X-b\r\n"
        "X: y\r\n" TEXT_PART("\"a[]\"") "1\r\n--X-b--",
        "a[]=1;");
}

static void reads_every_form_of_a_boundary(void **state)
{
    static const char *const types[] = {
        "multipart/form-data; boundary=\"X-b\"",
        "MULTIPART/Form-Data;charset=utf-8 ; Boundary=X-b",
        "multipart/form-data;boundary=X-b",
    };
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        assert_form(*state, types[i],
                    "a preamble\r\n--X-b \t\r\n" TEXT_PART(
                        "\"a\\\"b\"") "--X-\r\n--X-b--\r\nan epilogue",
                    "a\"b=--X-;");
}

static void knows_its_type(void **state)
{
    (void)state;
    assert_true(multipart_is(bytes(TYPE)));
    assert_true(multipart_is(bytes("Multipart/FORM-data")));
    assert_false(multipart_is(bytes("multipart/form-datas")));
    assert_false(multipart_is(bytes("multipart/mixed; boundary=a")));
    assert_false(multipart_is(bytes("")));
}

/* ---- failure ---- */

static void refuses_types_without_a_boundary(void **state)
{
    static const char why[] =
        "malformed multipart body: its type names no boundary";
    refused(*state, "multipart/form-data", "", why);
    refused(*state, "multipart/form-data; boundary=", "", why);
    refused(*state, "multipart/form-data; boundary=\"a", "", why);
    refused(*state,
            "multipart/form-data; boundary="
            "01234567890123456789012345678901234567890123456789012345678901234"
            "567890",
            "", why);
}

static void refuses_bodies_that_are_cut(void **state)
{
    refused(*state, TYPE, "",
            "malformed multipart body: its boundary is not in it");
    refused(*state, TYPE, "--X-c\r\n",
            "malformed multipart body: its boundary is not in it");
    refused(*state, TYPE, "--X-b",
            "malformed multipart body: no line break behind a boundary");
    refused(*state, TYPE, "--X-b\r\nContent-Dis",
            "malformed multipart body: a part's headers have no end");
    refused(*state, TYPE, "--X-b\r\nA: b\n\n--X-b--",
            "malformed multipart body: a header ends without CR LF");
    refused(*state, TYPE, "--X-b\r\n" TEXT_PART("a") "1\r\n--X-",
            "malformed multipart body: a part has no end");
}

static void stops_at_its_limits(void **state)
{
    static char body[20000] = "--X-b\r\nA: ";
    memset(body + strlen(body), 'x', 9000);
    memcpy(body + strlen(body), "\r\n\r\n1\r\n--X-b--", 15);
    refused(*state, TYPE, body,
            "malformed multipart body: a part's headers have no end");
    char *at = body;
    for (int i = 0; i <= PAIRS_MAX; i++)
        at += snprintf(at, sizeof(body) - (size_t)(at - body),
                       "--X-b\r\n" TEXT_PART("a") "%d\r\n", i);
    snprintf(at, sizeof(body) - (size_t)(at - body), "--X-b--");
    refused(*state, TYPE, body, "more than 4 form values");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(reads_texts_in_order),
        TEST(reads_what_is_empty),
        TEST(passes_over_files_and_other_parts),
        TEST(reads_every_form_of_a_boundary),
        TEST(knows_its_type),
        TEST(refuses_types_without_a_boundary),
        TEST(refuses_bodies_that_are_cut),
        TEST(stops_at_its_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
