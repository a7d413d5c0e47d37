/* SPDX-License-Identifier: MIT
 *
 * A text against the file that it must equal. With SCHEMA_GOLDEN=update in the
 * environment a file that exists is written in place of compared.
 */
#ifndef TESTS_SCHEMAS_GOLDEN_H
#define TESTS_SCHEMAS_GOLDEN_H

#include <stdio.h>

#include "loaded.h"

static inline char *golden_read(const char *path)
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

/* path: below the fixtures, where the test stands. */
static inline void golden_check(const char *made, const char *path)
{
    const char *mode = getenv("SCHEMA_GOLDEN");
    char *golden = golden_read(path);
    assert_non_null(made);
    if (golden && mode && !strcmp(mode, "update")) {
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(made, 1, strlen(made), file), strlen(made));
        fclose(file);
    } else if (!golden || strcmp(made, golden) != 0) {
        free(golden);
        fail_msg("%s must be what is made now (SCHEMA_GOLDEN=update writes "
                 "it):\n%s",
                 path, made);
    }
    free(golden);
}

#endif
