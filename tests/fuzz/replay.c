/* SPDX-License-Identifier: MIT
 *
 * Replays seed files through one fuzz target where libFuzzer's own main is not
 * linked: every argument is a file or a folder of files. No seed is an error,
 * so that a moved folder cannot pass as a clean run.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path, off_t size)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return 1;
    }
    /* An exact allocation, so that the sanitizer sees a read past the end. */
    uint8_t *data = malloc(size ? (size_t)size : 1);
    if (!data)
        abort();
    size_t len = fread(data, 1, (size_t)size, file);
    fclose(file);
    LLVMFuzzerTestOneInput(data, len);
    free(data);
    return 0;
}

static int replay(const char *path, unsigned *count);

static int replay_folder(const char *path, unsigned *count)
{
    DIR *folder = opendir(path);
    if (!folder) {
        perror(path);
        return 1;
    }
    int failed = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        char full[4096];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(full, sizeof(full), "%s/%s", path, entry->d_name);
        failed |= replay(full, count);
    }
    closedir(folder);
    return failed;
}

static int replay(const char *path, unsigned *count)
{
    struct stat st;
    if (stat(path, &st) < 0) {
        perror(path);
        return 1;
    }
    if (S_ISDIR(st.st_mode))
        return replay_folder(path, count);
    (*count)++;
    return replay_file(path, st.st_size);
}

int main(int argc, char **argv)
{
    unsigned count = 0;
    int failed = 0;
    for (int i = 1; i < argc; i++)
        failed |= replay(argv[i], &count);
    printf("%u seeds replayed\n", count);
    return failed || count == 0;
}
