/* SPDX-License-Identifier: MIT
 *
 * A peer that speaks SP over a Unix socket by hand, as badly as a test wants.
 */
#ifndef TEST_STRANGER_H
#define TEST_STRANGER_H

#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A connection to an ipc:// address; -1: refused. */
static inline int stranger_connect(const char *url)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = url + strlen("ipc://");
    if (strlen(path) >= sizeof(address.sun_path))
        return -1;
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

#endif
