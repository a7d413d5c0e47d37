/* SPDX-License-Identifier: MIT
 *
 * Cut from the right, as Go's driver does: the last '/' begins the database,
 * the last '@' before it ends the password, which may hold anything else.
 */
#include "actors/store/dsn.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/code.h"
#include "bus/text.h"

#define PORT 3306
#define SOCKET "/tmp/mysql.sock"
#define SETTINGS_MAX ((size_t)2048)

static int bad(struct bus_error *err, const char *what)
{
    return bus_error_set(err, BUS_INVALID_ARGUMENT,
                         "data source: %s; expected "
                         "user:password@tcp(host:3306)/database?loc=UTC, "
                         "user@unix(/path)/database or sqlite:PATH",
                         what);
}

/* Ends the text at a character and returns what stands behind it. */
static char *cut(char *at)
{
    if (at)
        *at++ = '\0';
    return at;
}

/* ---- the address ---- */

static int parse_port(const char *text, struct dsn *dsn, struct bus_error *err)
{
    char *end;
    unsigned long port = strtoul(text, &end, 10);
    if (!isdigit((unsigned char)*text) || *end || port == 0 ||
        port > UINT16_MAX)
        return bad(err, "the port is no number from 1 to 65535");
    dsn->port = (uint16_t)port;
    return BUS_OK;
}

static int parse_host(char *host, struct dsn *dsn, struct bus_error *err)
{
    char *port;
    if (*host == '[') { /* [::1]:3306 */
        char *rest = cut(strchr(host++, ']'));
        if (!rest || (*rest && *rest != ':'))
            return bad(err, "an address in brackets is not closed");
        port = *rest ? rest + 1 : NULL;
    } else {
        port = cut(strrchr(host, ':'));
    }
    if (*host)
        dsn->host = host;
    return port ? parse_port(port, dsn, err) : BUS_OK;
}

static int parse_address(char *net, struct dsn *dsn, struct bus_error *err)
{
    char *open = strchr(net, '(');
    size_t len = strlen(net);
    char *address = NULL;
    if (open) {
        if (net[len - 1] != ')')
            return bad(err, "the address is not closed by ')'");
        net[len - 1] = '\0';
        address = cut(open);
    }
    if (strcmp(net, "unix") == 0) {
        dsn->host = NULL;
        dsn->socket = address && *address ? address : SOCKET;
        return BUS_OK;
    }
    if (*net && strcmp(net, "tcp") != 0)
        return bad(err, "the network is neither tcp nor unix");
    return address ? parse_host(address, dsn, err) : BUS_OK;
}

/* ---- parameters ---- */

static int hex(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    digit = (char)tolower((unsigned char)digit);
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* %2F and + in place. */
static bool unescape(char *text)
{
    char *to = text;
    for (; *text; text++) {
        char byte = *text == '+' ? ' ' : *text;
        if (*text == '%') {
            int high = hex(text[1]);
            int low = high < 0 ? -1 : hex(text[2]);
            if (low < 0 || high + low == 0)
                return false;
            byte = (char)(high * 16 + low);
            text += 2;
        }
        *to++ = byte;
    }
    *to = '\0';
    return true;
}

static int set_tls(const char *value, struct dsn *dsn, struct bus_error *err)
{
    if (strcmp(value, "true") == 0)
        dsn->tls = DSN_TLS_ON;
    else if (strcmp(value, "skip-verify") == 0)
        dsn->tls = DSN_TLS_UNVERIFIED;
    else if (strcmp(value, "false") != 0 && strcmp(value, "preferred") != 0)
        return bad(err, "tls is none of true, false, skip-verify, preferred");
    return BUS_OK;
}

static int set_timeout(const char *value, struct dsn *dsn,
                       struct bus_error *err)
{
    struct bus_bytes text = {(const uint8_t *)value, strlen(value)};
    if (text_duration(text, &dsn->timeout_ns) != TEXT_FINE ||
        dsn->timeout_ns < 0)
        return bad(err, "timeout is no duration");
    return BUS_OK;
}

/* A system variable, as in Go's driver: its value is SQL text. */
static int add_setting(const char *name, const char *value, struct dsn *dsn,
                       struct bus_error *err)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    if (!*name || name[strspn(name, letters)] || !*value || strchr(value, ';'))
        return bad(err, "a parameter has no name or no value");
    size_t used = strlen(dsn->settings);
    int len = snprintf(dsn->settings + used, SETTINGS_MAX - used, ", %s=%s",
                       name, value);
    if (len < 0 || (size_t)len >= SETTINGS_MAX - used)
        return bad(err, "too many parameters");
    return BUS_OK;
}

/* What Go's driver takes and what is always or never so here. */
static bool is_ignored(const char *name)
{
    static const char *const names[] = {
        "parseTime",           "readTimeout",
        "writeTimeout",        "multiStatements",
        "interpolateParams",   "clientFoundRows",
        "columnsWithAlias",    "allowNativePasswords",
        "maxAllowedPacket",    "rejectReadOnly",
        "checkConnLiveness",   "allowAllFiles",
        "allowOldPasswords",   "allowCleartextPasswords",
        "connectionAttributes"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

static int set_parameter(const char *name, char *value, struct dsn *dsn,
                         struct bus_error *err)
{
    if (strcmp(name, "charset") == 0) {
        cut(strchr(value, ','));
        dsn->charset = value;
    } else if (strcmp(name, "loc") == 0) {
        dsn->loc = value;
    } else if (strcmp(name, "collation") == 0) {
        return add_setting("collation_connection", value, dsn, err);
    } else if (strcmp(name, "tls") == 0) {
        return set_tls(value, dsn, err);
    } else if (strcmp(name, "timeout") == 0) {
        return set_timeout(value, dsn, err);
    } else if (!is_ignored(name)) {
        return add_setting(name, value, dsn, err);
    }
    return BUS_OK;
}

static int parse_parameters(char *at, struct dsn *dsn, struct bus_error *err)
{
    int code = BUS_OK;
    while (at && *at && code == BUS_OK) {
        char *name = at;
        at = cut(strchr(at, '&'));
        char *value = cut(strchr(name, '='));
        if (!value)
            return bad(err, "a parameter has no value");
        if (!unescape(value))
            return bad(err, "a parameter has a malformed % escape");
        code = set_parameter(name, value, dsn, err);
    }
    return code;
}

/* ---- the whole ---- */

static int parse(char *text, struct dsn *dsn, struct bus_error *err)
{
    char *question = strchr(text, '?');
    while (question && strchr(question, '/')) /* one inside the password */
        question = strchr(question + 1, '?');
    char *parameters = cut(question);
    char *slash = strrchr(text, '/');
    if (!slash)
        return bad(err, "no '/' before the database");
    dsn->database = cut(slash);
    char *net = text;
    char *at = strrchr(text, '@');
    if (at) {
        net = cut(at);
        char *password = cut(strchr(text, ':'));
        dsn->user = text;
        dsn->password = password ? password : "";
    }
    int code = parse_address(net, dsn, err);
    return code == BUS_OK ? parse_parameters(parameters, dsn, err) : code;
}

int dsn_parse(const char *source, struct dsn *ret, struct bus_error *err)
{
    if (strnlen(source, DSN_MAX + 1) > DSN_MAX)
        return bad(err, "it is too long");
    struct dsn dsn = {.memory = strdup(source),
                      .user = "",
                      .password = "",
                      .host = "127.0.0.1",
                      .database = "",
                      .charset = "utf8mb4",
                      .loc = "UTC",
                      .settings = calloc(1, SETTINGS_MAX),
                      .port = PORT};
    if (!dsn.memory || !dsn.settings)
        abort();
    int code = parse(dsn.memory, &dsn, err);
    if (code == BUS_OK)
        *ret = dsn;
    else
        dsn_release(&dsn);
    return code;
}

void dsn_release(struct dsn *dsn)
{
    free(dsn->memory);
    free(dsn->settings);
    *dsn = (struct dsn){0};
}
