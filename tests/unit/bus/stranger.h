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

#include "bus/frame.h"

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

/* Shakes hands and says hello as actor and instance; true if welcomed. The
 * connection's reads must have a time-out or a patient test. */
static inline bool stranger_hello(int fd, const char *actor,
                                  const char *instance)
{
    static const uint8_t req[8] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};
    uint8_t answer[9];
    struct bus_buf frame;
    bus_buf_init(&frame, 256);
    bus_frame_begin(&frame, true);
    bus_frame_hello(&frame, BUS_ENVELOPE_HELLO, actor, instance, "");
    uint8_t head[13] = {1,    0, 0, 0, 0, 0, 0, 0, (uint8_t)(frame.len + 4),
                        0x80, 0, 0, 1};
    bool welcome =
        send(fd, req, sizeof(req), MSG_NOSIGNAL) == (ssize_t)sizeof(req) &&
        recv(fd, answer, 8, MSG_WAITALL) == 8 &&
        send(fd, head, sizeof(head), MSG_NOSIGNAL) == (ssize_t)sizeof(head) &&
        send(fd, frame.data, frame.len, MSG_NOSIGNAL) == (ssize_t)frame.len &&
        recv(fd, answer, 9, MSG_WAITALL) == 9;
    bus_buf_release(&frame);
    return welcome;
}

/* Says hello with the word that only a server's own watchdog knows, which is
 * its url's end, and stays: to the server it looks as if the end of a probe
 * were never reported. Returns the connection, -1: not welcomed. */
static inline int stranger_haunt(const char *url)
{
    int fd = stranger_connect(url);
    if (fd >= 0 && stranger_hello(fd, "watchdog", strrchr(url, '.') + 1))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

#endif
