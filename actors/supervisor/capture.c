/* SPDX-License-Identifier: MIT
 *
 * Appending and turning over. The rest of a line that began in a file ends in
 * that file, so a file may pass its limit by one chunk.
 */
#include "actors/supervisor/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void reopen(struct capture *capture)
{
    struct stat st;
    capture->size = 0;
    capture->fd =
        open(capture->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (capture->fd >= 0 && fstat(capture->fd, &st) == 0)
        capture->size = st.st_size;
}

void capture_open(struct capture *capture, const char *path, int64_t bytes_max)
{
    capture->bytes_max = bytes_max ? bytes_max : CAPTURE_BYTES_MAX;
    snprintf(capture->path, sizeof(capture->path), "%s", path);
    reopen(capture);
}

void capture_close(struct capture *capture)
{
    if (capture->fd >= 0)
        close(capture->fd);
    capture->fd = -1;
}

void capture_turn(const char *path)
{
    char from[BUS_PATH_MAX + 16], to[BUS_PATH_MAX + 16];
    for (int i = CAPTURE_FILES - 2; i >= 0; i--) {
        snprintf(from, sizeof(from), i ? "%s.%d" : "%s", path, i);
        snprintf(to, sizeof(to), "%s.%d", path, i + 1);
        rename(from, to);
    }
}

static void append(struct capture *capture, const char *data, size_t len)
{
    while (len > 0 && capture->fd >= 0) {
        ssize_t done = write(capture->fd, data, len);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return;
        data += done;
        len -= (size_t)done;
        capture->size += done;
    }
}

void capture_write(struct capture *capture, const char *data, size_t len)
{
    const char *newline = memchr(data, '\n', len);
    if (newline && capture->size + (int64_t)len > capture->bytes_max) {
        size_t head = (size_t)(newline - data) + 1;
        append(capture, data, head);
        capture_close(capture);
        capture_turn(capture->path);
        reopen(capture);
        data += head;
        len -= head;
    }
    append(capture, data, len);
}
