/* SPDX-License-Identifier: MIT
 *
 * What the two files of streams in SQLite share.
 */
#ifndef EVENTS_STREAM_SQL_H
#define EVENTS_STREAM_SQL_H

#include "actors/events/stream.h"
#include "actors/store/sql.h"

#define STREAM_GROUP_ARGS 2 /* word, group */
#define STREAM_PART_ARGS 3  /* and partition */

struct stream_sql {
    struct stream stream; /* first */
    struct sql *sql;      /* NULL: not open */
    char *source;
    const struct bus_clock *clock;
    /* The last fetch that found nothing: as long as the table has not grown, it
     * would find nothing again. */
    struct {
        const struct stream_group *group; /* NULL: there was none */
        uint32_t parts;
        int64_t newest;
    } idle;
};

/* Until when a statement waits for the file's writer's place. */
int64_t stream_sql_soon(void);

/* Begins a transaction, connecting first. */
int stream_sql_begin(struct stream_sql *self, struct bus_error *err);

/* Commits what went well; what is wrong with a connection ends with it. */
int stream_sql_end(struct stream_sql *self, int code, struct bus_error *err);

int stream_sql_exec(struct stream_sql *self, const char *text,
                    const struct sql_value *args, size_t count,
                    struct bus_error *err);

/* A number under the name id; 0: no row. */
int stream_sql_number(struct stream_sql *self, const char *text,
                      const struct sql_value *args, size_t count, int64_t *ret,
                      struct bus_error *err);

/* word, group, partition: what most statements begin with. */
void stream_sql_part(const struct stream_group *group, unsigned part,
                     struct sql_value *ret);

/* The driver's tend and leave (stream_sql_member.c). */
int stream_sql_tend(struct stream *stream, const struct stream_group *group,
                    uint32_t give_up, struct stream_share *ret,
                    struct bus_error *err);
int stream_sql_leave(struct stream *stream, const struct stream_group *group,
                     struct bus_error *err);

#endif
