/* SPDX-License-Identifier: MIT
 *
 * What an actor says of itself ($describe, bus/WIRE.md): its methods and the
 * fields of their messages.
 */
#ifndef CLI_DESCRIBE_H
#define CLI_DESCRIBE_H

#include "bus/cli/wire.h"

struct cli_field {
    const char *name, *type;
    bool required, has_fallback;
    const char *fallback, *range;
    struct bus_list options; /* of const char * */
};

struct cli_message {
    const char *name;
    struct bus_list fields; /* of struct cli_field */
};

struct cli_method {
    const char *name, *path, *doc;
    bool idempotent, no_side_effects;
    struct cli_message *request, *reply; /* NULL: none */
};

struct cli_described {
    const char *name, *version, *instance, *node;
    struct bus_list methods; /* of struct cli_method */
    struct bus_list types;   /* of struct cli_message: nested ones */
    struct bus_bytes raw;    /* the answer itself */
};

/* Asks one instance of the target. */
int cli_describe(struct cli *cli, const char *to, struct cli_described *ret,
                 struct bus_error *err);

/* By name or by path; NULL: none. */
const struct cli_method *cli_method_find(const struct cli_described *described,
                                         const char *method);

/* A request with every field, as JSON: {"id":"","list":[]}. */
const char *cli_template(struct cli *cli, const struct cli_described *described,
                         const struct cli_message *message);

/* Prints ACTOR.METHOD of all actors: for completion. */
void cli_complete_methods(struct cli *cli, int index);

#endif
