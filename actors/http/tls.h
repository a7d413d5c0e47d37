/* SPDX-License-Identifier: MIT
 *
 * TLS for connections whose bytes somebody else moves: ciphertext in, plaintext
 * out, and the other way round; no sockets here. Versions 1.2 and 1.3, no
 * tickets, no sessions, no renegotiation. With a client CA a client without a
 * certificate that it signed does not get past the handshake.
 */
#ifndef HTTP_TLS_H
#define HTTP_TLS_H

#include <stdbool.h>

#include "bus/buf.h"
#include "bus/error.h"

#define HTTP_TLS_RECORD ((size_t)16 << 10) /* plaintext of one record */

struct http_tls; /* certificate, key and whom to trust */
struct tls_link; /* one connection's side of it */

/* PEM files; client_ca "": any client. INVALID_ARGUMENT names the file that
 * cannot be used and why. */
int http_tls_new(const char *cert, const char *key, const char *client_ca,
                 struct http_tls **ret, struct bus_error *err);
/* NULL is fine. After the last link. */
void http_tls_free(struct http_tls *tls);

struct tls_link *tls_link_new(struct http_tls *tls);
void tls_link_free(struct tls_link *link); /* NULL is fine */

/* Takes what came from the peer: appends plaintext to plain, and what the peer
 * is to be sent at once to out. False: it broke the rules, or closed; out may
 * still hold the reason for the peer, nothing else may follow. */
bool tls_link_receive(struct tls_link *link, struct bus_bytes from,
                      struct bus_buf *plain, struct bus_buf *out);

/* Appends plaintext as records. After the handshake only. */
bool tls_link_send(struct tls_link *link, struct bus_bytes plain,
                   struct bus_buf *out);

/* Appends the word that nothing follows. */
void tls_link_end(struct tls_link *link, struct bus_buf *out);

#endif
