/* SPDX-License-Identifier: MIT
 *
 * Databases on the MySQL server whose socket TROUPE_TEST_MYSQL names
 * (tests/live/mysql/run); where it is not set, tests are on SQLite.
 */
#ifndef TESTS_STORE_MYSQL_SERVER_H
#define TESTS_STORE_MYSQL_SERVER_H

#include <stdbool.h>
#include <stddef.h>

bool mysql_server_wanted(void);

/* An empty database of that name, in a zone that is not UTC, and no barrier on
 * the server. source: its data source. */
void mysql_server_make(const char *name, char *source, size_t size);
void mysql_server_drop(const char *name);

#endif
