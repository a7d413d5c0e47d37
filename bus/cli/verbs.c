/* SPDX-License-Identifier: MIT
 *
 * The list of verbs, in the order in which `bus help` prints them.
 */
#include <string.h>

#include "bus/cli/verb.h"

/* X(verb) */
#define VERBS(X)                                                               \
    X(up)                                                                      \
    X(down)                                                                    \
    X(ps)                                                                      \
    X(scale)                                                                   \
    X(restart)                                                                 \
    X(reload)                                                                  \
    X(logs)                                                                    \
    X(call)                                                                    \
    X(send)                                                                    \
    X(pub)                                                                     \
    X(sub)                                                                     \
    X(ls)                                                                      \
    X(describe)                                                                \
    X(ping)                                                                    \
    X(stats)                                                                   \
    X(saga)                                                                    \
    X(dlq)                                                                     \
    X(cron)                                                                    \
    X(new)                                                                     \
    X(gen)                                                                     \
    X(complete)                                                                \
    X(help)                                                                    \
    X(version)

#define DECLARE(name) extern const struct cli_verb cli_verb_##name;
VERBS(DECLARE)
#undef DECLARE

const struct cli_verb *const cli_verbs[] = {
#define ENTRY(name) &cli_verb_##name,
    VERBS(ENTRY)
#undef ENTRY
        NULL};

const struct cli_verb *cli_find_verb(const char *name)
{
    for (size_t i = 0; cli_verbs[i]; i++) {
        if (strcmp(cli_verbs[i]->name, name) == 0)
            return cli_verbs[i];
    }
    return NULL;
}
