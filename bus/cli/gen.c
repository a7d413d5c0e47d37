/* SPDX-License-Identifier: MIT
 *
 * bus gen WORD FILE...: what schemas become. Works on files alone; neither a
 * home nor a running actor is needed.
 */
#include "bus/cli/gen.h"

#include <stdio.h>
#include <string.h>

static const struct word {
    const char *word;
    int (*run)(struct cli *cli);
    bool many; /* files */
} words[] = {
    {"check", cli_gen_check, true},    {"api", cli_gen_code, true},
    {"rpc", cli_gen_code, true},       {"model", cli_gen_code, true},
    {"saga", cli_gen_code, true},      {"openapi", cli_gen_openapi, false},
    {"client", cli_gen_client, false}, {"format", cli_gen_format, false}};

#define WORDS (sizeof(words) / sizeof(words[0]))

const struct schema_unit *cli_gen_load(struct schema *schema, const char *path)
{
    const struct schema_unit *unit = schema_load(schema, path);
    if (unit && !schema_check(schema))
        return unit;
    schema_errors_print(schema, stderr);
    return NULL;
}

struct schema *cli_gen_schema(const struct cli *cli)
{
    struct schema *schema = schema_new();
    const char *types = cli_value(cli, "types");
    if (!types || schema_map_types(schema, types))
        return schema;
    cli_fail(CLI_USAGE, "--types: %s", schema_error_at(schema, 0)->message);
    schema_free(schema);
    return NULL;
}

static int run(struct cli *cli)
{
    for (size_t i = 0; i < WORDS; i++) {
        if (strcmp(cli->argv[0], words[i].word) != 0)
            continue;
        bool live = cli_value(cli, "url");
        if (live && strcmp(words[i].word, "model") != 0)
            return cli_fail(CLI_USAGE, "--url is for bus gen model");
        if (live && cli->argc > 1)
            return cli_fail(CLI_USAGE, "expected --url or files, not both");
        if (!live && cli->argc < 2)
            return cli_fail(CLI_USAGE, "expected: bus gen %s FILE",
                            words[i].word);
        if (cli->argc > 2 && !words[i].many)
            return cli_fail(CLI_USAGE, "one word too many: %s", cli->argv[2]);
        return words[i].run(cli);
    }
    return cli_fail(CLI_USAGE, "there is no bus gen %s (bus help gen)",
                    cli->argv[0]);
}

static void complete(struct cli *cli, int index)
{
    (void)cli;
    for (size_t i = 0; !index && i < WORDS; i++)
        puts(words[i].word);
}

static const struct cli_option options[] = {
    {'o', "out", "PATH", "the folder (default: here) or the file"},
    {'c', "cache", NULL, "models go through the cache"},
    {0, "lang", "ts", "the language of a client"},
    {0, "url", "DSN", "model: a live database instead of a file"},
    {0, "table", "NAMES", "of it these tables: 'user,order_*'"},
    {0, "types", "LIST", "Go types of .api files: decimal.Decimal=string,..."},
    {0}};

extern const struct cli_verb cli_verb_gen;
const struct cli_verb cli_verb_gen = {
    .name = "gen",
    .args = "WORD FILE...",
    .summary = "Checks schemas and makes code and documents of them.",
    .help = "gen check FILE...  says whether schemas are right; with --json,\n"
            "                   all that is in them, one object a file\n"
            "gen api FILE.api, gen rpc FILE.proto, gen model FILE.sql,\n"
            "gen saga FILE.saga  C for callers and implementer; made once and\n"
            "                   then kept: handler stubs and etc/NAME.yaml.\n"
            "                   gen rpc FILE.proto FILE.sql: one actor\n"
            "gen model --url DSN [--table 'user,order_*']  the same from the\n"
            "                   tables of a live MySQL or MariaDB\n"
            "gen openapi FILE.api  OpenAPI 3.1, to standard output or with -o\n"
            "                   into a file\n"
            "gen client --lang ts FILE.api  a TypeScript client, the same\n"
            "gen format FILE  an .api or .saga file in canonical layout, the\n"
            "                   same",
    .args_min = 1,
    .args_max = CLI_ARGS_MAX,
    .options = options,
    .homeless = true,
    .run = run,
    .complete = complete,
};
