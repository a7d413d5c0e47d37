/* SPDX-License-Identifier: MIT
 *
 * bus logs ACTOR[#N] [-f] [-n LINES]: the files HOME/log/ACTOR-N.log, as the
 * supervisor captured them. Following waits on inotify and goes on in the new
 * file when one is turned over.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bus/cli/verb.h"
#include "bus/code.h"

#define FILES_MAX 256
#define LINES_DEFAULT 20
#define CHUNK 65536

struct file {
    char name[NAME_MAX + 1]; /* "user-1.log" */
    int fd;
};

struct logs {
    char folder[BUS_PATH_MAX];
    struct file files[FILES_MAX];
    size_t count;
    const char *actor;  /* without "#N" */
    const char *number; /* NULL: all */
};

/* "user-1.log" for actor "user"; ".log.1" and other actors are not. */
static bool belongs(const struct logs *logs, const char *name)
{
    size_t len = strlen(logs->actor);
    if (strncmp(name, logs->actor, len) != 0)
        return false;
    if (strcmp(name + len, ".log") == 0)
        return !logs->number; /* supervisor.log */
    if (name[len] != '-')
        return false;
    const char *digits = name + len + 1;
    size_t count = strspn(digits, "0123456789");
    if (count == 0 || strcmp(digits + count, ".log") != 0)
        return false;
    return !logs->number || (strlen(logs->number) == count &&
                             strncmp(digits, logs->number, count) == 0);
}

static int by_name(const void *a, const void *b)
{
    const struct file *x = a, *y = b;
    return strverscmp(x->name, y->name);
}

static int open_log(const struct logs *logs, const char *name)
{
    char path[BUS_PATH_MAX * 2];
    snprintf(path, sizeof(path), "%s/%s", logs->folder, name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static void find_files(struct logs *logs)
{
    DIR *dir = opendir(logs->folder);
    struct dirent *entry;
    while (dir && (entry = readdir(dir)) && logs->count < FILES_MAX) {
        if (!belongs(logs, entry->d_name))
            continue;
        struct file *file = &logs->files[logs->count];
        snprintf(file->name, sizeof(file->name), "%s", entry->d_name);
        file->fd = open_log(logs, file->name);
        if (file->fd >= 0)
            logs->count++;
    }
    if (dir)
        closedir(dir);
    qsort(logs->files, logs->count, sizeof(logs->files[0]), by_name);
}

/* Where the last `lines` lines of a file begin. */
static off_t tail_at(int fd, int64_t lines)
{
    static char chunk[CHUNK];
    off_t at = lseek(fd, 0, SEEK_END);
    int64_t found = -1; /* the newline at the very end is not counted */
    while (at > 0) {
        off_t from = at > CHUNK ? at - CHUNK : 0;
        ssize_t len = pread(fd, chunk, (size_t)(at - from), from);
        for (ssize_t i = len; i > 0; i--) {
            if (chunk[i - 1] == '\n' && ++found >= lines)
                return from + i;
        }
        at = from;
    }
    return 0;
}

/* Prints what was added since; each file is printed whole lines and all. */
static void print_rest(const struct file *file)
{
    static char chunk[CHUNK];
    ssize_t len;
    while ((len = read(file->fd, chunk, sizeof(chunk))) > 0)
        fwrite(chunk, 1, (size_t)len, stdout);
    fflush(stdout);
}

/* The file was turned over: the rest of the old one, then the new one. */
static void reopen(const struct logs *logs, struct file *file)
{
    struct stat own, named;
    int fd = open_log(logs, file->name);
    if (fd < 0)
        return;
    if (fstat(file->fd, &own) == 0 && fstat(fd, &named) == 0 &&
        own.st_ino == named.st_ino) {
        close(fd);
        return;
    }
    print_rest(file);
    close(file->fd);
    file->fd = fd;
}

/* A replica that came later has a file of its own. */
static void take_new(struct logs *logs, const char *name)
{
    for (size_t i = 0; i < logs->count; i++) {
        if (strcmp(logs->files[i].name, name) == 0) {
            reopen(logs, &logs->files[i]);
            return;
        }
    }
    if (!belongs(logs, name) || logs->count == FILES_MAX)
        return;
    struct file *file = &logs->files[logs->count];
    snprintf(file->name, sizeof(file->name), "%s", name);
    file->fd = open_log(logs, name);
    if (file->fd >= 0)
        logs->count++;
}

static void take_events(struct logs *logs, int notify)
{
    static char events[CHUNK] __attribute__((aligned(8)));
    ssize_t len = read(notify, events, sizeof(events));
    for (ssize_t at = 0; at < len;) {
        struct inotify_event event;
        memcpy(&event, events + at, sizeof(event));
        if (event.len > 0 && (event.mask & (IN_CREATE | IN_MOVED_TO)))
            take_new(logs, events + at + sizeof(event));
        at += (ssize_t)(sizeof(event) + event.len);
    }
}

static int follow(struct logs *logs)
{
    int notify = inotify_init1(IN_CLOEXEC);
    if (notify < 0 ||
        inotify_add_watch(notify, logs->folder,
                          IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
        return cli_fail(CLI_FAILED, "cannot watch %s", logs->folder);
    while (!ferror(stdout)) {
        for (size_t i = 0; i < logs->count; i++)
            print_rest(&logs->files[i]);
        take_events(logs, notify);
    }
    close(notify);
    return CLI_DONE;
}

static void close_files(struct logs *logs)
{
    for (size_t i = 0; i < logs->count; i++)
        close(logs->files[i].fd);
}

static int run(struct cli *cli)
{
    static struct logs logs;
    int64_t lines = LINES_DEFAULT;
    const char *count = cli_value(cli, "lines");
    if (count && !cli_number(count, 0, INT32_MAX, &lines))
        return cli_fail(CLI_USAGE, "-n %s: expected a number of lines", count);
    snprintf(logs.folder, sizeof(logs.folder), "%.4000s/log", cli->home);
    size_t len = strcspn(cli->argv[0], "#");
    logs.actor = bus_arena_text_n(&cli->arena, cli->argv[0], len);
    logs.number = cli->argv[0][len] ? cli->argv[0] + len + 1 : NULL;
    find_files(&logs);
    if (logs.count == 0)
        return cli_fail(CLI_NOTHING, "%s has no log in %s", cli->argv[0],
                        logs.folder);
    for (size_t i = 0; i < logs.count; i++) {
        lseek(logs.files[i].fd, tail_at(logs.files[i].fd, lines), SEEK_SET);
        print_rest(&logs.files[i]);
    }
    int status = cli_value(cli, "follow") ? follow(&logs) : CLI_DONE;
    close_files(&logs);
    return status;
}

static void complete(struct cli *cli, int index);

static const struct cli_option options[] = {
    {'f', "follow", NULL, "go on printing what is added"},
    {'n', "lines", "N", "the last N lines of each replica (default 20)"},
    {0}};

extern const struct cli_verb cli_verb_logs;
const struct cli_verb cli_verb_logs = {
    .name = "logs",
    .args = "ACTOR[#N]",
    .summary = "Prints what an actor logged.",
    .help = "Lines are JSON, as the actor wrote them. `supervisor` has a log, "
            "too.",
    .args_min = 1,
    .args_max = 1,
    .options = options,
    .run = run,
    .complete = complete,
};

static void complete(struct cli *cli, int index)
{
    static struct logs logs;
    (void)index;
    snprintf(logs.folder, sizeof(logs.folder), "%.4000s/log", cli->home);
    DIR *dir = opendir(logs.folder);
    struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        char *end = strstr(entry->d_name, "-1.log");
        if (end && end[6] == '\0')
            printf("%.*s\n", (int)(end - entry->d_name), entry->d_name);
    }
    if (dir)
        closedir(dir);
}
