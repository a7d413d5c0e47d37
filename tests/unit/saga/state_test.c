/* SPDX-License-Identifier: MIT
 *
 * A saga to bytes and back, and rows that nobody could have written.
 */
#include "tests/unit/saga/cmocka_all.h"

#include <string.h>

#include "bus/code.h"
#include "bus/pack.h"
#include "tests/unit/saga/scene.h"

struct scene {
    struct plans plans;
    struct saga saga;
    struct bus_buf bytes;
};

/* user is done with a reply, score waits for another try. */
static int scene_open(void **state)
{
    struct scene *scene = test_malloc(sizeof(*scene));
    struct bus_buf request = scene_map("name", "小红");
    struct bus_buf reply = scene_map("id", "7");
    plans_init(&scene->plans);
    scene_saga(&scene->plans, &scene_register, bus_buf_bytes(&request),
               &scene->saga);
    struct saga *saga = &scene->saga;
    bus_trace_new(&saga->trace);
    saga->created = 1000001;
    saga->updated = 1000002;
    saga->engine.phase = PHASE_RUNNING;
    saga->steps[0].branch[OP_ACTION] =
        (struct engine_branch){.status = BRANCH_DONE, .attempts = 1};
    saga->notes[0][OP_ACTION].started = 5;
    saga->notes[0][OP_ACTION].finished = 6;
    saga_reply(saga, 0, bus_buf_bytes(&reply));
    saga->steps[1].branch[OP_ACTION] =
        (struct engine_branch){.status = BRANCH_BACKOFF,
                               .code = BUS_INTERNAL,
                               .attempts = 3,
                               .failures = 2};
    saga->notes[1][OP_ACTION].business = -9;
    saga_sentence(saga, 1, OP_ACTION, "数据库坏了");
    bus_buf_init(&scene->bytes, SAGA_STATE_MAX);
    saga_pack(saga, &scene->bytes);
    bus_buf_release(&request);
    bus_buf_release(&reply);
    *state = scene;
    return 0;
}

static int scene_close(void **state)
{
    struct scene *scene = *state;
    saga_release(&scene->saga, &scene->plans);
    plans_release(&scene->plans);
    bus_buf_release(&scene->bytes);
    test_free(scene);
    return 0;
}

static int read_back(struct scene *scene, struct bus_bytes bytes,
                     struct saga *ret)
{
    struct bus_error err = {0};
    int code = saga_unpack(bytes, "g-1", &scene->plans, ret, &err);
    assert_true(code == BUS_OK || code == BUS_DATA_LOSS);
    if (code)
        assert_non_null(strstr(err.sentence, "g-1"));
    return code;
}

static void comes_back_as_it_was(void **state)
{
    struct scene *scene = *state;
    struct saga saga;
    assert_int_equal(read_back(scene, bus_buf_bytes(&scene->bytes), &saga),
                     BUS_OK);
    assert_string_equal(saga.gid, "g-1");
    assert_ptr_equal(saga.plan, scene->saga.plan); /* shared */
    assert_memory_equal(&saga.trace, &scene->saga.trace, sizeof(saga.trace));
    assert_int_equal(saga.created, 1000001);
    assert_int_equal(saga.updated, 1000002);
    assert_int_equal(saga.finished, 0);
    assert_int_equal(saga.engine.phase, PHASE_RUNNING);
    assert_int_equal(saga.engine.failed, -1);
    assert_string_equal(scene_at(saga.request, "name"), "\"小红\"");
    assert_string_equal(scene_at(saga_replied(&saga, 0), "id"), "\"7\"");
    assert_int_equal(saga_replied(&saga, 1).len, 0);
    assert_int_equal(saga.notes[0][OP_ACTION].finished, 6);
    const struct engine_branch *branch = &saga.steps[1].branch[OP_ACTION];
    assert_int_equal(branch->status, BRANCH_BACKOFF);
    assert_int_equal(branch->code, BUS_INTERNAL);
    assert_int_equal(branch->attempts, 3);
    assert_int_equal(branch->failures, 2);
    assert_int_equal(saga.notes[1][OP_ACTION].business, -9);
    assert_string_equal(saga.notes[1][OP_ACTION].sentence, "数据库坏了");
    assert_null(saga.notes[1][OP_COMPENSATE].sentence);
    saga_release(&saga, &scene->plans);
}

static void what_waits_for_the_disk_is_stored_as_done(void **state)
{
    struct scene *scene = *state;
    static const struct {
        enum engine_phase now, then;
    } pairs[] = {{PHASE_ACCEPTING, PHASE_RUNNING},
                 {PHASE_TURNING, PHASE_UNDOING}};
    for (size_t i = 0; i < 2; i++) {
        struct saga saga;
        scene->saga.engine.phase = (uint8_t)pairs[i].now;
        scene->saga.steps[1].branch[OP_ACTION].status = BRANCH_FAILED;
        bus_buf_reset(&scene->bytes);
        saga_pack(&scene->saga, &scene->bytes);
        assert_int_equal(read_back(scene, bus_buf_bytes(&scene->bytes), &saga),
                         BUS_OK);
        assert_int_equal(saga.engine.phase, pairs[i].then);
        saga_release(&saga, &scene->plans);
    }
}

static void is_small(void **state)
{
    struct scene *scene = *state;
    assert_true(scene->bytes.len - scene->saga.plan->bytes.len < 200);
}

static void a_row_cut_anywhere_is_refused(void **state)
{
    struct scene *scene = *state;
    for (size_t len = 0; len < scene->bytes.len; len++) {
        struct saga saga;
        const struct bus_bytes part = {scene->bytes.data, len};
        assert_int_equal(read_back(scene, part, &saga), BUS_DATA_LOSS);
    }
}

/* Whatever a byte is changed to, the row is refused or is a sound saga. */
static void a_row_with_any_byte_changed_is_sound_or_refused(void **state)
{
    struct scene *scene = *state;
    size_t taken = 0;
    for (size_t at = 0; at < scene->bytes.len; at++) {
        uint8_t was = scene->bytes.data[at];
        for (unsigned flip = 1; flip < 256; flip += 3) {
            struct saga saga;
            scene->bytes.data[at] = (uint8_t)(was ^ flip);
            if (read_back(scene, bus_buf_bytes(&scene->bytes), &saga))
                continue;
            assert_true(engine_sound(&saga.engine));
            saga_release(&saga, &scene->plans);
            taken++;
        }
        scene->bytes.data[at] = was;
    }
    assert_true(taken > 0);
}

static void bytes_behind_the_row_are_refused(void **state)
{
    struct scene *scene = *state;
    struct saga saga;
    bus_pack_nil(&scene->bytes);
    assert_int_equal(read_back(scene, bus_buf_bytes(&scene->bytes), &saga),
                     BUS_DATA_LOSS);
}

/* done, and a step that is not. */
static void states_that_cannot_be_are_refused(void **state)
{
    struct scene *scene = *state;
    struct saga saga;
    scene->saga.engine.phase = PHASE_DONE;
    bus_buf_reset(&scene->bytes);
    saga_pack(&scene->saga, &scene->bytes);
    assert_int_equal(read_back(scene, bus_buf_bytes(&scene->bytes), &saga),
                     BUS_DATA_LOSS);
}

static void branch_ids_have_two_digits(void **state)
{
    char id[SAGA_BRANCH_TEXT];
    (void)state;
    saga_branch_id(0, id);
    assert_string_equal(id, "01");
    saga_branch_id(63, id);
    assert_string_equal(id, "64");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, scene_open, scene_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(comes_back_as_it_was),
        TEST(what_waits_for_the_disk_is_stored_as_done),
        TEST(is_small),
        TEST(a_row_cut_anywhere_is_refused),
        TEST(a_row_with_any_byte_changed_is_sound_or_refused),
        TEST(bytes_behind_the_row_are_refused),
        TEST(states_that_cannot_be_are_refused),
        cmocka_unit_test(branch_ids_have_two_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
