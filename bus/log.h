/* SPDX-License-Identifier: MIT
 *
 * One JSON line a log entry on standard error, in go-zero's field names:
 * @timestamp, level, content, trace, span, duration, caller. Boundaries log;
 * libraries do not. A line is one write(2), so lines of several threads do not
 * mix; longer ones are cut at BUS_LOG_LINE_MAX.
 */
#ifndef BUS_LOG_H
#define BUS_LOG_H

#include <stdbool.h>
#include <stdint.h>

#define BUS_LOG_LINE_MAX 8192 /* bytes, newline included */

enum bus_log_level {
    BUS_LOG_DEBUG,
    BUS_LOG_INFO,
    BUS_LOG_SLOW,
    BUS_LOG_ERROR,
    BUS_LOG_SEVERE,
};

struct bus_trace;

/* An extra field of a line; number when text is NULL. */
struct bus_log_field {
    const char *name;
    const char *text;
    int64_t number;
};

/* Lines below this level are not written. Default BUS_LOG_INFO. */
void bus_log_level(enum bus_log_level least);
/* Whether a line of that level would be written: asked first where making it
 * costs something. */
bool bus_log_wanted(enum bus_log_level level);
int bus_log_level_from_name(const char *name, enum bus_log_level *ret);

/* Writes one line. trace may be NULL; fields end at one without a name, NULL
 * for none. */
void bus_log(enum bus_log_level level, const struct bus_trace *trace,
             const struct bus_log_field *fields, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
