/* SPDX-License-Identifier: MIT
 *
 * bus gen model --url: the same as from a .sql file named like the database,
 * whose text another program asks a live one for. That one is beside `bus`; it
 * says itself what went wrong.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bus/buf.h"
#include "bus/cli/gen.h"

extern char **environ;

/* "mall" of "user:pass@tcp(host:3306)/mall?charset=utf8mb4"; NULL. */
static const char *database_of(struct cli *cli, const char *url)
{
    const char *question = strchr(url, '?');
    while (question && strchr(question, '/')) /* one inside the password */
        question = strchr(question + 1, '?');
    size_t end = question ? (size_t)(question - url) : strlen(url), from = end;
    while (from && url[from - 1] != '/')
        from--;
    return from && from < end
               ? bus_arena_text_n(&cli->arena, url + from, end - from)
               : NULL;
}

/* Starts it with its output in a pipe; 0 or an errno. */
static int start(struct cli *cli, const char *url, int *ret_out, pid_t *ret)
{
    const char *tables = cli_value(cli, "table");
    char *program =
        bus_arena_printf(&cli->arena, "%s/tables", cli_own_folder(cli));
    char *patterns = tables ? bus_arena_text(&cli->arena, tables) : NULL;
    char *argv[] = {program, patterns, NULL};
    posix_spawn_file_actions_t actions;
    int fds[2];
    if (pipe2(fds, O_CLOEXEC))
        return errno;
    setenv("TROUPE_DATA_SOURCE", url, 1);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
    int failed = posix_spawn(ret, program, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    unsetenv("TROUPE_DATA_SOURCE");
    close(fds[1]);
    if (failed)
        close(fds[0]);
    else
        *ret_out = fds[0];
    return failed;
}

static bool read_all(int fd, struct bus_buf *text)
{
    char block[1 << 16];
    for (;;) {
        ssize_t len = read(fd, block, sizeof(block));
        if (len < 0 && errno == EINTR)
            continue;
        if (len <= 0)
            return len == 0 && !text->failed;
        bus_buf_add(text, block, (size_t)len);
    }
}

static bool ended_well(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return false;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int ask(struct cli *cli, const char *url, struct bus_buf *text)
{
    int out = -1;
    pid_t pid;
    int failed = start(cli, url, &out, &pid);
    if (failed)
        return cli_fail(CLI_FAILED, "cannot run %s/tables: %s",
                        cli_own_folder(cli), strerror(failed));
    bool whole = read_all(out, text);
    close(out);
    if (!ended_well(pid))
        return CLI_FAILED; /* it said why */
    return whole ? CLI_DONE
                 : cli_fail(CLI_FAILED, "cannot read what tables are there");
}

int cli_gen_url(struct cli *cli, struct schema *schema)
{
    const char *url = cli_value(cli, "url");
    const char *database = database_of(cli, url);
    struct bus_buf text;
    if (!database)
        return cli_fail(CLI_USAGE, "expected a database in --url, as in "
                                   "user:password@tcp(host:3306)/database");
    bus_buf_init(&text, SCHEMA_FILE_BYTES_MAX);
    int status = ask(cli, url, &text);
    if (!status)
        schema_load_text(schema,
                         bus_arena_printf(&cli->arena, "%s.sql", database),
                         (const char *)text.data, text.len);
    bus_buf_release(&text);
    return status;
}
