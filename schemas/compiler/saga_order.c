/* SPDX-License-Identifier: MIT
 *
 * Which step of a saga follows which. Without `after` a step follows every one
 * that is written before it; with it, those that it names and what these
 * follow; `after req` follows none. Steps that do not follow one another run at
 * the same time. Only steps that are written before may be named, so that there
 * are no circles and the order of the file is always one that is allowed.
 */
#include <string.h>

#include "saga.h"

/* The step of that name among the first count, or -1. */
static int find_step(const struct raw_step *steps, size_t count,
                     const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(steps[i].made.name, name))
            return (int)i;
    return -1;
}

void saga_order(struct saga_file *file, struct raw_step *steps, size_t index)
{
    struct raw_step *step = &steps[index];
    const struct raw_name *names = step->after.items;
    if (!step->ordered)
        step->made.after = (UINT64_C(1) << index) - 1;
    for (size_t i = 0; i < step->after.count; i++) {
        int before = find_step(steps, index, names[i].name);
        bool alone = step->after.count == 1;
        if (before >= 0)
            step->made.after |= steps[before].made.after | UINT64_C(1)
                                                               << before;
        else if (strcmp(names[i].name, SAGA_REQUEST) || !alone)
            source_error(file->source, names[i].at,
                         "found '%s', expected the name of a step before this "
                         "one%s",
                         names[i].name, alone ? ", or req" : "");
    }
}

bool saga_may_turn(const struct raw_step *steps, size_t count, size_t index)
{
    for (size_t i = 0; i < count; i++)
        if (i != index && !(steps[index].made.after & UINT64_C(1) << i))
            return true;
    return false;
}
