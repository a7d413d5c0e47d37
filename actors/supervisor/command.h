/* SPDX-License-Identifier: MIT
 *
 * The control protocol without its socket: one JSON object a line each way.
 *   {"do":"ps"}                     what runs
 *   {"do":"scale","actor":"user","replicas":3}
 *   {"do":"restart","actor":"user"} rolling; without actor: all
 *   {"do":"reload"}                 reads the topology again
 *   {"do":"wait","actor":"user"}    answers when it is as wanted, or cannot be
 *   {"do":"down"}                   answers when nothing is left
 * "progress":true in wait and down adds a line {"event":...} a change of state.
 * Answers are {"ok":true,...} or {"ok":false,"code":"NOT_FOUND","reason":...,
 * "sentence":...}.
 */
#ifndef COMMAND_H
#define COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/supervisor/super.h"
#include "bus/buf.h"
#include "bus/error.h"

#define COMMAND_LINE_MAX 65536 /* bytes of a request, newline not counted */
#define COMMAND_REPLY_MAX ((size_t)1 << 20)

/* X(NAME, word) */
#define COMMANDS(X)                                                            \
    X(PS, "ps")                                                                \
    X(SCALE, "scale")                                                          \
    X(RESTART, "restart")                                                      \
    X(RELOAD, "reload")                                                        \
    X(WAIT, "wait")                                                            \
    X(DOWN, "down")

enum command_verb {
#define COMMAND_ENUM(name, word) COMMAND_##name,
    COMMANDS(COMMAND_ENUM)
#undef COMMAND_ENUM
        COMMAND_VERBS
};

struct command {
    enum command_verb verb;
    char actor[TOPOLOGY_NAME_MAX]; /* "": none given */
    int32_t replicas;
    bool progress;
};

/* Reads one line. INVALID_ARGUMENT with a sentence if it is none of these. */
int command_parse(struct bus_bytes line, struct command *ret,
                  struct bus_error *err);

/* Appends one reply line, newline included. */
void command_ok(struct bus_buf *buf);
void command_failed(struct bus_buf *buf, const struct bus_error *err);
void command_ps(struct bus_buf *buf, const struct super *super,
                const char *phase);
void command_event(struct bus_buf *buf, const struct super_instance *instance);

#endif
