/* SPDX-License-Identifier: MIT
 *
 * Golden files: the C that schemas become, and the errors that broken ones
 * give, byte for byte. With SCHEMA_GOLDEN=update in the environment the files
 * are written in place of compared; look at the difference before a commit.
 */
#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#include "loaded.h"

static char folder[64];

static int folder_setup(void **state)
{
    strncpy(folder, "/tmp/schema-gen-XXXXXX", sizeof(folder) - 1);
    return mkdtemp(folder) ? loaded_setup(state) : -1;
}

static int folder_teardown(void **state)
{
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        char path[512];
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        unlink(path);
    }
    if (dir)
        closedir(dir);
    rmdir(folder);
    return loaded_teardown(state);
}

#define FOLDER_TEST(name)                                                      \
    cmocka_unit_test_setup_teardown(name, folder_setup, folder_teardown)

static char *slurp(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    char *text = calloc(1, 1 << 20);
    assert_non_null(text);
    size_t len = fread(text, 1, (1 << 20) - 1, file);
    fclose(file);
    text[len] = '\0';
    return text;
}

static void compare(const char *made_path, const char *golden_path)
{
    const char *mode = getenv("SCHEMA_GOLDEN");
    char *made = slurp(made_path);
    assert_non_null(made);
    if (mode && !strcmp(mode, "update")) {
        FILE *file = fopen(golden_path, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(made, 1, strlen(made), file), strlen(made));
        fclose(file);
    }
    char *golden = slurp(golden_path);
    if (!golden)
        fail_msg("no golden file %s", golden_path);
    else if (strcmp(made, golden) != 0)
        fail_msg("%s differs from what is generated now (diff %s %s; "
                 "SCHEMA_GOLDEN=update writes it)",
                 golden_path, golden_path, made_path);
    free(made);
    free(golden);
}

static size_t count_files(const char *path)
{
    size_t count = 0;
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

/* Generates and compares every file with golden/NAME.golden. */
static void generate_as_golden(const char *const *paths, size_t expected)
{
    const struct schema_gen options = {.out_dir = folder, .cached = true};
    for (; *paths; paths++)
        schema_load(loaded, *paths);
    schema_generate(loaded, &options);
    schema_errors_print(loaded, stderr);
    assert_int_equal(schema_error_count(loaded), 0);
    assert_int_equal(count_files(folder), expected);
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        char made[512], golden[512];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(made, sizeof(made), "%s/%s", folder, entry->d_name);
        snprintf(golden, sizeof(golden), "golden/%s.golden", entry->d_name);
        compare(made, golden);
    }
    closedir(dir);
}

/* ---- success ---- */

static void generates_the_tutorials_user(void **state)
{
    static const char *const paths[] = {"tutorial-2/user.proto",
                                        "tutorial-2/barrier.sql", NULL};
    (void)state;
    generate_as_golden(paths, 6);
}

static void generates_the_tutorials_search_api(void **state)
{
    static const char *const paths[] = {"tutorial-1/search-middleware.api",
                                        NULL};
    (void)state;
    generate_as_golden(paths, 4);
}

static void generates_every_form_of_api(void **state)
{
    static const char *const paths[] = {"language/kinds.api", NULL};
    (void)state;
    generate_as_golden(paths, 4);
}

static void generates_every_form_of_the_others(void **state)
{
    static const char *const paths[] = {
        "language/shop.proto", "language/dump.sql",  "language/order.saga",
        "language/trip.saga",  "language/tour.saga", NULL};
    (void)state;
    generate_as_golden(paths, 12);
}

static void generates_names_that_are_hard_in_c(void **state)
{
    static const char *const paths[] = {"language/names.proto",
                                        "language/names.sql", NULL};
    (void)state;
    generate_as_golden(paths, 6);
}

static void generates_names_that_are_hard_in_api(void **state)
{
    static const char *const paths[] = {"language/names.api", NULL};
    (void)state;
    generate_as_golden(paths, 4);
}

static void generates_words_of_c_as_names(void **state)
{
    static const char *const paths[] = {"language/words.api", NULL};
    (void)state;
    generate_as_golden(paths, 4);
}

static void generates_names_beyond_ascii(void **state)
{
    static const char *const paths[] = {"language/unicode.api", NULL};
    (void)state;
    generate_as_golden(paths, 4);
}

/* All is the same but for what says whether rows are cached. */
static void generates_models_without_cache(void **state)
{
    static const char with[] = ".cached = true,",
                      without[] = ".cached = false,";
    const struct schema_gen options = {.out_dir = folder, .cached = false};
    char path[512];
    (void)state;
    assert_non_null(schema_load(loaded, "tutorial-2/barrier.sql"));
    assert_int_equal(schema_generate(loaded, &options), 0);
    snprintf(path, sizeof(path), "%s/barrier.model.h", folder);
    compare(path, "golden/barrier.model.h.golden");
    snprintf(path, sizeof(path), "%s/barrier.model.c", folder);
    char *made = slurp(path), *golden = slurp("golden/barrier.model.c.golden");
    assert_non_null(made);
    assert_non_null(golden);
    char *at = strstr(golden, with);
    assert_non_null(at);
    size_t before = (size_t)(at - golden);
    assert_memory_equal(made, golden, before);
    assert_memory_equal(made + before, without, strlen(without));
    assert_string_equal(made + before + strlen(without), at + strlen(with));
    free(made);
    free(golden);
}

static void leaves_files_alone_that_stay_the_same(void **state)
{
    const struct schema_gen options = {.out_dir = folder};
    char path[512];
    struct stat first, second;
    (void)state;
    assert_non_null(schema_load(loaded, "tutorial-1/user.api"));
    assert_int_equal(schema_generate(loaded, &options), 0);
    snprintf(path, sizeof(path), "%s/user-api.bus.h", folder);
    assert_int_equal(stat(path, &first), 0);
    assert_int_equal(schema_generate(loaded, &options), 0);
    assert_int_equal(stat(path, &second), 0);
    assert_int_equal(first.st_ino, second.st_ino);
}

/* ---- failure ---- */

static void compare_errors(const char *name)
{
    char path[512], made[512], golden[512];
    snprintf(path, sizeof(path), "errors/%s", name);
    snprintf(made, sizeof(made), "%s/%s", folder, name);
    snprintf(golden, sizeof(golden), "golden/%s.errors", name);
    struct schema *schema = schema_new();
    bool refused = !schema_load(schema, path);
    FILE *out = fopen(made, "wb");
    assert_non_null(out);
    schema_errors_print(schema, out);
    fclose(out);
    schema_free(schema);
    if (!refused)
        fail_msg("%s was accepted", path);
    compare(made, golden);
}

static void says_what_is_wrong(void **state)
{
    DIR *dir = opendir("errors");
    size_t count = 0;
    (void)state;
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_name[0] == '.')
            continue;
        compare_errors(entry->d_name);
        count++;
    }
    closedir(dir);
    assert_in_range(count, 10, 1000);
}

static void refuses_an_actor_of_another_name(void **state)
{
    const struct schema_gen options = {.name = "users", .out_dir = folder};
    (void)state;
    assert_non_null(schema_load(loaded, "tutorial-2/user.proto"));
    assert_int_equal(schema_generate(loaded, &options), 1);
    assert_string_equal(schema_error_at(loaded, 0)->message,
                        "found the actor 'user', expected 'users'");
    assert_int_equal(count_files(folder), 0);
}

static void gives_bare_responses_a_message(void **state)
{
    const struct schema_gen options = {.out_dir = folder};
    (void)state;
    const struct schema_unit *unit =
        load_good("a.api", "type R { X int }\nservice a {\n"
                           "@handler h get /a returns (string)\n"
                           "@handler list get /b returns ([]*R)\n"
                           "@handler any get /c returns (any)\n}");
    assert_int_equal(schema_generate(loaded, &options), 0);
    const struct schema_message *list = method_of(unit, "list")->reply;
    assert_true(list->bare);
    assert_string_equal(list->name, "list_Reply");
    assert_int_equal(list->fields[0].cardinality, SCHEMA_LIST);
    assert_ptr_equal(list->fields[0].message, message_of(unit, "R"));
    assert_int_equal(method_of(unit, "h")->reply->fields[0].kind, SCHEMA_TEXT);
    assert_int_equal(method_of(unit, "any")->reply->fields[0].kind, SCHEMA_ANY);
}

static void assert_no_actor(const char *file_name, const char *text,
                            const char *name)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", folder, file_name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    loaded_renew();
    assert_non_null(schema_load(loaded, path));
    assert_int_equal(schema_check(loaded), 1);
    const struct schema_error *error = schema_error_at(loaded, 0);
    assert_non_null(strstr(error->message, "expected the name of an actor"));
    assert_non_null(strstr(error->message, name));
    assert_int_equal(error->pos.line, 2);
}

#define LETTERS_63                                                             \
    "a23456789012345678901234567890123456789012345678901234567890123"

static void refuses_services_that_no_actor_can_be_called(void **state)
{
    (void)state;
    assert_no_actor("a.api",
                    "type R { X int }\nservice " LETTERS_63
                    "4 {\n@handler h\nget /a (R)\n}",
                    LETTERS_63);
    assert_no_actor("用户.proto",
                    "syntax = \"proto3\"; message R {}\n"
                    "service S { rpc get(R) returns (R); }",
                    "用户");
    loaded_renew();
    load_good("a.api", "service " LETTERS_63 " {\n@handler h\nget /a\n}");
    assert_int_equal(schema_check(loaded), 0);
}

static void refuses_two_names_that_are_one_in_c(void **state)
{
    const struct schema_gen options = {.out_dir = folder};
    (void)state;
    load_good("a.api", "@server(group: x-y)\nservice a {\n@handler h\nget /a\n"
                       "}\n@server(group: x_y)\nservice a {\n@handler h\n"
                       "get /b\n}");
    assert_int_equal(schema_generate(loaded, &options), 1);
    assert_string_equal(schema_error_at(loaded, 0)->message,
                        "'a_x_y_h' is the C name of something at a.api:3 too");
}

static void refuses_a_method_that_is_a_shape_in_c(void **state)
{
    (void)state;
    load_good("a.api", "type A { X int }\n"
                       "service a { @handler A_shape get /a (A) }");
    assert_int_equal(schema_check(loaded), 1);
    assert_string_equal(schema_error_at(loaded, 0)->message,
                        "'a_A_shape' is the C name of something at a.api:1 "
                        "too");
    assert_int_equal(schema_error_at(loaded, 0)->pos.line, 2);
}

static void refuses_streams_with_their_place(void **state)
{
    const struct schema_gen options = {.out_dir = folder};
    (void)state;
    const struct schema_unit *unit =
        schema_load(loaded, "language/stream.proto");
    assert_non_null(unit);
    assert_true(method_of(unit, "watch")->server_stream);
    assert_int_equal(schema_generate(loaded, &options), 1);
    assert_string_equal(schema_error_at(loaded, 0)->message,
                        "streaming methods are not served yet: 'watch'");
    assert_int_equal(schema_error_at(loaded, 0)->pos.line, 10);
}

static void says_when_it_cannot_write(void **state)
{
    const struct schema_gen options = {.out_dir = "/dev/null/no"};
    (void)state;
    assert_non_null(schema_load(loaded, "tutorial-2/user.proto"));
    assert_int_equal(schema_generate(loaded, &options), 1);
    assert_int_equal(schema_error_count(loaded), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(generates_the_tutorials_user),
        FOLDER_TEST(generates_the_tutorials_search_api),
        FOLDER_TEST(generates_every_form_of_api),
        FOLDER_TEST(generates_every_form_of_the_others),
        FOLDER_TEST(generates_names_that_are_hard_in_c),
        FOLDER_TEST(generates_names_that_are_hard_in_api),
        FOLDER_TEST(generates_words_of_c_as_names),
        FOLDER_TEST(generates_names_beyond_ascii),
        FOLDER_TEST(generates_models_without_cache),
        FOLDER_TEST(leaves_files_alone_that_stay_the_same),
        FOLDER_TEST(says_what_is_wrong),
        FOLDER_TEST(refuses_an_actor_of_another_name),
        FOLDER_TEST(gives_bare_responses_a_message),
        FOLDER_TEST(refuses_services_that_no_actor_can_be_called),
        FOLDER_TEST(refuses_two_names_that_are_one_in_c),
        FOLDER_TEST(refuses_a_method_that_is_a_shape_in_c),
        FOLDER_TEST(refuses_streams_with_their_place),
        FOLDER_TEST(says_when_it_cannot_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
