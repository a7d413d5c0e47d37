/* SPDX-License-Identifier: MIT
 *
 * .proto files through protoc: both tutorials' and one with every form.
 */
#include "loaded.h"

/* ---- success ---- */

static void reads_the_first_tutorials_user(void **state)
{
    (void)state;
    const struct schema_unit *unit =
        schema_load(loaded, "tutorial-1/user.proto");
    assert_non_null(unit);
    assert_string_equal(unit->actor, "user");
    const struct schema_method *get = method_of(unit, "getUser");
    assert_string_equal(get->path, "/user.user/getUser");
    assert_int_equal(field_of(get->request, "id")->kind, SCHEMA_I64);
    assert_string_equal(get->reply->c_name, "user_UserInfoReply");
}

static void reads_the_second_tutorials_user(void **state)
{
    (void)state;
    const struct schema_unit *unit =
        schema_load(loaded, "tutorial-2/user.proto");
    assert_non_null(unit);
    const struct schema_method *save = method_of(unit, "saveUser");
    assert_string_equal(save->path, "/user.User/saveUser");
    assert_int_equal(save->flags, 0);
    const struct schema_field *name = field_of(save->request, "name");
    assert_int_equal(name->kind, SCHEMA_TEXT);
    assert_false(name->presence);
    assert_string_equal(name->doc, "用户名称");
    assert_int_equal(name->pos.line, 25);
    assert_int_equal(name->pos.column, 3);
}

static void reads_every_kind_of_field(void **state)
{
    (void)state;
    const struct schema_unit *unit = schema_load(loaded, "language/shop.proto");
    assert_non_null(unit);
    const struct schema_message *item = message_of(unit, "Item");
    assert_int_equal(field_of(item, "kind")->kind, SCHEMA_ENUM);
    assert_string_equal(field_of(item, "kind")->values->c_name, "shop_Kind");
    assert_int_equal(field_of(item, "state")->values->values[1].number, -1);
    assert_true(field_of(item, "count")->presence);
    assert_int_equal(field_of(item, "tags")->cardinality, SCHEMA_LIST);
    const struct schema_field *prices = field_of(item, "prices");
    assert_int_equal(prices->cardinality, SCHEMA_MAP);
    assert_string_equal(prices->message->fields[1].message->full,
                        "shop.Item.Price");
    assert_string_equal(field_of(item, "person")->oneof, "owner");
    assert_true(field_of(item, "shop")->presence);
    assert_string_equal(field_of(item, "count")->oneof, "");
    assert_int_equal(field_of(item, "made")->kind, SCHEMA_TIME);
    assert_int_equal(field_of(item, "lasts")->kind, SCHEMA_DURATION);
    assert_int_equal(field_of(item, "note")->kind, SCHEMA_TEXT);
    assert_true(field_of(item, "note")->presence);
    assert_int_equal(field_of(item, "extra")->kind, SCHEMA_ANY);
    assert_ptr_equal(field_of(item, "next")->message, item);
    assert_string_equal(field_of(item, "register")->c_name, "register_");
}

static void reads_methods_and_their_marks(void **state)
{
    (void)state;
    const struct schema_unit *unit = schema_load(loaded, "language/shop.proto");
    assert_non_null(unit);
    assert_int_equal(method_of(unit, "get")->flags,
                     SCHEMA_NO_SIDE_EFFECTS | SCHEMA_IDEMPOTENT);
    assert_int_equal(method_of(unit, "put")->flags, SCHEMA_IDEMPOTENT);
    assert_null(method_of(unit, "put")->reply); /* Empty is nothing */
    assert_null(method_of(unit, "clear")->request);
    /* Both services have a method list. */
    assert_string_equal(method_of(unit, "Shop_list")->path, "/shop.Shop/list");
    assert_string_equal(method_of(unit, "Admin_list")->path,
                        "/shop.Admin/list");
}

static void marks_imported_messages(void **state)
{
    (void)state;
    const struct schema_unit *unit = schema_load(loaded, "language/shop.proto");
    assert_non_null(unit);
    const struct schema_message *page = message_of(unit, "common.Page");
    assert_true(page->imported);
    assert_string_equal(page->c_name, "common_Page");
    assert_false(message_of(unit, "Item")->imported);
    assert_in_range(unit->file_count, 2, 10);
    assert_string_equal(unit->files[0], "language/shop.proto");
}

static void knows_options_that_are_not_installed(void **state)
{
    (void)state;
    const struct schema_unit *unit =
        schema_load(loaded, "language/options.proto");
    assert_non_null(unit);
    assert_string_equal(unit->actor, "options"); /* it has no package */
    assert_string_equal(method_of(unit, "get")->path, "/Notes/get");
    /* Google's own messages are there when somebody uses them. */
    const struct schema_message *note = message_of(unit, "Note");
    assert_string_equal(field_of(note, "mask")->message->fields[0].name,
                        "paths");
    assert_int_equal(field_of(note, "none")->kind, SCHEMA_ENUM);
    assert_int_equal(unit->enum_count, 1);
    assert_int_equal(
        field_of(method_of(unit, "raw")->request, "fields")->cardinality,
        SCHEMA_MAP);
    for (size_t i = 0; i < unit->file_count; i++)
        assert_null(strstr(unit->files[i], "annotations"));
    assert_string_equal(unit->missing_names[0], "gogoproto/gogo.proto");
    assert_string_equal(unit->missing_names[1], "google/api/annotations.proto");
    assert_null(unit->missing_names[2]);
}

static bool is_file_of(const struct schema_unit *unit, const char *path)
{
    for (size_t i = 0; i < unit->file_count; i++)
        if (!strcmp(unit->files[i], path))
            return true;
    return false;
}

static void finds_imports_above_the_file(void **state)
{
    (void)state;
    const struct schema_unit *unit =
        schema_load(loaded, "language/deep/user/v1/user.proto");
    if (!unit)
        schema_errors_print(loaded, stderr);
    assert_non_null(unit);
    const struct schema_message *user = message_of(unit, "User");
    assert_string_equal(field_of(user, "page")->type, "common.Page");
    const struct schema_message *money = field_of(user, "money")->message;
    assert_string_equal(field_of(money, "code")->type, "base.Code");
    assert_null(unit->missing_names[0]); /* another file's */
    assert_string_equal(unit->import_names[1], "tags/tags.proto");
    assert_true(is_file_of(unit, "language/common/page.proto"));
    assert_true(is_file_of(unit, "language/third_party/tags/tags.proto"));
    assert_true(is_file_of(unit, "language/deep/base/money.proto"));
    assert_true(is_file_of(unit, "language/deep/base/code.proto"));
}

static void reads_comments_of_another_encoding(void **state)
{
    (void)state;
    const struct schema_unit *unit =
        schema_load(loaded, "language/encoded.proto");
    assert_non_null(unit);
    assert_string_equal(message_of(unit, "A")->doc, "?\xC3\xBB?, in GBK");
}

static void names_members_apart(void **state)
{
    (void)state;
    const struct schema_unit *unit =
        schema_load(loaded, "language/members.proto");
    assert_non_null(unit);
    const struct schema_message *a = message_of(unit, "A");
    assert_string_equal(field_of(a, "x")->c_name, "x");
    assert_string_equal(field_of(a, "has_x")->c_name, "has_x_");
    assert_string_equal(field_of(a, "has_y")->c_name, "has_y");
    assert_string_equal(field_of(a, "y")->c_name, "y_");
}

/* Every place looked up in constant time: this took minutes once. */
static void reads_a_large_file_in_linear_time(void **state)
{
    (void)state;
    char folder[] = "/tmp/proto_test-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/big.proto", folder);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs("syntax = \"proto3\";\nservice S {\n", file);
    for (int i = 0; i < 3000; i++)
        fprintf(file, "rpc R%d(M%d) returns (M%d);\n", i, i, i);
    fputs("}\n", file);
    for (int i = 0; i < 3000; i++)
        fprintf(file,
                "message M%d { string a = 1; M%d b = 2; map<int32, M%d> c = 3;"
                " repeated int64 d = 4; oneof e { bool f = 5; M0 g = 6; } }\n",
                i, (i + 7) % 3000, (i + 9) % 3000);
    assert_int_equal(fclose(file), 0);
    const struct schema_unit *unit = schema_load(loaded, path);
    unlink(path);
    rmdir(folder);
    assert_non_null(unit);
    assert_int_equal(unit->message_count, 6000); /* with maps' entries */
    assert_int_equal(message_of(unit, "M2999")->pos.line, 6003);
}

static void reads_proto2(void **state)
{
    (void)state;
    const struct schema_unit *unit = schema_load(loaded, "language/old.proto");
    assert_non_null(unit);
    const struct schema_message *order = message_of(unit, "Order");
    assert_int_equal(field_of(order, "id")->flags & SCHEMA_REQUIRED,
                     SCHEMA_REQUIRED);
    assert_true(field_of(order, "name")->presence);
    assert_string_equal(field_of(order, "place")->message->full,
                        "old.v1.Order.Place");
    assert_string_equal(field_of(order, "inner")->oneof, "choice");
    assert_int_equal(order->field_count, 7);
    assert_string_equal(method_of(unit, "put")->reply->c_name,
                        "old_v1_Order_Inner");
}

/* ---- failure ---- */

static void says_which_import_is_absent(void **state)
{
    (void)state;
    assert_null(schema_load(loaded, "errors/import.proto"));
    assert_int_equal(schema_error_count(loaded), 2);
    assert_string_equal(
        schema_error_at(loaded, 0)->message,
        "found no file for import \"no/such/file.proto\", expected it beside "
        "this file or under a folder above it");
    assert_int_equal(schema_error_at(loaded, 0)->pos.line, 5);
    assert_int_equal(schema_error_at(loaded, 1)->pos.line, 8);
}

static void refuses_an_absent_import_that_gives_nothing(void **state)
{
    (void)state;
    assert_null(schema_load(loaded, "errors/unused.proto"));
    assert_int_equal(schema_error_count(loaded), 1);
    assert_int_equal(schema_error_at(loaded, 0)->pos.line, 5);
    assert_int_equal(schema_error_at(loaded, 0)->pos.column, 1);
}

static void refuses_an_import_with_dots(void **state)
{
    (void)state;
    assert_null(schema_load(loaded, "errors/dots.proto"));
    assert_int_equal(schema_error_count(loaded), 1);
    const struct schema_error *error = schema_error_at(loaded, 0);
    assert_int_equal(error->pos.line, 5);
    assert_string_equal(error->message,
                        "found import \"../language/common/page.proto\", "
                        "expected a path from a folder at or above this file, "
                        "without '.' and '..'");
}

static void finds_places_that_protoc_leaves_out(void **state)
{
    (void)state;
    assert_null(schema_load(loaded, "errors/value.proto"));
    assert_int_equal(schema_error_count(loaded), 2);
    for (size_t i = 0; i < 2; i++) {
        const struct schema_error *error = schema_error_at(loaded, i);
        assert_string_equal(error->message, "\"Nope\" is not defined.");
        assert_int_equal(error->pos.line, 6 + i);
        assert_int_equal(error->pos.column, 15);
    }
}

static void passes_protocs_errors_on(void **state)
{
    (void)state;
    assert_null(schema_load(loaded, "errors/broken.proto"));
    assert_int_equal(schema_error_count(loaded), 3);
    const struct schema_error *error = schema_error_at(loaded, 0);
    assert_int_equal(error->pos.line, 7);
    assert_int_equal(error->pos.column, 3);
    assert_string_equal(error->message, "\"Nope\" is not defined.");
    assert_string_equal(error->excerpt, "  Nope b = 2;");
}

static void refuses_an_absent_file(void **state)
{
    (void)state;
    assert_null(schema_load(loaded, "no/such.proto"));
    assert_int_equal(schema_error_count(loaded), 1);
    assert_string_equal(schema_error_at(loaded, 0)->message,
                        "cannot read: No such file or directory");
}

static void says_when_protoc_is_missing(void **state)
{
    (void)state;
    char path[4096];
    const char *was = getenv("PATH");
    snprintf(path, sizeof(path), "%s", was ? was : "");
    setenv("PATH", "/nonexistent", 1);
    const struct schema_unit *unit =
        schema_load(loaded, "tutorial-2/user.proto");
    setenv("PATH", path, 1);
    assert_null(unit);
    assert_string_equal(schema_error_at(loaded, 0)->message,
                        "protoc could not be run (Debian package "
                        "protobuf-compiler)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOADED_TEST(reads_the_first_tutorials_user),
        LOADED_TEST(reads_the_second_tutorials_user),
        LOADED_TEST(reads_every_kind_of_field),
        LOADED_TEST(reads_methods_and_their_marks),
        LOADED_TEST(marks_imported_messages),
        LOADED_TEST(knows_options_that_are_not_installed),
        LOADED_TEST(reads_proto2),
        LOADED_TEST(finds_imports_above_the_file),
        LOADED_TEST(reads_comments_of_another_encoding),
        LOADED_TEST(names_members_apart),
        LOADED_TEST(reads_a_large_file_in_linear_time),
        LOADED_TEST(says_which_import_is_absent),
        LOADED_TEST(refuses_an_absent_import_that_gives_nothing),
        LOADED_TEST(refuses_an_import_with_dots),
        LOADED_TEST(finds_places_that_protoc_leaves_out),
        LOADED_TEST(passes_protocs_errors_on),
        LOADED_TEST(refuses_an_absent_file),
        LOADED_TEST(says_when_protoc_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
