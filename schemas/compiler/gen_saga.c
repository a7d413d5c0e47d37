/* SPDX-License-Identifier: MIT */
#include "gen.h"

void gen_saga_header(struct gen *gen, struct out *out,
                     const struct schema_unit *unit)
{
    (void)gen, (void)out, (void)unit;
}

void gen_saga_source(struct gen *gen, struct out *out,
                     const struct schema_unit *unit)
{
    (void)gen, (void)out, (void)unit;
}
