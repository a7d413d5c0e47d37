/* SPDX-License-Identifier: MIT
 *
 * bus gen check: each file by itself, so that the errors of one say nothing
 * about the next.
 */
#include <stdio.h>

#include "bus/cli/gen.h"

static void print_counts(const struct schema_unit *unit, const char *path)
{
    size_t methods = 0;
    for (size_t i = 0; i < unit->service_count; i++)
        methods += unit->services[i]->method_count;
    printf("%s: ok: ", path);
    if (unit->language == SCHEMA_SQL)
        printf("%zu tables\n", unit->table_count);
    else if (unit->language == SCHEMA_SAGA)
        printf("%zu sagas\n", unit->saga_count);
    else
        printf("%zu %s, %zu types\n", methods,
               unit->language == SCHEMA_API ? "routes" : "methods",
               unit->message_count);
}

/* What a schema can do without, but its author may not know is not there. */
static void print_missing(const struct schema_unit *unit, const char *path)
{
    for (const char *const *name = unit->missing_names; *name; name++)
        fprintf(stderr,
                "%s: no file for import \"%s\": its options are left out\n",
                path, *name);
}

static int check_file(const struct cli *cli, const char *path)
{
    struct schema *schema = cli_gen_schema(cli);
    if (!schema)
        return CLI_USAGE;
    const struct schema_unit *unit = schema_load(schema, path);
    bool good = unit && !schema_check(schema);
    if (good)
        print_missing(unit, path);
    if (good && cli->json)
        puts(schema_describe(schema, unit, path));
    else if (good)
        print_counts(unit, path);
    else if (cli->json)
        puts(schema_describe_errors(schema, path));
    else
        schema_errors_print(schema, stderr);
    schema_free(schema);
    return good ? CLI_DONE : CLI_FAILED;
}

int cli_gen_check(struct cli *cli)
{
    int status = CLI_DONE;
    for (int i = 1; i < cli->argc && status != CLI_USAGE; i++) {
        int one = check_file(cli, cli->argv[i]);
        status = one ? one : status;
    }
    return status;
}
