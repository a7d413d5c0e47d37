/* SPDX-License-Identifier: MIT
 *
 * The library's own time-outs count whole seconds; its hook for waiting lets a
 * deadline be kept to the millisecond.
 */
#include "actors/store/mysql_io.h"

#include <errno.h>
#include <poll.h>

#define LIBRARY_WAIT_S 3600u /* the library's own; ours is shorter */

static int64_t now(void)
{
    return bus_now(&bus_clock_system);
}

/* Of what this thread is waiting for in the library. */
static _Thread_local int64_t io_deadline;

/* The library's hook: 1 ready, 0 too late, -1 failure. */
static int on_io(my_socket fd, my_bool is_read, int timeout)
{
    struct pollfd at = {.fd = fd, .events = is_read ? POLLIN : POLLOUT};
    (void)timeout;
    for (;;) {
        int64_t left = io_deadline - now();
        if (left <= 0) {
            errno = ETIMEDOUT;
            return 0;
        }
        int64_t ms = left / BUS_MILLI + 1;
        int ready = poll(&at, 1, ms < INT32_MAX ? (int)ms : INT32_MAX);
        if (ready > 0 || (ready < 0 && errno != EINTR))
            return ready;
    }
}

void mysql_io_until(int64_t deadline)
{
    io_deadline = deadline;
}

bool mysql_io_late(void)
{
    return now() >= io_deadline;
}

void mysql_io_options(MYSQL *my, const struct dsn *dsn, int64_t deadline)
{
    int64_t wait = deadline - now();
    int64_t most = dsn->timeout_ns ? dsn->timeout_ns : MYSQL_IO_WAIT;
    if (wait > most)
        wait = most;
    io_deadline = now() + wait;
    unsigned seconds = (unsigned)(wait / BUS_SECOND + 1);
    const unsigned library = LIBRARY_WAIT_S;
    const my_bool verify = dsn->tls == DSN_TLS_ON;
    const my_bool enforce = dsn->tls != DSN_TLS_OFF;
    const unsigned local = 0;
    mysql_optionsv(my, MYSQL_OPT_CONNECT_TIMEOUT, &seconds);
    mysql_optionsv(my, MYSQL_OPT_READ_TIMEOUT, &library);
    mysql_optionsv(my, MYSQL_OPT_WRITE_TIMEOUT, &library);
    mysql_optionsv(my, MYSQL_SET_CHARSET_NAME, dsn->charset);
    mysql_optionsv(my, MYSQL_OPT_LOCAL_INFILE, &local);
    mysql_optionsv(my, MARIADB_OPT_IO_WAIT, on_io);
    if (enforce) {
        mysql_optionsv(my, MYSQL_OPT_SSL_ENFORCE, &enforce);
        mysql_optionsv(my, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
    }
}
