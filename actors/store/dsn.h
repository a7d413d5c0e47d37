/* SPDX-License-Identifier: MIT
 *
 * A data source as go-zero's users write it:
 * user:pass@tcp(host:3306)/db?charset=utf8mb4&parseTime=true&loc=Asia%2FShanghai
 * or user@unix(/path/mysql.sock)/db. Everything but the database may be left
 * out. Passwords never appear in an error.
 */
#ifndef STORE_DSN_H
#define STORE_DSN_H

#include <stdint.h>

#include "bus/error.h"

#define DSN_MAX 1024 /* bytes of a data source */

enum dsn_tls { DSN_TLS_OFF, DSN_TLS_ON, DSN_TLS_UNVERIFIED };

struct dsn {
    char *memory; /* owned; what the texts below point into */
    const char *user, *password;
    const char *host;     /* NULL: socket */
    const char *socket;   /* NULL: host and port */
    const char *database; /* "": none */
    const char *charset;  /* of a list the first; "utf8mb4" */
    const char *loc;      /* "UTC" */
    char *settings;       /* owned; ", name=value ..." of other parameters,
                           * system variables of the session; "": none */
    int64_t timeout_ns;   /* to connect; 0: not said */
    uint16_t port;
    enum dsn_tls tls;
};

/* INVALID_ARGUMENT for what is none; ret is untouched then. */
int dsn_parse(const char *source, struct dsn *ret, struct bus_error *err);
void dsn_release(struct dsn *dsn);

#endif
