/* SPDX-License-Identifier: MIT
 *
 * The file holds lines "key value", written whole to a temporary file and
 * renamed. Addresses are taken apart as text; nothing is resolved here.
 */
#define _DEFAULT_SOURCE /* getifaddrs */
#include "bus/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bus/buf.h"
#include "bus/code.h"
#include "bus/error.h"

#define TLS "tls+tcp://"
#define TCP "tcp://"
#define IPC "ipc://"
#define LOOPBACK "127.0.0.1"
#define LINE_MAX_BYTES (BUS_PATH_MAX + 32)
#define PORT_MAX 65535

bool bus_wire_secure(const struct bus_wire *wire)
{
    return wire->ca[0] && wire->cert[0] && wire->key[0];
}

/* ---- The file ---- */

static void line_take(char *line, struct bus_wire *wire)
{
    line[strcspn(line, "\n")] = '\0';
    char *value = strchr(line, ' ');
    if (!value)
        return;
    *value++ = '\0';
    if (strcmp(line, "plain") == 0)
        wire->plain = strcmp(value, BUS_WIRE_PLAIN_WORDS) == 0;
    else if (strcmp(line, "ca") == 0)
        snprintf(wire->ca, sizeof(wire->ca), "%s", value);
    else if (strcmp(line, "cert") == 0)
        snprintf(wire->cert, sizeof(wire->cert), "%s", value);
    else if (strcmp(line, "key") == 0)
        snprintf(wire->key, sizeof(wire->key), "%s", value);
    else if (strcmp(line, "name") == 0)
        snprintf(wire->server_name, sizeof(wire->server_name), "%s", value);
}

int bus_wire_read(const char *home, struct bus_wire *ret, struct bus_error *err)
{
    char path[BUS_PATH_MAX], line[LINE_MAX_BYTES];
    struct bus_wire wire = {.plain = false};
    int code = bus_home_path(home, "wire", "", path, sizeof(path), err);
    if (code)
        return code;
    FILE *file = fopen(path, "re");
    if (!file && errno != ENOENT)
        return bus_error_set(err, BUS_FAILED_PRECONDITION, "cannot read %s: %s",
                             path, strerror(errno));
    while (file && fgets(line, sizeof(line), file))
        line_take(line, &wire);
    if (file)
        fclose(file);
    *ret = wire;
    return BUS_OK;
}

static bool text_write(const char *path, const struct bus_buf *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool done = write(fd, text->data, text->len) == (ssize_t)text->len;
    return close(fd) == 0 && done;
}

static bool file_replace(const char *path, const struct bus_buf *text)
{
    char temp[BUS_PATH_MAX + 8];
    snprintf(temp, sizeof(temp), "%s.new", path);
    if (text_write(temp, text) && rename(temp, path) == 0)
        return true;
    unlink(temp);
    return false;
}

int bus_wire_write(const char *home, const struct bus_wire *wire,
                   struct bus_error *err)
{
    char path[BUS_PATH_MAX];
    int code = bus_home_path(home, "wire", "", path, sizeof(path), err);
    if (code)
        return code;
    struct bus_buf text;
    bus_buf_init(&text, (size_t)BUS_PATH_MAX * 4);
    if (wire->plain)
        bus_buf_text(&text, "plain " BUS_WIRE_PLAIN_WORDS "\n");
    if (bus_wire_secure(wire))
        bus_buf_printf(&text, "ca %s\ncert %s\nkey %s\nname %s\n", wire->ca,
                       wire->cert, wire->key, wire->server_name);
    bool done = text.len == 0 ? unlink(path) == 0 || errno == ENOENT
                              : !text.failed && file_replace(path, &text);
    bus_buf_release(&text);
    return done ? BUS_OK
                : bus_error_set(err, BUS_FAILED_PRECONDITION,
                                "cannot write %s: %s", path, strerror(errno));
}

/* ---- Addresses ---- */

struct address {
    const char *scheme; /* NULL: none given */
    char host[BUS_WIRE_ADDRESS_MAX];
    char port[8];
};

static int not_address(const char *text, struct bus_error *err)
{
    return bus_error_set(err, BUS_INVALID_ARGUMENT,
                         "\"%.100s\" is no address: expected host:port", text);
}

static int address_split(const char *text, struct address *ret,
                         struct bus_error *err)
{
    const char *rest = text;
    ret->scheme = NULL;
    if (strncmp(text, TLS, strlen(TLS)) == 0)
        ret->scheme = TLS;
    else if (strncmp(text, TCP, strlen(TCP)) == 0)
        ret->scheme = TCP;
    if (ret->scheme)
        rest += strlen(ret->scheme);
    const char *colon = strrchr(rest, ':');
    char *end = NULL;
    long port = colon ? strtol(colon + 1, &end, 10) : -1;
    size_t len = colon ? (size_t)(colon - rest) : 0;
    bool bracketed = len && rest[0] == '[';
    if (port < 0 || port > PORT_MAX || end == colon + 1 || *end ||
        len >= BUS_WIRE_ADDRESS_MAX - 32 || memchr(rest, '/', len) ||
        (!bracketed && memchr(rest, ':', len)))
        return not_address(text, err);
    snprintf(ret->host, sizeof(ret->host), "%.*s", (int)len, rest);
    snprintf(ret->port, sizeof(ret->port), "%ld", port);
    return BUS_OK;
}

static bool host_any(const char *host)
{
    return !host[0] || !strcmp(host, "*") || !strcmp(host, "0.0.0.0") ||
           !strcmp(host, "[::]");
}

static bool host_loopback(const char *host)
{
    struct in_addr four;
    if (inet_pton(AF_INET, host, &four) == 1)
        return ntohl(four.s_addr) >> 24 == 127;
    return !strcmp(host, "localhost") || !strcmp(host, "[::1]");
}

static void address_join(const struct address *address,
                         char ret[BUS_WIRE_ADDRESS_MAX])
{
    snprintf(ret, BUS_WIRE_ADDRESS_MAX, "%s%.120s:%s", address->scheme,
             address->host, address->port);
}

/* The scheme, and whether it may be used. */
static int address_allow(const struct bus_wire *wire, struct address *address,
                         const char *text, struct bus_error *err)
{
    bool secure = bus_wire_secure(wire);
    if (!address->scheme)
        address->scheme = secure ? TLS : TCP;
    if (strcmp(address->scheme, TLS) == 0 && !secure)
        return bus_error_set(err, BUS_FAILED_PRECONDITION,
                             "%.100s: there are no certificates: the topology "
                             "must name them (Tls: CACertFile, CertFile, "
                             "CertKeyFile)",
                             text);
    if (strcmp(address->scheme, TLS) == 0 || wire->plain ||
        host_loopback(address->host))
        return BUS_OK;
    return bus_error_set(err, BUS_PERMISSION_DENIED,
                         "%.100s: plain tcp to another node: the topology must "
                         "name certificates (Tls) or say \"PlainTcp: %s\"",
                         text, BUS_WIRE_PLAIN_WORDS);
}

int bus_wire_dial(const struct bus_wire *wire, const char *address,
                  char ret[BUS_WIRE_ADDRESS_MAX], struct bus_error *err)
{
    struct address parts;
    if (strncmp(address, IPC, strlen(IPC)) == 0) {
        if (strlen(address) >= BUS_WIRE_ADDRESS_MAX)
            return not_address(address, err);
        snprintf(ret, BUS_WIRE_ADDRESS_MAX, "%s", address);
        return BUS_OK;
    }
    int code = address_split(address, &parts, err);
    if (!code && (host_any(parts.host) || strcmp(parts.port, "0") == 0))
        code = not_address(address, err);
    if (!code)
        code = address_allow(wire, &parts, address, err);
    if (!code)
        address_join(&parts, ret);
    return code;
}

int bus_wire_listen(const struct bus_wire *wire, const char *address, int above,
                    char ret[BUS_WIRE_ADDRESS_MAX], struct bus_error *err)
{
    struct address parts;
    int code = address_split(address, &parts, err);
    if (code)
        return code;
    bool any = host_any(parts.host);
    bool secure =
        parts.scheme ? strcmp(parts.scheme, TLS) == 0 : bus_wire_secure(wire);
    if (any)
        snprintf(parts.host, sizeof(parts.host), "%s",
                 secure || wire->plain ? "0.0.0.0" : LOOPBACK);
    code = address_allow(wire, &parts, address, err);
    if (code)
        return code;
    long port = strtol(parts.port, NULL, 10);
    if (port && port + above > PORT_MAX)
        return not_address(address, err);
    if (port)
        snprintf(parts.port, sizeof(parts.port), "%ld", port + above);
    address_join(&parts, ret);
    return BUS_OK;
}

/* The first IPv4 address of an interface that is up and not loopback. */
static bool own_address(char ret[INET_ADDRSTRLEN])
{
    struct ifaddrs *all;
    bool found = false;
    if (getifaddrs(&all))
        return false;
    for (const struct ifaddrs *at = all; at && !found; at = at->ifa_next) {
        if (!at->ifa_addr || at->ifa_addr->sa_family != AF_INET ||
            !(at->ifa_flags & IFF_UP) || (at->ifa_flags & IFF_LOOPBACK))
            continue;
        struct sockaddr_in in;
        memcpy(&in, at->ifa_addr, sizeof(in));
        found = inet_ntop(AF_INET, &in.sin_addr, ret, INET_ADDRSTRLEN) != NULL;
    }
    freeifaddrs(all);
    return found;
}

int bus_wire_public(const char *listened, int port,
                    char ret[BUS_WIRE_ADDRESS_MAX], struct bus_error *err)
{
    struct address parts;
    char own[INET_ADDRSTRLEN];
    int code = address_split(listened, &parts, err);
    if (code)
        return code;
    const char *pod = getenv("POD_IP");
    if (host_any(parts.host) && pod && *pod)
        snprintf(parts.host, sizeof(parts.host), "%s", pod);
    else if (host_any(parts.host))
        snprintf(parts.host, sizeof(parts.host), "%s",
                 own_address(own) ? own : LOOPBACK);
    snprintf(parts.port, sizeof(parts.port), "%d", port);
    address_join(&parts, ret);
    return BUS_OK;
}

bool bus_wire_local(const char *url)
{
    struct address parts;
    if (strncmp(url, TLS, strlen(TLS)) != 0 &&
        strncmp(url, TCP, strlen(TCP)) != 0)
        return true;
    return address_split(url, &parts, NULL) == BUS_OK &&
           host_loopback(parts.host);
}
