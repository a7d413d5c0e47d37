/* SPDX-License-Identifier: MIT
 *
 * The sagas of a .saga file as JSON: what each step calls, and what undoes it.
 */
#include "describe.h"

static void put_branch(struct out *out, const char *key,
                       const struct schema_branch *branch)
{
    js_pair(out, key,
            branch->actor ? pool_printf(out->pool, "%s.%s", branch->actor,
                                        branch->method->name)
                          : NULL);
}

/* Steps that must be done before it, at once or by others. */
static void put_after(struct out *out, const struct schema_saga *saga,
                      const struct schema_step *step)
{
    js_open(out, "after", '[');
    for (uint16_t i = 0; i < saga->step_count; i++)
        if (step->after & UINT64_C(1) << i)
            js_item(out, saga->steps[i].name);
    js_close(out, ']');
}

static void put_step(struct out *out, const struct schema_saga *saga,
                     const struct schema_step *step)
{
    js_open_item(out, '{');
    js_pair(out, "name", step->name);
    put_branch(out, "action", &step->action);
    put_branch(out, "compensate", &step->compensate);
    put_after(out, saga, step);
    js_number(out, "timeout_ms", step->timeout_ms);
    js_number(out, "retry", step->retry_limit);
    js_number(out, "backoff_ms", step->retry_first_ms);
    js_number(out, "backoff_ms_max", step->retry_max_ms);
    js_number(out, "interval_ms", step->interval_ms);
    js_close(out, '}');
}

void describe_saga(struct out *out, const struct schema_unit *unit)
{
    describe_types(out, unit);
    js_open(out, "sagas", '[');
    for (size_t i = 0; i < unit->saga_count; i++) {
        const struct schema_saga *saga = unit->sagas[i];
        js_open_item(out, '{');
        js_pair(out, "name", saga->name);
        js_pair(out, "request", saga->request ? saga->request->name : "");
        js_pair(out, "reply", saga->reply ? saga->reply->name : "");
        js_open(out, "steps", '[');
        for (uint16_t j = 0; j < saga->step_count; j++)
            put_step(out, saga, &saga->steps[j]);
        js_close(out, ']');
        js_close(out, '}');
    }
    js_close(out, ']');
}
