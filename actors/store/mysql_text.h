/* SPDX-License-Identifier: MIT
 *
 * Internal to mysql.c: what a statement's text begins with tells whether a
 * handler may run it.
 */
#ifndef STORE_MYSQL_TEXT_H
#define STORE_MYSQL_TEXT_H

#include <stdbool.h>

/* True of words that would end the transaction or outlive it. */
bool mysql_text_forbidden(const char *text);
bool mysql_text_reads(const char *text);

#endif
