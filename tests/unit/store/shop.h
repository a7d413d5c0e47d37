/* SPDX-License-Identifier: MIT
 *
 * A scene of two tables that the schema compiler made of shelf.sql: shelf, with
 * composite keys, an index, a version and a mark of deletion; memo, with chosen
 * keys and a nullable time of deletion. Each call of a test is a whole call: it
 * begins, and the next one ends it.
 */
#ifndef TESTS_STORE_SHOP_H
#define TESTS_STORE_SHOP_H

#include "shelf.model.h"
#include "tests/unit/store/fixture.h"
#include "tests/unit/store/redis_server.h"

struct shop {
    struct world world;
    struct store_shared *shared;
    struct worker worker;
    struct redis_server server; /* of a shared cache; pid 0: none */
};

/* cmocka's setup, without and with the cache, with one on a Redis of its own,
 * and teardown. */
int shop_open_plain(void **state);
int shop_open_cached(void **state);
int shop_open_shared(void **state);
int shop_close(void **state);

/* A call that writes, begun; it ends by shop_end. */
struct bus_call *shop_write(void **state);
void shop_end(struct bus_call *call);
struct bus_call *shop_read(void **state);

/* A row that fits; its code is "SHOP-SKU". */
struct shelf_row shelf_make(struct bus_call *call, int64_t shop,
                            const char *sku);
/* Inserted by a call of its own. */
void shelf_put(void **state, int64_t shop, const char *sku);

/* The codes of what finding by that key answers in a call that reads. */
int shelf_look(void **state, int64_t shop, const char *sku);
int shelf_look_by_code(void **state, const char *code);

#endif
