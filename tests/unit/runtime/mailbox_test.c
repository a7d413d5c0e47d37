/* SPDX-License-Identifier: MIT
 *
 * The mailbox: order, bound, batches, waking, closing.
 */
#include "actors/runtime/mailbox.h"

#include <stdatomic.h>

#include "bus/server.h"
#include "tests/unit/runtime/cmocka_all.h"

#define MANY 2000
#define TAKERS 4

static struct bus_inbound items[MANY];

static enum mailbox_put put(struct mailbox *box, struct bus_inbound *item)
{
    item->next = NULL;
    return mailbox_put(box, &item);
}

static void fill(struct mailbox *box, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        items[i].received = (int64_t)i + 1;
        assert_int_equal(put(box, &items[i]), MAILBOX_PUT);
    }
}

static size_t depth_of(struct mailbox *box)
{
    struct mailbox_view view;
    mailbox_look(box, &view);
    return view.depth;
}

static void gives_oldest_first(void **state)
{
    (void)state;
    struct mailbox box;
    mailbox_init(&box, 4);
    fill(&box, 0, 3);
    assert_ptr_equal(mailbox_take(&box, 1), &items[0]);
    assert_null(items[0].next);
    assert_ptr_equal(mailbox_take(&box, 1), &items[1]);
    assert_ptr_equal(mailbox_take(&box, 1), &items[2]);
    assert_null(mailbox_take(&box, 1));
    mailbox_release(&box);
}

static void gives_several_as_a_list(void **state)
{
    (void)state;
    struct mailbox box;
    mailbox_init(&box, 8);
    fill(&box, 0, 5);
    struct bus_inbound *list = mailbox_take(&box, 3);
    assert_ptr_equal(list, &items[0]);
    assert_ptr_equal(list->next->next, &items[2]);
    assert_null(items[2].next);
    assert_int_equal(depth_of(&box), 2);
    list = mailbox_take(&box, 8);
    assert_ptr_equal(list->next, &items[4]);
    assert_null(items[4].next);
    fill(&box, 5, 6);
    assert_ptr_equal(mailbox_take(&box, 8), &items[5]);
    mailbox_release(&box);
}

static void takes_back_to_the_front(void **state)
{
    (void)state;
    struct mailbox box;
    mailbox_init(&box, 3);
    fill(&box, 0, 3);
    struct bus_inbound *list = mailbox_take(&box, 2);
    fill(&box, 3, 5); /* full again: returning goes past the limit */
    mailbox_return(&box, list);
    assert_int_equal(depth_of(&box), 5);
    for (size_t i = 0; i < 5; i++)
        assert_ptr_equal(mailbox_take(&box, 1), &items[i]);
    mailbox_return(&box, NULL);
    assert_int_equal(depth_of(&box), 0);
    mailbox_return(&box, &items[0]);
    assert_ptr_equal(mailbox_take(&box, 1), &items[0]);
    mailbox_release(&box);
}

static void shows_how_long_the_first_waits(void **state)
{
    (void)state;
    struct mailbox box;
    struct mailbox_view view;
    mailbox_init(&box, 4);
    mailbox_look(&box, &view);
    assert_int_equal(view.oldest, 0);
    fill(&box, 6, 8);
    mailbox_look(&box, &view);
    assert_int_equal(view.oldest, 7);
    assert_int_equal(view.depth, 2);
    mailbox_take(&box, 2);
    mailbox_release(&box);
}

/* ---- several threads ---- */

struct taker {
    struct mailbox *box;
    pthread_t thread;
    size_t taken;
};

static atomic_int seen[MANY];

static void *take_all(void *arg)
{
    struct taker *taker = arg;
    struct bus_inbound *list;
    while ((list = mailbox_wait(taker->box, 3))) {
        while (list) {
            struct bus_inbound *next = list->next;
            atomic_fetch_add(&seen[list - items], 1);
            taker->taken++;
            list = next;
        }
    }
    return NULL;
}

static void every_request_is_taken_once(void **state)
{
    (void)state;
    struct mailbox box;
    struct taker takers[TAKERS];
    mailbox_init(&box, MANY);
    for (size_t i = 0; i < TAKERS; i++) {
        takers[i] = (struct taker){.box = &box};
        assert_int_equal(
            pthread_create(&takers[i].thread, NULL, take_all, &takers[i]), 0);
    }
    fill(&box, 0, MANY);
    mailbox_close(&box);
    size_t taken = 0;
    for (size_t i = 0; i < TAKERS; i++) {
        pthread_join(takers[i].thread, NULL);
        taken += takers[i].taken;
    }
    assert_int_equal(taken, MANY);
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(atomic_load(&seen[i]), 1);
    mailbox_release(&box);
}

/* Two workers that each need the other to be running: if a burst woke only
 * one, they would wait for ever (and the test's time-out would tell). */
struct pair {
    struct mailbox box;
    pthread_barrier_t both;
};

static void *meet(void *arg)
{
    struct pair *pair = arg;
    assert_non_null(mailbox_wait(&pair->box, 1));
    pthread_barrier_wait(&pair->both);
    return NULL;
}

static void a_burst_wakes_all_it_needs(void **state)
{
    (void)state;
    for (int round = 0; round < 50; round++) {
        struct pair pair;
        pthread_t threads[TAKERS];
        mailbox_init(&pair.box, TAKERS);
        pthread_barrier_init(&pair.both, NULL, TAKERS);
        for (size_t i = 0; i < TAKERS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, meet, &pair), 0);
        fill(&pair.box, 0, TAKERS);
        for (size_t i = 0; i < TAKERS; i++)
            pthread_join(threads[i], NULL);
        pthread_barrier_destroy(&pair.both);
        mailbox_release(&pair.box);
    }
}

/* ---- failures ---- */

static void refuses_past_its_limit(void **state)
{
    (void)state;
    struct mailbox box;
    mailbox_init(&box, 2);
    fill(&box, 0, 2);
    assert_int_equal(put(&box, &items[2]), MAILBOX_FULL);
    assert_int_equal(depth_of(&box), 2);
    mailbox_take(&box, 1);
    assert_int_equal(put(&box, &items[2]), MAILBOX_PUT);
    mailbox_take(&box, 2);
    mailbox_release(&box);
}

static void takes_of_a_list_what_fits(void **state)
{
    (void)state;
    struct mailbox box;
    struct bus_inbound *list = &items[1];
    mailbox_init(&box, 3);
    fill(&box, 0, 1);
    for (size_t i = 1; i < 4; i++)
        items[i].next = &items[i + 1];
    items[4].next = NULL;
    assert_int_equal(mailbox_put(&box, &list), MAILBOX_FULL);
    assert_ptr_equal(list, &items[3]);
    assert_ptr_equal(list->next, &items[4]);
    assert_ptr_equal(mailbox_take(&box, 4), &items[0]);
    assert_ptr_equal(items[0].next, &items[1]);
    assert_ptr_equal(items[1].next, &items[2]);
    assert_null(items[2].next);
    assert_int_equal(mailbox_put(&box, &list), MAILBOX_PUT);
    assert_null(list);
    assert_int_equal(depth_of(&box), 2);
    mailbox_take(&box, 2);
    mailbox_release(&box);
}

static void closed_it_gives_what_it_has_and_takes_nothing(void **state)
{
    (void)state;
    struct mailbox box;
    mailbox_init(&box, 4);
    fill(&box, 0, 1);
    mailbox_close(&box);
    assert_int_equal(put(&box, &items[1]), MAILBOX_CLOSED);
    assert_ptr_equal(mailbox_wait(&box, 4), &items[0]);
    assert_null(mailbox_wait(&box, 4));
    mailbox_return(&box, &items[0]);
    assert_ptr_equal(mailbox_wait(&box, 4), &items[0]);
    mailbox_release(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_oldest_first),
        cmocka_unit_test(gives_several_as_a_list),
        cmocka_unit_test(takes_back_to_the_front),
        cmocka_unit_test(shows_how_long_the_first_waits),
        cmocka_unit_test(every_request_is_taken_once),
        cmocka_unit_test(a_burst_wakes_all_it_needs),
        cmocka_unit_test(refuses_past_its_limit),
        cmocka_unit_test(takes_of_a_list_what_fits),
        cmocka_unit_test(closed_it_gives_what_it_has_and_takes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
