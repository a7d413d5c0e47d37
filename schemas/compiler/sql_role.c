/* SPDX-License-Identifier: MIT
 *
 * What a column's name says about its part in a row's life, as go-zero's users
 * and Chinese malls name them: a version that counts updates, a mark that the
 * row is deleted, and when that was. A table with a mark has its time beside
 * it; a nullable time alone, or a number that is 0 by default, is a mark too.
 */
#include <string.h>
#include <strings.h>

#include "sql.h"

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (!strcasecmp(name, *names))
            return true;
    return false;
}

static bool is_integer(const struct schema_column *column)
{
    return column->field.kind >= SCHEMA_I8 && column->field.kind <= SCHEMA_U64;
}

static bool in_primary(const struct schema_key *primary, size_t column)
{
    for (uint16_t i = 0; i < primary->count; i++)
        if (primary->columns[i] == column)
            return true;
    return false;
}

static bool is_mark(const struct schema_column *column)
{
    static const char *const names[] = {
        "del_state",     "delete_state", "is_deleted", "is_delete", "is_del",
        "delete_status", "deleted",      "del_flag",   NULL};
    return is_integer(column) && is_one_of(column->field.name, names);
}

/* A text is not looked at: nobody agrees on what stands in it. */
static bool is_time(const struct schema_column *column)
{
    static const char *const names[] = {"delete_time", "deleted_time",
                                        "deleted_at",  "delete_at",
                                        "del_time",    NULL};
    return (is_integer(column) || column->field.kind == SCHEMA_TIME) &&
           is_one_of(column->field.name, names);
}

/* True if the time alone tells whether the row is there. */
static bool is_telling(const struct schema_column *column)
{
    return is_integer(column) || !column->not_null;
}

void sql_roles(struct schema_column *columns, size_t count,
               const struct schema_key *primary)
{
    struct schema_column *mark = NULL, *time = NULL, *version = NULL;
    for (size_t i = 0; i < count; i++) {
        struct schema_column *column = &columns[i];
        if (column->unwritten || in_primary(primary, i))
            continue;
        if (!mark && is_mark(column))
            mark = column;
        else if (!time && is_time(column))
            time = column;
        else if (!version && is_integer(column) && column->not_null &&
                 !strcasecmp(column->field.name, "version"))
            version = column;
    }
    if (version)
        version->version = true;
    if (!mark && time && is_telling(time))
        mark = time;
    if (!mark)
        return;
    mark->gone = true;
    if (time)
        time->gone_time = true;
}
