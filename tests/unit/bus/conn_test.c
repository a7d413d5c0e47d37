/* SPDX-License-Identifier: MIT
 *
 * Connections taken by a listener, with strangers that speak SP by hand at the
 * other end: whole messages, messages in pieces, and every bad way to leave.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <sys/time.h>

#include "bus/code.h"
#include "bus/error.h"
#include "bus/listen.h"
#include "tests/unit/bus/echo.h"
#include "tests/unit/bus/folder.h"
#include "tests/unit/bus/stranger.h"

#define MESSAGE_MAX ((size_t)8 << 20)
#define LEAVERS 2000
#define PROBES 10000
#define CLOSE_MS 5000
#define READ_S 20 /* a read that waits longer has failed */

static struct {
    char folder[FOLDER_MAX];
    char url[256];
    struct chores *chores;
    struct listener *listener;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned accepted, closed, guests_gone, untaken;
    unsigned subscribers; /* of those accepted */
    bool gone, other_gone;
} world;

static void count(unsigned *counter)
{
    pthread_mutex_lock(&world.lock);
    ++*counter;
    pthread_cond_broadcast(&world.changed);
    pthread_mutex_unlock(&world.lock);
}

static void await(const unsigned *counter, unsigned least)
{
    pthread_mutex_lock(&world.lock);
    while (*counter < least)
        pthread_cond_wait(&world.changed, &world.lock);
    pthread_mutex_unlock(&world.lock);
}

static void guest_accept(void *arg, struct conn *conn, void **ret_guest)
{
    (void)arg;
    *ret_guest = echo_new(conn);
    count(&world.accepted);
}

static void guest_sent(void *guest, bool taken)
{
    echo_sent(guest, taken);
    if (!taken)
        count(&world.untaken);
}

static void guest_closed(void *guest)
{
    echo_closed(guest);
    count(&world.closed);
}

static void guest_gone(void *guest)
{
    echo_gone(guest);
    count(&world.guests_gone);
}

static void listener_gone(void *arg)
{
    (void)arg;
    world.gone = true;
}

static const struct listener_owner owner = {
    .accept = guest_accept,
    .message = echo_message,
    .sent = guest_sent,
    .closed = guest_closed,
    .guest_gone = guest_gone,
    .gone = listener_gone,
};

/* Of those that speak SUB where both are taken: it says something at once. */
static void subscriber_accept(void *arg, struct conn *conn, void **ret_guest)
{
    guest_accept(arg, conn, ret_guest);
    assert_int_equal(conn_peer(conn), SP_SUB);
    echo_message(*ret_guest, (struct bus_bytes){(const uint8_t *)"here", 4});
    count(&world.subscribers);
}

static void other_gone(void *arg)
{
    (void)arg;
    world.other_gone = true;
}

static const struct listener_owner other_owner = {
    .accept = subscriber_accept,
    .message = echo_message,
    .sent = guest_sent,
    .closed = guest_closed,
    .guest_gone = guest_gone,
    .gone = other_gone,
};

static struct listener_start how(void)
{
    return (struct listener_start){
        .chores = world.chores,
        .url = world.url,
        .kind = {.mapping = SP_OVER_IPC,
                 .self = SP_REP,
                 .peer = SP_REQ,
                 .message_max = MESSAGE_MAX},
        .owner = &owner,
    };
}

static int set_up_with(const struct listener_also *also)
{
    memset(&world, 0, sizeof(world));
    pthread_mutex_init(&world.lock, NULL);
    pthread_cond_init(&world.changed, NULL);
    folder_make(world.folder);
    snprintf(world.url, sizeof(world.url), "ipc://%.200s/s", world.folder);
    world.chores = chores_start();
    struct listener_start start = how();
    if (also) {
        start.kind.also_self = SP_PUB;
        start.kind.also_peer = SP_SUB;
        start.also = *also;
    }
    assert_int_equal(listener_start(&start, &world.listener, NULL), BUS_OK);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    return set_up_with(NULL);
}

static int set_up_both(void **state)
{
    (void)state;
    return set_up_with(&(const struct listener_also){&other_owner, NULL});
}

static int tear_down(void **state)
{
    (void)state;
    listener_close(world.listener);
    assert_true(chores_stop(world.chores, CLOSE_MS));
    assert_true(world.gone);
    assert_int_equal(world.closed, world.accepted);
    assert_int_equal(world.guests_gone, world.accepted);
    folder_remove(world.folder);
    pthread_mutex_destroy(&world.lock);
    pthread_cond_destroy(&world.changed);
    return 0;
}

static int tear_down_both(void **state)
{
    int rc = tear_down(state);
    assert_true(world.other_gone);
    return rc;
}

static int stranger(void)
{
    int fd = stranger_connect(world.url);
    assert_true(fd >= 0);
    struct timeval limit = {.tv_sec = READ_S};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    return fd;
}

static void write_all(int fd, const void *data, size_t len)
{
    const char *at = data;
    while (len > 0) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
        assert_true(n > 0);
        at += n;
        len -= (size_t)n;
    }
}

static int greeted(void)
{
    uint8_t mine[SP_GREETING], theirs[SP_GREETING], want[SP_GREETING];
    int fd = stranger();
    sp_greeting(SP_REQ, mine);
    sp_greeting(SP_REP, want);
    write_all(fd, mine, sizeof(mine));
    assert_int_equal(recv(fd, theirs, sizeof(theirs), MSG_WAITALL), 8);
    assert_memory_equal(theirs, want, 8);
    return fd;
}

/* One message there and back. */
static void talk(int fd, const uint8_t *data, size_t len)
{
    uint8_t head[SP_HEAD_MAX], got[SP_HEAD_MAX];
    uint8_t *back = malloc(len + 1);
    write_all(fd, head, sp_head(SP_OVER_IPC, len, head));
    write_all(fd, data, len);
    assert_int_equal(recv(fd, got, sizeof(got), MSG_WAITALL), sizeof(got));
    assert_memory_equal(got, head, sizeof(head));
    if (len)
        assert_int_equal(recv(fd, back, len, MSG_WAITALL), len);
    assert_memory_equal(back, data, len);
    free(back);
}

static void assert_served(void)
{
    int fd = greeted();
    talk(fd, (const uint8_t *)"good", 4);
    close(fd);
}

static void test_messages_of_every_size(void **state)
{
    (void)state;
    static uint8_t data[MESSAGE_MAX];
    const size_t sizes[] = {
        0, 1, 8, 9, 65526, 65527, 65536, 131072, (1 << 20) + 1, MESSAGE_MAX};
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 7 + i / 251);
    int fd = greeted();
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        talk(fd, data, sizes[i]);
    talk(fd, data, 3); /* after the buffer was given back */
    close(fd);
}

static void test_byte_by_byte(void **state)
{
    (void)state;
    const uint8_t stream[] = "\0SP\0\0\x30\0\0"
                             "\1\0\0\0\0\0\0\0\3abc";
    uint8_t got[8 + 12];
    int fd = stranger();
    for (size_t i = 0; i < sizeof(stream) - 1; i++)
        write_all(fd, stream + i, 1);
    assert_int_equal(recv(fd, got, sizeof(got), MSG_WAITALL), sizeof(got));
    assert_memory_equal(got + 17, "abc", 3);
    close(fd);
}

static void test_two_protocols_at_one_address(void **state)
{
    (void)state;
    const uint8_t sub[] = "\0SP\0\0\x21\0\0";
    const uint8_t heard[] = "\0SP\0\0\x20\0\0"
                            "\1\0\0\0\0\0\0\0\4here";
    uint8_t got[sizeof(heard) - 1];
    int fd = stranger();
    for (size_t i = 0; i < sizeof(sub) - 1; i++)
        write_all(fd, sub + i, 1);
    assert_int_equal(recv(fd, got, sizeof(got), MSG_WAITALL), sizeof(got));
    assert_memory_equal(got, heard, sizeof(got));
    int caller = greeted();
    talk(caller, (const uint8_t *)"good", 4);
    assert_int_equal(world.subscribers, 1);
    assert_int_equal(world.accepted, 2);
    close(caller);
    close(fd);
}

static void test_leaving_before_the_greeting_is_answered(void **state)
{
    (void)state;
    const uint8_t sub[] = "\0SP\0\0\x21\0\0";
    for (size_t i = 0; i < LEAVERS; i++) {
        int fd = stranger();
        write_all(fd, sub, i % sizeof(sub));
        close(fd);
    }
    int fd = greeted();
    talk(fd, (const uint8_t *)"good", 4);
    close(fd);
}

static void assert_cut(int fd)
{
    uint8_t byte;
    while (recv(fd, &byte, 1, 0) > 0)
        ; /* its greeting */
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
    close(fd);
    assert_served();
}

static void test_claim_of_8_gib_is_cut(void **state)
{
    (void)state;
    uint8_t head[SP_HEAD_MAX];
    int fd = greeted();
    write_all(fd, head, sp_head(SP_OVER_IPC, UINT64_C(8) << 30, head));
    assert_cut(fd);
}

static void test_other_protocols_are_cut(void **state)
{
    (void)state;
    int fd = stranger();
    write_all(fd, "GET / HTTP/1.1\r\n", 16);
    assert_cut(fd);
    uint8_t pub[SP_GREETING];
    sp_greeting(SP_PUB, pub);
    fd = stranger();
    write_all(fd, pub, sizeof(pub));
    assert_cut(fd);
    assert_int_equal(world.accepted, 2); /* the good ones */
}

/* #1518 of nng: its own listeners die of this. */
static void test_probes_that_leave_at_once(void **state)
{
    (void)state;
    for (int i = 0; i < PROBES; i++) {
        int fd = stranger_connect(world.url);
        if (fd >= 0)
            close(fd);
    }
    assert_served();
}

/* The hang of nng's sockets: an end between a message's head and its body,
 * while an answer is on its way. */
static void test_leaving_in_mid_message(void **state)
{
    (void)state;
    static const uint8_t body[100000];
    uint8_t head[SP_HEAD_MAX];
    size_t len = sp_head(SP_OVER_IPC, sizeof(body), head);
    for (int i = 0; i < LEAVERS; i++) {
        int fd = greeted();
        write_all(fd, head, len);
        if (i % 2) {
            write_all(fd, body, sizeof(body)); /* answered into the void */
            write_all(fd, head, (size_t)(i % (int)len));
        }
        close(fd);
    }
    assert_served();
    await(&world.closed, LEAVERS + 1);
}

static void test_a_reader_that_never_reads_is_cut_by_closing(void **state)
{
    (void)state;
    static const uint8_t body[MESSAGE_MAX];
    uint8_t head[SP_HEAD_MAX];
    int fd = greeted();
    write_all(fd, head, sp_head(SP_OVER_IPC, sizeof(body), head));
    write_all(fd, body, sizeof(body)); /* its echo finds no room */
    assert_int_equal(recv(fd, head, sizeof(head), MSG_WAITALL), sizeof(head));
    listener_close(world.listener);
    await(&world.guests_gone, 1);
    assert_int_equal(world.untaken, 1);
    close(fd);
    assert_true(chores_stop(world.chores, CLOSE_MS));
    world.chores = chores_start();
    const struct listener_start start = how();
    assert_int_equal(listener_start(&start, &world.listener, NULL), BUS_OK);
}

static void test_a_taken_address_is_said(void **state)
{
    (void)state;
    struct listener *second = NULL;
    struct bus_error err = {0};
    const struct listener_start start = how();
    assert_int_equal(listener_start(&start, &second, &err), BUS_ALREADY_EXISTS);
    assert_non_null(strstr(err.sentence, "cannot listen on ipc://"));
    assert_null(second);
    assert_served(); /* the first one, which was asked, lives on */
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define BOTH(test)                                                             \
    cmocka_unit_test_setup_teardown(test, set_up_both, tear_down_both)
    const struct CMUnitTest tests[] = {
        CASE(test_messages_of_every_size),
        CASE(test_byte_by_byte),
        CASE(test_claim_of_8_gib_is_cut),
        CASE(test_other_protocols_are_cut),
        CASE(test_probes_that_leave_at_once),
        CASE(test_leaving_in_mid_message),
        CASE(test_a_reader_that_never_reads_is_cut_by_closing),
        CASE(test_a_taken_address_is_said),
        BOTH(test_two_protocols_at_one_address),
        BOTH(test_leaving_before_the_greeting_is_answered),
        BOTH(test_byte_by_byte),
        BOTH(test_other_protocols_are_cut),
        BOTH(test_leaving_in_mid_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
