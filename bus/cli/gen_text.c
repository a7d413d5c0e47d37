/* SPDX-License-Identifier: MIT
 *
 * bus gen openapi, client and format: one schema as one text, to standard
 * output or a file.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

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
    struct schema *schema = cli_gen_schema(cli);
    if (!schema)
        return CLI_USAGE;
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

/* The file as it stands, in the schema's own words; "" if it went away. */
static const char *read_text(struct cli *cli, const char *path, size_t *ret_len)
{
    FILE *file = fopen(path, "rbe");
    size_t cap = 1 << 16, len = 0;
    char *text = bus_arena_alloc(&cli->arena, cap);
    while (file && text) {
        size_t got = fread(text + len, 1, cap - len, file);
        len += got;
        if (!got)
            break;
        if (len < cap)
            continue;
        char *more = bus_arena_alloc(&cli->arena, cap * 2);
        if (more)
            memcpy(more, text, len);
        text = more;
        cap *= 2;
    }
    if (file)
        fclose(file);
    *ret_len = text ? len : 0;
    return text ? text : "";
}

int cli_gen_format(struct cli *cli)
{
    const char *path = cli->argv[1], *dot = strrchr(path, '.');
    size_t len;
    if (!dot || (strcasecmp(dot, ".api") != 0 && strcasecmp(dot, ".saga") != 0))
        return cli_fail(CLI_USAGE, "%s: expected an .api or .saga file", path);
    struct schema *schema = schema_new();
    int status = CLI_FAILED;
    if (schema_reads(schema, path)) {
        const char *text = read_text(cli, path, &len);
        status =
            put_text(schema_format(schema, text, len), cli_value(cli, "out"));
    } else {
        schema_errors_print(schema, stderr);
    }
    schema_free(schema);
    return status;
}
