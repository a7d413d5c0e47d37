/* SPDX-License-Identifier: MIT
 *
 * OpenSSL between two memory BIOs. Its error queue is the thread's: emptied
 * before each call, read after one that failed.
 */
#include "actors/http/tls.h"

#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "bus/code.h"

#define REASON_MAX 160

struct http_tls {
    SSL_CTX *context;
};

struct tls_link {
    SSL *ssl;
    BIO *in, *out; /* the link's */
};

static int refuse(const char *what, const char *path, struct bus_error *err)
{
    char reason[REASON_MAX] = "it cannot be used";
    unsigned long code = ERR_get_error();
    if (code)
        ERR_error_string_n(code, reason, sizeof(reason));
    ERR_clear_error();
    return bus_error_set(err, BUS_INVALID_ARGUMENT, "key Tls.%s: %s: %s", what,
                         path, reason);
}

static int trust(SSL_CTX *context, const char *client_ca, struct bus_error *err)
{
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(client_ca);
    if (!names ||
        SSL_CTX_load_verify_locations(context, client_ca, NULL) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return refuse("ClientCa", client_ca, err);
    }
    SSL_CTX_set_client_CA_list(context, names); /* the context's now */
    SSL_CTX_set_verify(context,
                       SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return BUS_OK;
}

static int fill(SSL_CTX *context, const char *cert, const char *key,
                const char *client_ca, struct bus_error *err)
{
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(context, cert) != 1)
        return refuse("Cert", cert, err);
    if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context) != 1)
        return refuse("Key", key, err);
    return client_ca[0] ? trust(context, client_ca, err) : BUS_OK;
}

int http_tls_new(const char *cert, const char *key, const char *client_ca,
                 struct http_tls **ret, struct bus_error *err)
{
    struct http_tls *tls = calloc(1, sizeof(*tls));
    if (!tls)
        abort();
    tls->context = SSL_CTX_new(TLS_server_method());
    if (!tls->context)
        abort();
    int code = fill(tls->context, cert, key, client_ca, err);
    if (code) {
        http_tls_free(tls);
        return code;
    }
    *ret = tls;
    return BUS_OK;
}

void http_tls_free(struct http_tls *tls)
{
    if (!tls)
        return;
    SSL_CTX_free(tls->context);
    free(tls);
}

struct tls_link *tls_link_new(struct http_tls *tls)
{
    struct tls_link *link = calloc(1, sizeof(*link));
    if (!link)
        abort();
    link->ssl = SSL_new(tls->context);
    link->in = BIO_new(BIO_s_mem());
    link->out = BIO_new(BIO_s_mem());
    if (!link->ssl || !link->in || !link->out)
        abort();
    SSL_set_bio(link->ssl, link->in, link->out); /* the ssl's now */
    SSL_set_accept_state(link->ssl);
    return link;
}

void tls_link_free(struct tls_link *link)
{
    if (!link)
        return;
    SSL_free(link->ssl);
    free(link);
}

static void collect(struct tls_link *link, struct bus_buf *out)
{
    uint8_t bytes[4096];
    int len;
    while ((len = BIO_read(link->out, bytes, sizeof(bytes))) > 0)
        bus_buf_add(out, bytes, (size_t)len);
}

bool tls_link_receive(struct tls_link *link, struct bus_bytes from,
                      struct bus_buf *plain, struct bus_buf *out)
{
    uint8_t bytes[HTTP_TLS_RECORD];
    size_t len = 0;
    if (BIO_write(link->in, from.data, (int)from.len) != (int)from.len)
        abort(); /* a memory BIO takes everything, or memory is out */
    ERR_clear_error();
    while (SSL_read_ex(link->ssl, bytes, sizeof(bytes), &len) == 1)
        bus_buf_add(plain, bytes, len);
    bool fine = SSL_get_error(link->ssl, 0) == SSL_ERROR_WANT_READ;
    ERR_clear_error();
    collect(link, out);
    return fine && !plain->failed && !out->failed;
}

bool tls_link_send(struct tls_link *link, struct bus_bytes plain,
                   struct bus_buf *out)
{
    size_t written = 0;
    ERR_clear_error();
    bool fine = plain.len == 0 ||
                SSL_write_ex(link->ssl, plain.data, plain.len, &written) == 1;
    ERR_clear_error();
    collect(link, out);
    return fine && !out->failed;
}

void tls_link_end(struct tls_link *link, struct bus_buf *out)
{
    ERR_clear_error();
    if (SSL_is_init_finished(link->ssl))
        SSL_shutdown(link->ssl);
    ERR_clear_error();
    collect(link, out);
}
