/* SPDX-License-Identifier: MIT
 *
 * Log lines. The tail of a line (fields, trace, span) is made first; content
 * gets the room that is left and is cut where an escape and a character end,
 * so that a cut line is still one JSON object. Times are local, with
 * milliseconds and the offset, as go-zero prints them.
 */
#include "bus/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "bus/buf.h"
#include "bus/code.h"
#include "bus/json.h"
#include "bus/trace.h"
#include "bus/utf8.h"

#define TIME_TEXT 40        /* 2006-01-02T15:04:05.000+07:00 */
#define FIELD_TEXT_MAX 1024 /* bytes of one field's text before escaping */
#define FIELDS_MAX (BUS_LOG_LINE_MAX / 2) /* bytes of all of them */
#define IDS_MAX 128 /* bytes of trace and span, which always fit */

static const char *const level_names[] = {
    [BUS_LOG_DEBUG] = "debug",   [BUS_LOG_INFO] = "info",
    [BUS_LOG_SLOW] = "slow",     [BUS_LOG_ERROR] = "error",
    [BUS_LOG_SEVERE] = "severe",
};

#define LEVELS ((int)(sizeof(level_names) / sizeof(level_names[0])))

static atomic_int least_level = BUS_LOG_INFO;

/* A write to a pipe that is full may be split, so lines take turns. */
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

void bus_log_level(enum bus_log_level least)
{
    atomic_store(&least_level, (int)least);
}

bool bus_log_wanted(enum bus_log_level level)
{
    return (int)level >=
           atomic_load_explicit(&least_level, memory_order_relaxed);
}

int bus_log_level_from_name(const char *name, enum bus_log_level *ret)
{
    for (int i = 0; i < LEVELS; i++) {
        if (strcasecmp(level_names[i], name) == 0) {
            *ret = (enum bus_log_level)i;
            return BUS_OK;
        }
    }
    return BUS_INVALID_ARGUMENT;
}

static void time_text(char ret[TIME_TEXT])
{
    struct timespec now;
    struct tm local;
    char zone[8]; /* +0700 */
    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &local);
    size_t len = strftime(ret, TIME_TEXT, "%Y-%m-%dT%H:%M:%S", &local);
    strftime(zone, sizeof(zone), "%z", &local);
    len += (size_t)snprintf(ret + len, TIME_TEXT - len, ".%03d",
                            (int)(now.tv_nsec / 1000000));
    if (strcmp(zone, "+0000") == 0)
        snprintf(ret + len, TIME_TEXT - len, "Z");
    else
        snprintf(ret + len, TIME_TEXT - len, "%.3s:%s", zone, zone + 3);
}

/* The length of a text cut to max bytes where a character ends. */
static size_t cut(const char *text, size_t len, size_t max)
{
    if (len <= max)
        return len;
    while (max > 0 && ((unsigned char)text[max] & 0xC0) == 0x80)
        max--;
    return max;
}

/* The name, and the text or number, of one extra field; all or nothing. */
static void field_add(struct bus_buf *buf, const struct bus_log_field *field)
{
    size_t before = buf->len;
    bus_buf_byte(buf, ',');
    bus_json_text(buf, field->name, strlen(field->name));
    bus_buf_byte(buf, ':');
    if (field->text) {
        size_t len = strlen(field->text);
        len = cut(field->text, len, FIELD_TEXT_MAX);
        bus_json_text(buf, field->text, len);
    } else {
        bus_buf_printf(buf, "%lld", (long long)field->number);
    }
    if (buf->failed) {
        buf->len = before;
        buf->failed = false;
    }
}

static void tail_add(struct bus_buf *buf, const struct bus_trace *trace,
                     const struct bus_log_field *fields)
{
    for (; fields && fields->name; fields++)
        field_add(buf, fields);
    if (!trace || !bus_trace_some(trace))
        return;
    buf->limit += IDS_MAX;
    char id[BUS_TRACE_TEXT], parent[BUS_TRACEPARENT_TEXT];
    bus_trace_id_text(trace, id);
    bus_trace_text(trace, parent);
    struct bus_log_field ids[] = {{"trace", id, 0}, {"span", parent + 36, 0}};
    parent[52] = '\0'; /* the span lies between the second and third dash */
    field_add(buf, &ids[0]);
    field_add(buf, &ids[1]);
}

/* How much of an escaped text fits into max bytes, whole escapes and
 * characters only. */
static size_t escaped_cut(const uint8_t *text, size_t len, size_t max)
{
    size_t at = 0;
    while (at < len) {
        size_t step = bus_utf8_char(text + at, text + len);
        if (text[at] == '\\')
            step = at + 1 < len && text[at + 1] == 'u' ? 6 : 2;
        if (step == 0 || step > max - at)
            break;
        at += step;
    }
    return at;
}

/* Content as a JSON string of at most max bytes with its quotes. */
static void content_add(struct bus_buf *buf, const char *content, size_t max)
{
    struct bus_buf whole;
    bus_buf_init(&whole, 6 * BUS_LOG_LINE_MAX + 2);
    bus_json_text(&whole, content, strlen(content));
    bus_buf_byte(buf, '"');
    if (whole.len >= 2 && max >= 2)
        bus_buf_add(buf, whole.data + 1,
                    escaped_cut(whole.data + 1, whole.len - 2, max - 2));
    bus_buf_byte(buf, '"');
    bus_buf_release(&whole);
}

static void line_write(struct bus_bytes line)
{
    pthread_mutex_lock(&turn);
    while (line.len > 0) {
        ssize_t written = write(STDERR_FILENO, line.data, line.len);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            break;
        line.data += written;
        line.len -= (size_t)written;
    }
    pthread_mutex_unlock(&turn);
}

void bus_log(enum bus_log_level level, const struct bus_trace *trace,
             const struct bus_log_field *fields, const char *format, ...)
{
    char content[BUS_LOG_LINE_MAX], when[TIME_TEXT];
    struct bus_buf tail, line;
    va_list args;
    if (!bus_log_wanted(level))
        return;
    int saved = errno; /* whoever logs an errno may still want it */
    va_start(args, format);
    vsnprintf(content, sizeof(content), format, args);
    va_end(args);
    time_text(when);
    bus_buf_init(&tail, FIELDS_MAX);
    bus_buf_init(&line, BUS_LOG_LINE_MAX);
    tail_add(&tail, trace, fields);
    bus_buf_printf(&line,
                   "{\"@timestamp\":\"%s\",\"level\":\"%s\",\"content\":", when,
                   level_names[level]);
    content_add(&line, content, BUS_LOG_LINE_MAX - line.len - tail.len - 2);
    bus_buf_add(&line, tail.data, tail.len);
    bus_buf_text(&line, "}\n");
    line_write(bus_buf_bytes(&line));
    bus_buf_release(&tail);
    bus_buf_release(&line);
    errno = saved;
}
