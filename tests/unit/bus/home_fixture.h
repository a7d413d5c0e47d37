/* SPDX-License-Identifier: MIT
 *
 * A temporary $TROUPE_HOME for one test, short enough for socket paths, removed
 * with everything in it.
 */
#ifndef TEST_HOME_FIXTURE_H
#define TEST_HOME_FIXTURE_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static inline void home_make(char *ret, size_t size)
{
    snprintf(ret, size, "/tmp/troupe-XXXXXX");
    if (!mkdtemp(ret))
        abort();
}

/* Depth first; only ever called on what home_make made. */
static inline void home_remove(const char *path)
{
    DIR *stream = opendir(path);
    struct dirent *entry;
    while (stream && (entry = readdir(stream))) {
        char inner[512];
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        snprintf(inner, sizeof(inner), "%.200s/%.255s", path, entry->d_name);
        if (unlink(inner))
            home_remove(inner);
    }
    if (stream)
        closedir(stream);
    rmdir(path);
}

#endif
