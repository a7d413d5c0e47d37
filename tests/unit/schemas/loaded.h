/* SPDX-License-Identifier: MIT
 *
 * What the compiler's tests share: a schema from a text, looked at by name.
 */
#ifndef TESTS_SCHEMAS_LOADED_H
#define TESTS_SCHEMAS_LOADED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "schemas/compiler/schema.h"

static struct schema *loaded;

/* Each test has its own schema, freed even when it fails. */
static inline int loaded_setup(void **state)
{
    (void)state;
    loaded = schema_new();
    return chdir(SCHEMA_FIXTURES);
}

static inline int loaded_teardown(void **state)
{
    (void)state;
    schema_free(loaded);
    loaded = NULL;
    return 0;
}

/* A schema without anything in it, for the next row of a table. */
static inline void loaded_renew(void)
{
    schema_free(loaded);
    loaded = schema_new();
}

#define LOADED_TEST(name)                                                      \
    cmocka_unit_test_setup_teardown(name, loaded_setup, loaded_teardown)

/* Loads text that must be right. */
static inline const struct schema_unit *load_good(const char *path,
                                                  const char *text)
{
    const struct schema_unit *unit =
        schema_load_text(loaded, path, text, strlen(text));
    if (!unit)
        schema_errors_print(loaded, stderr);
    assert_non_null(unit);
    return unit;
}

/* Loads text that must be refused with exactly this first error. */
static inline void load_bad(const char *path, const char *text, uint32_t line,
                            uint32_t column, const char *message)
{
    assert_null(schema_load_text(loaded, path, text, strlen(text)));
    const struct schema_error *error = schema_error_at(loaded, 0);
    assert_non_null(error);
    assert_string_equal(error->message, message);
    assert_int_equal(error->pos.line, line);
    assert_int_equal(error->pos.column, column);
    assert_string_equal(error->pos.file, path);
}

static inline const struct schema_message *
message_of(const struct schema_unit *unit, const char *name)
{
    const struct schema_message *message = schema_message_find(unit, name);
    if (!message) {
        fail_msg("no message %s", name);
        abort();
    }
    return message;
}

static inline const struct schema_field *
field_of(const struct schema_message *message, const char *name)
{
    const struct schema_field *field = schema_field_find(message, name);
    if (!field) {
        fail_msg("no field %s", name);
        abort();
    }
    return field;
}

static inline const struct schema_method *
method_of(const struct schema_unit *unit, const char *name)
{
    for (size_t i = 0; i < unit->service_count; i++)
        for (size_t j = 0; j < unit->services[i]->method_count; j++)
            if (!strcmp(unit->services[i]->methods[j].name, name))
                return &unit->services[i]->methods[j];
    fail_msg("no method %s", name);
    abort(); /* fail_msg does not return, which the compiler cannot see */
}

#endif
