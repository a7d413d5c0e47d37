/* SPDX-License-Identifier: MIT
 *
 * Look-ups in the one table of codes and reasons.
 */
#include "bus/code.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *name;
    int number, http, exit;
} codes[] = {
#define CODE_ROW(name, number, http, exit) {#name, number, http, exit},
    BUS_CODES(CODE_ROW)
#undef CODE_ROW
};

static const struct {
    const char *word;
    int http, exit;
} reasons[] = {
#define REASON_ROW(word, http, exit) {#word, http, exit},
    BUS_REASONS(REASON_ROW)
#undef REASON_ROW
};

#define CODE_COUNT ((int)(sizeof(codes) / sizeof(codes[0])))
#define REASON_COUNT (sizeof(reasons) / sizeof(reasons[0]))

/* The table is in order of number, so that a number is its index. */
static int code_index(int code)
{
    return code >= 0 && code < CODE_COUNT ? code : BUS_UNKNOWN;
}

static size_t reason_index(const char *reason)
{
    size_t i = 0;
    while (i < REASON_COUNT && (!reason || strcmp(reasons[i].word, reason)))
        i++;
    return i;
}

const char *bus_code_name(int code)
{
    return codes[code_index(code)].name;
}

int bus_code_http(int code, const char *reason)
{
    size_t i = reason_index(reason);
    return i < REASON_COUNT ? reasons[i].http : codes[code_index(code)].http;
}

int bus_code_exit(int code, const char *reason)
{
    size_t i = reason_index(reason);
    return i < REASON_COUNT ? reasons[i].exit : codes[code_index(code)].exit;
}

bool bus_code_from_name(const char *name, int *ret_code)
{
    for (int i = 0; i < CODE_COUNT; i++) {
        if (strcasecmp(codes[i].name, name) == 0) {
            *ret_code = codes[i].number;
            return true;
        }
    }
    return false;
}
