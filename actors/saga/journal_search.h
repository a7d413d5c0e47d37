/* SPDX-License-Identifier: MIT
 *
 * Lists of sagas by filters, newest first, for operators. One search looks at
 * so many rows and no more, for it runs on the thread that also commits: it
 * says where it stopped, and whoever wants more goes on there. So no filter
 * needs an index of its own, which every saga would pay for.
 */
#ifndef SAGA_JOURNAL_SEARCH_H
#define SAGA_JOURNAL_SEARCH_H

#include "actors/saga/journal.h"

#define JOURNAL_SEARCH_ROWS 20000 /* looked at by one search */

/* Texts: "" is any, and none is NULL. Times: Unix, us. */
struct journal_filter {
    const char *status, *name, *type, *step; /* exactly */
    const char *gid;                         /* what gids begin with */
    const char *error;                       /* part of its text, in any case */
    const char *owner;                       /* part of its name */
    int64_t created_since, created_until;    /* since <= t < until */
    int64_t updated_since, updated_until;
    int64_t before;         /* go on there: rows created before it, or */
    const char *before_gid; /* at it, with a smaller gid */
    uint32_t limit;         /* rows found */
    uint32_t look;          /* rows looked at; 0: JOURNAL_SEARCH_ROWS */
};

/* Everything, from the newest on. */
void journal_filter_init(struct journal_filter *filter);

/* Does a JOURNAL_SEARCH: fills job->found, without states, and job->more with
 * job->before and job->gid, where the next search goes on. self is the name of
 * the one owner of a journal that is not shared. */
int journal_search(const struct sql_driver *driver, struct sql *sql,
                   const char *self, struct journal_job *job);

#endif
