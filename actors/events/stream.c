/* SPDX-License-Identifier: MIT
 *
 * Which stream there is.
 */
#include "actors/events/stream.h"

#include <string.h>

int stream_open(const struct stream_options *options, struct stream **ret,
                struct bus_error *err)
{
    return options->redis ? stream_redis_open(options, ret, err)
                          : stream_sql_open(options, ret, err);
}

bool stream_entry_fill(struct stream_entry *entry, unsigned part,
                       struct bus_bytes id, struct bus_bytes blob)
{
    if (id.len >= STREAM_ID_TEXT)
        return false;
    *entry = (struct stream_entry){.part = part, .blob = blob};
    memcpy(entry->id, id.data, id.len);
    return true;
}
