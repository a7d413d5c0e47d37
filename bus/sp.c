/* SPDX-License-Identifier: MIT
 *
 * One buffer a reader: messages are handed out where they lie, and what is left
 * of one moves to the front before the next read. The buffer doubles as bytes
 * arrive, so that a header which claims gigabytes costs nothing.
 */
#include "bus/sp.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define WORD 4
#define LAST_BIT 0x80 /* of a word's first byte: the backtrace ends here */
#define IPC_MESSAGE 1 /* the only type there is */

enum sp_mapping sp_mapping_of(const char *url)
{
    return strncmp(url, "ipc://", 6) == 0 ? SP_OVER_IPC : SP_OVER_TCP;
}

void sp_greeting(uint16_t protocol, uint8_t ret[SP_GREETING])
{
    const uint8_t greeting[SP_GREETING] = {
        0, 'S', 'P', 0, (uint8_t)(protocol >> 8), (uint8_t)protocol, 0, 0};
    memcpy(ret, greeting, SP_GREETING);
}

static size_t head_len(enum sp_mapping mapping)
{
    return mapping == SP_OVER_IPC ? 9 : 8;
}

size_t sp_head(enum sp_mapping mapping, uint64_t len, uint8_t ret[SP_HEAD_MAX])
{
    size_t size = head_len(mapping);
    ret[0] = IPC_MESSAGE;
    for (size_t i = 1; i <= 8; i++)
        ret[size - i] = (uint8_t)(len >> 8 * (i - 1));
    return size;
}

size_t sp_backtrace(struct bus_bytes message, size_t max)
{
    for (size_t at = 0; at + WORD <= message.len && at + WORD <= max;
         at += WORD)
        if (message.data[at] & LAST_BIT)
            return at + WORD;
    return 0;
}

void sp_reader_init(struct sp_reader *reader, enum sp_mapping mapping,
                    size_t message_max)
{
    *reader =
        (struct sp_reader){.mapping = mapping, .message_max = message_max};
}

void sp_reader_release(struct sp_reader *reader)
{
    free(reader->data);
    reader->data = NULL;
    reader->start = reader->end = reader->cap = 0;
}

static void resize(struct sp_reader *reader, size_t cap)
{
    reader->data = realloc(reader->data, cap);
    if (!reader->data)
        abort();
    reader->cap = cap;
}

uint8_t *sp_reader_room(struct sp_reader *reader, size_t *ret_len)
{
    size_t left = reader->end - reader->start;
    if (left == 0 && reader->cap > SP_READ_KEEP)
        sp_reader_release(reader);
    if (left > 0 && reader->start > 0)
        memmove(reader->data, reader->data + reader->start, left);
    reader->start = 0;
    reader->end = left;
    if (reader->cap == 0)
        resize(reader, SP_READ_LEAST);
    else if (reader->cap - left < SP_READ_LEAST / 2)
        resize(reader, reader->cap * 2);
    *ret_len = reader->cap - reader->end;
    return reader->data + reader->end;
}

void sp_reader_took(struct sp_reader *reader, size_t len)
{
    assert(len <= reader->cap - reader->end);
    reader->end += len;
}

enum sp_step sp_reader_greeting(struct sp_reader *reader, uint16_t protocol)
{
    uint8_t want[SP_GREETING];
    sp_greeting(protocol, want);
    size_t have = reader->end - reader->start;
    size_t compared = have < SP_GREETING ? have : SP_GREETING;
    if (compared && memcmp(reader->data + reader->start, want, compared) != 0)
        return SP_BAD;
    if (have < SP_GREETING)
        return SP_MORE;
    reader->start += SP_GREETING;
    return SP_ONE;
}

enum sp_step sp_reader_next(struct sp_reader *reader, struct bus_bytes *ret)
{
    size_t have = reader->end - reader->start;
    size_t size = head_len(reader->mapping);
    const uint8_t *head = reader->data + reader->start;
    if (have && reader->mapping == SP_OVER_IPC && head[0] != IPC_MESSAGE)
        return SP_BAD;
    if (have < size)
        return SP_MORE;
    uint64_t len = 0;
    for (size_t i = size - 8; i < size; i++)
        len = len << 8 | head[i];
    if (len > reader->message_max)
        return SP_BAD;
    if (have - size < len)
        return SP_MORE;
    *ret = (struct bus_bytes){head + size, (size_t)len};
    reader->start += size + (size_t)len;
    return SP_ONE;
}
