/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a .saga file: read, or refused with positions that lie in it.
 * Imports lead to a folder that does not exist.
 */
#include <assert.h>
#include <stdint.h>

#include "schemas/compiler/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct schema *schema = schema_new();
    const struct schema_unit *unit = schema_load_text(
        schema, "/nonexistent/fuzz.saga", (const char *)data, size);
    /* Refused or read: never both, never neither. */
    assert((unit == NULL) == (schema_error_count(schema) > 0));
    for (size_t i = 0; i < schema_error_count(schema); i++) {
        const struct schema_error *error = schema_error_at(schema, i);
        assert(error->message[0]);
        assert(error->pos.line <= size + 1 && error->pos.column <= size + 1);
    }
    if (unit && !schema_check(schema))
        assert(schema_describe(schema, unit, "fuzz")[0] == '{');
    schema_free(schema);
    return 0;
}
