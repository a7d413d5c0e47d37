/* SPDX-License-Identifier: MIT
 *
 * The scene of the two tables of shelf.sql.
 */
#include "tests/unit/store/shop.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static int open_shop(void **state, bool cache, bool redis)
{
    static const struct model_table *const tables[] = {&shelf_row_table,
                                                       &memo_row_table, NULL};
    struct shop *shop = calloc(1, sizeof(*shop));
    struct bus_error err = {0};
    if (!shop)
        abort();
    world_open(&shop->world, false);
    if (redis)
        redis_server_start(&shop->server, shop->world.folder, "redis.sock");
    const struct store_node node = {.host = shop->server.socket, .weight = 100};
    const struct store_options options = {.source = shop->world.source,
                                          .tables = tables,
                                          .clock = &bus_clock_system,
                                          .cache = cache,
                                          .nodes = &node,
                                          .node_count = redis};
    if (store_shared_open(&options, &shop->shared, &err) != BUS_OK) {
        fprintf(stderr, "shop: %s\n", err.sentence);
        abort();
    }
    worker_open(&shop->worker, shop->shared);
    *state = shop;
    return 0;
}

int shop_open_plain(void **state)
{
    return open_shop(state, false, false);
}

int shop_open_cached(void **state)
{
    return open_shop(state, true, false);
}

int shop_open_shared(void **state)
{
    return open_shop(state, false, true);
}

int shop_close(void **state)
{
    struct shop *shop = *state;
    worker_close(&shop->worker);
    store_shared_close(shop->shared);
    if (shop->server.pid)
        redis_server_kill(&shop->server);
    world_close(&shop->world);
    free(shop);
    return 0;
}

struct bus_call *shop_write(void **state)
{
    struct shop *shop = *state;
    struct bus_call *call = worker_call(&shop->worker, &person_write_method);
    call_begin(call);
    return call;
}

void shop_end(struct bus_call *call)
{
    int code = call_end(call, BUS_OK);
    assert(code == BUS_OK);
    (void)code;
}

struct bus_call *shop_read(void **state)
{
    struct shop *shop = *state;
    return worker_call(&shop->worker, &person_read_method);
}

struct shelf_row shelf_make(struct bus_call *call, int64_t shop,
                            const char *sku)
{
    return (struct shelf_row){
        .shop = shop,
        .sku = sku,
        .code = bus_arena_printf(call->arena, "%lld-%s", (long long)shop, sku),
        .kind = 1,
        .price = "900719925474099.31"};
}

void shelf_put(void **state, int64_t shop, const char *sku)
{
    struct bus_call *call = shop_write(state);
    struct shelf_row row = shelf_make(call, shop, sku);
    int code = shelf_row_insert(call, &row);
    assert(code == BUS_OK);
    (void)code;
    shop_end(call);
}

int shelf_look(void **state, int64_t shop, const char *sku)
{
    struct shelf_row row;
    return shelf_row_find_one(shop_read(state), shop, sku, &row);
}

int shelf_look_by_code(void **state, const char *code)
{
    struct shelf_row row;
    return shelf_row_find_one_by_code(shop_read(state), code, &row);
}
