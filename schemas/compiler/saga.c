/* SPDX-License-Identifier: MIT */
#include "load.h"

struct schema_unit *saga_load(struct source *source)
{
    source_error(source, 0, "sagas are not read yet");
    return unit_new(source->schema, SCHEMA_SAGA, source->path);
}
