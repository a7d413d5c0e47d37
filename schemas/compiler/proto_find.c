/* SPDX-License-Identifier: MIT
 *
 * Where the files are that a .proto file imports. protoc wants to be told the
 * folders that import paths start from, which people keep in their build files:
 * here it is each folder at or above the file, or one of a few names below
 * such a folder, that holds the import. An import that begins with the address
 * of its own repository is found by what follows that. protoc decides in the
 * end: what it does not find is left out of copies of the files, with the
 * options that only such files declare.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto_mend.h"
#include "protoc.h"

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

static const char *join(struct pool *pool, const char *folder, const char *name)
{
    return path_clean(pool, pool_printf(pool, "%s/%s", folder, name));
}

static bool is_there(struct pool *pool, const char *folder, const char *name)
{
    struct stat st;
    return !stat(join(pool, folder, name), &st) && S_ISREG(st.st_mode);
}

/* The folder at or above this one, or one below such a folder, that holds the
 * import; NULL. */
static const char *find_above(struct pool *pool, const char *folder,
                              const char *import)
{
    static const char *const below[] = {
        "third_party", "proto", "protos",      "protobuf",
        "api",         "idl",   "vendor",      "third_party/googleapis",
        "include",     "deps",  "third-party", "googleapis",
        NULL};
    for (int up = 0; up < SCHEMA_DEPTH_MAX; up++) {
        if (is_there(pool, folder, import))
            return folder;
        for (int i = 0; below[i]; i++)
            if (is_there(pool, folder,
                         pool_printf(pool, "%s/%s", below[i], import)))
                return join(pool, folder, below[i]);
        if (!strcmp(folder, "/"))
            return NULL;
        folder = join(pool, folder, "..");
    }
    return NULL;
}

static struct proto_file *add_file(struct protoc *protoc, const char *name,
                                   const char *path, const char *text)
{
    struct pool *pool = &protoc->schema->pool;
    struct proto_file *file = pool_alloc(pool, sizeof(*file));
    *file = (struct proto_file){.name = name, .path = path, .text = text};
    proto_imports(pool, text, &file->imports);
    vec_push(pool, &protoc->files, file);
    map_put(pool, &protoc->by_name, name, file);
    return file;
}

static void read_file(struct protoc *protoc, const char *name, const char *path,
                      bool elsewhere)
{
    struct pool *pool = &protoc->schema->pool;
    const char *why;
    size_t len;
    char *text = protoc->files.count < SCHEMA_FILES_MAX
                     ? source_slurp(pool, path, &len, &why)
                     : NULL;
    if (!text)
        return;
    bool mended = source_mend(text, len);
    add_file(protoc, name, path, text)->copied = elsewhere || mended;
}

/* "github.com/a/b/user/user.proto" lies at user/user.proto of that repository;
 * a folder must remain, or any file of that name would do. */
static void find_tail(struct protoc *protoc, const struct proto_file *file,
                      const char *import)
{
    struct pool *pool = &protoc->schema->pool;
    for (const char *tail = strchr(import, '/'); tail;
         tail = strchr(tail, '/')) {
        tail++;
        if (!strchr(tail, '/'))
            return;
        const char *folder =
            find_above(pool, folder_of(pool, file->path), tail);
        if (!folder)
            continue;
        read_file(protoc, import, join(pool, folder, tail), true);
        return;
    }
}

static void find_import(struct protoc *protoc, const struct proto_file *file,
                        const char *import)
{
    struct pool *pool = &protoc->schema->pool;
    const char *const *folders = protoc->folders.items;
    if (map_get(&protoc->by_name, import) || import[0] == '/' ||
        !strncmp(import, "google/protobuf/", 16))
        return;
    for (size_t i = 0; i < protoc->folders.count; i++)
        if (is_there(pool, folders[i], import)) {
            read_file(protoc, import, join(pool, folders[i], import), false);
            return;
        }
    const char *found = find_above(pool, folder_of(pool, file->path), import);
    if (found) {
        add_folder(protoc, found);
        read_file(protoc, import, join(pool, found, import), false);
    } else {
        find_tail(protoc, file, import);
    }
}

void proto_find(struct protoc *protoc)
{
    struct pool *pool = &protoc->schema->pool;
    const char *slash = strrchr(protoc->path, '/');
    add_folder(protoc, folder_of(pool, protoc->path));
    add_file(protoc, slash ? slash + 1 : protoc->path, protoc->path,
             protoc->source->text)
        ->copied = protoc->source->mended;
    for (size_t i = 0; i < protoc->files.count; i++) {
        const struct proto_file *file =
            ((struct proto_file *const *)protoc->files.items)[i];
        const struct proto_import *imports = file->imports.items;
        for (size_t j = 0; j < file->imports.count; j++)
            find_import(protoc, file, imports[j].name);
    }
}

/* ---- copies ---- */

/* The folders of a name, each once. */
static bool make_folders(struct protoc *protoc, const char *name)
{
    struct pool *pool = &protoc->schema->pool;
    for (const char *at = name; (at = strchr(at, '/')); at++) {
        const char *folder = pool_printf(pool, "%s/%.*s", protoc->scratch,
                                         (int)(at - name), name);
        if (!mkdir(folder, 0700))
            vec_push(pool, &protoc->made, folder);
        else if (errno != EEXIST)
            return false;
    }
    return true;
}

/* protoc takes no such import either. */
static bool leads_out(const char *name)
{
    return name[0] == '/' || !strncmp(name, "../", 3) || strstr(name, "/../");
}

static bool write_copy(struct protoc *protoc, const char *name,
                       const char *text)
{
    struct pool *pool = &protoc->schema->pool;
    if (leads_out(name))
        return true;
    if (!make_folders(protoc, name))
        return false;
    const char *path = pool_printf(pool, "%s/%s", protoc->scratch, name);
    FILE *file = fopen(path, "we");
    if (!file)
        return false;
    vec_push(pool, &protoc->written, path);
    bool good = fputs(text, file) >= 0;
    return fclose(file) == 0 && good;
}

bool proto_copy(struct protoc *protoc)
{
    struct proto_file *const *files = protoc->files.items;
    for (size_t i = 0; i < protoc->files.count; i++)
        if (files[i]->copied &&
            !write_copy(protoc, files[i]->name, files[i]->text))
            return false;
    return true;
}

bool proto_copy_mended(struct protoc *protoc)
{
    struct proto_file *const *files = protoc->files.items;
    struct pool *pool = &protoc->schema->pool;
    for (size_t i = 0; i < protoc->files.count; i++) {
        size_t options;
        files[i]->copied = true;
        const char *text =
            proto_mend(pool, files[i]->text, &protoc->missing, &options);
        if (!write_copy(protoc, files[i]->name, text))
            return false;
    }
    return true;
}

void proto_copies_remove(struct protoc *protoc)
{
    const char *const *written = protoc->written.items;
    const char *const *made = protoc->made.items;
    for (size_t i = 0; i < protoc->written.count; i++)
        unlink(written[i]);
    for (size_t i = protoc->made.count; i-- > 0;)
        rmdir(made[i]);
}

/* ---- imports that are not there ---- */

/* Of packages that hold nothing but options, whether one is used or not. */
static bool gives_options(const char *import)
{
    static const char *const parts[] = {"google/api/annotations.proto",
                                        "google/api/http.proto",
                                        "google/api/field_behavior.proto",
                                        "gogoproto/gogo.proto",
                                        "validate/validate.proto",
                                        "/annotations.proto",
                                        NULL};
    for (int i = 0; parts[i]; i++)
        if (strstr(import, parts[i]))
            return true;
    return false;
}

bool proto_missing_matters(struct protoc *protoc)
{
    const struct proto_file *root =
        ((struct proto_file *const *)protoc->files.items)[0];
    const struct proto_import *imports = root->imports.items;
    size_t options;
    proto_mend(&protoc->schema->pool, root->text, &protoc->missing, &options);
    for (size_t i = 0; i < root->imports.count; i++)
        if (map_get(&protoc->missing, imports[i].name) && !options &&
            !gives_options(imports[i].name))
            return true;
    return false;
}

static void say_missing(struct protoc *protoc, const struct proto_file *file,
                        bool options)
{
    struct source *source = protoc->source;
    const struct proto_import *imports = file->imports.items;
    if (strcmp(file->path, protoc->path) != 0)
        source = source_new(protoc->schema, file->path, file->text,
                            strlen(file->text));
    for (size_t i = 0; source && i < file->imports.count; i++)
        if (map_get(&protoc->missing, imports[i].name) &&
            gives_options(imports[i].name) == options)
            source_error(source, imports[i].at,
                         "found no file for import \"%s\", expected it beside "
                         "this file or under a folder above it",
                         imports[i].name);
}

/* Files of options are to blame only if there is nobody else. */
void proto_missing_say(struct protoc *protoc)
{
    struct proto_file *const *files = protoc->files.items;
    size_t before = schema_error_count(protoc->schema);
    for (size_t i = 0; i < protoc->files.count; i++)
        say_missing(protoc, files[i], false);
    if (protoc->undefined && schema_error_count(protoc->schema) == before)
        for (size_t i = 0; i < protoc->files.count; i++)
            say_missing(protoc, files[i], true);
}
