/* SPDX-License-Identifier: MIT
 *
 * The list of an input's faults. What was refused is INVALID_ARGUMENT and names
 * its field: anything else is no matter of one field, and is not kept. Texts
 * that find no room in the arena are left out, for the input is refused anyway.
 */
#include "bus/fault.h"

#include "bus/arena.h"
#include "bus/code.h"
#include "bus/error.h"

void bus_faults_init(struct bus_faults *faults, struct bus_arena *arena)
{
    faults->arena = arena;
    faults->count = 0;
}

bool bus_fault_keep(struct bus_faults *faults, const struct bus_error *err)
{
    if (!faults || !err || err->code != BUS_INVALID_ARGUMENT || !err->field[0])
        return false;
    if (faults->count == BUS_FAULTS_MAX)
        return true;
    struct bus_fault fault = {bus_arena_text(faults->arena, err->field),
                              bus_arena_text(faults->arena, err->sentence)};
    if (!fault.field || !fault.sentence)
        return faults->count > 0;
    faults->items[faults->count++] = fault;
    return true;
}

int bus_faults_error(const struct bus_faults *faults, struct bus_error *err)
{
    if (!faults || !faults->count)
        return BUS_OK;
    return bus_error_field(err, BUS_INVALID_ARGUMENT, faults->items[0].field,
                           "%s", faults->items[0].sentence);
}
