/* SPDX-License-Identifier: MIT
 *
 * One way to take an order as JSON to a struct, to msgpack, back to a struct
 * and back to JSON. Both ways check what the schema asks for (types, required
 * fields, a range, a choice), and give the same bytes.
 */
#ifndef BENCH_CODEC_H
#define BENCH_CODEC_H

#include <stdbool.h>
#include <stddef.h>

#define CODEC_BYTES 65536 /* of any text or message here */

/* There and back; false if anything was refused. The text that came out is
 * copied to ret (CODEC_BYTES) unless that is NULL. */
typedef bool codec_trip(const char *text, size_t len, char *ret);

codec_trip ours_trip; /* the walker over generated tables */
codec_trip peer_trip; /* jansson and msgpack-c, every field by hand */

#endif
