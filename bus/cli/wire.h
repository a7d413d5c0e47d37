/* SPDX-License-Identifier: MIT
 *
 * What the verbs that speak to actors share: one bus, who is alive, and single
 * requests with a deadline.
 */
#ifndef CLI_WIRE_H
#define CLI_WIRE_H

#include "bus/call.h"
#include "bus/cli/verb.h"

#define CLI_NAMES_MAX 4096

/* Where a word such as "user#3.getUser" or "/user.User/getUser" leads. */
struct cli_target {
    const char *actor;  /* "user" */
    const char *to;     /* "user#3" */
    const char *method; /* "getUser", "/user.User/getUser"; NULL: none */
};

/* Reads "ACTOR.METHOD" (need_method) or "ACTOR[.METHOD]". INVALID_ARGUMENT if
 * it is neither. */
int cli_target(struct cli *cli, const char *word, bool need_method,
               struct cli_target *ret, struct bus_error *err);

/* Opens the bus on first use; cli_close closes it. */
int cli_bus(struct cli *cli, struct bus_error *err);

/* Every live instance, or those of one target (NULL: all), in order; in
 * cli->arena. UNIMPLEMENTED no_such_actor when there is none of it. */
struct cli_names {
    struct bus_name *items;
    size_t count;
};
int cli_names(struct cli *cli, const char *to, struct cli_names *ret,
              struct bus_error *err);

/* Sends a request with cli's deadline and a new trace if it has none; reply's
 * spans live in cli->arena. Returns the code. */
int cli_request(struct cli *cli, struct bus_request *request,
                struct bus_reply *reply);

/* A system method ("$ping") of one target. */
int cli_system(struct cli *cli, const char *to, const char *method,
               struct bus_reply *reply);

/* JSON text to one msgpack value, "" to an empty map; in cli->arena. */
int cli_pack(struct cli *cli, const char *json, struct bus_bytes *ret,
             struct bus_error *err);

/* Prints a msgpack value as one line of JSON; none: {}. */
void cli_print_value(struct bus_bytes value);

#endif
