/* SPDX-License-Identifier: MIT
 *
 * The keys as shapes, and the journal's place.
 */
#include "actors/saga/config.h"

#include <string.h>

#include "bus/home.h"

#define SQLITE_PREFIX "sqlite:"

struct saga_journal_config {
    const char *data_source;
};

struct saga_config {
    struct saga_journal_config *journal; /* NULL: the home's data/saga.db */
};

static const struct bus_field journal_fields[] = {
    {.name = "DataSource",
     .kind = BUS_TEXT,
     .offset = offsetof(struct saga_journal_config, data_source),
     .presence = BUS_NO_PRESENCE},
};
static const struct bus_shape journal_shape = {
    .name = "saga.Journal",
    .size = sizeof(struct saga_journal_config),
    .count = 1,
    .fields = journal_fields,
};
static const struct bus_field config_fields[] = {
    {.name = "Journal",
     .kind = BUS_MESSAGE,
     .offset = offsetof(struct saga_config, journal),
     .presence = BUS_NO_PRESENCE,
     .shape = &journal_shape},
};
const struct bus_shape saga_config_shape = {
    .name = "saga.Config",
    .size = sizeof(struct saga_config),
    .count = 1,
    .fields = config_fields,
};

int saga_journal_source(struct actor_process *process, const char **ret,
                        struct bus_error *err)
{
    const struct saga_config *config = process->own;
    char path[BUS_PATH_MAX];
    const char *given =
        config && config->journal ? config->journal->data_source : "";
    if (!given[0]) {
        int code = bus_home_path(process->home, "data", "saga.db", path,
                                 sizeof(path), err);
        if (code)
            return code;
        given = path;
    }
    bool named = strncmp(given, SQLITE_PREFIX, strlen(SQLITE_PREFIX)) == 0;
    *ret = bus_arena_printf(&process->arena, "%s%s", named ? "" : SQLITE_PREFIX,
                            given);
    return *ret ? BUS_OK
                : bus_error_set(err, BUS_RESOURCE_EXHAUSTED, "out of arena");
}
