/* SPDX-License-Identifier: MIT
 *
 * A word is taken under a lock on the file, so that replicas and workers that
 * arrive together take different ones. A file left empty is removed.
 */
#include "actors/runtime/fault.h"

#include "bus/code.h"

#ifdef TROUPE_TEST_HOOKS

#include <ctype.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "actors/runtime/process.h"
#include "bus/home.h"

static pthread_mutex_t fault_lock = PTHREAD_MUTEX_INITIALIZER;

/* Cuts the first word out of text; returns what follows it. */
static char *word_cut(char *text, char **ret_word)
{
    while (isspace((unsigned char)*text))
        text++;
    *ret_word = text;
    while (*text && !isspace((unsigned char)*text))
        text++;
    if (*text)
        *text++ = '\0';
    while (isspace((unsigned char)*text))
        text++;
    return text;
}

/* The file's lock is held. */
static int fault_cut(int fd, const char *path)
{
    char text[FAULT_BYTES_MAX], *word;
    ssize_t len = pread(fd, text, sizeof(text) - 1, 0);
    int code = BUS_OK;
    if (len <= 0)
        return BUS_OK;
    text[len] = '\0';
    const char *rest = word_cut(text, &word);
    size_t left = strlen(rest);
    if (left == 0)
        unlink(path);
    else if (pwrite(fd, rest, left, 0) != (ssize_t)left ||
             ftruncate(fd, (off_t)left) != 0)
        return BUS_OK;
    return bus_code_from_name(word, &code) ? code : BUS_OK;
}

int fault_take(const struct actor_process *process, const char *method)
{
    char name[BUS_NAME_MAX + BUS_METHOD_MAX + 1], path[BUS_PATH_MAX];
    int code = BUS_OK;
    snprintf(name, sizeof(name), "%s.%s", process->type->name, method);
    if (bus_home_path(process->home, "fault", name, path, sizeof(path), NULL))
        return BUS_OK;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return BUS_OK;
    pthread_mutex_lock(&fault_lock);
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_SETLKW, &whole) == 0)
        code = fault_cut(fd, path);
    pthread_mutex_unlock(&fault_lock);
    close(fd);
    return code;
}

#else

int fault_take(const struct actor_process *process, const char *method)
{
    (void)process;
    (void)method;
    return BUS_OK;
}

#endif
