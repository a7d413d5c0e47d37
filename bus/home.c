/* SPDX-License-Identifier: MIT
 *
 * Finding and making the home. Folders that exist are left as they are; what
 * is made is 0700, for a socket's only guard is its folder.
 */
#include "bus/home.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bus/code.h"
#include "bus/error.h"

static const char *const folders[] = {"names", "sock", "data", "log"};

static int too_long(struct bus_error *err, const char *path, size_t size)
{
    return bus_error_set(err, BUS_RESOURCE_EXHAUSTED,
                         "path is longer than %zu bytes: %s", size - 1, path);
}

/* strerror is not thread-safe; strerror_r's POSIX form is. */
static int path_error(struct bus_error *err, const char *doing,
                      const char *path)
{
    char text[128];
    int number = errno;
    if (strerror_r(number, text, sizeof(text)))
        snprintf(text, sizeof(text), "error %d", number);
    return bus_error_set(err, BUS_FAILED_PRECONDITION, "%s %s: %s", doing, path,
                         text);
}

/* "" counts as not given. */
static const char *given(const char *text)
{
    return text && *text ? text : NULL;
}

/* The home as the user named it, perhaps relative. */
static int home_chosen(const char *explicit_home, char ret[BUS_PATH_MAX],
                       struct bus_error *err)
{
    const char *home = given(explicit_home);
    const char *tail = "";
    if (!home)
        home = given(getenv("TROUPE_HOME"));
    if (!home) {
        home = given(getenv("HOME"));
        tail = "/.troupe";
    }
    if (!home)
        return bus_error_set(err, BUS_FAILED_PRECONDITION,
                             "neither TROUPE_HOME nor HOME is set");
    if ((size_t)snprintf(ret, BUS_PATH_MAX, "%s%s", home, tail) >= BUS_PATH_MAX)
        return too_long(err, home, BUS_PATH_MAX);
    return BUS_OK;
}

static int make_absolute(char path[BUS_PATH_MAX], struct bus_error *err)
{
    char whole[BUS_PATH_MAX];
    if (path[0] == '/')
        return BUS_OK;
    if (!getcwd(whole, sizeof(whole)))
        return path_error(err, "cannot find the current folder for", path);
    size_t len = strlen(whole);
    if (len + 1 + strlen(path) + 1 > sizeof(whole))
        return too_long(err, path, sizeof(whole));
    snprintf(whole + len, sizeof(whole) - len, "/%s", path);
    memcpy(path, whole, sizeof(whole));
    return BUS_OK;
}

static int make_folder(const char *path, struct bus_error *err)
{
    struct stat st;
    if (mkdir(path, 0700) == 0)
        return BUS_OK;
    if (errno != EEXIST)
        return path_error(err, "cannot make folder", path);
    if (stat(path, &st) < 0)
        return path_error(err, "cannot look at folder", path);
    if (S_ISDIR(st.st_mode))
        return BUS_OK;
    errno = ENOTDIR;
    return path_error(err, "cannot make folder", path);
}

/* Every missing folder of the path; path is restored. */
static int make_folders(char *path, struct bus_error *err)
{
    int code = BUS_OK;
    for (char *at = path + 1; *at && code == BUS_OK; at++) {
        if (*at != '/' || at[-1] == '/')
            continue;
        *at = '\0';
        code = make_folder(path, err);
        *at = '/';
    }
    return code ? code : make_folder(path, err);
}

int bus_home(const char *explicit_home, char ret[BUS_PATH_MAX],
             struct bus_error *err)
{
    char home[BUS_PATH_MAX], path[BUS_PATH_MAX];
    int code = home_chosen(explicit_home, home, err);
    if (code == BUS_OK)
        code = make_absolute(home, err);
    for (size_t len = strlen(home); len > 1 && home[len - 1] == '/'; len--)
        home[len - 1] = '\0';
    if (code == BUS_OK)
        code = make_folders(home, err);
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        if (code == BUS_OK)
            code = bus_home_path(home, folders[i], "", path, sizeof(path), err);
        if (code == BUS_OK)
            code = make_folder(path, err);
    }
    if (code == BUS_OK)
        memcpy(ret, home, sizeof(home));
    return code;
}

int bus_home_path(const char *home, const char *folder, const char *name,
                  char *ret, size_t size, struct bus_error *err)
{
    size_t home_len = strlen(home), folder_len = strlen(folder);
    size_t name_len = strlen(name);
    if (home_len + folder_len + name_len + 3 > size)
        return bus_error_set(err, BUS_RESOURCE_EXHAUSTED,
                             "path is longer than %zu bytes: %s/%s/%s",
                             size ? size - 1 : 0, home, folder, name);
    snprintf(ret, size, "%s/%s%s%s", home, folder, name_len ? "/" : "", name);
    return BUS_OK;
}
