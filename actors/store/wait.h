/* SPDX-License-Identifier: MIT
 *
 * Conditions waited for until a deadline on the system's monotonic clock, and
 * the hash of a text: small things that several files here need.
 */
#ifndef STORE_WAIT_H
#define STORE_WAIT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

void wait_init(pthread_cond_t *cond);

/* Like pthread_cond_wait; false once the deadline (ns) has passed. */
bool wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t deadline);

/* FNV-1a. */
uint64_t text_hash(const char *text);

#endif
