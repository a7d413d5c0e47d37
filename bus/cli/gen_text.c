/* SPDX-License-Identifier: MIT
 *
 * bus gen openapi, bus gen client: one schema as one text, to standard output
 * or a file.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bus/cli/gen.h"

static int put_text(const char *text, const char *path)
{
    FILE *out = path ? fopen(path, "we") : stdout;
    bool put = out && fputs(text, out) >= 0;
    if (path && out && fclose(out))
        put = false;
    if (put)
        return CLI_DONE;
    return cli_fail(CLI_FAILED, "cannot write %s: %s",
                    path ? path : "standard output", strerror(errno));
}

typedef const char *print_text(struct schema *schema,
                               const struct schema_unit *unit);

static int run(struct cli *cli, print_text *print)
{
    struct schema *schema = schema_new();
    const struct schema_unit *unit = cli_gen_load(schema, cli->argv[1]);
    const char *text = unit ? print(schema, unit) : NULL;
    if (unit && !text)
        schema_errors_print(schema, stderr);
    int status = text ? put_text(text, cli_value(cli, "out")) : CLI_FAILED;
    schema_free(schema);
    return status;
}

int cli_gen_openapi(struct cli *cli)
{
    return run(cli, schema_openapi);
}

int cli_gen_client(struct cli *cli)
{
    const char *language = cli_value(cli, "lang");
    if (!language || strcmp(language, "ts") != 0)
        return cli_fail(CLI_USAGE, "expected: bus gen client --lang ts FILE");
    return run(cli, schema_typescript);
}
