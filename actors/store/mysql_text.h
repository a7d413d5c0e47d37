/* SPDX-License-Identifier: MIT
 *
 * Internal to mysql.c: statements as text. What a text begins with tells
 * whether a handler may run it; and several statements written out travel in
 * one round trip, which a prepared one cannot share.
 */
#ifndef STORE_MYSQL_TEXT_H
#define STORE_MYSQL_TEXT_H

#include "actors/store/mysql_rows.h"

#define MYSQL_TEXT_VALUE_MAX                                                   \
    ((size_t)65536) /* bytes of one that is written                            \
                     */

/* True of words that would end the transaction or outlive it. */
bool mysql_text_forbidden(const char *text);
bool mysql_text_reads(const char *text);

/* True if the statement can be written out: integers, text and bytes. */
bool mysql_text_fits(const struct sql_statement *statement);

/* Appends the statement with its arguments in their places. Text and bytes are
 * written in hex, so that nothing of them is ever read as SQL. */
void mysql_text_write(struct bus_buf *buf, const char *charset,
                      const struct sql_statement *statement);

/* Runs statements without rows, separated by semicolons; the first that fails
 * is the last that runs. ret: of the one of that number, from 0. False: the
 * connection knows why. */
bool mysql_text_run(MYSQL *my, struct bus_bytes text, size_t number,
                    struct sql_done *ret);

#endif
