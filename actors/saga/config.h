/* SPDX-License-Identifier: MIT
 *
 * The saga actor's own YAML keys: `Journal: {DataSource: ...}`, a path of a
 * SQLite file or go-zero's data source of a MySQL or MariaDB.
 */
#ifndef SAGA_CONFIG_H
#define SAGA_CONFIG_H

#include "actors/runtime/process.h"
#include "actors/saga/orchestrator.h"
#include "actors/store/sql.h"

extern const struct bus_shape saga_config_shape;

/* Where the journal lies: what the configuration says, else data/saga.db in the
 * home. *ret lives in the process's arena. */
int saga_journal_source(struct actor_process *process, const char **ret,
                        struct bus_error *err);

/* Tls: PEM files. client_ca "": whoever comes; else only who has a certificate
 * that it signed. */
struct saga_tls_config {
    const char *cert;
    const char *key;
    const char *client_ca;
};

/* Dtm: where DTM's API is served, and what holds where a transaction says
 * nothing. Times in seconds; zeros are the defaults of dtm.h. */
struct saga_dtm_config {
    const char *host;
    uint16_t port;       /* 0: any free one */
    uint16_t debug_port; /* with --test-hooks */
    const char *token;
    struct saga_tls_config *tls; /* NULL: plain HTTP */
    uint32_t max_bytes;
    uint32_t max_rate; /* requests a second */
    uint32_t timeout_to_fail;
    uint32_t retry_interval;
    uint32_t request_timeout;
};

/* NULL: it is not served. */
const struct saga_dtm_config *saga_dtm_config(struct actor_process *process);

/* ParkAfter: failures until a compensation is parked; KeepDays: how long a
 * finished saga is kept. 0: never, for ever. */
void saga_limits(struct actor_process *process,
                 struct orchestrator_config *ret);

/* AlertWebHook: told of a branch that fails AlertRetryLimit times (3) and more;
 * "": nobody. */
const char *saga_alert_url(struct actor_process *process);

/* BranchCa: a PEM file, whom HTTPS branches are believed by; NULL: the system's
 * list. */
const char *saga_branch_ca(struct actor_process *process);

/* Allow: what may be called over HTTP (struct allow_rule, in the arena). */
int saga_allow(struct actor_process *process, struct bus_list *ret,
               struct bus_error *err);

/* The driver of such a source. */
const struct sql_driver *saga_journal_driver(const char *source);

/* What this process is called among the orchestrators of one MySQL, the same
 * after a restart: host, home and instance. In the process's arena. */
const char *saga_journal_owner(struct actor_process *process);
/* Where on the bus others ask it: "saga#1@n1". In the process's arena. */
const char *saga_journal_address(struct actor_process *process);

#endif
