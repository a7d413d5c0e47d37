/* SPDX-License-Identifier: MIT
 *
 * A zone file holds its tables twice, with 32-bit times and then with 64-bit
 * ones; only the second is read. Every count is compared with the bytes that
 * are left before it is believed.
 */
#include "actors/store/zone.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/code.h"

#define HEAD_LEN ((size_t)44)
#define COUNTS 6
#define TYPE_LEN ((size_t)6)
#define SECOND_US INT64_C(1000000)

/* In the order of the file's header. */
enum { UTC_MARKS, STANDARD_MARKS, LEAPS, TIMES, TYPES, NAME_BYTES };

struct reader {
    const uint8_t *data;
    size_t len, at;
};

static uint64_t big_endian(const uint8_t *data, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | data[i];
    return value;
}

/* Reads one header; false if it is none. */
static bool read_head(struct reader *reader, size_t ret[COUNTS])
{
    static const char magic[] = "TZif";
    const uint8_t *head = reader->data + reader->at;
    if (reader->len - reader->at < HEAD_LEN || memcmp(head, magic, 4) != 0 ||
        head[4] < '2')
        return false;
    for (size_t i = 0; i < COUNTS; i++)
        ret[i] = (size_t)big_endian(head + 20 + i * 4, 4);
    reader->at += HEAD_LEN;
    return true;
}

static size_t block_len(const size_t counts[COUNTS], size_t time_len)
{
    return counts[TIMES] * (time_len + 1) + counts[TYPES] * TYPE_LEN +
           counts[NAME_BYTES] + counts[LEAPS] * (time_len + 4) +
           counts[STANDARD_MARKS] + counts[UTC_MARKS];
}

static bool read_changes(const struct reader *reader, struct zone *zone,
                         const size_t counts[COUNTS])
{
    const uint8_t *times = reader->data + reader->at;
    const uint8_t *indexes = times + counts[TIMES] * 8;
    const uint8_t *types = indexes + counts[TIMES];
    if (counts[TYPES] == 0)
        return false;
    zone->first = (int32_t)(uint32_t)big_endian(types, 4);
    zone->count = counts[TIMES];
    zone->changes = calloc(zone->count + 1, sizeof(*zone->changes));
    if (!zone->changes)
        abort();
    for (size_t i = 0; i < zone->count; i++) {
        if (indexes[i] >= counts[TYPES])
            return false;
        zone->changes[i] = (struct zone_change){
            (int64_t)big_endian(times + i * 8, 8),
            (int32_t)(uint32_t)big_endian(types + indexes[i] * TYPE_LEN, 4)};
    }
    return true;
}

static bool zone_parse(struct zone *zone, const uint8_t *data, size_t len)
{
    struct reader reader = {data, len, 0};
    size_t counts[COUNTS];
    if (!read_head(&reader, counts))
        return false;
    size_t skipped = block_len(counts, 4);
    if (skipped > reader.len - reader.at)
        return false;
    reader.at += skipped;
    return read_head(&reader, counts) &&
           block_len(counts, 8) <= reader.len - reader.at &&
           read_changes(&reader, zone, counts);
}

static bool zone_path(const char *name, char *path, size_t size)
{
    if (strcmp(name, "Local") == 0)
        return snprintf(path, size, "/etc/localtime") > 0;
    if (*name == '/' || strstr(name, ".."))
        return false;
    int len = snprintf(path, size, "/usr/share/zoneinfo/%s", name);
    return len > 0 && (size_t)len < size;
}

static bool zone_read(struct zone *zone, const char *path)
{
    FILE *file = fopen(path, "rbe");
    if (!file)
        return false;
    uint8_t *data = malloc(ZONE_FILE_MAX);
    if (!data)
        abort();
    size_t len = fread(data, 1, ZONE_FILE_MAX, file);
    bool good = zone_parse(zone, data, len);
    free(data);
    fclose(file);
    return good;
}

int zone_open(struct zone *zone, const char *name, struct bus_error *err)
{
    char path[256];
    *zone = (struct zone){0};
    if (!*name || strcmp(name, "UTC") == 0)
        return BUS_OK;
    if (zone_path(name, path, sizeof(path)) && zone_read(zone, path))
        return BUS_OK;
    zone_close(zone);
    return bus_error_set(err, BUS_INVALID_ARGUMENT,
                         "data source: no time zone loc=%s on this machine",
                         name);
}

void zone_close(struct zone *zone)
{
    free(zone->changes);
    *zone = (struct zone){0};
}

static int64_t floor_seconds(int64_t us)
{
    return us / SECOND_US - (us % SECOND_US < 0);
}

static int64_t offset_us(const struct zone *zone, int64_t us)
{
    int64_t seconds = floor_seconds(us);
    size_t low = 0;
    size_t high = zone->count; /* changes before low are past */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (zone->changes[middle].at <= seconds)
            low = middle + 1;
        else
            high = middle;
    }
    int32_t offset = low ? zone->changes[low - 1].offset : zone->first;
    return offset * SECOND_US;
}

int64_t zone_to_local(const struct zone *zone, int64_t us)
{
    return us + offset_us(zone, us);
}

int64_t zone_from_local(const struct zone *zone, int64_t us)
{
    int64_t guess = us - offset_us(zone, us);
    return us - offset_us(zone, guess);
}
