/* SPDX-License-Identifier: MIT
 *
 * A gate that lets so many threads in at once and keeps the others waiting.
 */
#ifndef STORE_GATE_H
#define STORE_GATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t left;
    size_t room; /* how many more may enter */
};

void gate_init(struct gate *gate, size_t room);
void gate_release(struct gate *gate);

/* Waits for room until the deadline (monotonic ns of the system's clock).
 * False if it passed. */
bool gate_enter(struct gate *gate, int64_t deadline);
void gate_leave(struct gate *gate);

#endif
