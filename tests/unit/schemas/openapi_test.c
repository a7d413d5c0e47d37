/* SPDX-License-Identifier: MIT
 *
 * OpenAPI 3.1 of .api files: one file as a whole, and each rule of the tags as
 * the constraint that it becomes. Blanks are left out before looking.
 */
#include <ctype.h>

#include "golden.h"

static char compact[1 << 16];

/* What is made of a type and one route, without blanks outside texts. */
static const char *openapi(const char *text)
{
    bool quoted = false;
    size_t len = 0;
    const char *made = schema_openapi(loaded, load_good("a.api", text));
    assert_non_null(made);
    for (; *made; made++) {
        if (*made == '"')
            quoted = !quoted;
        if ((quoted || !isspace((unsigned char)*made)) &&
            len + 1 < sizeof(compact))
            compact[len++] = *made;
    }
    compact[len] = '\0';
    return compact;
}

static void assert_has(const char *made, const char *part)
{
    if (!strstr(made, part))
        fail_msg("no %s in %s", part, made);
}

#define ROUTE "service s {\n@handler h\npost /h/:id (A) returns (A)\n}\n"

static void whole_file(void **state)
{
    (void)state;
    const struct schema_unit *unit = schema_load(loaded, "language/kinds.api");
    assert_non_null(unit);
    golden_check(schema_openapi(loaded, unit), "described/kinds.openapi.json");
}

static void rules_become_constraints(void **state)
{
    (void)state;
    const char *made = openapi("type A {\n"
                               "X int32 `json:\"x,range=(0:10],default=5\"`\n"
                               "Y string `json:\"y,options=a|b,optional\"`\n"
                               "Z []string `json:\"z,options=[c,d]\"`\n"
                               "B uint8 `json:\"b\"`\n"
                               "P string `json:\"p,optional=q\"`\n"
                               "Q string `json:\"q,optional\"`\n"
                               "E string `json:\"e,optional=!f\"`\n"
                               "F string `json:\"f,optional=!e\"`\n"
                               "S int64 `json:\"s,string\"`\n"
                               "}\n" ROUTE);
    assert_has(made, "\"x\":{\"type\":\"integer\",\"format\":\"int32\","
                     "\"exclusiveMinimum\":0,\"maximum\":10,\"default\":5}");
    assert_has(made, "\"y\":{\"type\":\"string\",\"enum\":[\"a\",\"b\"]}");
    assert_has(made, "\"z\":{\"type\":\"array\",\"items\":{\"type\":"
                     "\"string\",\"enum\":[\"c\",\"d\"]}}");
    assert_has(made, "\"minimum\":0,\"maximum\":255");
    assert_has(made, "\"s\":{\"type\":\"string\"}");
    assert_has(made, "\"required\":[\"z\",\"b\",\"s\"]");
    assert_has(made, "\"allOf\":[{\"dependentRequired\":{\"p\":[\"q\"],"
                     "\"q\":[\"p\"]}},{\"oneOf\":[{\"required\":[\"e\"]},"
                     "{\"required\":[\"f\"]}]}]");
}

static void what_comes_back_is_required_if_it_is_always_there(void **state)
{
    (void)state;
    const char *made = openapi(
        "type A {\nX string `json:\"x,omitempty\"`\n}\n"
        "type B {\nY string `json:\"y,omitempty\"`\nZ int `json:\"z\"`\n"
        "P *int `json:\"p\"`\nL []A `json:\"l\"`\nA A `json:\"a\"`\n}\n"
        "service s {\n@handler h\npost /h (A) returns (B)\n}\n");
    assert_has(made, "\"required\":[\"x\"]"); /* a request is refused */
    assert_has(made, "\"required\":[\"z\",\"l\"]");
}

static void info_and_annotations_are_told(void **state)
{
    (void)state;
    const char *made = openapi("info (\nhost: \"api.example.com\"\n"
                               "basePath: \"/v2\"\nschemes: \"https,http\"\n"
                               "licenseName: \"MIT\"\n"
                               "externalDocsURL: \"https://example.com\"\n)\n"
                               "type A {\nX string `json:\"x\"`\n}\n"
                               "@server (\ntags: \"pets, shop\"\n"
                               "summary: \"all of it\"\n)\n" ROUTE);
    assert_has(made, "\"servers\":[{\"url\":\"https://api.example.com/v2\"},"
                     "{\"url\":\"http://api.example.com/v2\"}]");
    assert_has(made, "\"license\":{\"name\":\"MIT\"}");
    assert_has(made, "\"externalDocs\":{\"url\":\"https://example.com\"}");
    assert_has(made, "\"tags\":[\"pets\",\"shop\"]");
    assert_has(made, "\"summary\":\"all of it\"");
}

static void sources_become_parameters(void **state)
{
    (void)state;
    const char *made = openapi("type A {\n"
                               "Id int64 `path:\"id\"`\n"
                               "Page int `form:\"page,optional\"`\n"
                               "T string `header:\"X-T\"`\n"
                               "N string `json:\"n\"`\n}\n" ROUTE);
    assert_has(made, "\"/h/{id}\":{\"post\":{\"operationId\":\"h\"");
    assert_has(made,
               "\"parameters\":[{\"name\":\"id\",\"in\":\"path\",\"required\":"
               "true,\"schema\":{\"type\":\"integer\",\"format\":\"int64\"}},"
               "{\"name\":\"page\",\"in\":\"query\",\"schema\":{\"type\":"
               "\"integer\",\"format\":\"int64\"}},{\"name\":\"X-T\",\"in\":"
               "\"header\",\"required\":true,\"schema\":{\"type\":\"string\""
               "}}]");
    assert_has(made, "\"A\":{\"type\":\"object\",\"properties\":{\"n\":{"
                     "\"type\":\"string\"}},\"required\":[\"n\"]}");
}

/* The specification demands every parameter of the path to be declared. */
static void every_path_parameter_is_declared(void **state)
{
    (void)state;
    const char *made = openapi("service s {\n@handler h\nget /a/:b/c/:d-e\n}");
    assert_has(made, "\"/a/{b}/c/{d-e}\":{");
    assert_has(made, "{\"name\":\"b\",\"in\":\"path\",\"required\":true,"
                     "\"schema\":{\"type\":\"string\"}},{\"name\":\"d-e\"");
}

static void forms_stand_in_bodies(void **state)
{
    (void)state;
    const char *made = openapi("type A {\nN string `form:\"n\"`\n}\n" ROUTE);
    assert_has(made, "\"requestBody\":{\"required\":true,\"content\":{"
                     "\"application/x-www-form-urlencoded\":{\"schema\":{"
                     "\"type\":\"object\",\"properties\":{\"n\":");
    assert_null(strstr(made, "\"in\":\"query\""));
}

static void methods_of_one_path_stand_together(void **state)
{
    (void)state;
    const char *made =
        openapi("service s {\n@handler a\nget /a\n@handler b\nget /b\n"
                "@handler c\ndelete /a\n}\n");
    const char *first = strstr(made, "\"/a\":{");
    assert_non_null(first);
    assert_null(strstr(first + 1, "\"/a\":{"));
    assert_has(made, "\"delete\":{\"operationId\":\"c\"");
}

static void tokens_become_security(void **state)
{
    (void)state;
    const char *made = openapi("@server(\n jwt: Auth\n)\nservice s {\n"
                               "@handler a\nget /a\n}\n");
    assert_has(made, "\"401\":{\"$ref\":\"#/components/responses/Unauthorized"
                     "\"}");
    assert_has(made, "\"security\":[{\"Auth\":[]}]");
    assert_has(made, "\"securitySchemes\":{\"Auth\":{\"type\":\"http\","
                     "\"scheme\":\"bearer\",\"bearerFormat\":\"JWT\"}}");
}

static void lists_are_responses(void **state)
{
    (void)state;
    const char *made = openapi("type A {\nN string `json:\"n\"`\n}\n"
                               "service s {\n@handler a\nget /a returns "
                               "([]*A)\n@handler b\nget /b returns (int32)\n}");
    assert_has(made, "\"schema\":{\"type\":\"array\",\"items\":{\"$ref\":"
                     "\"#/components/schemas/A\"}}");
    assert_has(made, "\"schema\":{\"type\":\"integer\",\"format\":\"int32\"}");
}

static void needs_a_service(void **state)
{
    (void)state;
    assert_null(schema_openapi(loaded, load_good("a.api", "type A {\n}\n")));
    assert_int_equal(schema_error_count(loaded), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOADED_TEST(whole_file),
        LOADED_TEST(rules_become_constraints),
        LOADED_TEST(what_comes_back_is_required_if_it_is_always_there),
        LOADED_TEST(info_and_annotations_are_told),
        LOADED_TEST(sources_become_parameters),
        LOADED_TEST(every_path_parameter_is_declared),
        LOADED_TEST(forms_stand_in_bodies),
        LOADED_TEST(methods_of_one_path_stand_together),
        LOADED_TEST(tokens_become_security),
        LOADED_TEST(lists_are_responses),
        LOADED_TEST(needs_a_service),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
