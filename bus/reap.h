/* SPDX-License-Identifier: MIT
 *
 * A thread that closes things, one after another, for those who must not wait:
 * closing may block, and with nng 1.5.2 it may hang.
 */
#ifndef BUS_REAP_H
#define BUS_REAP_H

#include <stdbool.h>
#include <stdint.h>

/* Lies in the object to be closed. What has a due time is not closed before
 * it; when the reaper is to stop and that does not come, leave is called in
 * place of run: the object stays, and the kernel closes it in the end. */
struct reap {
    struct reap *next;
    void (*run)(struct reap *reap);    /* on the reaper's thread; frees it */
    int64_t (*due)(struct reap *reap); /* monotonic ns; NULL: at once */
    void (*leave)(struct reap *reap);  /* goes with due */
};

#define REAP_PATIENCE_MS 500 /* with what is not due, once it is to stop */

struct reaper;

struct reaper *reaper_start(void);
void reap_later(struct reaper *reaper, struct reap *reap);

/* Waits until all is closed, at most limit_ms; false if something hangs, and
 * then the reaper is left behind. */
bool reaper_stop(struct reaper *reaper, int limit_ms);

#endif
