/* SPDX-License-Identifier: MIT
 *
 * Looking at the text of statements.
 */
#include "actors/store/mysql_text.h"

#include <string.h>
#include <strings.h>

bool mysql_text_forbidden(const char *text)
{
    static const char *const words[] = {
        "begin",    "start", "commit", "rollback", "savepoint",
        "release",  "xa",    "set",    "lock",     "unlock",
        "create",   "alter", "drop",   "rename",   "use",
        "truncate", "grant", "revoke", "analyze"};
    text += strspn(text, " \t\r\n");
    size_t len = strcspn(text, " \t\r\n;(");
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        if (strlen(words[i]) == len && strncasecmp(text, words[i], len) == 0)
            return true;
    }
    return false;
}

bool mysql_text_reads(const char *text)
{
    text += strspn(text, " \t\r\n(");
    return strncasecmp(text, "select", 6) == 0 ||
           strncasecmp(text, "show", 4) == 0;
}
