/* SPDX-License-Identifier: MIT
 *
 * W3C trace context (https://www.w3.org/TR/trace-context/): 16 bytes of trace,
 * 8 of span. A zero trace id means none.
 */
#ifndef BUS_TRACE_H
#define BUS_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#define BUS_TRACE_TEXT 33       /* 32 hex digits and NUL */
#define BUS_TRACEPARENT_TEXT 56 /* 00-trace-span-flags and NUL */

struct bus_trace {
    uint8_t id[16];
    uint8_t span[8];
    uint8_t flags;
};

/* A new random trace with a new span, sampled. */
void bus_trace_new(struct bus_trace *trace);
/* Keeps the trace, makes a new span. */
void bus_trace_child(const struct bus_trace *parent, struct bus_trace *ret);
bool bus_trace_some(const struct bus_trace *trace);
void bus_trace_id_text(const struct bus_trace *trace, char ret[BUS_TRACE_TEXT]);
void bus_trace_text(const struct bus_trace *trace,
                    char ret[BUS_TRACEPARENT_TEXT]);
/* Reads a traceparent header; false (ret untouched) if malformed. */
bool bus_trace_parse(const char *text, struct bus_trace *ret);

#endif
