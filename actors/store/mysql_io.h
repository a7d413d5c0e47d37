/* SPDX-License-Identifier: MIT
 *
 * Internal to mysql.c: deadlines for every wait on a connection's socket.
 */
#ifndef STORE_MYSQL_IO_H
#define STORE_MYSQL_IO_H

#include "actors/store/dsn.h"
#include "actors/store/mysql_rows.h"
#include "bus/clock.h"

#define MYSQL_IO_WAIT (10 * BUS_SECOND) /* when the deadline is further */

/* Until when this thread waits in the library, from here on. */
void mysql_io_until(int64_t deadline);
bool mysql_io_late(void); /* it has passed */

/* What a new connection is told before it connects, which it has until the
 * deadline to do. */
void mysql_io_options(MYSQL *my, const struct dsn *dsn, int64_t deadline);

#endif
