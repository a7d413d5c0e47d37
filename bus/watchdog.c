/* SPDX-License-Identifier: MIT
 *
 * The watchdog's probe speaks SP over a Unix socket by hand, to the end of the
 * handshake and one answer: a probe that left earlier would itself kill the
 * listener. SP's ipc mapping: 8 bytes of greeting each way, then messages as a
 * byte 1, the length in 8 bytes big-endian, and the content.
 */
#include "bus/watchdog.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "bus/clock.h"
#include "bus/frame.h"

#define URL_MAX 160
#define IPC "ipc://"
#define ANSWER_MAX 1024 /* a welcome, at most with a goodbye */
#define GONE_SLICE_MS 50

struct watchdog {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stop;
    struct watchdog_ward ward;
    char url[URL_MAX];
    char token[WATCHDOG_TOKEN_MAX];
};

static bool wait_for(int fd, short events, int64_t deadline)
{
    int64_t left = deadline - bus_now(&bus_clock_system);
    struct pollfd polled = {.fd = fd, .events = events};
    return left > 0 && poll(&polled, 1, (int)(left / BUS_MILLI) + 1) == 1;
}

static bool send_all(int fd, const uint8_t *data, size_t len, int64_t deadline)
{
    while (len > 0) {
        if (!wait_for(fd, POLLOUT, deadline))
            return false;
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        if (n > 0) {
            data += n;
            len -= (size_t)n;
        }
    }
    return true;
}

static bool recv_all(int fd, uint8_t *data, size_t len, int64_t deadline)
{
    while (len > 0) {
        if (!wait_for(fd, POLLIN, deadline))
            return false;
        ssize_t n = recv(fd, data, len, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
            return false;
        if (n > 0) {
            data += n;
            len -= (size_t)n;
        }
    }
    return true;
}

static bool greet(int fd, int64_t deadline)
{
    static const uint8_t req[8] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};
    static const uint8_t rep[8] = {0, 'S', 'P', 0, 0, 0x31, 0, 0};
    uint8_t got[8];
    return send_all(fd, req, sizeof(req), deadline) &&
           recv_all(fd, got, sizeof(got), deadline) &&
           memcmp(got, rep, sizeof(rep)) == 0;
}

/* Type, length, request id, frame. */
static bool hello(int fd, const char *token, int64_t deadline)
{
    struct bus_buf message;
    bus_buf_init(&message, 128);
    struct bus_buf frame;
    bus_buf_init(&frame, 64);
    bus_frame_begin(&frame, true);
    bus_frame_hello(&frame, BUS_ENVELOPE_HELLO, WATCHDOG_NAME, token, "");
    uint8_t head[13] = {1,    0, 0, 0, 0, 0, 0, 0, (uint8_t)(frame.len + 4),
                        0x80, 0, 0, 1};
    bus_buf_add(&message, head, sizeof(head));
    bus_buf_add(&message, frame.data, frame.len);
    bool sent = send_all(fd, message.data, message.len, deadline);
    bus_buf_release(&frame);
    bus_buf_release(&message);
    return sent;
}

/* Any answer will do: somebody reads. It is read to its end. */
static bool answered(int fd, int64_t deadline)
{
    uint8_t head[9], rest[ANSWER_MAX];
    if (!recv_all(fd, head, sizeof(head), deadline))
        return false;
    size_t len = (size_t)head[7] << 8 | head[8];
    return len <= sizeof(rest) && recv_all(fd, rest, len, deadline);
}

bool watchdog_probe(const char *url, const char *token, int timeout_ms)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = url + strlen(IPC);
    if (strncmp(url, IPC, strlen(IPC)) != 0 ||
        strlen(path) >= sizeof(address.sun_path))
        return false;
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return true; /* out of descriptors: nothing is known */
    int64_t deadline = bus_now(&bus_clock_system) + timeout_ms * BUS_MILLI;
    bool welcome =
        connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
        greet(fd, deadline) && hello(fd, token, deadline) &&
        answered(fd, deadline);
    close(fd);
    return welcome;
}

/* False: it is to stop. */
static bool dog_sleep(struct watchdog *dog, int ms)
{
    int64_t end = bus_now(&bus_clock_system) + ms * BUS_MILLI;
    struct timespec until = {.tv_sec = end / BUS_SECOND,
                             .tv_nsec = end % BUS_SECOND};
    pthread_mutex_lock(&dog->lock);
    int rc = 0;
    while (!dog->stop && rc == 0)
        rc = pthread_cond_timedwait(&dog->changed, &dog->lock, &until);
    bool stop = dog->stop;
    pthread_mutex_unlock(&dog->lock);
    return !stop;
}

/* In slices, so that a process that was stopped for a while is given its time
 * once it runs again. */
static bool probes_gone(struct watchdog *dog)
{
    const struct watchdog_ward *ward = &dog->ward;
    for (int ms = 0; ms < WATCHDOG_GONE_MS; ms += GONE_SLICE_MS)
        if (ward->probes(ward->arg) == 0 || !dog_sleep(dog, GONE_SLICE_MS))
            return true;
    return ward->probes(ward->arg) == 0;
}

static void *dog_run(void *arg)
{
    struct watchdog *dog = arg;
    struct watchdog_ward *ward = &dog->ward;
    while (dog_sleep(dog, WATCHDOG_EVERY_MS)) {
        bool welcome = watchdog_probe(dog->url, dog->token, WATCHDOG_ANSWER_MS);
        if (!probes_gone(dog)) {
            ward->sick(ward->arg,
                       "nng's closing thread hangs: a connection's end was not "
                       "reported within 2 s (nng 1.5.2 waits for ever for a "
                       "receive begun while its connection closed)");
            break;
        }
        struct bus_error err;
        if (!welcome)
            ward->hub->carrier->relisten(ward->hub, &err);
    }
    return NULL;
}

struct watchdog *watchdog_start(const struct watchdog_ward *ward)
{
    struct watchdog *dog = calloc(1, sizeof(*dog));
    if (!dog)
        abort();
    dog->ward = *ward;
    snprintf(dog->url, sizeof(dog->url), "%s", ward->url);
    snprintf(dog->token, sizeof(dog->token), "%s", ward->token);
    pthread_mutex_init(&dog->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&dog->changed, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&dog->thread, NULL, dog_run, dog))
        abort();
    return dog;
}

void watchdog_stop(struct watchdog *dog)
{
    if (!dog)
        return;
    pthread_mutex_lock(&dog->lock);
    dog->stop = true;
    pthread_cond_broadcast(&dog->changed);
    pthread_mutex_unlock(&dog->lock);
    pthread_join(dog->thread, NULL);
    pthread_cond_destroy(&dog->changed);
    pthread_mutex_destroy(&dog->lock);
    free(dog);
}
