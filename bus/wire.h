/* SPDX-License-Identifier: MIT
 *
 * What may go over the network: HOME/wire, which the supervisor writes from its
 * topology and every bus reads when it opens. Within a node nothing is needed:
 * sockets lie in the home, and loopback is the node itself. Between nodes
 * frames travel over tls+tcp with certificates on both sides; plain tcp only
 * where the topology says so in words. Without the file: neither.
 */
#ifndef BUS_WIRE_H
#define BUS_WIRE_H

#include <stdbool.h>
#include <stddef.h>

#include "bus/home.h"

struct bus_error;

#define BUS_WIRE_NAME_MAX 256    /* of a certificate's name, with NUL */
#define BUS_WIRE_ADDRESS_MAX 160 /* of an address, with NUL; as BUS_URL_MAX */
#define BUS_WIRE_SERVER_NAME "troupe"

/* What the topology must say to allow plain tcp: PlainTcp: these words. */
#define BUS_WIRE_PLAIN_WORDS "allowed between nodes"

struct bus_wire {
    bool plain; /* tcp to other nodes */
    char ca[BUS_PATH_MAX], cert[BUS_PATH_MAX], key[BUS_PATH_MAX]; /* or "" */
    /* Which name every node's certificate carries; "": its host's own. */
    char server_name[BUS_WIRE_NAME_MAX];
};

/* Reads HOME/wire; no such file: nothing is allowed. */
int bus_wire_read(const char *home, struct bus_wire *ret,
                  struct bus_error *err);
/* Writes it, mode 0600; removes it when nothing is allowed. */
int bus_wire_write(const char *home, const struct bus_wire *wire,
                   struct bus_error *err);

bool bus_wire_secure(const struct bus_wire *wire); /* has certificates */

/* An address as it is written in a configuration, "host:port" or with a scheme
 * (tcp://, tls+tcp://, ipc://), as a URL to dial. Without a scheme it is
 * tls+tcp where there are certificates, else tcp. PERMISSION_DENIED: tcp to
 * another node, and the topology does not allow it. */
int bus_wire_dial(const struct bus_wire *wire, const char *address,
                  char ret[BUS_WIRE_ADDRESS_MAX], struct bus_error *err);

/* The same of an address to listen on. Where only the node itself may call,
 * every address ("", "*", "0.0.0.0", "[::]") becomes 127.0.0.1. above is added
 * to the port, unless that is 0: any free one. */
int bus_wire_listen(const struct bus_wire *wire, const char *address, int above,
                    char ret[BUS_WIRE_ADDRESS_MAX], struct bus_error *err);

/* What others dial to reach a listener: every address becomes $POD_IP or this
 * host's first address that is not loopback. port: the one it got. */
int bus_wire_public(const char *listened, int port,
                    char ret[BUS_WIRE_ADDRESS_MAX], struct bus_error *err);

/* True for addresses of the node itself: ipc, loopback. */
bool bus_wire_local(const char *url);

#endif
