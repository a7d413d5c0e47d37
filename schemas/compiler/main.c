/* SPDX-License-Identifier: MIT
 *
 * schemac: the compiler as the build runs it. It says nothing when all is well;
 * errors go to stderr as file:line:column, the line and a caret.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema.h"

struct arguments {
    struct schema_gen gen;
    const char *depfile;
    const char *target; /* what the depfile says depends on the sources */
    int first;          /* of the files in argv */
};

static int usage(FILE *out)
{
    fputs("usage: schemac --out DIR [--name ACTOR] [--depfile FILE --target "
          "FILE]\n               [--no-cache] FILE...\n"
          "Compiles .api, .proto, .sql and .saga files to C in DIR.\n"
          "Exit status: 0 done, 1 the schemas have errors, 2 wrong usage.\n",
          out);
    return out == stdout ? 0 : 2;
}

/* The value behind an option; NULL if argv ends there. */
static const char *take(int argc, char **argv, int *index)
{
    return *index + 1 < argc ? argv[++*index] : NULL;
}

static bool parse_arguments(int argc, char **argv, struct arguments *ret)
{
    const char *const names[] = {"--out", "--name", "--depfile", "--target"};
    const char **const values[] = {&ret->gen.out_dir, &ret->gen.name,
                                   &ret->depfile, &ret->target};
    ret->gen.cached = true;
    int i = 1;
    for (; i < argc && !strncmp(argv[i], "--", 2); i++) {
        size_t option = 0;
        while (option < 4 && strcmp(argv[i], names[option]))
            option++;
        if (!strcmp(argv[i], "--no-cache"))
            ret->gen.cached = false;
        else if (option == 4 || !(*values[option] = take(argc, argv, &i)))
            return false;
    }
    ret->first = i;
    return ret->gen.out_dir && i < argc;
}

/* make's way of writing a path. */
static void print_path(const char *path, FILE *out)
{
    for (; *path; path++) {
        if (strchr(" #$", *path))
            putc(*path == '$' ? '$' : '\\', out);
        putc(*path, out);
    }
}

static int write_depfile(const struct schema *schema,
                         const struct arguments *arguments)
{
    FILE *out = fopen(arguments->depfile, "we");
    if (!out) {
        perror(arguments->depfile);
        return 1;
    }
    print_path(arguments->target ? arguments->target : arguments->gen.out_dir,
               out);
    putc(':', out);
    for (size_t i = 0; i < schema_unit_count(schema); i++) {
        const struct schema_unit *unit = schema_unit_at(schema, i);
        for (size_t j = 0; j < unit->file_count; j++) {
            putc(' ', out);
            print_path(unit->files[j], out);
        }
    }
    putc('\n', out);
    return fclose(out) != 0;
}

static int compile(struct schema *schema, int argc, char **argv,
                   const struct arguments *arguments)
{
    for (int i = arguments->first; i < argc; i++)
        schema_load(schema, argv[i]);
    if (!schema_error_count(schema))
        schema_generate(schema, &arguments->gen);
    schema_errors_print(schema, stderr);
    if (schema_error_count(schema))
        return 1;
    return arguments->depfile ? write_depfile(schema, arguments) : 0;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {.depfile = NULL};
    if (argc == 2 && !strcmp(argv[1], "--help"))
        return usage(stdout);
    if (!parse_arguments(argc, argv, &arguments))
        return usage(stderr);
    struct schema *schema = schema_new();
    int status = compile(schema, argc, argv, &arguments);
    schema_free(schema);
    return status;
}
