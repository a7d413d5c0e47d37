/* SPDX-License-Identifier: MIT
 *
 * What a MySQL or MariaDB server's error numbers mean, by the codes of sql.h.
 * Sentences of the server that quote values are replaced by our own.
 */
#ifndef STORE_MYSQL_ERROR_H
#define STORE_MYSQL_ERROR_H

#include <stdbool.h>

#include "bus/error.h"

/* The connection is of no more use; a statement in flight may have run. */
bool mysql_error_gone(unsigned number);

/* text: the server's sentence. Returns the code. */
int mysql_error_fill(unsigned number, const char *text, struct bus_error *err);

#endif
