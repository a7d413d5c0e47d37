/* SPDX-License-Identifier: MIT
 *
 * A server's side of TLS against OpenSSL's own client, both in memory: a byte
 * at a time, records larger than one, garbage, clients without a certificate.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "actors/http/tls.h"
#include "bus/code.h"

#define ROUNDS_MAX 20 /* of a handshake */
#define LARGE 100000  /* bytes: several records */
#define DAY_S 86400L

struct scene {
    char folder[64], cert[96], key[96];
    struct http_tls *tls;
    struct tls_link *link;
    SSL_CTX *context;
    SSL *client;
    BIO *in, *out;
    struct bus_buf plain, sealed;
};

/* A self-signed certificate, which is its own authority. */
static void make_pair(struct scene *scene)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), DAY_S);
    X509_set_pubkey(cert, key);
    X509_NAME *name = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC,
                               (const unsigned char *)"test", -1, -1, 0);
    X509_set_issuer_name(cert, name);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    FILE *file = fopen(scene->cert, "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, cert), 1);
    fclose(file);
    file = fopen(scene->key, "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL),
                     1);
    fclose(file);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static int scene_open(void **state)
{
    struct scene *scene = test_calloc(1, sizeof(*scene));
    struct bus_error err = {0};
    snprintf(scene->folder, sizeof(scene->folder), "/tmp/http-tls.XXXXXX");
    assert_non_null(mkdtemp(scene->folder));
    snprintf(scene->cert, sizeof(scene->cert), "%s/cert.pem", scene->folder);
    snprintf(scene->key, sizeof(scene->key), "%s/key.pem", scene->folder);
    make_pair(scene);
    if (http_tls_new(scene->cert, scene->key, scene->cert, &scene->tls, &err))
        fail_msg("%s", err.sentence);
    scene->link = tls_link_new(scene->tls);
    scene->context = SSL_CTX_new(TLS_client_method());
    scene->client = SSL_new(scene->context);
    scene->in = BIO_new(BIO_s_mem());
    scene->out = BIO_new(BIO_s_mem());
    SSL_set_bio(scene->client, scene->in, scene->out);
    SSL_set_connect_state(scene->client);
    bus_buf_init(&scene->plain, 2 * (size_t)LARGE);
    bus_buf_init(&scene->sealed, 4 * (size_t)LARGE);
    *state = scene;
    return 0;
}

static int scene_close(void **state)
{
    struct scene *scene = *state;
    SSL_free(scene->client);
    SSL_CTX_free(scene->context);
    tls_link_free(scene->link);
    http_tls_free(scene->tls);
    bus_buf_release(&scene->plain);
    bus_buf_release(&scene->sealed);
    unlink(scene->cert);
    unlink(scene->key);
    assert_int_equal(rmdir(scene->folder), 0);
    test_free(scene);
    return 0;
}

static void bring_certificate(struct scene *scene)
{
    assert_int_equal(
        SSL_use_certificate_file(scene->client, scene->cert, SSL_FILETYPE_PEM),
        1);
    assert_int_equal(
        SSL_use_PrivateKey_file(scene->client, scene->key, SSL_FILETYPE_PEM),
        1);
}

/* What the client has written, step bytes at a time. */
static bool receive(struct scene *scene, size_t step)
{
    uint8_t bytes[4096];
    int len;
    bool fine = true;
    assert_true(step <= sizeof(bytes));
    while (fine && (len = BIO_read(scene->out, bytes, (int)step)) > 0)
        fine = tls_link_receive(scene->link,
                                (struct bus_bytes){bytes, (size_t)len},
                                &scene->plain, &scene->sealed);
    if (scene->sealed.len > 0)
        BIO_write(scene->in, scene->sealed.data, (int)scene->sealed.len);
    bus_buf_reset(&scene->sealed);
    return fine;
}

/* True once both sides have shaken hands. */
static bool shake(struct scene *scene, size_t step)
{
    for (int i = 0; i < ROUNDS_MAX; i++) {
        int done = SSL_do_handshake(scene->client);
        if (!receive(scene, step))
            return false;
        if (done == 1 && BIO_pending(scene->out) == 0 &&
            BIO_pending(scene->in) == 0)
            return true;
    }
    return false;
}

/* --- success --- */

static void talks_a_byte_at_a_time(void **state)
{
    struct scene *scene = *state;
    char answer[16] = "";
    const struct bus_bytes word = {(const uint8_t *)"hello", 5};
    bring_certificate(scene);
    assert_true(shake(scene, 1));
    assert_int_equal(SSL_write(scene->client, "GET /", 5), 5);
    assert_true(receive(scene, 1));
    assert_int_equal(scene->plain.len, 5);
    assert_memory_equal(scene->plain.data, "GET /", 5);
    assert_true(tls_link_send(scene->link, word, &scene->sealed));
    tls_link_end(scene->link, &scene->sealed);
    assert_true(receive(scene, 1)); /* hands over what is sealed */
    assert_int_equal(SSL_read(scene->client, answer, sizeof(answer)), 5);
    assert_string_equal(answer, "hello");
    assert_int_equal(SSL_read(scene->client, answer, sizeof(answer)), 0);
    assert_int_equal(SSL_get_shutdown(scene->client), SSL_RECEIVED_SHUTDOWN);
}

static void carries_more_than_a_record(void **state)
{
    struct scene *scene = *state;
    static uint8_t large[LARGE];
    memset(large, 'x', sizeof(large));
    bring_certificate(scene);
    assert_true(shake(scene, 4096));
    assert_int_equal(SSL_write(scene->client, large, LARGE), LARGE);
    assert_true(receive(scene, 4096));
    assert_int_equal(scene->plain.len, LARGE);
    assert_memory_equal(scene->plain.data, large, LARGE);
}

/* --- failure --- */

static void refuses_who_brings_no_certificate(void **state)
{
    struct scene *scene = *state;
    assert_false(shake(scene, 4096));
    assert_true(BIO_pending(scene->in) > 0); /* and says why */
    assert_int_equal(scene->plain.len, 0);
}

static void refuses_what_is_no_tls(void **state)
{
    struct scene *scene = *state;
    static const char text[] = "GET / HTTP/1.1\r\n\r\n";
    assert_false(tls_link_receive(
        scene->link, (struct bus_bytes){(const uint8_t *)text, sizeof(text)},
        &scene->plain, &scene->sealed));
    assert_int_equal(scene->plain.len, 0);
}

static void ends_when_a_record_was_changed(void **state)
{
    struct scene *scene = *state;
    uint8_t bytes[256];
    bring_certificate(scene);
    assert_true(shake(scene, 4096));
    assert_int_equal(SSL_write(scene->client, "GET /", 5), 5);
    int len = BIO_read(scene->out, bytes, sizeof(bytes));
    assert_true(len > 10);
    bytes[len - 1] ^= 1;
    assert_false(tls_link_receive(scene->link,
                                  (struct bus_bytes){bytes, (size_t)len},
                                  &scene->plain, &scene->sealed));
    assert_int_equal(scene->plain.len, 0);
}

static void names_the_file_that_cannot_be_used(void **state)
{
    struct scene *scene = *state;
    struct http_tls *tls = NULL;
    struct bus_error err = {0};
    assert_int_equal(http_tls_new(scene->key, scene->key, "", &tls, &err),
                     BUS_INVALID_ARGUMENT);
    assert_non_null(strstr(err.sentence, "Tls.Cert"));
    assert_int_equal(http_tls_new(scene->cert, "/nowhere", "", &tls, &err),
                     BUS_INVALID_ARGUMENT);
    assert_non_null(strstr(err.sentence, "/nowhere"));
    assert_int_equal(
        http_tls_new(scene->cert, scene->key, "/nowhere", &tls, &err),
        BUS_INVALID_ARGUMENT);
    assert_non_null(strstr(err.sentence, "Tls.ClientCa"));
    assert_null(tls);
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, scene_open, scene_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(talks_a_byte_at_a_time),
        TEST(carries_more_than_a_record),
        TEST(refuses_who_brings_no_certificate),
        TEST(refuses_what_is_no_tls),
        TEST(ends_when_a_record_was_changed),
        TEST(names_the_file_that_cannot_be_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
