/* SPDX-License-Identifier: MIT
 *
 * protoc reads .proto files, we read what it makes of them. It is started
 * without a shell, its descriptor set and its complaints land in a temporary
 * folder. proto_find.c says where imports lie. When protoc misses some of them,
 * it is run once more without them, for most only declare options that nothing
 * here reads; what it misses then is an error.
 */
#include "protoc.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto_mend.h"

extern char **environ;

static int wait_for(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* What protoc shall read: the file, or its copy. */
static const char *input_of(const struct protoc *protoc)
{
    const struct proto_file *root =
        ((struct proto_file *const *)protoc->files.items)[0];
    /* A path that begins with '-' would be an option. */
    return root->copied
               ? pool_printf(&protoc->schema->pool, "%s/%s", protoc->scratch,
                             root->name)
               : pool_printf(&protoc->schema->pool, "%s%s",
                             protoc->path[0] == '-' ? "./" : "", protoc->path);
}

/* Exit status, or -1 if protoc could not be started. */
static int run(struct protoc *protoc, const char *set, const char *errors)
{
    struct pool *pool = &protoc->schema->pool;
    const char *const *folders = protoc->folders.items;
    char *argv[PROTO_FOLDERS_MAX + 7];
    int argc = 0;
    argv[argc++] = pool_text(pool, "protoc");
    argv[argc++] = pool_printf(pool, "-I%s", protoc->scratch);
    for (size_t i = 0; i < protoc->folders.count; i++)
        argv[argc++] = pool_printf(pool, "-I%s", folders[i]);
    argv[argc++] = pool_text(pool, "--include_imports");
    argv[argc++] = pool_text(pool, "--include_source_info");
    argv[argc++] = pool_printf(pool, "--descriptor_set_out=%s", set);
    argv[argc++] = pool_text(pool, input_of(protoc));
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
    const struct proto_file *file = map_get(&protoc->by_name, name);
    if (file)
        return file->path;
    for (size_t i = 0; i < protoc->folders.count; i++) {
        const char *path =
            path_clean(pool, pool_printf(pool, "%s/%s", folders[i], name));
        if (!access(path, R_OK))
            return path;
    }
    return NULL;
}

/* Which file a complaint is about: protoc names it as it was given or as it is
 * imported. */
static const char *complained_of(const struct protoc *protoc, const char *name)
{
    size_t scratch = strlen(protoc->scratch);
    if (!strncmp(name, protoc->scratch, scratch) && name[scratch] == '/')
        name += scratch + 1;
    const char *file = protoc_file(protoc, name);
    return file ? file : protoc->path;
}

/* Said by the next line, or of no import that is in the way. */
static bool says_nothing(const char *line)
{
    return !*line || strstr(line, ": warning: ") ||
           strstr(line, ": File not found.") ||
           strstr(line, ": Backslashes, consecutive slashes") ||
           !strncmp(line, "[libprotobuf WARNING", 20);
}

/* "\"x\" is not defined." without a place, as it is said of a map's value: each
 * time of the next place where the word stands. False: it is nowhere. */
static bool place_undefined(struct protoc *protoc, const char *what)
{
    struct pool *pool = &protoc->schema->pool;
    const char *end = strchr(what + (what[0] != '\0'), '"');
    if (what[0] != '"' || !end)
        return false;
    const char *word = pool_text_n(pool, what + 1, (size_t)(end - what) - 1);
    size_t *from = map_get(&protoc->said, word);
    if (!from) {
        from = pool_alloc(pool, sizeof(*from));
        map_put(pool, &protoc->said, word, from);
    }
    size_t at = proto_word(protoc->source->text, *from, word);
    if (at == SIZE_MAX)
        return false;
    *from = at + strlen(word);
    source_error(protoc->source, at, "%s", what);
    return true;
}

/* What protoc says of an import is clear, but for paths that it takes nowhere:
 * "../a.proto". */
static const char *clear_text(const struct protoc *protoc, const char *text)
{
    static const char start[] = "Import \"";
    size_t from = sizeof(start) - 1, len;
    if (strncmp(text, start, from) != 0)
        return text;
    len = strcspn(text + from, "\"");
    const char *name = pool_text_n(&protoc->schema->pool, text + from, len);
    if (!strstr(name, "./") && !strstr(name, "//") && !strchr(name, '\\'))
        return text;
    return pool_printf(&protoc->schema->pool,
                       "found import \"%s\", expected a path from a folder at "
                       "or above this file, without '.' and '..'",
                       name);
}

/* "user.proto:3:1: Expected ...", or without a place "user.proto: ..." */
static void pass_on(struct protoc *protoc, const char *text)
{
    struct pool *pool = &protoc->schema->pool;
    const char *colon = strstr(text, ".proto:");
    char *end;
    if (says_nothing(text))
        return;
    protoc->undefined |= strstr(text, "\" is not defined.") != NULL;
    const char *at = colon ? colon + 6 : NULL;
    long line = at ? strtol(at + 1, &end, 10) : 0;
    long column = line > 0 && *end == ':' ? strtol(end + 1, &end, 10) : 0;
    const char *file =
        at ? complained_of(protoc, pool_text_n(pool, text, (size_t)(at - text)))
           : protoc->path;
    struct schema_pos pos = {file, 0, 0};
    if (line <= 0 || column <= 0 || *end != ':') {
        const char *what = at ? at + 1 + strspn(at + 1, " ") : text;
        if (strcmp(file, protoc->path) || !place_undefined(protoc, what))
            schema_error_add(protoc->schema, &pos, NULL, "protoc: %s", what);
        return;
    }
    const char *what = clear_text(protoc, end + strspn(end, ": "));
    if (!strcmp(file, protoc->path)) {
        source_error(protoc->source,
                     protoc_offset(protoc->source, (int32_t)line - 1,
                                   (int32_t)column - 1),
                     "%s", what);
        return;
    }
    pos = (struct schema_pos){file, (uint32_t)line, (uint32_t)column};
    schema_error_add(protoc->schema, &pos, NULL, "%s", what);
}

static const char *complaints(struct protoc *protoc, const char *errors)
{
    const char *why;
    size_t len;
    char *text = source_slurp(&protoc->schema->pool, errors, &len, &why);
    if (text)
        source_mend(text, len);
    return text ? text : "";
}

/* Each line of protoc's complaints, in a pool of the schema's. */
static void each_line(struct protoc *protoc, const char *text,
                      void (*take)(struct protoc *protoc, const char *line))
{
    while (*text) {
        size_t len = strcspn(text, "\n");
        take(protoc, pool_text_n(&protoc->schema->pool, text, len));
        text += len;
        text += *text == '\n';
    }
}

static void pass_on_all(struct protoc *protoc, const char *errors, int status)
{
    struct schema_pos pos = {protoc->path, 0, 0};
    size_t before = schema_error_count(protoc->schema);
    if (status >= 0)
        each_line(protoc, complaints(protoc, errors), pass_on);
    if (schema_error_count(protoc->schema) == before)
        schema_error_add(protoc->schema, &pos, NULL,
                         "protoc could not be run (Debian package "
                         "protobuf-compiler)");
}

/* "google/api/annotations.proto: File not found." */
static void note_missing(struct protoc *protoc, const char *line)
{
    static const char end[] = ": File not found.";
    struct pool *pool = &protoc->schema->pool;
    size_t len = strlen(line), tail = sizeof(end) - 1;
    if (len < tail || strcmp(line + len - tail, end) != 0)
        return;
    char *name = pool_text_n(pool, line, len - tail);
    protoc->missing_count += !map_get(&protoc->missing, name);
    map_put(pool, &protoc->missing, name, name);
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

/* Runs protoc, then perhaps without what it missed. */
static int run_all(struct protoc *protoc, const char *set, const char *errors)
{
    struct schema_pos pos = {protoc->path, 0, 0};
    int status = -1;
    bool good = proto_copy(protoc);
    if (good)
        status = run(protoc, set, errors);
    if (status > 0)
        each_line(protoc, complaints(protoc, errors), note_missing);
    if (status > 0 && protoc->missing_count) {
        good = proto_copy_mended(protoc);
        status = good ? run(protoc, set, errors) : -1;
    }
    if (!good)
        schema_error_add(protoc->schema, &pos, NULL, "cannot write into %s: %s",
                         protoc->scratch, strerror(errno));
    else if (status)
        pass_on_all(protoc, errors, status);
    if (protoc->missing_count && (status || proto_missing_matters(protoc)))
        proto_missing_say(protoc);
    return status;
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
    /* Names that no import can have. */
    const char *set = pool_printf(pool, "%s/..set", folder);
    const char *errors = pool_printf(pool, "%s/..errors", folder);
    proto_find(protoc);
    int status = run_all(protoc, set, errors);
    bool ok = !status && unpack(protoc, set);
    proto_copies_remove(protoc);
    unlink(set);
    unlink(errors);
    rmdir(folder);
    return ok;
}
