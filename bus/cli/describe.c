/* SPDX-License-Identifier: MIT
 *
 * bus describe ACTOR[.METHOD]: the schema of each method, from the actor
 * itself, with a request to fill in.
 */
#include "bus/cli/describe.h"

#include <stdio.h>
#include <string.h>

#include "bus/cli/table.h"
#include "bus/pack.h"

static bool same_actor(const struct cli_names *names, size_t i)
{
    return i > 0 &&
           strcmp(names->items[i].actor, names->items[i - 1].actor) == 0;
}

void cli_complete_methods(struct cli *cli, int index)
{
    struct cli_names names;
    struct cli_described described;
    if (index != 0 || cli_names(cli, NULL, &names, NULL))
        return;
    for (size_t i = 0; i < names.count; i++) {
        const char *actor = names.items[i].actor;
        if (same_actor(&names, i) || cli_describe(cli, actor, &described, NULL))
            continue;
        const struct cli_method *methods = described.methods.items;
        for (size_t k = 0; k < described.methods.count; k++)
            printf("%s.%s\n", actor, methods[k].name);
    }
}

static const char *flags_text(const struct cli_method *method)
{
    if (method->no_side_effects)
        return "no side effects";
    return method->idempotent ? "idempotent" : "";
}

static const char *rules_text(struct cli *cli, const struct cli_field *field)
{
    const char *const *options = field->options.items;
    const char *text = field->required ? "required" : "optional";
    if (field->has_fallback)
        text = bus_arena_printf(&cli->arena, "%s, default %s", text,
                                field->fallback);
    if (*field->range)
        text =
            bus_arena_printf(&cli->arena, "%s, range %s", text, field->range);
    for (size_t i = 0; i < field->options.count; i++)
        text = bus_arena_printf(&cli->arena, "%s%s%s", text,
                                i ? "|" : ", one of ", options[i]);
    return text;
}

static void add_message(struct cli *cli, struct cli_table *table,
                        const char *title, const struct cli_message *message)
{
    const struct cli_field *fields = message->fields.items;
    for (size_t i = 0; i < message->fields.count; i++) {
        cli_table_add(table, "  %s", i ? "" : title);
        cli_table_add(table, "%s", i ? "" : message->name);
        cli_table_add(table, "%s", fields[i].name);
        cli_table_add(table, "%s", fields[i].type);
        cli_table_add(table, "%s", rules_text(cli, &fields[i]));
    }
}

static void print_method(struct cli *cli, const struct cli_described *described,
                         const struct cli_method *method)
{
    struct cli_table table;
    const char *flags = flags_text(method);
    printf("%s.%s  %s%s%s\n", described->name, method->name, method->path,
           *flags ? "  " : "", flags);
    if (*method->doc)
        printf("  %s\n", method->doc);
    cli_table_init(&table, &cli->arena, "  |MESSAGE|FIELD|TYPE|RULES");
    if (method->request)
        add_message(cli, &table, "takes", method->request);
    if (method->reply)
        add_message(cli, &table, "gives", method->reply);
    cli_table_print(&table, stdout);
}

static void print_types(struct cli *cli, const struct cli_described *described)
{
    struct cli_table table;
    const struct cli_message *types = described->types.items;
    if (described->types.count == 0)
        return;
    puts("types");
    cli_table_init(&table, &cli->arena, "  |MESSAGE|FIELD|TYPE|RULES");
    for (size_t i = 0; i < described->types.count; i++)
        add_message(cli, &table, "", &types[i]);
    cli_table_print(&table, stdout);
}

static void print_all(struct cli *cli, const struct cli_described *described)
{
    const struct cli_method *methods = described->methods.items;
    printf("%s %s (answered by %s#%s on %s)\n", described->name,
           described->version, described->name, described->instance,
           described->node);
    for (size_t i = 0; i < described->methods.count; i++) {
        putchar('\n');
        print_method(cli, described, &methods[i]);
    }
    putchar('\n');
    print_types(cli, described);
}

static void print_one(struct cli *cli, const struct cli_described *described,
                      const struct cli_method *method)
{
    print_method(cli, described, method);
    print_types(cli, described);
    printf("  bus call %s.%s '%s'\n", described->name, method->name,
           cli_template(cli, described, method->request));
}

/* The map of one method inside the answer. */
static struct bus_bytes raw_method(const struct cli_described *described,
                                   const struct cli_method *method)
{
    struct bus_bytes methods = {0}, one = {0}, name;
    uint32_t count = 0;
    bus_pack_find(described->raw, "methods", &methods);
    struct bus_unpack in = bus_unpack_open(methods);
    bus_unpack_array(&in, &count);
    for (uint32_t i = 0; i < count && bus_unpack_value(&in, &one); i++) {
        if (!bus_pack_find(one, "name", &name))
            continue;
        struct bus_unpack text = bus_unpack_open(name);
        if (bus_unpack_text(&text, &name) && name.len == strlen(method->name) &&
            memcmp(name.data, method->name, name.len) == 0)
            return one;
    }
    return (struct bus_bytes){0};
}

static int run(struct cli *cli)
{
    struct cli_target target;
    struct cli_described described;
    struct bus_error err;
    if (cli_target(cli, cli->argv[0], false, &target, &err))
        return cli_fail(CLI_USAGE, "%s", err.sentence);
    if (cli_describe(cli, target.to, &described, &err))
        return cli_refused(cli, &err);
    const struct cli_method *method =
        target.method ? cli_method_find(&described, target.method) : NULL;
    if (target.method && !method) {
        bus_error_reason(&err, BUS_UNIMPLEMENTED, "no_such_method",
                         "%s has no method %s", target.actor, target.method);
        return cli_refused(cli, &err);
    }
    if (cli->json)
        cli_print_value(method ? raw_method(&described, method)
                               : described.raw);
    else if (method)
        print_one(cli, &described, method);
    else
        print_all(cli, &described);
    return CLI_DONE;
}

extern const struct cli_verb cli_verb_describe;
const struct cli_verb cli_verb_describe = {
    .name = "describe",
    .args = "ACTOR[.METHOD]",
    .summary = "Prints what an actor's methods take and give.",
    .help = "Asked of the actor itself. With a method: a request to fill in, "
            "too.",
    .args_min = 1,
    .args_max = 1,
    .run = run,
    .complete = cli_complete_methods,
};
