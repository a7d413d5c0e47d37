/* SPDX-License-Identifier: MIT
 *
 * A server of ours against plain nng sockets, which is what a client in another
 * language has: a raw REQ peer that multiplexes, a cooked REQ that does not, a
 * reader that pauses, and one that talks rubbish.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <pthread.h>

#include "bus/bus_internal.h"
#include "bus/call.h"
#include "bus/frame.h"
#include "bus/names.h"
#include "bus/server.h"
#include "tests/unit/bus/folder.h"
#include "tests/unit/bus/serve.h"

#define PAUSED_REPLIES 5000
#define PAUSED_BYTES 16384
#define FLOOD_PINGS 10000 /* of a frame */
#define FLOOD_FRAMES 100
#define FLOOD_KEPT 4096 /* bytes */

struct world {
    char home[FOLDER_MAX];
    struct bus *bus;
    struct bus_server *server;
    struct bus_name name;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct bus_inbound *kept;
    size_t kept_count;
    bool echo; /* answer at once with a body of that size */
    size_t size;
};

static uint8_t big[PAUSED_BYTES];

static void serve_one(void *arg, struct bus_inbound *inbound)
{
    struct world *world = arg;
    if (world->echo) {
        struct bus_reply reply;
        bus_reply_init(&reply);
        reply.body =
            world->size ? (struct bus_bytes){big, world->size} : inbound->body;
        bus_inbound_reply(inbound, &reply);
        bus_server_flush(world->server);
        return;
    }
    pthread_mutex_lock(&world->lock);
    inbound->next = world->kept;
    world->kept = inbound;
    world->kept_count++;
    pthread_cond_signal(&world->changed);
    pthread_mutex_unlock(&world->lock);
}

static void serve(void *arg, struct bus_inbound *list)
{
    serve_each(serve_one, arg, list);
}

static int set_up(void **state)
{
    static struct world world;
    memset(&world, 0, sizeof(world));
    pthread_mutex_init(&world.lock, NULL);
    pthread_cond_init(&world.changed, NULL);
    folder_make(world.home);
    struct bus_options options = {.home = world.home, .actor = "echo"};
    assert_int_equal(bus_open(&options, &world.bus, NULL), BUS_OK);
    struct bus_server_options served = {
        .actor = "echo", .instance = "1", .serve = serve, .arg = &world};
    assert_int_equal(bus_server_open(world.bus, &served, &world.server, NULL),
                     BUS_OK);
    assert_int_equal(bus_server_publish(world.server, NULL), BUS_OK);
    assert_int_equal(
        bus_names_list(bus_names(world.bus), "echo", &world.name, 1), 1);
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    struct bus_reply reply;
    bus_reply_init(&reply);
    while (world->kept) {
        struct bus_inbound *inbound = world->kept;
        world->kept = inbound->next;
        bus_inbound_reply(inbound, &reply);
    }
    bus_server_close(world->server);
    bus_close(world->bus);
    folder_remove(world->home);
    pthread_mutex_destroy(&world->lock);
    pthread_cond_destroy(&world->changed);
    return 0;
}

static nng_socket dial(const struct world *world, bool raw)
{
    nng_socket socket;
    assert_int_equal(raw ? nng_req0_open_raw(&socket) : nng_req0_open(&socket),
                     0);
    nng_socket_set_ms(socket, NNG_OPT_RECVTIMEO, 20000);
    nng_socket_set_ms(socket, NNG_OPT_SENDTIMEO, 20000);
    assert_int_equal(nng_dial(socket, world->name.url, NULL, 0), 0);
    return socket;
}

static void add_request(struct bus_buf *buf, uint64_t id)
{
    uint8_t number = (uint8_t)id;
    struct bus_request request = {.method = "m", .body = {&number, 1}};
    struct bus_buf tail;
    bus_buf_init(&tail, 256);
    uint8_t count = bus_frame_tail(&tail, &request);
    struct bus_frame_head head = {BUS_ENVELOPE_REQUEST, count, id, 60000};
    bus_frame_request(buf, &head, bus_buf_bytes(&tail));
    bus_buf_release(&tail);
}

static void send_raw(nng_socket socket, const struct bus_buf *frame)
{
    nng_msg *msg;
    assert_int_equal(nng_msg_alloc(&msg, 0), 0);
    nng_msg_header_append_u32(msg, 0x80000001);
    nng_msg_append(msg, frame->data, frame->len);
    assert_int_equal(nng_sendmsg(socket, msg, 0), 0);
}

/* Notes the ids of the replies in a frame; returns how many there are. */
static size_t reply_ids(nng_msg *msg, uint64_t *ret, size_t max)
{
    struct bus_frame_reader reader;
    struct bus_envelope e;
    size_t count = 0;
    struct bus_bytes frame = {nng_msg_body(msg), nng_msg_len(msg)};
    assert_true(bus_frame_open(&reader, frame));
    while (bus_frame_next(&reader, &e) == BUS_FRAME_ONE)
        if (e.kind == BUS_ENVELOPE_REPLY && count < max)
            ret[count++] = e.id;
    return count;
}

static void wait_kept(struct world *world, size_t count)
{
    pthread_mutex_lock(&world->lock);
    while (world->kept_count < count)
        pthread_cond_wait(&world->changed, &world->lock);
    pthread_mutex_unlock(&world->lock);
}

/* Kept newest first: answering in that order is out of order. */
static void answer_kept(struct world *world)
{
    struct bus_reply reply;
    bus_reply_init(&reply);
    while (world->kept) {
        struct bus_inbound *inbound = world->kept;
        world->kept = inbound->next;
        reply.body = inbound->body;
        bus_inbound_reply(inbound, &reply);
        bus_server_flush(world->server);
    }
}

static void test_three_in_a_frame_answered_out_of_order(void **state)
{
    struct world *world = *state;
    nng_socket socket = dial(world, true);
    struct bus_buf frame;
    bus_buf_init(&frame, BUS_FRAME_BYTES_MAX);
    bus_frame_begin(&frame, true);
    for (uint64_t id = 1; id <= 3; id++)
        add_request(&frame, id);
    send_raw(socket, &frame);
    wait_kept(world, 3);
    answer_kept(world);
    uint64_t ids[3];
    size_t count = 0;
    while (count < 3) {
        nng_msg *msg;
        assert_int_equal(nng_recvmsg(socket, &msg, 0), 0);
        count += reply_ids(msg, ids + count, 3 - count);
        nng_msg_free(msg);
    }
    assert_int_equal(ids[0], 3);
    assert_int_equal(ids[1], 2);
    assert_int_equal(ids[2], 1);
    nng_close(socket);
    bus_buf_release(&frame);
}

static void ask_plain(nng_socket socket, uint64_t first, uint64_t last)
{
    struct bus_buf frame;
    bus_buf_init(&frame, BUS_FRAME_BYTES_MAX);
    bus_frame_begin(&frame, false);
    for (uint64_t id = first; id <= last; id++)
        add_request(&frame, id);
    assert_int_equal(nng_send(socket, frame.data, frame.len, 0), 0);
    bus_buf_release(&frame);
}

static void test_plain_client_gets_one_frame(void **state)
{
    struct world *world = *state;
    nng_socket socket = dial(world, false);
    uint64_t ids[3];
    nng_msg *msg;
    world->echo = true;
    for (int i = 0; i < 100; i++) {
        ask_plain(socket, 5, 5);
        assert_int_equal(nng_recvmsg(socket, &msg, 0), 0);
        assert_int_equal(((uint8_t *)nng_msg_body(msg))[0], BUS_FRAME_VERSION);
        assert_int_equal(reply_ids(msg, ids, 3), 1);
        assert_int_equal(ids[0], 5);
        nng_msg_free(msg);
    }
    nng_close(socket);
}

static void test_plain_frame_of_three_gets_one_frame(void **state)
{
    struct world *world = *state;
    nng_socket socket = dial(world, false);
    uint64_t ids[3];
    nng_msg *msg;
    ask_plain(socket, 1, 3);
    wait_kept(world, 3);
    answer_kept(world);
    assert_int_equal(nng_recvmsg(socket, &msg, 0), 0);
    assert_int_equal(reply_ids(msg, ids, 3), 3);
    nng_msg_free(msg);
    nng_close(socket);
}

static void ack(nng_socket socket, uint64_t frames)
{
    struct bus_buf frame;
    bus_buf_init(&frame, 64);
    bus_frame_begin(&frame, true);
    bus_frame_mark(&frame, BUS_ENVELOPE_ACK, frames);
    send_raw(socket, &frame);
    bus_buf_release(&frame);
}

/* Nothing is read until all is answered: far more than nng would hold. */
static void test_paused_reader_gets_every_reply(void **state)
{
    struct world *world = *state;
    nng_socket socket = dial(world, true);
    struct bus_server_stats stats = {0};
    world->echo = true;
    world->size = PAUSED_BYTES;
    for (uint64_t id = 1; id <= PAUSED_REPLIES; id++) {
        struct bus_buf frame;
        bus_buf_init(&frame, 256);
        bus_frame_begin(&frame, true);
        add_request(&frame, id);
        send_raw(socket, &frame);
        bus_buf_release(&frame);
    }
    while (stats.replies < PAUSED_REPLIES)
        bus_server_stats(world->server, &stats);
    assert_in_range(stats.frames_out, 1, BUS_CREDIT_FRAMES);
    bool *seen = calloc(PAUSED_REPLIES + 1, sizeof(bool));
    uint64_t ids[1024];
    uint64_t frames = 0;
    for (size_t total = 0; total < PAUSED_REPLIES;) {
        nng_msg *msg;
        assert_int_equal(nng_recvmsg(socket, &msg, 0), 0);
        size_t count = reply_ids(msg, ids, 1024);
        for (size_t i = 0; i < count; i++) {
            assert_false(seen[ids[i]]);
            seen[ids[i]] = true;
        }
        total += count;
        nng_msg_free(msg);
        ack(socket, ++frames);
    }
    free(seen);
    nng_close(socket);
}

static void test_rubbish_is_answered_and_cut(void **state)
{
    struct world *world = *state;
    nng_socket socket = dial(world, false);
    struct bus_frame_reader reader;
    struct bus_envelope e;
    struct bus_server_stats stats;
    nng_msg *msg;
    world->echo = true;
    assert_int_equal(nng_send(socket, (char[]){"\x01rubbish"}, 8, 0), 0);
    assert_int_equal(nng_recvmsg(socket, &msg, 0), 0);
    struct bus_bytes frame = {nng_msg_body(msg), nng_msg_len(msg)};
    assert_true(bus_frame_open(&reader, frame));
    assert_int_equal(bus_frame_next(&reader, &e), BUS_FRAME_ONE);
    assert_int_equal(e.code, BUS_INVALID_ARGUMENT);
    nng_msg_free(msg);
    bus_server_stats(world->server, &stats);
    assert_int_equal(stats.dropped, 1);
    /* Cut, and connected again by itself: still served. */
    ask_plain(socket, 9, 9);
    assert_int_equal(nng_recvmsg(socket, &msg, 0), 0);
    nng_msg_free(msg);
    nng_close(socket);
}

/* As many pings as memory would notice, and nothing is read meanwhile. */
static void test_pings_nobody_reads_are_not_kept(void **state)
{
    struct world *world = *state;
    nng_socket socket = dial(world, true);
    struct bus_server_stats before, stats;
    struct bus_buf frame;
    bus_buf_init(&frame, BUS_FRAME_BYTES_MAX);
    bus_frame_begin(&frame, true);
    for (int i = 0; i < FLOOD_PINGS; i++)
        bus_frame_mark(&frame, BUS_ENVELOPE_PING, 7);
    for (int i = 0; i < FLOOD_PINGS / 100; i++)
        bus_frame_hello(&frame, BUS_ENVELOPE_HELLO, "flood", "", "");
    bus_server_stats(world->server, &before);
    for (int i = 0; i < FLOOD_FRAMES; i++)
        send_raw(socket, &frame);
    do {
        bus_server_stats(world->server, &stats);
        assert_in_range(stats.unsent, 0, FLOOD_KEPT);
    } while (stats.frames_in < before.frames_in + FLOOD_FRAMES);
    nng_msg *msg;
    assert_int_equal(nng_recvmsg(socket, &msg, 0), 0); /* some were answered */
    nng_msg_free(msg);
    nng_close(socket);
    bus_buf_release(&frame);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_three_in_a_frame_answered_out_of_order),
        CASE(test_plain_client_gets_one_frame),
        CASE(test_plain_frame_of_three_gets_one_frame),
        CASE(test_paused_reader_gets_every_reply),
        CASE(test_rubbish_is_answered_and_cut),
        CASE(test_pings_nobody_reads_are_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
