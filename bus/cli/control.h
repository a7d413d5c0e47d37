/* SPDX-License-Identifier: MIT
 *
 * The command's end of the supervisor's control socket: one JSON object a line
 * each way (see actors/supervisor/command.h). Blocking, with a deadline.
 */
#ifndef CLI_CONTROL_H
#define CLI_CONTROL_H

#include "bus/cli/verb.h"
#include "bus/shape.h"

#define CLI_REPLY_MAX ((size_t)4 << 20)

/* A change of state told while waiting. */
struct cli_event {
    const char *event; /* "ready", "stopped" ... */
    const char *actor;
    int32_t instance;
    int32_t pid;
    const char *cause;
};

/* One question. */
struct cli_ask {
    const char *request; /* one JSON object, without newline */
    int64_t timeout_ms;  /* 0: no limit */
    void (*heard)(void *arg, const struct cli_event *event); /* may be NULL */
    void *arg;
    const char *reply; /* set: the answer's line, in cli->arena */
};

/* Asks and waits for the answer. BUS_OK; or what the supervisor refused with;
 * UNIMPLEMENTED no_such_actor (exit status 3) when nothing runs in the home. */
int cli_control(struct cli *cli, struct cli_ask *ask, struct bus_error *err);

/* {"do":"WHAT"}, {"do":"WHAT","actor":"A",...}: in cli->arena. replicas < 0:
 * left out; actor NULL: left out. */
struct cli_command {
    const char *what;
    const char *actor;
    int replicas;
    bool progress;
};
const char *cli_command_text(struct cli *cli, const struct cli_command *what);

/* True if a supervisor listens in the home. */
bool cli_supervised(const struct cli *cli);

/* The supervisor's state: what `ps` answers. */
struct cli_stats {
    int64_t queue_age_ms, queued, busy, workers, calls, errors;
};
struct cli_replica {
    int32_t instance, pid;
    const char *state;
    int64_t restarts, since_ms;
    const char *cause;
    struct cli_stats *stats;
};
struct cli_actor {
    const char *name;
    int32_t replicas, workers;
    struct bus_list replica; /* of struct cli_replica */
};
struct cli_state {
    int32_t pid;
    const char *node, *topology, *phase;
    struct bus_list actors; /* of struct cli_actor */
};

/* Reads such an answer; the result lives in cli->arena. */
int cli_state_read(struct cli *cli, const char *json, struct cli_state *ret,
                   struct bus_error *err);

/* Asks for it. ret_json: the answer as it came; may be NULL. */
int cli_ps(struct cli *cli, struct cli_state *ret, const char **ret_json,
           struct bus_error *err);

#endif
