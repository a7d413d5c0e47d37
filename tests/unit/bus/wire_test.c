/* SPDX-License-Identifier: MIT
 *
 * What may go over the network: addresses as text, and then calls between two
 * homes over loopback, in the clear and over TLS with certificates that openssl
 * makes here. A far name is put into the caller's home as the registrar does.
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
#include <spawn.h>
#include <sys/wait.h>

#include "bus/call.h"
#include "bus/event.h"
#include "bus/frame.h"
#include "bus/server.h"
#include "bus/wire.h"
#include "tests/unit/bus/folder.h"
#include "tests/unit/bus/serve.h"

extern char **environ;

#define CALL_MS 3000
#define REFUSED_MS 300
#define EVENTS 1000

/* ---- Certificates ---- */

static void openssl(const char *const *args)
{
    pid_t pid;
    int status;
    char *copy[32];
    size_t count = 0;
    for (; args[count]; count++)
        assert_non_null(copy[count] = strdup(args[count]));
    copy[count] = NULL;
    assert_int_equal(posix_spawnp(&pid, "openssl", NULL, NULL, copy, environ),
                     0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    for (size_t i = 0; i < count; i++)
        free(copy[i]);
}

#define OPENSSL(...)                                                           \
    openssl((const char *const[]){"openssl", __VA_ARGS__, NULL})

struct files {
    char ca[FOLDER_MAX + 32], ca_key[FOLDER_MAX + 32];
    char cert[FOLDER_MAX + 32], key[FOLDER_MAX + 32], csr[FOLDER_MAX + 32];
    char extension[FOLDER_MAX + 32];
};

/* An authority, and a certificate of it for one name. */
static void certify(const char *folder, const char *who, const char *name,
                    struct files *ret)
{
    char subject[64], san[64];
    snprintf(ret->ca, sizeof(ret->ca), "%s/%s.ca", folder, who);
    snprintf(ret->ca_key, sizeof(ret->ca_key), "%s/%s.ca.key", folder, who);
    snprintf(ret->cert, sizeof(ret->cert), "%s/%s.cert", folder, who);
    snprintf(ret->key, sizeof(ret->key), "%s/%s.key", folder, who);
    snprintf(ret->csr, sizeof(ret->csr), "%s/%s.csr", folder, who);
    snprintf(ret->extension, sizeof(ret->extension), "%s/%s.ext", folder, who);
    snprintf(subject, sizeof(subject), "/CN=%s", name);
    snprintf(san, sizeof(san), "subjectAltName=DNS:%s\n", name);
    FILE *extension = fopen(ret->extension, "w");
    assert_non_null(extension);
    fputs(san, extension);
    fclose(extension);
    OPENSSL("req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=authority",
            "-days", "2", "-keyout", ret->ca_key, "-out", ret->ca);
    OPENSSL("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-subj", subject, "-keyout", ret->key, "-out", ret->csr);
    OPENSSL("x509", "-req", "-in", ret->csr, "-CA", ret->ca, "-CAkey",
            ret->ca_key, "-CAcreateserial", "-days", "2", "-extfile",
            ret->extension, "-out", ret->cert);
}

/* ---- Two nodes ---- */

struct node {
    char home[FOLDER_MAX];
    struct bus *bus;
};

struct world {
    char folder[FOLDER_MAX];
    struct node near, far;
    struct bus_server *server;
    struct bus_arena arena;
};

static void echo_serve_one(void *arg, struct bus_inbound *inbound)
{
    struct world *world = arg;
    struct bus_reply reply;
    bus_reply_init(&reply);
    reply.body = inbound->body;
    bus_inbound_reply(inbound, &reply);
    bus_server_flush(world->server);
}

static void echo_serve(void *arg, struct bus_inbound *list)
{
    serve_each(echo_serve_one, arg, list);
}

static int set_up(void **state)
{
    static struct world world;
    memset(&world, 0, sizeof(world));
    folder_make(world.folder);
    folder_make(world.near.home);
    folder_make(world.far.home);
    bus_arena_init(&world.arena, BUS_ARENA_LIMIT);
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    bus_server_close(world->server);
    bus_close(world->near.bus);
    bus_close(world->far.bus);
    bus_arena_release(&world->arena);
    folder_remove(world->near.home);
    folder_remove(world->far.home);
    folder_remove(world->folder);
    return 0;
}

static void allow(struct node *node, const struct files *files)
{
    struct bus_wire wire = {.server_name = BUS_WIRE_SERVER_NAME};
    snprintf(wire.ca, sizeof(wire.ca), "%s", files->ca);
    snprintf(wire.cert, sizeof(wire.cert), "%s", files->cert);
    snprintf(wire.key, sizeof(wire.key), "%s", files->key);
    assert_int_equal(bus_wire_write(node->home, &wire, NULL), BUS_OK);
}

static void node_open(struct node *node)
{
    struct bus_options options = {.home = node->home, .actor = "tester"};
    assert_int_equal(bus_open(&options, &node->bus, NULL), BUS_OK);
}

static int far_serve(struct world *world, const char *listen_on,
                     struct bus_error *err)
{
    struct bus_server_options options = {
        .actor = "echo",
        .instance = "1",
        .node = "n2",
        .listen_on = listen_on,
        .serve = echo_serve,
        .arg = world,
    };
    node_open(&world->far);
    return bus_server_open(world->far.bus, &options, &world->server, err);
}

/* The far instance's name, as it comes to the near home. */
static void far_name(struct world *world, const char *url)
{
    struct bus_name name;
    assert_int_equal(bus_server_publish(world->server, NULL), BUS_OK);
    assert_int_equal(
        bus_names_list(bus_names(world->far.bus), "echo", &name, 1), 1);
    snprintf(name.url, sizeof(name.url), "%s", url ? url : name.tcp);
    snprintf(name.events, sizeof(name.events), "%s", name.url);
    name.tcp[0] = '\0';
    name.origin = BUS_NAME_MIRRORED;
    node_open(&world->near);
    assert_int_equal(bus_names_publish(bus_names(world->near.bus), &name, NULL),
                     BUS_OK);
}

static int say(struct world *world, struct bus_reply *reply)
{
    static const uint8_t body[] = {0xa2, 'h', 'i'};
    struct bus_request request = {
        .target = "echo@n2",
        .method = "say",
        .deadline = bus_now(bus_clock(world->near.bus)) + CALL_MS * BUS_MILLI,
        .body = {body, sizeof(body)},
    };
    bus_arena_reset(&world->arena);
    return bus_wait(world->near.bus, &request, &world->arena, reply);
}

static void calls_pass(struct world *world)
{
    for (int i = 0; i < 200; i++) {
        struct bus_reply reply;
        if (say(world, &reply))
            fail_msg("call %d: %s", i, reply.error.sentence);
        assert_int_equal(reply.body.len, 3);
    }
}

static void calls_fail(struct world *world)
{
    struct bus_reply reply;
    assert_int_not_equal(say(world, &reply), BUS_OK);
}

/* ---- Events, which come by the address that takes calls ---- */

struct listener {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t heard, lost;
};

static void hear(void *arg, const struct bus_event *event)
{
    struct listener *listener = arg;
    pthread_mutex_lock(&listener->lock);
    listener->heard++;
    listener->lost += event->lost;
    pthread_cond_signal(&listener->changed);
    pthread_mutex_unlock(&listener->lock);
}

static void events_pass(struct world *world)
{
    static const uint8_t body[] = {0xa2, 'h', 'i'};
    struct listener listener = {.lock = PTHREAD_MUTEX_INITIALIZER,
                                .changed = PTHREAD_COND_INITIALIZER};
    struct bus_subscription *sub;
    assert_int_equal(
        bus_subscribe(world->near.bus, "far.*", hear, &listener, &sub, NULL),
        BUS_OK);
    assert_true(bus_subscription_ready(sub, CALL_MS));
    for (int i = 0; i < EVENTS; i++)
        assert_int_equal(
            bus_server_event(world->server, "far.cry",
                             (struct bus_bytes){body, sizeof(body)}, NULL),
            BUS_OK);
    pthread_mutex_lock(&listener.lock);
    while (listener.heard + listener.lost < EVENTS)
        pthread_cond_wait(&listener.changed, &listener.lock);
    pthread_mutex_unlock(&listener.lock);
    bus_unsubscribe(sub);
    assert_int_equal(listener.heard, EVENTS);
}

static void events_fail(struct world *world)
{
    struct listener listener = {.lock = PTHREAD_MUTEX_INITIALIZER,
                                .changed = PTHREAD_COND_INITIALIZER};
    struct bus_subscription *sub;
    assert_int_equal(
        bus_subscribe(world->near.bus, ">", hear, &listener, &sub, NULL),
        BUS_OK);
    assert_false(bus_subscription_ready(sub, REFUSED_MS));
    bus_unsubscribe(sub);
}

/* ---- Success ---- */

static void test_an_address_becomes_a_url(void **state)
{
    static const struct bus_wire closed,
        open = {.plain = true}, tls = {.ca = "a", .cert = "b", .key = "c"};
    static const struct {
        const struct bus_wire *wire;
        const char *address, *dial, *listen; /* NULL: refused */
    } cases[] = {
        {&closed, "127.0.0.1:80", "tcp://127.0.0.1:80", "tcp://127.0.0.1:82"},
        {&closed, "localhost:80", "tcp://localhost:80", "tcp://localhost:82"},
        {&closed, "[::1]:80", "tcp://[::1]:80", "tcp://[::1]:82"},
        {&closed, "0.0.0.0:80", NULL, "tcp://127.0.0.1:82"},
        {&closed, ":80", NULL, "tcp://127.0.0.1:82"},
        {&closed, "127.0.0.1:0", NULL, "tcp://127.0.0.1:0"},
        {&closed, "10.0.0.1:80", NULL, NULL},
        {&closed, "tcp://10.0.0.1:80", NULL, NULL},
        {&closed, "tls+tcp://10.0.0.1:80", NULL, NULL},
        {&closed, "localhost.example.com:80", NULL, NULL},
        {&open, "10.0.0.1:80", "tcp://10.0.0.1:80", "tcp://10.0.0.1:82"},
        {&open, "0.0.0.0:80", NULL, "tcp://0.0.0.0:82"},
        {&tls, "10.0.0.1:80", "tls+tcp://10.0.0.1:80", "tls+tcp://10.0.0.1:82"},
        {&tls, "0.0.0.0:80", NULL, "tls+tcp://0.0.0.0:82"},
        {&tls, "tcp://10.0.0.1:80", NULL, NULL},
        {&tls, "tcp://127.0.0.1:80", "tcp://127.0.0.1:80",
         "tcp://127.0.0.1:82"},
        {&closed, "ipc:///a/b", "ipc:///a/b", NULL},
        {&open, "10.0.0.1", NULL, NULL},
        {&open, "10.0.0.1:x", NULL, NULL},
        {&open, "10.0.0.1:65536", NULL, NULL},
        {&open, "10.0.0.1:65535", "tcp://10.0.0.1:65535", NULL},
        {&open, "10.0.0.1:", NULL, NULL},
        {&open, "fe80::1:80", NULL, NULL},
        {&open, "a/b:80", NULL, NULL},
        {&open, "", NULL, NULL},
    };
    char url[BUS_WIRE_ADDRESS_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct bus_wire *wire = cases[i].wire;
        const char *address = cases[i].address;
        if (bus_wire_dial(wire, address, url, NULL))
            url[0] = '\0';
        assert_string_equal(url, cases[i].dial ? cases[i].dial : "");
        if (bus_wire_listen(wire, address, 2, url, NULL))
            url[0] = '\0';
        assert_string_equal(url, cases[i].listen ? cases[i].listen : "");
    }
}

static void test_others_are_told_an_address_of_this_host(void **state)
{
    char url[BUS_WIRE_ADDRESS_MAX];
    (void)state;
    assert_int_equal(bus_wire_public("tcp://10.0.0.1:0", 99, url, NULL), 0);
    assert_string_equal(url, "tcp://10.0.0.1:99");
    setenv("POD_IP", "10.9.8.7", 1);
    assert_int_equal(bus_wire_public("tcp://0.0.0.0:0", 99, url, NULL), 0);
    unsetenv("POD_IP");
    assert_string_equal(url, "tcp://10.9.8.7:99");
    assert_int_equal(bus_wire_public("tls+tcp://0.0.0.0:0", 99, url, NULL), 0);
    assert_null(strstr(url, "0.0.0.0"));
    assert_true(bus_wire_local("ipc:///a") &&
                bus_wire_local("tcp://127.9.9.9:1"));
    assert_false(bus_wire_local("tcp://10.0.0.1:1"));
}

static void test_the_file_says_what_was_written(void **state)
{
    struct world *world = *state;
    struct bus_wire got, wire = {.plain = true, .server_name = "x"};
    const char *home = world->near.home;
    assert_int_equal(bus_wire_read(home, &got, NULL), BUS_OK);
    assert_false(got.plain || bus_wire_secure(&got));
    assert_int_equal(bus_wire_write(home, &wire, NULL), BUS_OK);
    assert_int_equal(bus_wire_read(home, &got, NULL), BUS_OK);
    assert_true(got.plain && !bus_wire_secure(&got));
    wire = (struct bus_wire){.ca = "/a b", .cert = "/c", .key = "/d"};
    assert_int_equal(bus_wire_write(home, &wire, NULL), BUS_OK);
    assert_int_equal(bus_wire_read(home, &got, NULL), BUS_OK);
    assert_true(!got.plain && bus_wire_secure(&got));
    assert_string_equal(got.ca, "/a b");
    wire = (struct bus_wire){.plain = false};
    assert_int_equal(bus_wire_write(home, &wire, NULL), BUS_OK);
    assert_int_equal(bus_wire_read(home, &got, NULL), BUS_OK);
    assert_false(got.plain || bus_wire_secure(&got));
}

static void test_calls_over_loopback_in_the_clear(void **state)
{
    assert_int_equal(far_serve(*state, "127.0.0.1:0", NULL), BUS_OK);
    far_name(*state, NULL);
    calls_pass(*state);
    events_pass(*state);
    calls_pass(*state);
}

static void test_calls_over_tls(void **state)
{
    struct world *world = *state;
    struct files files;
    certify(world->folder, "a", BUS_WIRE_SERVER_NAME, &files);
    allow(&world->near, &files);
    allow(&world->far, &files);
    assert_int_equal(far_serve(world, "127.0.0.1:0", NULL), BUS_OK);
    far_name(world, NULL);
    events_pass(world);
    calls_pass(world);
}

/* ---- Failure ---- */

static void test_another_authoritys_caller_is_refused(void **state)
{
    struct world *world = *state;
    struct files files, others, mixed;
    certify(world->folder, "a", BUS_WIRE_SERVER_NAME, &files);
    certify(world->folder, "b", BUS_WIRE_SERVER_NAME, &others);
    allow(&world->far, &files);
    mixed = others; /* trusts the server, shows what the server does not */
    snprintf(mixed.ca, sizeof(mixed.ca), "%s", files.ca);
    allow(&world->near, &mixed);
    assert_int_equal(far_serve(world, "127.0.0.1:0", NULL), BUS_OK);
    far_name(world, NULL);
    calls_fail(world);
    events_fail(world);
}

static void test_another_name_is_not_trusted(void **state)
{
    struct world *world = *state;
    struct files files;
    certify(world->folder, "a", "somebody", &files);
    allow(&world->near, &files);
    allow(&world->far, &files);
    assert_int_equal(far_serve(world, "127.0.0.1:0", NULL), BUS_OK);
    far_name(world, NULL);
    calls_fail(world);
}

static void test_plain_tcp_to_another_node_is_not_dialled(void **state)
{
    struct world *world = *state;
    struct bus_reply reply;
    assert_int_equal(far_serve(world, NULL, NULL), BUS_OK);
    far_name(world, "tcp://192.0.2.1:9");
    int64_t before = bus_now(&bus_clock_system);
    assert_int_equal(say(world, &reply), BUS_UNAVAILABLE);
    assert_string_equal(reply.error.reason, "no_responder");
    assert_true(bus_now(&bus_clock_system) - before < BUS_SECOND);
}

static void test_plain_tcp_for_other_nodes_is_not_listened_on(void **state)
{
    struct bus_error err;
    assert_int_equal(far_serve(*state, "192.0.2.1:0", &err),
                     BUS_PERMISSION_DENIED);
    assert_non_null(strstr(err.sentence, "PlainTcp"));
}

static void test_a_missing_certificate_is_named(void **state)
{
    struct world *world = *state;
    struct files files;
    struct bus_error err;
    certify(world->folder, "a", BUS_WIRE_SERVER_NAME, &files);
    unlink(files.key);
    allow(&world->far, &files);
    assert_int_equal(far_serve(world, "127.0.0.1:0", &err),
                     BUS_FAILED_PRECONDITION);
    assert_non_null(strstr(err.sentence, files.key));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_address_becomes_a_url),
        cmocka_unit_test(test_others_are_told_an_address_of_this_host),
        CASE(test_the_file_says_what_was_written),
        CASE(test_calls_over_loopback_in_the_clear),
        CASE(test_calls_over_tls),
        CASE(test_another_authoritys_caller_is_refused),
        CASE(test_another_name_is_not_trusted),
        CASE(test_plain_tcp_to_another_node_is_not_dialled),
        CASE(test_plain_tcp_for_other_nodes_is_not_listened_on),
        CASE(test_a_missing_certificate_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
