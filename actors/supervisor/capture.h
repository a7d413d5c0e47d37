/* SPDX-License-Identifier: MIT
 *
 * The log file of one child: what it wrote to its standard output and error,
 * appended as it came. A file that grew past CAPTURE_BYTES_MAX is turned over
 * at the end of a line: NAME.log, NAME.log.1, ... up to CAPTURE_FILES. A full
 * disk loses lines, never blocks a child.
 */
#ifndef CAPTURE_H
#define CAPTURE_H

#include <stddef.h>
#include <stdint.h>

#include "bus/home.h"

#define CAPTURE_BYTES_MAX ((int64_t)16 << 20) /* of one file */
#define CAPTURE_FILES 5 /* that are kept, the current one included */

struct capture {
    int fd; /* -1: could not be opened; everything is dropped */
    int64_t size;
    int64_t bytes_max;
    char path[BUS_PATH_MAX];
};

/* Opens for appending; bytes_max 0: CAPTURE_BYTES_MAX. Never fails loudly. */
void capture_open(struct capture *capture, const char *path, int64_t bytes_max);
void capture_write(struct capture *capture, const char *data, size_t len);
void capture_close(struct capture *capture);

/* Renames path.3 to path.4, ... path to path.1. */
void capture_turn(const char *path);

#endif
