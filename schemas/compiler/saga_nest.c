/* SPDX-License-Identifier: MIT
 *
 * Sagas as steps of sagas: `step inner = saga.register(...)` calls a saga of
 * this file that is declared before, or one of an imported .saga file. So there
 * are no circles. Without a compensation of its own the step is undone by
 * undoing the saga: also when it was done, so that its last step, which by
 * itself needs no compensation, needs one here.
 */
#include <string.h>

#include "saga.h"

static const struct schema_saga *
find_among(const struct schema_saga *const *all, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(all[i]->name, name))
            return all[i];
    return NULL;
}

static const struct schema_saga *find_saga(const struct saga_file *file,
                                           const char *name)
{
    const struct schema_unit *const *units = file->imports.items;
    const struct schema_saga *found =
        find_among(file->sagas.items, file->sagas.count, name);
    for (size_t i = 0; !found && i < file->imports.count; i++)
        found = find_among(units[i]->sagas, units[i]->saga_count, name);
    return found;
}

void saga_nest(struct saga_file *file, const struct raw_branch *raw,
               struct schema_branch *branch)
{
    const struct schema_saga *saga = find_saga(file, raw->method);
    if (!saga) {
        if (!file->import_failed)
            source_error(file->source, raw->at,
                         "found '%s', expected a saga declared before this "
                         "one, or of an imported file",
                         raw->method);
        return;
    }
    struct schema_method *method = pool_alloc(file->pool, sizeof(*method));
    method->name = saga->name;
    method->request = saga->request;
    method->reply = saga->reply;
    branch->method = method;
    branch->saga = saga;
}

void saga_nest_undo(struct saga_file *file, const struct raw_step *step,
                    struct schema_step *made)
{
    const struct schema_saga *saga = made->action.saga;
    for (uint16_t i = 0; i < saga->step_count; i++)
        if (!saga->steps[i].compensate.actor && !saga->steps[i].none)
            source_error(file->source, step->at,
                         "step '%s' of saga '%s' has no compensation and may "
                         "have to be undone with this one: add one, or write "
                         "'no compensation', there or here",
                         saga->steps[i].name, saga->name);
    made->compensate = (struct schema_branch){
        .actor = SAGA_ACTOR, .method = made->action.method, .saga = saga};
}
