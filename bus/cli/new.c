/* SPDX-License-Identifier: MIT
 *
 * bus new NAME: a project to begin with, in a folder of that name: an HTTP API
 * and the service behind it, their configurations, a topology and a test. What
 * is there already is left alone: the folder must not exist.
 */
#include "bus/cli/new.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bus/cli/verb.h"

static bool is_listed(const char *const *list, const char *name)
{
    for (; *list; list++)
        if (strcmp(*list, name) == 0)
            return true;
    return false;
}

const char *new_name_fault(const char *name)
{
    /* Actors of ours, prefixes of our functions, targets of CMake. */
    static const char *const taken[] = {
        "edge",    "saga",    "supervisor", "registrar", "console",
        "bus",     "actor",   "model",      "store",     "fixture",
        "fake",    "asked",   "test",       "all",       "help",
        "clean",   "install", "package",    "edit",      "main",
        "schemac", "troupe",  "build",      "etc",       NULL};
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
    static const char others[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    if (!name[0] || !strchr(letters, name[0]) || name[strspn(name, others)])
        return "lower case letters, then also digits and '_'";
    if (strlen(name) > CLI_NEW_NAME_MAX)
        return "a shorter name";
    return is_listed(taken, name) ? "another name: this one is taken" : NULL;
}

/* The text with word in place of each mark; NULL: no memory. */
static char *replace(struct cli *cli, const char *text, const char *mark,
                     const char *word)
{
    size_t mark_len = strlen(mark), word_len = strlen(word), count = 0;
    for (const char *at = strstr(text, mark); at; at = strstr(at + 1, mark))
        count++;
    char *out =
        bus_arena_alloc(&cli->arena, strlen(text) + count * word_len + 1);
    char *to = out;
    while (out && *text) {
        bool here = strncmp(text, mark, mark_len) == 0;
        size_t len = here ? word_len : 1;
        memcpy(to, here ? word : text, len);
        to += len;
        text += here ? mark_len : 1;
    }
    if (out)
        *to = '\0';
    return out;
}

/* The folders of a path. */
static void make_folders(char *path)
{
    for (char *at = strchr(path, '/'); at; at = strchr(at + 1, '/')) {
        *at = '\0';
        mkdir(path, 0777);
        *at = '/';
    }
}

/* The prefix that this program was installed under, as CMake is told of it:
 * nothing where it looks by itself, or where this is a build tree. */
static const char *hints(struct cli *cli)
{
    static const char tail[] = "/libexec/troupe/bus";
    char path[BUS_PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
    ssize_t prefix = len - (ssize_t)strlen(tail);
    if (prefix <= 0)
        return "";
    path[len] = '\0';
    bool ours = strcmp(path + prefix, tail) == 0;
    path[prefix] = '\0';
    if (!ours || strpbrk(path, "\"\\$;@") || strcmp(path, "/usr") == 0 ||
        strcmp(path, "/usr/local") == 0)
        return "";
    const char *text =
        bus_arena_printf(&cli->arena, "\n    HINTS \"%s\"", path);
    return text ? text : "";
}

static bool write_file(struct cli *cli, const struct new_file *file,
                       const char *name, const char *service)
{
    const char *const marks[] = {"@NAME@", "@SERVICE@", "@HINTS@"};
    const char *const words[] = {name, service, hints(cli)};
    char *inner = replace(cli, file->path, "NAME", name);
    char *path =
        inner ? bus_arena_printf(&cli->arena, "%s/%s", name, inner) : NULL;
    const char *text = file->text;
    for (size_t i = 0; text && i < sizeof(marks) / sizeof(marks[0]); i++)
        text = replace(cli, text, marks[i], words[i]);
    if (!path || !text) {
        errno = ENOMEM;
        return false;
    }
    make_folders(path);
    FILE *out = fopen(path, "wxe");
    bool put = out && fputs(text, out) >= 0;
    return out && !fclose(out) && put;
}

static int run(struct cli *cli)
{
    const char *name = cli->argv[0], *fault = new_name_fault(name);
    if (fault)
        return cli_fail(CLI_USAGE, "found '%s', expected %s", name, fault);
    char *service = bus_arena_text(&cli->arena, name);
    if (service)
        service[0] = (char)(service[0] - 'a' + 'A');
    if (!service || mkdir(name, 0777))
        return cli_fail(CLI_FAILED, "cannot make the folder %s: %s", name,
                        strerror(errno));
    for (const struct new_file *file = new_files; file->path; file++)
        if (!write_file(cli, file, name, service))
            return cli_fail(CLI_FAILED, "cannot write %s/%s: %s", name,
                            file->path, strerror(errno));
    cli_talk("%s/ is there. Next:\n"
             "  cd %s && cmake -B build && cmake --build build\n"
             "  bus up troupe.yaml\n"
             "  curl -i http://localhost:8888/from/you",
             name, name);
    return CLI_DONE;
}

extern const struct cli_verb cli_verb_new;
const struct cli_verb cli_verb_new = {
    .name = "new",
    .args = "NAME",
    .summary = "Makes a project to begin with, in a new folder NAME.",
    .help = "An HTTP API (NAME.api, GET /from/:name), the service behind it\n"
            "(NAME.proto, NAME.sql), their handlers and configurations, a\n"
            "topology and a test. It builds against an installed troupe.",
    .args_min = 1,
    .args_max = 1,
    .homeless = true,
    .run = run,
};
