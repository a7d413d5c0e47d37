/* SPDX-License-Identifier: MIT
 *
 * bus gen api|rpc|model|saga: what schemac prints during a build, in a folder,
 * with the files that an author begins with.
 */
#include <string.h>

#include "bus/cli/gen.h"

static const struct {
    const char *word;
    enum schema_language language;
    const char *suffix;
} languages[] = {{"api", SCHEMA_API, ".api"},
                 {"rpc", SCHEMA_PROTO, ".proto"},
                 {"model", SCHEMA_SQL, ".sql"},
                 {"saga", SCHEMA_SAGA, ".saga"}};

/* Of the word; there is one, or this would not run. */
static size_t language_of(const struct cli *cli)
{
    size_t i = 0;
    while (strcmp(languages[i].word, cli->argv[0]) != 0)
        i++;
    return i;
}

/* The first file is of the word's language; what stands behind it belongs to
 * the same actor (the tables of a .proto's service, say) and may be of any. */
static int load_all(struct cli *cli, struct schema *schema)
{
    size_t language = language_of(cli);
    if (cli_value(cli, "url"))
        return cli_gen_url(cli, schema);
    for (int i = 1; i < cli->argc; i++) {
        const struct schema_unit *unit = schema_load(schema, cli->argv[i]);
        if (i == 1 && unit && unit->language != languages[language].language)
            return cli_fail(CLI_USAGE, "bus gen %s %s: expected a %s file",
                            cli->argv[0], cli->argv[i],
                            languages[language].suffix);
    }
    return CLI_DONE;
}

int cli_gen_code(struct cli *cli)
{
    const char *folder = cli_value(cli, "out");
    const struct schema_gen options = {.out_dir = folder ? folder : ".",
                                       .author_dir = folder ? folder : ".",
                                       .cached = cli_value(cli, "cache")};
    struct schema *schema = cli_gen_schema(cli);
    if (!schema)
        return CLI_USAGE;
    int status = load_all(cli, schema);
    if (!status && !schema_error_count(schema))
        schema_generate(schema, &options);
    if (!status && schema_error_count(schema)) {
        schema_errors_print(schema, stderr);
        status = CLI_FAILED;
    }
    schema_free(schema);
    return status;
}
