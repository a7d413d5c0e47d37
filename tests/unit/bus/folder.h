/* SPDX-License-Identifier: MIT
 *
 * A temporary folder for one test, removed with all that is in it. Tests make
 * it in their setup and remove it in their teardown, which also runs when they
 * fail.
 */
#ifndef TEST_FOLDER_H
#define TEST_FOLDER_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER_MAX 512

static inline void folder_make(char ret[FOLDER_MAX])
{
    const char *base = getenv("TMPDIR");
    snprintf(ret, FOLDER_MAX, "%s/troupe-test-XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(ret))
        abort();
}

static inline void folder_remove(const char *path)
{
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        char full[4096];
        struct stat st;
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        int len = snprintf(full, sizeof(full), "%s/%s", path, entry->d_name);
        if (len < 0 || (size_t)len >= sizeof(full))
            continue;
        if (lstat(full, &st) == 0 && S_ISDIR(st.st_mode))
            folder_remove(full);
        else
            unlink(full);
    }
    if (folder)
        closedir(folder);
    rmdir(path);
}

#endif
