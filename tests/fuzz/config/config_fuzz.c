/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a YAML file bound to a struct with every kind of field. Whatever
 * is wrong is refused with the name of the file.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bus/arena.h"
#include "bus/code.h"
#include "bus/config.h"
#include "bus/error.h"
#include "bus/yaml.h"
#include "tests/unit/bus/rich.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rich first = {0}, second = {0};
    struct bus_config_part parts[] = {{&rich_shape, &first},
                                      {&rich_shape, &second}};
    struct bus_error err = {0};
    struct bus_arena arena;
    struct bus_yaml *map = NULL;
    setenv("FUZZ", "1", 1);
    bus_arena_init(&arena, BUS_ARENA_LIMIT);
    int code = bus_yaml_text("fuzz.yaml", (const char *)data, size, &arena,
                             &map, &err);
    if (code == 0)
        code = bus_config_bind(map, parts, 1 + size % 2, &arena, &err);
    if (code && (err.code != code || strncmp(err.sentence, "fuzz.yaml:", 10)))
        abort();
    bus_arena_release(&arena);
    return 0;
}
