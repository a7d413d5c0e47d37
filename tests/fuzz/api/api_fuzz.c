/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a .api file: read, or refused with positions that lie in it.
 * What is accepted can be described in every form, and laid out for good.
 * Imports lead to a folder that does not exist.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "schemas/compiler/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The layout of a layout is itself. */
static void check_layout(const char *text, size_t size)
{
    struct schema *schema = schema_new();
    const char *once = schema_format(schema, text, size);
    const char *twice = schema_format(schema, once, strlen(once));
    assert(!strcmp(once, twice));
    schema_free(schema);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct schema *schema = schema_new();
    const struct schema_unit *unit = schema_load_text(
        schema, "/nonexistent/fuzz.api", (const char *)data, size);
    /* Refused or read: never both, never neither. */
    assert((unit == NULL) == (schema_error_count(schema) > 0));
    for (size_t i = 0; i < schema_error_count(schema); i++) {
        const struct schema_error *error = schema_error_at(schema, i);
        assert(error->message[0]);
        assert(error->pos.line <= size + 1 && error->pos.column <= size + 1);
    }
    if (unit && !schema_check(schema)) {
        assert(schema_describe(schema, unit, "fuzz")[0] == '{');
        if (unit->service_count) {
            assert(schema_openapi(schema, unit));
            assert(schema_typescript(schema, unit));
        }
        check_layout((const char *)data, size);
    }
    schema_free(schema);
    return 0;
}
