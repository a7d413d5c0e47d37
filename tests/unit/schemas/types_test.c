/* SPDX-License-Identifier: MIT
 *
 * `type` blocks: every form of a type that one of the public parsers takes, as
 * it is written and as what it becomes, and what is refused.
 */
#include <stdio.h>

#include "loaded.h"

/* The type of a field X, as it stands in the file. */
static const struct schema_line *line_of_x(const char *type)
{
    char text[600];
    snprintf(
        text, sizeof(text),
        "type B {\n Y int `json:\"y\"`\n}\ntype A {\n X %s `json:\"x\"`\n}",
        type);
    loaded_renew();
    return &message_of(load_good("a.api", text), "A")->lines[0];
}

/* The message A of what follows `type`. */
static const struct schema_message *type_a(const char *text)
{
    loaded_renew();
    return message_of(load_good("a.api", text), "A");
}

/* ---- success ---- */

static void takes_every_base_type(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        enum schema_kind kind;
    } rows[] = {
        {"bool", SCHEMA_BOOL},
        {"int", SCHEMA_I64},
        {"int8", SCHEMA_I8},
        {"int16", SCHEMA_I16},
        {"int32", SCHEMA_I32},
        {"int64", SCHEMA_I64},
        {"uint", SCHEMA_U64},
        {"uint8", SCHEMA_U8},
        {"uint16", SCHEMA_U16},
        {"uint32", SCHEMA_U32},
        {"uint64", SCHEMA_U64},
        {"uintptr", SCHEMA_U64},
        {"float32", SCHEMA_F32},
        {"float64", SCHEMA_F64},
        {"complex64", SCHEMA_ANY},
        {"complex128", SCHEMA_ANY},
        {"string", SCHEMA_TEXT},
        {"byte", SCHEMA_U8},
        {"rune", SCHEMA_I32},
        {"any", SCHEMA_ANY},
        {"interface{}", SCHEMA_ANY},
        {"time.Time", SCHEMA_TIME},
        {"time.Duration", SCHEMA_DURATION},
        {"[]byte", SCHEMA_BYTES},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_string_equal(line_of_x(rows[i].type)->type, rows[i].type);
        const struct schema_unit *unit = schema_unit_at(loaded, 0);
        assert_int_equal(field_of(message_of(unit, "A"), "x")->kind,
                         rows[i].kind);
    }
}

static void writes_types_without_blanks(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"[ ]int", "[]int"},
        {"[3]int", "[3]int"},
        {"* B", "*B"},
        {"**B", "**B"},
        {"*[]B", "*[]B"},
        {"[]*B", "[]*B"},
        {"[][]string", "[][]string"},
        {"map [ string ] int", "map[string]int"},
        {"map[string]*B", "map[string]*B"},
        {"map[string][]B", "map[string][]B"},
        {"map[string]map[string]int", "map[string]map[string]int"},
        {"[]map[string]interface{}", "[]map[string]interface{}"},
        {"[]map[string][]*B", "[]map[string][]*B"},
        {"map[int64]any", "map[int64]any"},
        {"map[B]string", "map[B]string"},
        {"map[bool]string", "map[bool]string"},
        {"/* c */ []/* d */int", "[]int"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(line_of_x(rows[i][0])->type, rows[i][1]);
}

static void takes_both_forms_of_a_declaration(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "type A {\n X int\n}",
        "type A struct {\n X int\n}",
        "type A = {\n X int\n}",
        "type A = struct {\n X int\n}",
        "type (\n A {\n X int\n }\n B struct {\n X int\n }\n)",
        "type\n(\nA\n{\nX int\n}\n)",
        "type A { X int }",
        "type A { X int; }",
        "type A {\n X int;\n}",
        "type (\n)\ntype ()\ntype A {\n X int\n}",
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct schema_message *a = type_a(rows[i]);
        assert_int_equal(a->line_count, 1);
        assert_string_equal(a->lines[0].name, "X");
        assert_string_equal(a->lines[0].type, "int");
    }
}

static void takes_several_fields_on_a_line(void **state)
{
    (void)state;
    const struct schema_message *a =
        type_a("type A {\n B int C string `json:\"c\"` D, E bool\n}");
    assert_int_equal(a->line_count, 4);
    assert_string_equal(a->lines[1].tag, "json:\"c\"");
    assert_string_equal(a->lines[2].type, "bool");
    assert_string_equal(a->lines[3].name, "E");
}

static void embeds_what_stands_alone_on_its_line(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"B", "B"},
        {"*B", "*B"},
        {"B `json:\",inline\"`", "B"},
        {"B // c", "B"},
        {"B /* c */", "B"},
        {"B\n Z int", "B"},
        {"*B `json:\"b\"`", "*B"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[200];
        snprintf(text, sizeof(text),
                 "type B {\n Y int `json:\"y\"`\n}\ntype A {\n %s\n}",
                 rows[i][0]);
        const struct schema_line *line = &type_a(text)->lines[0];
        assert_true(line->embedded);
        assert_string_equal(line->name, "");
        assert_string_equal(line->type, rows[i][1]);
    }
}

static void names_inner_structs_wherever_they_stand(void **state)
{
    (void)state;
    const struct schema_message *a =
        type_a("type A {\n B {\n X int `json:\"x\"`\n } `json:\"b\"`\n"
               " C []struct {\n Y int\n }\n D map[string]struct {\n Z int\n }\n"
               " E *struct {\n F {\n Q int\n }\n }\n}");
    assert_int_equal(a->line_count, 4);
    assert_string_equal(a->lines[0].lines[0].tag, "json:\"x\"");
    assert_string_equal(a->lines[1].type, "[]struct{Yint}");
    const struct schema_unit *unit = schema_unit_at(loaded, 0);
    assert_int_equal(message_of(unit, "A_E_F")->field_count, 1);
}

static void names_inner_structs_apart(void **state)
{
    (void)state;
    const struct schema_message *a =
        type_a("type A {\n B {\n X int\n }\n C map[string]int\n"
               " D_E {\n X int\n }\n D {\n  E {\n  Y int\n  }\n }\n}\n"
               "type A_B {\n Z int\n}\ntype A_CEntry {\n Z int\n}");
    assert_string_equal(field_of(a, "B")->message->name, "A_B_");
    assert_string_equal(field_of(a, "C")->message->name, "A_CEntry_");
    const struct schema_message *d = field_of(a, "D")->message;
    assert_string_equal(field_of(d, "E")->message->name, "A_D_E_");
    assert_int_equal(schema_check(loaded), 0);
}

static void takes_words_of_the_language_as_names(void **state)
{
    (void)state;
    const struct schema_message *a = type_a(
        "type A {\n info string\n service int\n syntax string\n returns int\n"
        " get int\n doc string\n server int\n handler int\n string string\n}");
    assert_int_equal(a->line_count, 9);
    assert_string_equal(a->lines[8].type, "string");
}

static void keeps_tags_as_they_are(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "json:\"id\" gorm:\"primaryKey;column:id\" validate:\"min=1\"",
        "json:x\"",
        "whatever",
        "",
        "form:\"a,options=[a,b]\"",
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[200];
        snprintf(text, sizeof(text), "type A {\n X int `%s` // c\n}", rows[i]);
        assert_string_equal(type_a(text)->lines[0].tag, rows[i]);
    }
}

static void lets_types_refer_to_each_other(void **state)
{
    (void)state;
    const struct schema_message *a =
        type_a("type A {\n Next *A\n Kids []A\n Self A\n Later B\n}\n"
               "type B {\n Back *A\n}");
    assert_int_equal(a->field_count, 4);
    assert_ptr_equal(field_of(a, "Self")->message, a);
}

static void takes_names_for_other_types(void **state)
{
    (void)state;
    const struct schema_message *a = type_a(
        "type N int\ntype S = string\ntype L[2]int8\ntype M =map[string]int\n"
        "type T {\n X int\n}\ntype U T\n"
        "type A {\n N N\n S S\n L L\n M M\n U *U\n}");
    assert_int_equal(field_of(a, "N")->kind, SCHEMA_I64);
    assert_int_equal(field_of(a, "S")->kind, SCHEMA_TEXT);
    assert_int_equal(field_of(a, "L")->cardinality, SCHEMA_LIST);
    assert_int_equal(field_of(a, "M")->cardinality, SCHEMA_MAP);
    assert_string_equal(field_of(a, "U")->message->name, "T");
}

static void passes_other_map_keys_on_as_they_are(void **state)
{
    (void)state;
    const struct schema_message *a = type_a(
        "type B {\n Y int\n}\ntype A {\n X map[B]int\n Y map[float64]int\n"
        " Z map[uint8]int\n}");
    assert_int_equal(field_of(a, "X")->kind, SCHEMA_ANY);
    assert_int_equal(field_of(a, "Y")->kind, SCHEMA_ANY);
    assert_int_equal(field_of(a, "Z")->cardinality, SCHEMA_MAP);
}

static void takes_types_of_packages_that_info_names(void **state)
{
    (void)state;
    const struct schema_message *a =
        type_a("info(\n types: \"decimal.Decimal=string, page.Page=Page\"\n)\n"
               "type Page {\n Size int\n}\n"
               "type A {\n D decimal.Decimal\n P []*page.Page\n}");
    assert_string_equal(a->lines[0].type, "decimal.Decimal");
    assert_int_equal(field_of(a, "D")->kind, SCHEMA_TEXT);
    assert_string_equal(field_of(a, "P")->message->name, "Page");
}

static void takes_types_of_packages_that_the_caller_names(void **state)
{
    (void)state;
    assert_true(schema_map_types(
        loaded, "decimal.Decimal = string,page.Page=Page, no.Such=Missing"));
    const struct schema_unit *unit =
        load_good("a.api", "info(\n types: \"decimal.Decimal=int64\"\n)\n"
                           "type Page {\n Size int\n}\n"
                           "type A {\n D decimal.Decimal\n P page.Page\n}");
    const struct schema_message *a = message_of(unit, "A");
    assert_int_equal(field_of(a, "D")->kind, SCHEMA_I64); /* info's word */
    assert_string_equal(field_of(a, "P")->message->name, "Page");
    unit = load_good("b.api", "type B {\n D decimal.Decimal\n}");
    assert_int_equal(field_of(message_of(unit, "B"), "D")->kind, SCHEMA_TEXT);
}

/* ---- failure ---- */

static void refuses_a_mapping_that_is_none(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"decimal.Decimal",
         "found 'decimal.Decimal', expected package.Type=type"},
        {"a.B=int64,=string", "found '=string', expected package.Type=type"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        loaded_renew();
        assert_false(schema_map_types(loaded, rows[i][0]));
        assert_string_equal(schema_error_at(loaded, 0)->message, rows[i][1]);
    }
}

static void refuses_a_package_that_the_mapping_lacks(void **state)
{
    (void)state;
    assert_true(schema_map_types(loaded, "a.B=Missing"));
    load_bad("a.api", "type A {\n X a.B\n}", 2, 4,
             "unresolved type 'a.B'; info may name one for it, such as types: "
             "\"a.B=string\"");
}

static void refuses_what_is_no_type(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t line, column;
        const char *message;
    } rows[] = {
        {"type A {\n X [...]int\n}", 2, 5, "found '...', expected ']'"},
        {"type A {\n X Unknown\n}", 2, 4, "unresolved type 'Unknown'"},
        {"type A {\n X []*Unknown\n}", 2, 7, "unresolved type 'Unknown'"},
        {"type A {\n X map[[]int]string\n}", 2, 8,
         "found '[]int', expected the name of a type as map key"},
        {"type A {\n X map[string]\n}", 3, 1, "found '}', expected a type"},
        {"type A {\n X {}\n}", 2, 4, "found an empty struct, expected fields"},
        {"type func {\n X int\n}", 1, 6,
         "'func' is a keyword of Go, expected a type's name"},
        {"type A {\n range int\n}", 2, 2,
         "'range' is a keyword of Go, expected a field's name"},
        {"type A {\n X int \"json\"\n}", 2, 8,
         "a tag stands between back-quotes, not double quotes"},
        {"type A {\n}\ntype A {\n}", 3, 6,
         "type 'A' is declared already, at a.api:1"},
        {"type A {\n}\ntype (\n A {\n }\n)", 4, 2,
         "type 'A' is declared already, at a.api:1"},
        {"type A {\n X int\n X string\n}", 3, 2,
         "'X' is the name of another field here"},
        {"type A {\n A\n}", 2, 2, "'A' embeds itself"},
        {"type A {\n B\n}", 2, 2, "unresolved type 'B'"},
        {"type A {\n X int\n", 3, 1, "found the end of the file, expected '}'"},
        {"type A {\n X int，\n}", 2, 7,
         "found '，', which has no meaning here"},
        {"type {\n}", 1, 6, "found '{', expected the name of a type"},
        {"type 3 {\n}", 1, 6, "found '3', expected the name of a type"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        loaded_renew();
        load_bad("a.api", rows[i].text, rows[i].line, rows[i].column,
                 rows[i].message);
    }
}

static void reports_each_bad_field_of_a_type(void **state)
{
    (void)state;
    load_bad("a.api",
             "type A {\n X Unknown\n Y [...]int\n Z int \"z\"\n"
             " func int\n}\ntype B {\n Q Missing\n}",
             2, 4, "unresolved type 'Unknown'");
    assert_int_equal(schema_error_count(loaded), 5);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(schema_error_at(loaded, i)->pos.line, i + 2);
    assert_int_equal(schema_error_at(loaded, 4)->pos.line, 8);
}

/* A text of `count` pieces between a head and a tail; malloc'd. */
static char *repeated(const char *head, const char *piece, size_t count,
                      const char *tail)
{
    size_t len = strlen(piece), at = strlen(head);
    char *text = malloc(at + len * count + strlen(tail) + 1);
    assert_non_null(text);
    memcpy(text, head, at);
    for (size_t i = 0; i < count; i++, at += len)
        memcpy(text + at, piece, len);
    memcpy(text + at, tail, strlen(tail) + 1);
    return text;
}

static void refuses_repeated(const char *head, const char *piece, size_t count,
                             const char *tail, const char *message)
{
    char *text = repeated(head, piece, count, tail);
    loaded_renew();
    assert_null(schema_load_text(loaded, "a.api", text, strlen(text)));
    free(text);
    assert_string_equal(schema_error_at(loaded, 0)->message, message);
}

static void stops_at_the_limit_of_depth(void **state)
{
    (void)state;
    static const char deep[] = "types nested deeper than 32";
    refuses_repeated("type A {\n X ", "[]", 100000, "int\n}", deep);
    refuses_repeated("type A {\n X ", "*", 100000, "int\n}", deep);
    refuses_repeated("type A {\n X ", "map[string]", 100000, "int\n}", deep);
    refuses_repeated("type A {\n", "B {\n", 100000, "", deep);
}

static void stops_at_the_limit_of_fields(void **state)
{
    (void)state;
    static const char many[] = "more than 1024 fields in one type";
    refuses_repeated("type A {\n", "B int\n", 100000, "}\ntype C {\n}", many);
    refuses_repeated("type A {\n B", ", B", 100000, " int\n}", many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOADED_TEST(takes_every_base_type),
        LOADED_TEST(writes_types_without_blanks),
        LOADED_TEST(takes_both_forms_of_a_declaration),
        LOADED_TEST(takes_several_fields_on_a_line),
        LOADED_TEST(embeds_what_stands_alone_on_its_line),
        LOADED_TEST(names_inner_structs_wherever_they_stand),
        LOADED_TEST(names_inner_structs_apart),
        LOADED_TEST(takes_words_of_the_language_as_names),
        LOADED_TEST(keeps_tags_as_they_are),
        LOADED_TEST(lets_types_refer_to_each_other),
        LOADED_TEST(takes_names_for_other_types),
        LOADED_TEST(passes_other_map_keys_on_as_they_are),
        LOADED_TEST(takes_types_of_packages_that_info_names),
        LOADED_TEST(takes_types_of_packages_that_the_caller_names),
        LOADED_TEST(refuses_a_mapping_that_is_none),
        LOADED_TEST(refuses_a_package_that_the_mapping_lacks),
        LOADED_TEST(refuses_what_is_no_type),
        LOADED_TEST(reports_each_bad_field_of_a_type),
        LOADED_TEST(stops_at_the_limit_of_depth),
        LOADED_TEST(stops_at_the_limit_of_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
