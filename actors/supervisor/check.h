/* SPDX-License-Identifier: MIT
 *
 * Asks every program of a topology whether it would start: `PROGRAM --check -f
 * CONFIG`, all at once, before the first of them is started and before a
 * changed topology is taken over. A program answers by its exit status, 0 or
 * not, and says why on its standard error.
 */
#ifndef CHECK_H
#define CHECK_H

#include <uv.h>

#include "actors/supervisor/launch.h"

struct bus_error;

#define CHECK_TIMEOUT_MS 30000
#define CHECK_TEXT_MAX 4096 /* bytes kept of what one program says */

/* err->code is BUS_OK when all would start; else INVALID_ARGUMENT and what the
 * first of them, in start order, said. */
typedef void check_done(void *arg, const struct bus_error *err);

/* Starts the check; done is called once from the loop, perhaps soon. The
 * topology must outlive the call of done. */
void check_start(uv_loop_t *loop, const struct launch_site *site,
                 const struct topology *topology, check_done *done, void *arg);

#endif
