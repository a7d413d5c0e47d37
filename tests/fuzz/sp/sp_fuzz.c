/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a stream of SP, read in pieces of any size: the reader stays
 * inside them, its memory follows what arrived, and where the cuts fall changes
 * nothing of what it finds. The first byte chooses the mapping and the pieces.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "bus/sp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MESSAGE_MAX 4096

struct found {
    uint64_t messages, bytes, sum;
    bool bad;
};

static void note(struct found *found, struct bus_bytes message)
{
    size_t route = sp_backtrace(message, 32);
    assert(route <= message.len && route <= 32 && route % 4 == 0);
    found->messages++;
    found->bytes += message.len;
    for (size_t i = 0; i < message.len; i++)
        found->sum = found->sum * 31 + message.data[i];
}

static struct found read_all(enum sp_mapping mapping, const uint8_t *data,
                             size_t size, size_t piece)
{
    struct found found = {0};
    struct sp_reader reader;
    bool greeted = false;
    sp_reader_init(&reader, mapping, MESSAGE_MAX);
    for (size_t at = 0; at < size && !found.bad;) {
        size_t room;
        uint8_t *to = sp_reader_room(&reader, &room);
        size_t len = size - at < piece ? size - at : piece;
        len = len < room ? len : room;
        memcpy(to, data + at, len);
        sp_reader_took(&reader, len);
        at += len;
        assert(reader.cap <= 4 * (SP_READ_LEAST + size));
        enum sp_step step = SP_ONE;
        if (!greeted)
            step = sp_reader_greeting(&reader, SP_REQ);
        greeted |= step == SP_ONE;
        struct bus_bytes message;
        while (step == SP_ONE &&
               (step = sp_reader_next(&reader, &message)) == SP_ONE)
            note(&found, message);
        found.bad = step == SP_BAD;
    }
    sp_reader_release(&reader);
    return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    enum sp_mapping mapping = data[0] & 1 ? SP_OVER_TCP : SP_OVER_IPC;
    size_t piece = (size_t)(data[0] >> 1) + 1;
    struct found whole = read_all(mapping, data + 1, size - 1, size);
    struct found cut = read_all(mapping, data + 1, size - 1, piece);
    assert(whole.messages == cut.messages && whole.bytes == cut.bytes);
    assert(whole.sum == cut.sum && whole.bad == cut.bad);
    return 0;
}
