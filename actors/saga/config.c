/* SPDX-License-Identifier: MIT
 *
 * The keys as shapes, and the journal's place.
 */
#include "actors/saga/config.h"

#include <string.h>
#include <unistd.h>

#include "actors/saga/allow.h"
#include "bus/code.h"
#include "bus/home.h"

#define SQLITE_PREFIX "sqlite:"
#define DAY_S 86400u
#define KEEP_DAYS_MAX 36500u
#define HOST_MAX 64 /* bytes of a host's name */

struct saga_journal_config {
    const char *data_source;
};

struct saga_config {
    struct saga_journal_config *journal; /* NULL: the home's data/saga.db */
    struct saga_dtm_config *dtm;         /* NULL: DTM's API is not served */
    uint32_t park_after;
    uint32_t keep_days;
    uint32_t alert_limit;
    const char *alert_url;
    const char *branch_ca;
    struct bus_list allow; /* const char * */
};

#define DTM_KEY(key, member, kind_, rule_)                                     \
    {                                                                          \
        .name = (key), .kind = (kind_),                                        \
        .offset = offsetof(struct saga_dtm_config, member),                    \
        .presence = BUS_NO_PRESENCE, .rule = (rule_)                           \
    }
#define TLS_KEY(key_, member, flags_)                                          \
    {                                                                          \
        .name = (key_), .kind = BUS_TEXT, .flags = (flags_),                   \
        .offset = offsetof(struct saga_tls_config, member),                    \
        .presence = BUS_NO_PRESENCE                                            \
    }
static const struct bus_field tls_fields[] = {
    TLS_KEY("Cert", cert, BUS_REQUIRED),
    TLS_KEY("Key", key, BUS_REQUIRED),
    TLS_KEY("ClientCa", client_ca, 0),
};
static const struct bus_shape tls_shape = {
    .name = "saga.Tls",
    .size = sizeof(struct saga_tls_config),
    .count = sizeof(tls_fields) / sizeof(tls_fields[0]),
    .fields = tls_fields,
};
static const struct bus_rule host_rule = {.fallback = "127.0.0.1"};
static const struct bus_rule port_rule = {.fallback = "36789"};
static const struct bus_rule debug_rule = {.fallback = "36791"};
static const struct bus_field dtm_fields[] = {
    DTM_KEY("Host", host, BUS_TEXT, &host_rule),
    DTM_KEY("Port", port, BUS_U16, &port_rule),
    DTM_KEY("DebugPort", debug_port, BUS_U16, &debug_rule),
    DTM_KEY("Token", token, BUS_TEXT, NULL),
    {.name = "Tls",
     .kind = BUS_MESSAGE,
     .offset = offsetof(struct saga_dtm_config, tls),
     .presence = BUS_NO_PRESENCE,
     .shape = &tls_shape},
    DTM_KEY("MaxBytes", max_bytes, BUS_U32, NULL),
    DTM_KEY("MaxRate", max_rate, BUS_U32, NULL),
    DTM_KEY("TimeoutToFail", timeout_to_fail, BUS_U32, NULL),
    DTM_KEY("RetryInterval", retry_interval, BUS_U32, NULL),
    DTM_KEY("RequestTimeout", request_timeout, BUS_U32, NULL),
};
static const struct bus_shape dtm_shape = {
    .name = "saga.Dtm",
    .size = sizeof(struct saga_dtm_config),
    .count = sizeof(dtm_fields) / sizeof(dtm_fields[0]),
    .fields = dtm_fields,
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
    {.name = "Dtm",
     .kind = BUS_MESSAGE,
     .offset = offsetof(struct saga_config, dtm),
     .presence = BUS_NO_PRESENCE,
     .shape = &dtm_shape},
    {.name = "ParkAfter",
     .kind = BUS_U32,
     .offset = offsetof(struct saga_config, park_after),
     .presence = BUS_NO_PRESENCE},
    {.name = "KeepDays",
     .kind = BUS_U32,
     .offset = offsetof(struct saga_config, keep_days),
     .presence = BUS_NO_PRESENCE},
    {.name = "AlertRetryLimit",
     .kind = BUS_U32,
     .offset = offsetof(struct saga_config, alert_limit),
     .presence = BUS_NO_PRESENCE},
    {.name = "AlertWebHook",
     .kind = BUS_TEXT,
     .offset = offsetof(struct saga_config, alert_url),
     .presence = BUS_NO_PRESENCE},
    {.name = "BranchCa",
     .kind = BUS_TEXT,
     .offset = offsetof(struct saga_config, branch_ca),
     .presence = BUS_NO_PRESENCE},
    {.name = "Allow",
     .kind = BUS_TEXT,
     .cardinality = BUS_LIST,
     .offset = offsetof(struct saga_config, allow),
     .presence = BUS_NO_PRESENCE},
};
const struct bus_shape saga_config_shape = {
    .name = "saga.Config",
    .size = sizeof(struct saga_config),
    .count = sizeof(config_fields) / sizeof(config_fields[0]),
    .fields = config_fields,
};

/* As go-zero's users write one: user:pass@tcp(host:3306)/db. */
static bool is_mysql(const char *source)
{
    return strstr(source, "tcp(") || strstr(source, "unix(") ||
           strstr(source, "@/");
}

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
    bool named = strncmp(given, SQLITE_PREFIX, strlen(SQLITE_PREFIX)) == 0 ||
                 is_mysql(given);
    *ret = bus_arena_printf(&process->arena, "%s%s", named ? "" : SQLITE_PREFIX,
                            given);
    return *ret ? BUS_OK
                : bus_error_set(err, BUS_RESOURCE_EXHAUSTED, "out of arena");
}

const struct saga_dtm_config *saga_dtm_config(struct actor_process *process)
{
    const struct saga_config *config = process->own;
    return config ? config->dtm : NULL;
}

const char *saga_alert_url(struct actor_process *process)
{
    const struct saga_config *config = process->own;
    return config ? config->alert_url : "";
}

const char *saga_branch_ca(struct actor_process *process)
{
    const struct saga_config *config = process->own;
    return config && config->branch_ca[0] ? config->branch_ca : NULL;
}

void saga_limits(struct actor_process *process, struct orchestrator_config *ret)
{
    const struct saga_config *config = process->own;
    *ret = (struct orchestrator_config){0};
    if (!config)
        return;
    ret->park_limit = config->park_after;
    ret->alert_limit = config->alert_limit;
    ret->keep_s = (config->keep_days < KEEP_DAYS_MAX ? config->keep_days
                                                     : KEEP_DAYS_MAX) *
                  DAY_S;
}

int saga_allow(struct actor_process *process, struct bus_list *ret,
               struct bus_error *err)
{
    const struct saga_config *config = process->own;
    size_t count = config ? config->allow.count : 0;
    const char *const *texts = config ? config->allow.items : NULL;
    struct allow_rule *rules =
        bus_arena_array(&process->arena, count, sizeof(*rules));
    for (size_t i = 0; i < count; i++) {
        int code = allow_parse(texts[i], &process->arena, &rules[i], err);
        if (code)
            return code;
    }
    *ret = (struct bus_list){rules, count};
    return BUS_OK;
}

const struct sql_driver *saga_journal_driver(const char *source)
{
    bool sqlite = strncmp(source, SQLITE_PREFIX, strlen(SQLITE_PREFIX)) == 0;
    return sqlite ? &sql_sqlite : &sql_mysql;
}

const char *saga_journal_owner(struct actor_process *process)
{
    char host[HOST_MAX] = "";
    gethostname(host, sizeof(host) - 1);
    return bus_arena_printf(&process->arena, "%.63s:%.96s#%.24s", host,
                            process->home, process->instance);
}

const char *saga_journal_address(struct actor_process *process)
{
    return bus_arena_printf(&process->arena, "saga#%.24s%s%.96s",
                            process->instance, process->node[0] ? "@" : "",
                            process->node);
}
