/* SPDX-License-Identifier: MIT
 *
 * A dialer against a listener that comes, goes and comes again, and against
 * strangers that answer wrongly; closed in each of its states.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bus/code.h"
#include "bus/dial.h"
#include "bus/error.h"
#include "bus/listen.h"
#include "tests/unit/bus/echo.h"
#include "tests/unit/bus/folder.h"

#define MESSAGE_MAX ((size_t)1 << 20)
#define CLOSE_MS 5000
#define ROUNDS 50

static struct {
    char folder[FOLDER_MAX];
    char url[256];
    struct chores *chores;
    struct dialer *dialer;
    struct listener *listener;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned up, down, sent, untaken, messages, gone, listener_gone;
    char last[64];
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

static void note_up(void *arg)
{
    (void)arg;
    count(&world.up);
}

static void note_message(void *arg, struct bus_bytes message)
{
    (void)arg;
    assert_true(message.len < sizeof(world.last));
    memcpy(world.last, message.data, message.len);
    world.last[message.len] = '\0';
    count(&world.messages);
}

static void note_sent(void *arg, bool taken)
{
    (void)arg;
    count(taken ? &world.sent : &world.untaken);
}

static void note_down(void *arg)
{
    (void)arg;
    count(&world.down);
}

static void note_gone(void *arg)
{
    (void)arg;
    count(&world.gone);
}

static const struct dialer_owner owner = {
    .up = note_up,
    .message = note_message,
    .sent = note_sent,
    .down = note_down,
    .gone = note_gone,
};

static void guest_accept(void *arg, struct conn *conn, void **ret_guest)
{
    (void)arg;
    *ret_guest = echo_new(conn);
}

static void note_listener_gone(void *arg)
{
    (void)arg;
    count(&world.listener_gone);
}

static const struct listener_owner other_side = {
    .accept = guest_accept,
    .message = echo_message,
    .sent = echo_sent,
    .closed = echo_closed,
    .guest_gone = echo_gone,
    .gone = note_listener_gone,
};

static void listen_begin(void)
{
    const struct listener_start start = {
        .chores = world.chores,
        .url = world.url,
        .kind = {.mapping = SP_OVER_IPC,
                 .self = SP_REP,
                 .peer = SP_REQ,
                 .message_max = MESSAGE_MAX},
        .owner = &other_side,
    };
    assert_int_equal(listener_start(&start, &world.listener, NULL), BUS_OK);
}

static void dial_begin(void)
{
    const struct dialer_start start = {
        .chores = world.chores,
        .url = world.url,
        .kind = {.mapping = SP_OVER_IPC,
                 .self = SP_REQ,
                 .peer = SP_REP,
                 .message_max = MESSAGE_MAX},
        .owner = &owner,
    };
    assert_int_equal(dialer_start(&start, &world.dialer, NULL), BUS_OK);
}

static int set_up(void **state)
{
    (void)state;
    memset(&world, 0, sizeof(world));
    pthread_mutex_init(&world.lock, NULL);
    pthread_cond_init(&world.changed, NULL);
    folder_make(world.folder);
    snprintf(world.url, sizeof(world.url), "ipc://%.200s/s", world.folder);
    world.chores = chores_start();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_true(chores_stop(world.chores, CLOSE_MS));
    assert_int_equal(world.up, world.down);
    folder_remove(world.folder);
    pthread_mutex_destroy(&world.lock);
    pthread_cond_destroy(&world.changed);
    return 0;
}

static void say(const char *text)
{
    struct bus_bytes head = {(const uint8_t *)text, strlen(text)};
    dialer_send(world.dialer, head, (struct bus_bytes){NULL, 0});
}

static void test_question_and_answer(void **state)
{
    (void)state;
    listen_begin();
    dial_begin();
    await(&world.up, 1);
    for (unsigned i = 1; i <= 100; i++) {
        say("well?");
        await(&world.messages, i);
        await(&world.sent, i);
    }
    assert_string_equal(world.last, "well?");
    dialer_close(world.dialer);
    await(&world.gone, 1);
    listener_close(world.listener);
}

static void test_dials_until_somebody_is_there(void **state)
{
    (void)state;
    dial_begin();
    listen_begin();
    await(&world.up, 1);
    dialer_close(world.dialer);
    await(&world.down, 1);
    listener_close(world.listener);
}

static void test_comes_back_when_the_other_side_does(void **state)
{
    (void)state;
    listen_begin();
    dial_begin();
    for (unsigned i = 1; i <= 5; i++) {
        await(&world.up, i);
        say("well?");
        await(&world.messages, i);
        listener_close(world.listener);
        await(&world.down, i);
        await(&world.listener_gone, i);
        listen_begin();
    }
    await(&world.up, 6);
    dialer_close(world.dialer);
    listener_close(world.listener);
}

static void test_dropped_it_dials_anew(void **state)
{
    (void)state;
    listen_begin();
    dial_begin();
    for (unsigned i = 1; i <= 5; i++) {
        await(&world.up, i);
        dialer_drop(world.dialer);
        await(&world.down, i);
    }
    await(&world.up, 6);
    dialer_close(world.dialer);
    listener_close(world.listener);
}

static void test_send_on_a_dropped_connection_is_not_taken(void **state)
{
    (void)state;
    listen_begin();
    dial_begin();
    await(&world.up, 1);
    pthread_mutex_lock(&world.lock); /* keeps down from being told */
    dialer_drop(world.dialer);
    say("lost");
    pthread_mutex_unlock(&world.lock);
    await(&world.untaken, 1);
    assert_int_equal(world.sent, 0);
    dialer_close(world.dialer);
    listener_close(world.listener);
}

/* Somebody is there, but speaks something else: it is never up. */
static void test_another_protocol_is_never_up(void **state)
{
    (void)state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s",
             world.url + strlen("ipc://"));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 8), 0);
    dial_begin();
    for (int i = 0; i < 3; i++) { /* it tries again and again */
        int guest = accept(fd, NULL, NULL);
        assert_true(guest >= 0);
        assert_int_equal(send(guest, "HTTP/1.1", 8, MSG_NOSIGNAL), 8);
        close(guest);
    }
    dialer_close(world.dialer);
    await(&world.gone, 1);
    assert_int_equal(world.up, 0);
    close(fd);
}

static void test_closed_at_any_moment(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= ROUNDS; i++) {
        bool there = i % 2;
        if (there)
            listen_begin();
        unsigned ups = world.up;
        dial_begin();
        if (i % 3 == 0 && there)
            await(&world.up, ups + 1);
        dialer_close(world.dialer);
        await(&world.gone, i);
        if (there) {
            unsigned before = world.listener_gone;
            listener_close(world.listener);
            await(&world.listener_gone, before + 1);
        }
    }
}

static void test_an_address_that_is_none_is_said(void **state)
{
    (void)state;
    struct bus_error err = {0};
    struct dialer *dialer = NULL;
    const struct dialer_start start = {
        .chores = world.chores,
        .url = "no/url",
        .kind = {.mapping = SP_OVER_IPC,
                 .self = SP_REQ,
                 .peer = SP_REP,
                 .message_max = MESSAGE_MAX},
        .owner = &owner,
    };
    assert_int_equal(dialer_start(&start, &dialer, &err), BUS_UNAVAILABLE);
    assert_non_null(strstr(err.sentence, "cannot dial no/url"));
    assert_null(dialer);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_question_and_answer),
        CASE(test_dials_until_somebody_is_there),
        CASE(test_comes_back_when_the_other_side_does),
        CASE(test_dropped_it_dials_anew),
        CASE(test_send_on_a_dropped_connection_is_not_taken),
        CASE(test_another_protocol_is_never_up),
        CASE(test_closed_at_any_moment),
        CASE(test_an_address_that_is_none_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
