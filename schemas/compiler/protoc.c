/* SPDX-License-Identifier: MIT
 *
 * protoc reads .proto files, we read what it makes of them. It is started
 * without a shell, its descriptor set and its complaints land in a temporary
 * folder. Imports are looked for beside the file and in those folders above it
 * where the file's import lines are found.
 */
#include "protoc.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static const char *folder_of(struct pool *pool, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return ".";
    return slash == path ? "/"
                         : pool_text_n(pool, path, (size_t)(slash - path));
}

static void add_folder(struct protoc *protoc, const char *folder)
{
    const char *const *all = protoc->folders.items;
    for (size_t i = 0; i < protoc->folders.count; i++)
        if (!strcmp(all[i], folder))
            return;
    if (protoc->folders.count < PROTO_FOLDERS_MAX)
        vec_push(&protoc->schema->pool, &protoc->folders, folder);
}

/* The nearest folder at or above the file's own that holds this import. */
static void find_import(struct protoc *protoc, const char *import)
{
    struct pool *pool = &protoc->schema->pool;
    const char *folder = folder_of(pool, protoc->path);
    for (int up = 0; up < SCHEMA_DEPTH_MAX; up++) {
        if (!access(pool_printf(pool, "%s/%s", folder, import), R_OK)) {
            add_folder(protoc, folder);
            return;
        }
        folder = path_clean(pool, pool_printf(pool, "%s/..", folder));
        if (!strcmp(folder, "/"))
            return;
    }
}

/* Only a guess at where to look: protoc itself parses the file. */
static void find_folders(struct protoc *protoc)
{
    struct pool *pool = &protoc->schema->pool;
    const char *at = protoc->source->text;
    add_folder(protoc, folder_of(pool, protoc->path));
    while (*at) {
        size_t line = strcspn(at, "\n");
        size_t from = strspn(at, " \t");
        size_t quote = from + strcspn(at + from, "\"'\n");
        if (!strncmp(at + from, "import", 6) && quote < line) {
            size_t len = strcspn(at + quote + 1, "\"'\n");
            find_import(protoc, pool_text_n(pool, at + quote + 1, len));
        }
        at += line;
        at += *at == '\n';
    }
}

static int wait_for(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Exit status, or -1 if protoc could not be started. */
static int run(struct protoc *protoc, const char *set, const char *errors)
{
    struct pool *pool = &protoc->schema->pool;
    const char *const *folders = protoc->folders.items;
    char *argv[PROTO_FOLDERS_MAX + 7];
    int argc = 0;
    argv[argc++] = pool_text(pool, "protoc");
    for (size_t i = 0; i < protoc->folders.count; i++)
        argv[argc++] = pool_printf(pool, "-I%s", folders[i]);
    argv[argc++] = pool_printf(pool, "-I%s", protoc->scratch);
    argv[argc++] = pool_text(pool, "--include_imports");
    argv[argc++] = pool_text(pool, "--include_source_info");
    argv[argc++] = pool_printf(pool, "--descriptor_set_out=%s", set);
    /* A path that begins with '-' would be an option. */
    argv[argc++] = pool_printf(pool, "%s%s", protoc->path[0] == '-' ? "./" : "",
                               protoc->path);
    argv[argc] = NULL;

    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 2, errors,
                                     O_WRONLY | O_CREAT | O_TRUNC, 0600);
    pid_t pid;
    int failed = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return failed ? -1 : wait_for(pid);
}

size_t protoc_offset(const struct source *source, int32_t line, int32_t column)
{
    if (line < 0 || (size_t)line >= source->line_count)
        return source->len;
    size_t at = source->lines[line];
    for (int32_t i = 0; i < column && at < source->len; at++) {
        if (source->text[at] == '\n')
            break;
        i = source->text[at] == '\t' ? (i / 8 + 1) * 8 : i + 1;
    }
    return at;
}

const char *protoc_file(const struct protoc *protoc, const char *name)
{
    struct pool *pool = &protoc->schema->pool;
    const char *const *folders = protoc->folders.items;
    for (size_t i = 0; i < protoc->folders.count; i++) {
        const char *path =
            path_clean(pool, pool_printf(pool, "%s/%s", folders[i], name));
        if (!access(path, R_OK))
            return path;
    }
    return NULL;
}

/* "user.proto:3:1: Expected ..." */
static void pass_on(struct protoc *protoc, const char *text)
{
    const char *at = strchr(text, ':');
    char *end;
    /* The import line itself is reported too, with its position. */
    if (strstr(text, ": warning: ") || strstr(text, ": File not found.") ||
        !*text)
        return;
    long line = at ? strtol(at + 1, &end, 10) : 0;
    long column = line > 0 && *end == ':' ? strtol(end + 1, &end, 10) : 0;
    struct pool *pool = &protoc->schema->pool;
    struct schema_pos pos = {protoc->path, 0, 0};
    if (line <= 0 || column <= 0 || *end != ':') {
        schema_error_add(protoc->schema, &pos, NULL, "protoc: %s", text);
        return;
    }
    const char *name = pool_text_n(pool, text, (size_t)(at - text));
    const char *file = protoc_file(protoc, name);
    end += strspn(end, ": ");
    if (!strcmp(name, protoc->path) || !file || !strcmp(file, protoc->path)) {
        source_error(protoc->source,
                     protoc_offset(protoc->source, (int32_t)line - 1,
                                   (int32_t)column - 1),
                     "%s", end);
        return;
    }
    pos = (struct schema_pos){file, (uint32_t)line, (uint32_t)column};
    schema_error_add(protoc->schema, &pos, NULL, "%s", end);
}

static void pass_on_all(struct protoc *protoc, const char *errors, int status)
{
    struct pool *pool = &protoc->schema->pool;
    struct schema_pos pos = {protoc->path, 0, 0};
    size_t before = schema_error_count(protoc->schema);
    struct source *said =
        status < 0 ? NULL : source_read(protoc->schema, errors, NULL, 0);
    for (const char *at = said ? said->text : ""; *at;) {
        size_t len = strcspn(at, "\n");
        pass_on(protoc, pool_text_n(pool, at, len));
        at += len;
        at += *at == '\n';
    }
    if (schema_error_count(protoc->schema) == before)
        schema_error_add(protoc->schema, &pos, NULL,
                         "protoc could not be run (Debian package "
                         "protobuf-compiler)");
}

static void *pool_unpack_alloc(void *pool, size_t size)
{
    return pool_alloc(pool, size);
}

static void pool_unpack_free(void *pool, void *pointer)
{
    (void)pool, (void)pointer;
}

static bool unpack(struct protoc *protoc, const char *set)
{
    struct pool *pool = &protoc->schema->pool;
    ProtobufCAllocator allocator = {pool_unpack_alloc, pool_unpack_free, pool};
    struct schema_pos pos = {protoc->path, 0, 0};
    FILE *file = fopen(set, "rbe");
    size_t len = 0;
    uint8_t *data = NULL;
    if (file && !fseek(file, 0, SEEK_END)) {
        long size = ftell(file);
        rewind(file);
        data = pool_alloc(pool, size > 0 ? (size_t)size : 1);
        len = size > 0 ? fread(data, 1, (size_t)size, file) : 0;
    }
    if (file)
        fclose(file);
    protoc->set =
        google__protobuf__file_descriptor_set__unpack(&allocator, len, data);
    if (protoc->set && protoc->set->n_file)
        return true;
    schema_error_add(protoc->schema, &pos, NULL,
                     "protoc's descriptor set cannot be read");
    return false;
}

bool protoc_run(struct protoc *protoc)
{
    struct pool *pool = &protoc->schema->pool;
    struct schema_pos pos = {protoc->path, 0, 0};
    const char *base = getenv("TMPDIR");
    char *folder =
        pool_printf(pool, "%s/schemac-XXXXXX", base && base[0] ? base : "/tmp");
    protoc->source =
        source_read(protoc->schema, protoc->path, protoc->from, protoc->at);
    if (!protoc->source)
        return false;
    if (!mkdtemp(folder)) {
        schema_error_add(protoc->schema, &pos, NULL, "cannot make %s: %s",
                         folder, strerror(errno));
        return false;
    }
    protoc->scratch = folder;
    const char *set = pool_printf(pool, "%s/set", folder);
    const char *errors = pool_printf(pool, "%s/errors", folder);
    find_folders(protoc);
    bool stubs = proto_stubs_write(pool, folder);
    int status = stubs ? run(protoc, set, errors) : -1;
    proto_stubs_remove(pool, folder);
    if (!stubs)
        schema_error_add(protoc->schema, &pos, NULL, "cannot write into %s: %s",
                         folder, strerror(errno));
    else if (status)
        pass_on_all(protoc, errors, status);
    bool ok = !status && unpack(protoc, set);
    unlink(set);
    unlink(errors);
    rmdir(folder);
    return ok;
}
