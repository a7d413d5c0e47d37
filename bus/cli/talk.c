/* SPDX-License-Identifier: MIT
 *
 * What the command says to people: errors, progress, usage.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/buf.h"
#include "bus/cli/verb.h"
#include "bus/code.h"
#include "bus/json.h"

#define TEXT_MAX 4096

int cli_fail(int status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("bus: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return status;
}

void cli_talk(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

static void put_text(struct bus_buf *buf, const char *key, const char *text)
{
    bus_buf_printf(buf, "\"%s\":", key);
    bus_json_text(buf, text, strlen(text));
}

static void print_error(const struct bus_error *err)
{
    struct bus_buf buf;
    bus_buf_init(&buf, TEXT_MAX);
    bus_buf_byte(&buf, '{');
    put_text(&buf, "code", bus_code_name(err->code));
    bus_buf_byte(&buf, ',');
    put_text(&buf, "reason", err->reason);
    bus_buf_byte(&buf, ',');
    put_text(&buf, "sentence", err->sentence);
    bus_buf_byte(&buf, ',');
    put_text(&buf, "field", err->field);
    bus_buf_printf(&buf, ",\"business\":%d}\n", (int)err->business);
    fwrite(buf.data, 1, buf.len, stdout);
    bus_buf_release(&buf);
}

int cli_refused(const struct cli *cli, const struct bus_error *err)
{
    const char *open = *err->reason ? " (" : "";
    const char *close = *err->reason ? ")" : "";
    if (cli->json)
        print_error(err);
    fprintf(stderr, "%s%s%s%s: %s\n", bus_code_name(err->code), open,
            err->reason, close, err->sentence);
    return bus_code_exit(err->code, err->reason);
}

static void print_options(const struct cli_option *options)
{
    for (int i = 0; options && options[i].name; i++) {
        char left[64];
        const struct cli_option *o = &options[i];
        char letter[5] = "    ";
        if (o->letter)
            snprintf(letter, sizeof(letter), "-%c, ", o->letter);
        snprintf(left, sizeof(left), "%s--%s%s%s", letter, o->name,
                 o->value ? " " : "", o->value ? o->value : "");
        printf("  %-22s %s\n", left, o->help);
    }
}

void cli_usage(const struct cli_verb *verb)
{
    printf("usage: bus %s%s%s [options]\n%s\n", verb->name,
           *verb->args ? " " : "", verb->args, verb->summary);
    if (*verb->help)
        printf("\n%s\n", verb->help);
    printf("\noptions:\n");
    print_options(verb->options);
    print_options(cli_common);
}
