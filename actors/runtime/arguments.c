/* SPDX-License-Identifier: MIT
 *
 * Options are a table; "--name value" and "--name=value" are the same.
 */
#include "actors/runtime/arguments.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct option_row {
    const char *name;
    const char **text; /* one of these two */
    int *number;
    long most; /* of a number; the least is 1 */
};

static bool number_read(const char *text, long most, int *ret)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno || *end || end == text || value < 1 || value > most)
        return false;
    *ret = (int)value;
    return true;
}

/* The row that an argument names; *ret_value is what follows its '='. */
static const struct option_row *row_find(const struct option_row *rows,
                                         const char *argument,
                                         const char **ret_value)
{
    size_t len = strcspn(argument, "=");
    *ret_value = argument[len] ? argument + len + 1 : NULL;
    for (; rows->name; rows++)
        if (strlen(rows->name) == len && !strncmp(rows->name, argument, len))
            return rows;
    return NULL;
}

static int option_take(const struct option_row *row, const char *value,
                       struct bus_error *err)
{
    if (!value || !*value)
        return bus_error_set(err, BUS_INVALID_ARGUMENT, "%s wants a value",
                             row->name);
    if (row->text)
        *row->text = value;
    else if (!number_read(value, row->most, row->number))
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "%s wants a number from 1 to %ld, not \"%.32s\"",
                             row->name, row->most, value);
    return BUS_OK;
}

static int names_check(const struct runtime_options *options,
                       struct bus_error *err)
{
    if (!bus_name_valid(options->instance) ||
        strlen(options->instance) >= BUS_REPLICA_MAX)
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "--instance \"%.32s\" is no name",
                             options->instance);
    if (!bus_name_valid(options->node))
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "--node \"%.32s\" is no name", options->node);
    return BUS_OK;
}

int arguments_read(int argc, char **argv, struct runtime_options *ret,
                   struct bus_error *err)
{
    struct runtime_options options = *ret;
    const struct option_row rows[] = {
        {"-f", &options.config_path, NULL, 0},
        {"--instance", &options.instance, NULL, 0},
        {"--home", &options.home, NULL, 0},
        {"--node", &options.node, NULL, 0},
        {"--topology", &options.topology, NULL, 0},
        {"--workers", NULL, &options.workers, ACTOR_WORKERS_MAX},
        {"--replicas", NULL, &options.replicas, ARGUMENTS_REPLICAS_MAX},
        {NULL, NULL, NULL, 0},
    };
    options.instance = "1";
    options.node = "n1";
    for (int i = 1; i < argc; i++) {
        const char *value;
        if (strcmp(argv[i], "--check") == 0) {
            options.check = true;
            continue;
        }
        if (strcmp(argv[i], "--test-hooks") == 0) {
            options.test_hooks = true;
            continue;
        }
        const struct option_row *row = row_find(rows, argv[i], &value);
        if (!row)
            return bus_error_set(err, BUS_INVALID_ARGUMENT,
                                 "unknown argument \"%.64s\"", argv[i]);
        if (!value && i + 1 < argc)
            value = argv[++i];
        int code = option_take(row, value, err);
        if (code)
            return code;
    }
    int code = names_check(&options, err);
    if (!code)
        *ret = options;
    return code;
}
