/* SPDX-License-Identifier: MIT
 *
 * What the printers of models share: gen_model.c has what go-zero knows,
 * gen_model_more.c what its users ask for beside that.
 */
#ifndef SCHEMA_GEN_MODEL_H
#define SCHEMA_GEN_MODEL_H

#include "gen.h"

/* ",\n    TYPE NAME" for each column of the key. */
void gen_key_parameters(struct gen *gen, struct out *out,
                        const struct schema_table *table,
                        const struct schema_key *key);

/* The declaration of a row named probe that holds those parameters, with its
 * presence members. */
void gen_probe(struct out *out, const struct schema_table *table,
               const struct schema_key *key);

void gen_model_more_header(struct gen *gen, struct out *out,
                           const struct schema_table *table);
void gen_model_more_source(struct gen *gen, struct out *out,
                           const struct schema_table *table);

/* The names of what gen_model_more_header declares for a table, without its
 * own: "insert_batch", "find_all_by_user_id"; const char *. */
void gen_model_more_names(struct pool *pool, const struct schema_table *table,
                          struct vec *ret);

#endif
