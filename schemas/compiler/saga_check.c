/* SPDX-License-Identifier: MIT
 *
 * Sagas against the schemas they import: methods, types, and compensations. A
 * step that others follow needs a compensation, or the words `no compensation`.
 */
#include <string.h>

#include "name.h"
#include "saga.h"

static const struct schema_message *find_type(struct saga_file *file,
                                              const char *name, size_t at)
{
    const struct schema_unit *const *units = file->imports.items;
    const struct schema_message *found = types_find(&file->lowering, name);
    bool own = found != NULL;
    for (size_t i = 0; !own && i < file->imports.count; i++) {
        const struct schema_message *other =
            schema_message_find(units[i], name);
        if (found && other && strcmp(found->full, other->full)) {
            source_error(file->source, at,
                         "'%s' may be '%s' or '%s', expected one of these",
                         name, found->full, other->full);
            return found;
        }
        found = found ? found : other;
    }
    if (!found && !file->import_failed)
        source_error(file->source, at, "unresolved type '%s'", name);
    return found;
}

static const struct schema_method *find_in_unit(const struct schema_unit *unit,
                                                const struct raw_branch *branch,
                                                bool *ret_actor)
{
    for (size_t i = 0; i < unit->service_count; i++) {
        const struct schema_service *service = unit->services[i];
        if (strcmp(service->actor, branch->actor))
            continue;
        *ret_actor = true;
        for (size_t j = 0; j < service->method_count; j++)
            if (!strcmp(service->methods[j].name, branch->method))
                return &service->methods[j];
    }
    return NULL;
}

static const struct schema_method *find_method(struct saga_file *file,
                                               const struct raw_branch *branch)
{
    const struct schema_unit *const *units = file->imports.items;
    const struct schema_method *method = NULL;
    bool actor = false;
    for (size_t i = 0; !method && i < file->imports.count; i++)
        method = find_in_unit(units[i], branch, &actor);
    if (method && (method->client_stream || method->server_stream))
        source_error(file->source, branch->at,
                     "'%s.%s' is a stream, expected a call", branch->actor,
                     branch->method);
    if (method || (file->import_failed && !actor))
        return method;
    if (actor)
        source_error(file->source, branch->at,
                     "found '%s', expected a method of the actor '%s'",
                     branch->method, branch->actor);
    else
        source_error(file->source, branch->at,
                     "found '%s', expected an actor of an imported file",
                     branch->actor);
    return NULL;
}

static void check_branch(const struct saga_scope *scope,
                         const struct raw_branch *raw,
                         struct schema_branch *made)
{
    if (!strcmp(raw->actor, SAGA_ACTOR))
        saga_nest(scope->file, raw, made);
    else
        made->method = find_method(scope->file, raw);
    if (!made->method)
        return;
    made->actor = raw->actor;
    made->inputs = saga_inputs(scope, &raw->inputs, made->method->request,
                               raw->at, &made->input_count);
}

static void check_step_name(const struct saga_scope *scope, size_t index)
{
    const struct raw_step *step = &scope->steps[index];
    if (!strcmp(step->made.name, SAGA_REQUEST))
        source_error(scope->file->source, step->at,
                     "'req' is the saga's request, expected another name");
    for (size_t i = 0; i < index; i++)
        if (!strcmp(scope->steps[i].made.name, step->made.name))
            source_error(scope->file->source, step->at,
                         "a step '%s' is declared already, in line %u",
                         step->made.name, scope->steps[i].made.pos.line);
}

static void check_steps(struct saga_scope *scope, struct raw_saga *raw)
{
    struct raw_step *steps = raw->steps.items;
    size_t count = raw->steps.count;
    scope->steps = steps;
    for (size_t i = 0; i < count; i++) {
        struct raw_step *step = &steps[i];
        check_step_name(scope, i);
        scope->step_count = i;
        saga_order(scope->file, steps, i);
        scope->visible = step->made.after;
        check_branch(scope, &step->action, &step->made.action);
        /* A compensation may use what its own action answered. */
        scope->step_count = i + 1;
        scope->visible |= UINT64_C(1) << i;
        if (step->compensate.actor &&
            !strcmp(step->compensate.actor, SAGA_ACTOR))
            source_error(scope->file->source, step->compensate.at,
                         "found a saga, expected a method to compensate with");
        else if (step->compensate.actor)
            check_branch(scope, &step->compensate, &step->made.compensate);
        else if (step->made.action.saga && !step->none)
            saga_nest_undo(scope->file, step, &step->made);
    }
    scope->visible = UINT64_MAX;
}

static void check_compensations(struct saga_file *file,
                                const struct raw_saga *raw)
{
    const struct raw_step *steps = raw->steps.items;
    for (size_t i = 0; i < raw->steps.count; i++)
        if (!steps[i].compensate.actor && !steps[i].none &&
            !steps[i].made.action.saga &&
            saga_may_turn(steps, raw->steps.count, i))
            source_error(file->source, steps[i].at,
                         "step '%s' has no compensation and others %s: add "
                         "one, or write 'no compensation'",
                         steps[i].made.name,
                         i + 1 < raw->steps.count ? "follow" : "run beside it");
}

static void check_saga(struct saga_file *file, struct raw_saga *raw)
{
    struct schema_saga *saga = pool_alloc(file->pool, sizeof(*saga));
    struct saga_scope scope = {.file = file};
    struct raw_step *steps = raw->steps.items;
    saga->name = raw->name;
    saga->c_name = name_c(file->pool, raw->name);
    saga->pos = source_pos(file->source, raw->at);
    saga->request = find_type(file, raw->request, raw->request_at);
    if (raw->reply[0])
        saga->reply = find_type(file, raw->reply, raw->reply_at);
    scope.request = saga->request;
    if (!raw->steps.count)
        source_error(file->source, raw->at, "a saga needs at least one step");
    check_steps(&scope, raw);
    check_compensations(file, raw);
    if (saga->reply)
        saga->result =
            saga_inputs(&scope, &raw->result, saga->reply,
                        raw->result_at ? raw->result_at : raw->reply_at,
                        &saga->result_count);
    else if (raw->result.count && !raw->reply[0])
        source_error(file->source, raw->result_at,
                     "found a return, expected 'returns (Type)' in the saga's "
                     "first line");
    struct schema_step *made =
        pool_array(file->pool, raw->steps.count + 1, sizeof(*made));
    for (size_t i = 0; i < raw->steps.count; i++) {
        made[i] = steps[i].made;
        saga->partial = saga->partial || steps[i].ordered;
    }
    saga->steps = made;
    saga->step_count = (uint16_t)raw->steps.count;
    vec_push(file->pool, &file->sagas, saga);
}

void saga_check(struct saga_file *file)
{
    struct raw_saga *raw = file->raw.items;
    for (size_t i = 0; i < file->raw.count; i++) {
        for (size_t j = 0; j < i; j++)
            if (!strcmp(raw[j].name, raw[i].name))
                source_error(file->source, raw[i].at,
                             "saga '%s' is declared already", raw[i].name);
        check_saga(file, &raw[i]);
    }
}
