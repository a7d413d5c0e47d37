/* SPDX-License-Identifier: MIT
 *
 * Time zones by name, for the `loc` of a data source: how far local time is
 * from UTC, read from the system's compiled zone files (RFC 8536).
 */
#ifndef STORE_ZONE_H
#define STORE_ZONE_H

#include <stddef.h>
#include <stdint.h>

#include "bus/error.h"

#define ZONE_FILE_MAX ((size_t)1 << 18) /* bytes */

struct zone_change {
    int64_t at;     /* Unix seconds from which the offset is in force */
    int32_t offset; /* seconds east of UTC */
};

struct zone {
    struct zone_change *changes; /* owned; in order; NULL: never any */
    size_t count;
    int32_t first; /* offset before the first change */
};

/* "", "UTC": no offset; "Local": the machine's; else a name such as
 * Asia/Shanghai. INVALID_ARGUMENT if there is no such zone. After the last
 * change that the file lists (2037 in Debian's) the last offset stays. */
int zone_open(struct zone *zone, const char *name, struct bus_error *err);
void zone_close(struct zone *zone);

/* Unix us to us as the clock on the wall shows them, and back. A local time
 * that a change skipped or repeated is taken by one of the two offsets. */
int64_t zone_to_local(const struct zone *zone, int64_t us);
int64_t zone_from_local(const struct zone *zone, int64_t us);

#endif
