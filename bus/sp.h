/* SPDX-License-Identifier: MIT
 *
 * The scalability protocols' mapping to a byte stream, as nanomsg and nng speak
 * it: 8 bytes of greeting each way, then messages behind their length. Pure: it
 * knows bytes, not connections. The source of every rule here are the public
 * SP RFCs (sp-tcp-mapping-01, sp-ipc-mapping-01, sp-request-reply-01).
 */
#ifndef BUS_SP_H
#define BUS_SP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus/buf.h"

#define SP_PUB UINT16_C(0x20)
#define SP_SUB UINT16_C(0x21)
#define SP_REQ UINT16_C(0x30)
#define SP_REP UINT16_C(0x31)

#define SP_GREETING 8 /* bytes */
#define SP_HEAD_MAX 9
#define SP_READ_LEAST ((size_t)64 << 10) /* room kept for one read */
#define SP_READ_KEEP ((size_t)1 << 20)   /* a larger buffer is given back */

/* How a message's length is written: ipc:// puts a byte 1 before it. */
enum sp_mapping { SP_OVER_IPC, SP_OVER_TCP };

enum sp_mapping sp_mapping_of(const char *url);

void sp_greeting(uint16_t protocol, uint8_t ret[SP_GREETING]);

/* What stands before a message of that many bytes; returns its own length. */
size_t sp_head(enum sp_mapping mapping, uint64_t len, uint8_t ret[SP_HEAD_MAX]);

/* A request's way back: 4-byte words, the last with the highest bit set.
 * Returns the bytes it takes at the head of the message; 0: there is none, or
 * it is longer than max. */
size_t sp_backtrace(struct bus_bytes message, size_t max);

/* What comes in, cut into messages. Memory follows what has arrived, never what
 * a header announces. */
struct sp_reader {
    enum sp_mapping mapping;
    size_t message_max; /* bytes of one message */
    uint8_t *data;      /* owned; what is unread lies in [start, end) */
    size_t start, end, cap;
};

enum sp_step {
    SP_ONE,  /* there it is */
    SP_MORE, /* not whole yet */
    SP_BAD,  /* no SP, another protocol, or larger than allowed */
};

void sp_reader_init(struct sp_reader *reader, enum sp_mapping mapping,
                    size_t message_max);
void sp_reader_release(struct sp_reader *reader);

/* Where the next bytes go; *ret_len is never 0. What was returned by
 * sp_reader_next before is no longer valid. */
uint8_t *sp_reader_room(struct sp_reader *reader, size_t *ret_len);
void sp_reader_took(struct sp_reader *reader, size_t len);

/* Takes the other side's greeting off the front: SP_ONE if it speaks that
 * protocol. */
enum sp_step sp_reader_greeting(struct sp_reader *reader, uint16_t protocol);

/* The next message; it lies in the reader until the next sp_reader_room. */
enum sp_step sp_reader_next(struct sp_reader *reader, struct bus_bytes *ret);

#endif
