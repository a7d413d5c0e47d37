/* SPDX-License-Identifier: MIT
 *
 * The journal's tables on SQLite.
 */
#ifndef SAGA_JOURNAL_SQLITE_H
#define SAGA_JOURNAL_SQLITE_H

extern const char *const journal_sqlite_schema[]; /* NULL at the end */

#endif
