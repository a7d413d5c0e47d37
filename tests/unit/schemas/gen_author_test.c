/* SPDX-License-Identifier: MIT
 *
 * The files that an author begins with: made once, kept ever after. That the
 * stubs compile is seen by the build (CMakeLists.txt here).
 */
#include <dirent.h>
#include <sys/stat.h>

#include "golden.h"

static char folder[64];

static void empty(const char *path)
{
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        char inner[512];
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name);
        if (unlink(inner)) {
            char etc[600];
            snprintf(etc, sizeof(etc), "%s/user-api.yaml", inner);
            unlink(etc);
            rmdir(inner);
        }
    }
    if (dir)
        closedir(dir);
    rmdir(path);
}

static int folder_setup(void **state)
{
    strncpy(folder, "/tmp/schema-author-XXXXXX", sizeof(folder) - 1);
    return mkdtemp(folder) ? loaded_setup(state) : -1;
}

static int folder_teardown(void **state)
{
    empty(folder);
    return loaded_teardown(state);
}

static const char *in_folder(const char *name)
{
    static char path[128];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

/* Anew, so that one test can generate twice. */
static void generate(const char *text)
{
    const struct schema_gen options = {.out_dir = folder, .author_dir = folder};
    schema_free(loaded);
    loaded = schema_new();
    load_good("user.api", text);
    assert_int_equal(schema_generate(loaded, &options), 0);
}

static void assert_holds(const char *name, const char *part)
{
    char *text = golden_read(in_folder(name));
    bool found = text && strstr(text, part);
    free(text);
    if (!found)
        fail_msg("no %s in %s", part, name);
}

#define FIRST                                                                  \
    "type Req {\n Id int `json:\"id\"`\n}\n@server(\n jwt: Auth\n"             \
    " middleware: First\n)\nservice user-api {\n@handler login\n"              \
    "post /login (Req) returns (Req)\n@handler ping\nget /ping\n}\n"

static void stubs_every_handler(void **state)
{
    (void)state;
    generate(FIRST);
    assert_holds("user_api.c", "#include \"user-api.actor.h\"\n\n"
                               "int user_api_login(struct bus_call *call,\n");
    assert_holds("user_api.c", "int user_api_ping(struct bus_call *call)\n{\n"
                               "    return bus_refuse(call, BUS_UNIMPLEMENTED,"
                               "\n                      \"ping is not written "
                               "yet\");\n}\n");
    assert_holds("user_api_First.c", "return bus_next(call, next);");
    assert_holds("etc/user-api.yaml", "Name: user-api\nHost: 0.0.0.0\n");
    assert_holds("etc/user-api.yaml", "\nAuth:\n  AccessSecret: ");
}

static void configures_every_secret(void **state)
{
    (void)state;
    generate("type A {\n X int `json:\"x\"`\n}\n"
             "@server(\n jwt: JwtAuth\n)\nservice user-api {\n"
             "@handler a\nget /a (A)\n}\n"
             "@server(\n jwtTransition: Trans\n)\nservice user-api {\n"
             "@handler b\nget /b (A)\n}\n");
    assert_holds("etc/user-api.yaml",
                 "\nJwtAuth:\n  AccessSecret: ${JwtAuth_SECRET}\n"
                 "  AccessExpire: 7200\n");
    assert_holds("etc/user-api.yaml", "\nTrans:\n  Secret: ${Trans_SECRET}\n"
                                      "  PrevSecret: ${Trans_PREVIOUS}\n");
}

static void configures_what_the_service_wants(void **state)
{
    (void)state;
    generate("type Config {\n // how much\n MaxScore int `json:\"max_score\"`\n"
             " Least int `json:\"least,range=(0:9]\"`\n"
             " Kind string `json:\"kind,options=a|b\"`\n"
             " Wait int `json:\"wait,default=7\"`\n"
             " On bool `json:\"on,optional\"`\n}\n" FIRST);
    assert_holds("etc/user-api.yaml",
                 "Timeout: 3000\n# how much\nMaxScore: 0\nLeast: 1\nKind: a\n"
                 "# Wait: 7\n# On: false\n");
}

static void a_config_that_travels_is_a_type_like_others(void **state)
{
    (void)state;
    generate("type Config {\n X int `json:\"x\"`\n}\n"
             "type All {\n Configs []Config `json:\"configs\"`\n}\n"
             "service user-api {\n@handler a\nget /a returns (All)\n}\n");
    char *yaml = golden_read(in_folder("etc/user-api.yaml"));
    assert_non_null(yaml);
    bool found = strstr(yaml, "X:");
    free(yaml);
    assert_false(found);
    assert_holds("user-api.actor.h", "const void *config");
}

static void keeps_what_is_there(void **state)
{
    (void)state;
    generate(FIRST);
    FILE *file = fopen(in_folder("user_api.c"), "w");
    assert_non_null(file);
    fputs("mine", file);
    fclose(file);
    generate(FIRST "@server(\n middleware: First, Second-\n)\n"
                   "service user-api {\n@handler more\nget /more\n}\n");
    assert_holds("user_api.c", "mine");
    assert_holds("user_api_Second_.c", "int user_api_Second_(");
    assert_holds("user-api.actor.h", "user_api_more(");
    assert_holds("user-api.actor.c", "user_api_Second_, NULL};");
}

static void says_when_it_cannot_write(void **state)
{
    (void)state;
    const struct schema_gen options = {.out_dir = folder,
                                       .author_dir = "/proc/none"};
    load_good("user.api", FIRST);
    assert_int_equal(schema_generate(loaded, &options), 1);
    assert_int_equal(schema_error_count(loaded), 1);
}

#define FOLDER_TEST(name)                                                      \
    cmocka_unit_test_setup_teardown(name, folder_setup, folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(stubs_every_handler),
        FOLDER_TEST(configures_every_secret),
        FOLDER_TEST(configures_what_the_service_wants),
        FOLDER_TEST(a_config_that_travels_is_a_type_like_others),
        FOLDER_TEST(keeps_what_is_there),
        FOLDER_TEST(says_when_it_cannot_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
