/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a request: lines "p name=value", "f name=value", "h name=value"
 * and, after an empty line, a JSON body. Binding either fills the struct, which
 * can then be written, or says what is wrong.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bus/arena.h"
#include "bus/bind.h"
#include "bus/code.h"
#include "bus/error.h"
#include "bus/fault.h"
#include "bus/json.h"
#include "tests/unit/bus/rich.h"

#define PAIRS_MAX 64
#define OUT_MAX ((size_t)64 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct request {
    struct bus_pair pairs[3][PAIRS_MAX]; /* path, form, headers */
    size_t counts[3];
    struct bus_bytes body;
};

/* Every field from other sources, some from all, some from none. */
static const struct bus_shape *shape_with_sources(void)
{
    enum { COUNT = sizeof(rich_fields) / sizeof(rich_fields[0]) };
    static const unsigned sources[] = {BUS_IN_JSON,
                                       BUS_IN_FORM,
                                       BUS_IN_PATH,
                                       BUS_IN_HEADER,
                                       BUS_IN_JSON | BUS_IN_FORM | BUS_IN_PATH |
                                           BUS_IN_HEADER,
                                       0};
    static struct bus_field fields[COUNT];
    static struct bus_shape shape;
    if (shape.count)
        return &shape;
    memcpy(fields, rich_fields, sizeof(fields));
    for (size_t i = 0; i < COUNT; i++)
        fields[i].flags = (uint16_t)(fields[i].flags | sources[i % 6]);
    shape = rich_shape;
    shape.fields = fields;
    return &shape;
}

static void add_pair(struct request *request, const uint8_t *line, size_t len)
{
    static const char kinds[] = "pfh";
    const char *kind = len > 2 ? memchr(kinds, line[0], 3) : NULL;
    if (!kind || request->counts[kind - kinds] == PAIRS_MAX)
        return;
    const uint8_t *name = line + 2;
    const uint8_t *equal = memchr(name, '=', len - 2);
    if (!equal)
        return;
    size_t index = request->counts[kind - kinds]++;
    request->pairs[kind - kinds][index] =
        (struct bus_pair){{name, (size_t)(equal - name)},
                          {equal + 1, len - 2 - (size_t)(equal + 1 - name)}};
}

static void parse(struct request *request, const uint8_t *data, size_t size)
{
    while (size) {
        const uint8_t *newline = memchr(data, '\n', size);
        size_t len = newline ? (size_t)(newline - data) : size;
        size_t step = newline ? len + 1 : len;
        if (len == 0) {
            request->body = (struct bus_bytes){data + step, size - step};
            return;
        }
        add_pair(request, data, len);
        data += step;
        size -= step;
    }
}

/* With a list of faults the same requests are refused, and for the same reason
 * first. */
static void bind_all(const struct bus_bind_input *first,
                     const struct bus_shape *shape, struct bus_arena *arena,
                     const struct bus_error *known)
{
    struct bus_bind_input input = *first;
    struct rich message = {0};
    struct bus_error err = {0};
    struct bus_faults faults;
    bus_faults_init(&faults, arena);
    input.faults = &faults;
    bool refused = bus_bind(&input, shape, arena, &message, &err) != 0;
    if (refused != (known->code != 0) || (faults.count && !refused) ||
        (faults.count && strcmp(faults.items[0].sentence, known->sentence)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bus_shape *shape = shape_with_sources();
    struct request request = {.counts = {0}};
    struct rich message = {0};
    struct bus_error err = {0};
    struct bus_arena arena;
    struct bus_buf json;
    parse(&request, data, size);
    struct bus_bind_input input = {.path = request.pairs[0],
                                   .path_count = request.counts[0],
                                   .form = request.pairs[1],
                                   .form_count = request.counts[1],
                                   .headers = request.pairs[2],
                                   .headers_count = request.counts[2],
                                   .json = request.body};
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    bus_buf_init(&json, OUT_MAX);
    if (bus_bind(&input, shape, &arena, &message, &err)) {
        if (!err.code || !err.sentence[0])
            abort();
    } else {
        bus_json_write(&json, shape, &message);
        if (json.failed)
            abort();
    }
    if (err.code == 0 || err.code == BUS_INVALID_ARGUMENT)
        bind_all(&input, shape, &arena, &err);
    bus_buf_release(&json);
    bus_arena_release(&arena);
    return 0;
}
