/* SPDX-License-Identifier: MIT
 *
 * Any text as a .proto file that is mended: nothing moves, no line is lost, and
 * what was mended once needs no more of it.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "schemas/compiler/proto_mend.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pool pool = {0};
    struct map missing = {0};
    struct vec imports = {0};
    size_t options, again;
    const char *text = pool_text_n(&pool, (const char *)data, size);
    proto_imports(&pool, text, &imports);
    const struct proto_import *all = imports.items;
    for (size_t i = 0; i < imports.count; i++) {
        assert(!strncmp(text + all[i].at, "import", 6));
        map_put(&pool, &missing, all[i].name, &pool);
    }
    const char *once = proto_mend(&pool, text, &missing, &options);
    assert(strlen(once) == strlen(text));
    for (size_t i = 0; text[i]; i++)
        assert(once[i] == text[i] || once[i] == ' ');
    const char *twice = proto_mend(&pool, once, &missing, &again);
    assert(options || !strcmp(once, twice));
    pool_release(&pool);
    return 0;
}
