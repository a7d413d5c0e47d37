/* SPDX-License-Identifier: MIT
 *
 * Name files. The owner holds an open-file-description lock on the file itself
 * (F_OFD_SETLK: it survives the rename and goes with the process); readers ask
 * with F_OFD_GETLK, which disturbs nobody. Whoever changes a folder holds
 * flock on the folder, so that a sweeper never removes a name that was just
 * renamed into place. Nothing is synced: after a crash of the machine no name
 * is alive, whatever its file holds. The file of a dead owner is renamed to
 * ".crashed", whose time tells callers that a new instance may soon be there.
 */
#define _GNU_SOURCE /* F_OFD_SETLK, flock */
#include "bus/names_dir.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bus/buf.h"
#include "bus/code.h"
#include "bus/error.h"

#define TOMB ".crashed"
#define IPC "ipc://"
#define MIRRORED "stale "

static int failed(struct bus_error *err, const char *what, const char *path)
{
    return bus_error_set(err, BUS_UNAVAILABLE, "cannot %s %s: %s", what, path,
                         strerror(errno));
}

static bool folder_path(const char *home, const char *actor,
                        char ret[BUS_PATH_MAX])
{
    int len = snprintf(ret, BUS_PATH_MAX, "%s/names/%s", home, actor);
    return len > 0 && len < BUS_PATH_MAX;
}

static int folder_open(const char *path)
{
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* ---- Locks ---- */

static bool lock_take(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

static bool lock_held(int fd)
{
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

static bool folder_lock(int folder)
{
    while (flock(folder, LOCK_EX))
        if (errno != EINTR)
            return false;
    return true;
}

/* ---- Writing ---- */

static bool write_all(int fd, const struct bus_buf *text)
{
    size_t done = 0;
    while (done < text->len) {
        ssize_t n = write(fd, text->data + done, text->len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

static char origin_digit(uint8_t origin)
{
    return origin == BUS_NAME_STALE ? '1' : '0';
}

void names_dir_mark(int lock, uint8_t origin)
{
    struct stat st;
    char digit = origin_digit(origin);
    /* One byte: whoever reads meanwhile sees the old or the new. */
    if (fstat(lock, &st) == 0 && st.st_size > 2 &&
        pwrite(lock, &digit, 1, st.st_size - 2) < 0)
        assert(errno != EBADF);
}

static bool name_write(int fd, const struct bus_name *name)
{
    struct bus_buf text;
    bus_buf_init(&text, NAMES_FILE_MAX);
    bus_buf_printf(&text, "url %s\n", name->url);
    if (name->events[0])
        bus_buf_printf(&text, "events %s\n", name->events);
    if (name->tcp[0])
        bus_buf_printf(&text, "tcp %s\n", name->tcp);
    if (name->key[0])
        bus_buf_printf(&text, "key %s\n", name->key);
    if (name->affinity[0])
        bus_buf_printf(&text, "affinity %s\n", name->affinity);
    bus_buf_printf(&text, "node %s\npid %" PRId32 "\nstarted %" PRId64 "\n",
                   name->node, name->pid, name->started);
    if (name->origin != BUS_NAME_OWN) /* last: names_dir_mark writes over it */
        bus_buf_printf(&text, MIRRORED "%c\n", origin_digit(name->origin));
    bool done = !text.failed && write_all(fd, &text);
    bus_buf_release(&text);
    return done;
}

static bool name_live(int folder, const char *instance)
{
    int fd = openat(folder, instance, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    bool live = lock_held(fd);
    close(fd);
    return live;
}

/* The folder is locked: nobody else writes here. */
static int publish_locked(int folder, const struct bus_name *name,
                          int *ret_lock, struct bus_error *err)
{
    if (name_live(folder, name->instance))
        return bus_error_set(err, BUS_ALREADY_EXISTS,
                             "%s#%s is running already", name->actor,
                             name->instance);
    char temp[BUS_INSTANCE_MAX + 8];
    snprintf(temp, sizeof(temp), ".new-%s", name->instance);
    unlinkat(folder, temp, 0);
    int fd = openat(folder, temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return failed(err, "write the name", name->instance);
    if (lock_take(fd) && name_write(fd, name) &&
        renameat(folder, temp, folder, name->instance) == 0) {
        unlinkat(folder, TOMB, 0);
        *ret_lock = fd;
        return BUS_OK;
    }
    int code = failed(err, "write the name", name->instance);
    unlinkat(folder, temp, 0);
    close(fd);
    return code;
}

int names_dir_publish(const char *home, const struct bus_name *name,
                      int *ret_lock, struct bus_error *err)
{
    char path[BUS_PATH_MAX];
    if (!folder_path(home, name->actor, path))
        return bus_error_set(err, BUS_RESOURCE_EXHAUSTED, "path too long");
    if (mkdir(path, 0700) && errno != EEXIST)
        return failed(err, "make", path);
    int folder = folder_open(path);
    if (folder < 0)
        return failed(err, "open", path);
    int code = folder_lock(folder) ? publish_locked(folder, name, ret_lock, err)
                                   : failed(err, "lock", path);
    close(folder);
    return code;
}

static bool same_file(int folder, const char *instance, int fd)
{
    struct stat named, held;
    return fstatat(folder, instance, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           fstat(fd, &held) == 0 && named.st_ino == held.st_ino &&
           named.st_dev == held.st_dev;
}

void names_dir_withdraw(const char *home, const struct bus_name *name, int lock)
{
    char path[BUS_PATH_MAX];
    int folder = folder_path(home, name->actor, path) ? folder_open(path) : -1;
    if (folder >= 0) {
        if (folder_lock(folder) && same_file(folder, name->instance, lock))
            unlinkat(folder, name->instance, 0);
        close(folder);
    }
    close(lock);
}

/* ---- Reading ---- */

static void text_set(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from);
}

static void line_read(char *line, struct bus_name *name)
{
    char *value = strchr(line, ' ');
    if (!value)
        return;
    *value++ = '\0';
    if (strcmp(line, "url") == 0)
        text_set(name->url, sizeof(name->url), value);
    else if (strcmp(line, "events") == 0)
        text_set(name->events, sizeof(name->events), value);
    else if (strcmp(line, "affinity") == 0)
        text_set(name->affinity, sizeof(name->affinity), value);
    else if (strcmp(line, "node") == 0)
        text_set(name->node, sizeof(name->node), value);
    else if (strcmp(line, "tcp") == 0)
        text_set(name->tcp, sizeof(name->tcp), value);
    else if (strcmp(line, "key") == 0)
        text_set(name->key, sizeof(name->key), value);
    else if (strcmp(line, "stale") == 0)
        name->origin = *value == '1' ? BUS_NAME_STALE : BUS_NAME_MIRRORED;
    else if (strcmp(line, "pid") == 0)
        name->pid = (int32_t)strtol(value, NULL, 10);
    else if (strcmp(line, "started") == 0)
        name->started = strtoll(value, NULL, 10);
}

/* Lines "key value"; unknown keys are of later versions. */
static bool name_read(int fd, struct bus_name *name)
{
    char text[NAMES_FILE_MAX + 1];
    ssize_t len = pread(fd, text, NAMES_FILE_MAX, 0);
    if (len <= 0)
        return false;
    text[len] = '\0';
    for (char *line = text; line && *line;) {
        char *end = strchr(line, '\n');
        if (end)
            *end++ = '\0';
        line_read(line, name);
        line = end;
    }
    return name->url[0] != '\0';
}

/* ---- Sweeping ---- */

static void socket_remove(const char *home, const char *url)
{
    char folder[BUS_PATH_MAX];
    int len = snprintf(folder, sizeof(folder), IPC "%s/sock/", home);
    if (len > 0 && len < BUS_PATH_MAX &&
        strncmp(url, folder, (size_t)len) == 0 && !strchr(url + len, '/'))
        unlink(url + strlen(IPC));
}

/* Once more under the folder's lock: it may have a new owner by now. */
static void name_sweep(const char *home, int folder, const char *instance)
{
    if (!folder_lock(folder))
        return;
    int fd = openat(folder, instance, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && !lock_held(fd)) {
        struct bus_name dead = {.pid = 0};
        if (name_read(fd, &dead)) {
            socket_remove(home, dead.url);
            socket_remove(home, dead.events);
        }
        renameat(folder, instance, folder, TOMB);
        utimensat(folder, TOMB, NULL, 0);
    }
    if (fd >= 0)
        close(fd);
    flock(folder, LOCK_UN);
}

static int64_t tomb_time(int folder)
{
    struct stat tomb;
    if (fstatat(folder, TOMB, &tomb, AT_SYMLINK_NOFOLLOW))
        return 0;
    return (int64_t)tomb.st_mtim.tv_sec * 1000000 + tomb.st_mtim.tv_nsec / 1000;
}

struct scan {
    const char *home;
    const char *actor;
    int folder;
    names_dir_live *live;
    void *arg;
};

static void scan_one(const struct scan *scan, const char *instance)
{
    struct bus_name name = {.pid = 0};
    int fd = openat(scan->folder, instance, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return;
    bool live = lock_held(fd);
    bool readable = live && name_read(fd, &name);
    close(fd);
    if (!live)
        name_sweep(scan->home, scan->folder, instance);
    if (!readable)
        return;
    text_set(name.actor, sizeof(name.actor), scan->actor);
    text_set(name.instance, sizeof(name.instance), instance);
    scan->live(scan->arg, &name);
}

static bool instance_valid(const char *text)
{
    return strlen(text) < BUS_INSTANCE_MAX && bus_name_valid(text);
}

bool names_dir_scan(const char *home, const char *actor, names_dir_live *live,
                    void *arg, int64_t *ret_crashed)
{
    char path[BUS_PATH_MAX];
    int folder = folder_path(home, actor, path) ? folder_open(path) : -1;
    if (folder < 0)
        return false;
    /* The stream has a descriptor of its own; folder serves for locks. */
    int listed = folder_open(path);
    DIR *stream = listed >= 0 ? fdopendir(listed) : NULL;
    struct scan scan = {home, actor, folder, live, arg};
    const struct dirent *entry;
    while (stream && (entry = readdir(stream)))
        if (instance_valid(entry->d_name))
            scan_one(&scan, entry->d_name);
    if (stream)
        closedir(stream);
    else if (listed >= 0)
        close(listed);
    *ret_crashed = tomb_time(folder);
    close(folder);
    return true;
}

void names_dir_actors(const char *home, names_dir_actor *found, void *arg)
{
    char path[BUS_PATH_MAX];
    int len = snprintf(path, sizeof(path), "%s/names", home);
    DIR *stream = len > 0 && len < BUS_PATH_MAX ? opendir(path) : NULL;
    if (!stream)
        return;
    const struct dirent *entry;
    while ((entry = readdir(stream)))
        if (bus_name_valid(entry->d_name))
            found(arg, entry->d_name);
    closedir(stream);
}
