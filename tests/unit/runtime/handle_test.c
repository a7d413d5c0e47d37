/* SPDX-License-Identifier: MIT
 *
 * One request through a worker: the order of the store's bracket, middlewares
 * and handler, what each step refuses, and what leaves.
 */
#include "actors/runtime/handle.h"

#include "tests/unit/runtime/fake.h"

/* What the next handler does beside noting itself. */
static int handler_code;
static const char *handler_says;
static int64_t seen_deadline;
static const char *seen_gid;
static bool seen_bare;
static int64_t seen_number;

static int note_handler(struct bus_call *call, const void *request, void *reply)
{
    const struct fake_note_in *in = request;
    struct fake_note_out *out = reply;
    struct bus_outbox *event = bus_arena_alloc(call->arena, sizeof(*event));
    fake_note("handler %s;", in ? in->text : "-");
    seen_deadline = call->deadline;
    seen_gid = call->meta.saga.gid;
    seen_bare = call->bare;
    seen_number = in ? in->number : 0;
    if (out)
        out->text = in ? in->text : "none";
    *event = (struct bus_outbox){.topic = "note.done"};
    call->outbox = event;
    if (handler_says)
        return bus_refuse(call, handler_code, "%s", handler_says);
    return handler_code;
}

static int outer(struct bus_call *call, struct actor_next *next)
{
    fake_note("outer in;");
    int code = bus_next(call, next);
    fake_note("outer out;");
    if (!code)
        bus_header(call, "X-Outer", "1");
    return code;
}

static int inner(struct bus_call *call, struct actor_next *next)
{
    fake_note("inner in;");
    int code = bus_next(call, next);
    fake_note("inner out;");
    return code;
}

static int refusing(struct bus_call *call, struct actor_next *next)
{
    (void)next;
    return bus_refuse(call, BUS_PERMISSION_DENIED, "not you");
}

static const struct bus_method methods[] = {
    {"note", "write", "/note.Note/write", &fake_in, &fake_out, 0, ""},
    {"note", "wrapped", "/note.Note/wrapped", &fake_in, &fake_out, 0, ""},
    {"note", "guarded", "/note.Note/guarded", &fake_in, &fake_out, 0, ""},
    {"note", "bare", "/note.Note/bare", NULL, NULL, 0, ""},
};
static actor_middleware *const wrapped[] = {outer, inner, NULL};
static actor_middleware *const guarded[] = {outer, refusing, NULL};
static const struct actor_method table[] = {
    {&methods[0], note_handler, NULL},
    {&methods[1], note_handler, wrapped},
    {&methods[2], note_handler, guarded},
    {&methods[3], note_handler, NULL},
};
static const struct actor_type note_actor = {
    .name = "note", .version = "1", .methods = table, .count = 4};

static struct runtime runtime;

static int set_up(void **state)
{
    (void)state;
    handler_code = BUS_OK;
    handler_says = NULL;
    fake_runtime(&runtime, &note_actor, 1);
    runtime.workers[0].store = &fake_store;
    return worker_open(&runtime.workers[0]);
}

static int tear_down(void **state)
{
    (void)state;
    worker_close(&runtime.workers[0]);
    fake_runtime_free(&runtime);
    return 0;
}

static const struct fake_reply *serve(struct bus_inbound *inbound)
{
    size_t before = fake.count;
    worker_serve(&runtime.workers[0], inbound);
    assert_int_equal(fake.count, before + 1);
    return &fake.replies[before];
}

static void assert_refused(const struct fake_reply *reply, int code,
                           const char *sentence)
{
    assert_int_equal(reply->error.code, code);
    assert_string_equal(reply->error.sentence, sentence);
    assert_int_equal(reply->len, 0);
}

static void answers_inside_the_bracket(void **state)
{
    (void)state;
    const struct fake_reply *reply = serve(fake_inbound("write", "hello"));
    assert_int_equal(reply->error.code, BUS_OK);
    assert_string_equal(fake_text(reply), "hello");
    assert_string_equal(fake.log,
                        "begin;handler hello;end OK;event note.done;");
    assert_int_equal(fake.flushes, 1);
}

static void is_found_by_path_too(void **state)
{
    (void)state;
    const struct fake_reply *reply =
        serve(fake_inbound("/note.Note/write", "hello"));
    assert_string_equal(fake_text(reply), "hello");
}

static void middlewares_stand_around_the_handler(void **state)
{
    (void)state;
    const struct fake_reply *reply = serve(fake_inbound("wrapped", "x"));
    assert_int_equal(reply->error.code, BUS_OK);
    assert_string_equal(fake.log, "begin;outer in;inner in;handler x;"
                                  "inner out;outer out;end OK;"
                                  "event note.done;");
    static const uint8_t headers[] = "\x92\xa7X-Outer\xa1"
                                     "1";
    assert_int_equal(reply->headers_len, sizeof(headers) - 1);
    assert_memory_equal(reply->headers, headers, sizeof(headers) - 1);
    reply = serve(fake_inbound("write", "x"));
    assert_int_equal(reply->headers_len, 0);
    reply = serve(fake_inbound("wrapped", "again"));
    assert_int_equal(reply->headers_len, sizeof(headers) - 1);
}

static void a_method_may_have_no_messages(void **state)
{
    (void)state;
    const struct fake_reply *reply = serve(fake_inbound("bare", NULL));
    assert_int_equal(reply->error.code, BUS_OK);
    assert_int_equal(reply->len, 0);
}

static void the_earlier_deadline_counts(void **state)
{
    (void)state;
    struct bus_inbound *inbound = fake_inbound("write", "x");
    inbound->deadline = BUS_FOREVER;
    serve(inbound);
    assert_int_equal(seen_deadline, BUS_SECOND + ACTOR_TIMEOUT_MS * BUS_MILLI);
    inbound = fake_inbound("write", "x");
    inbound->deadline = BUS_SECOND + 1;
    serve(inbound);
    assert_int_equal(seen_deadline, BUS_SECOND + 1);
    runtime.methods.entries[0].timeout_ns = 0;
    inbound = fake_inbound("write", "x");
    inbound->deadline = BUS_FOREVER;
    serve(inbound);
    assert_true(seen_deadline == BUS_FOREVER);
}

static struct bus_inbound *keyed(const char *text, const char *key)
{
    struct bus_inbound *inbound = fake_inbound("wrapped", text);
    inbound->meta.key = key;
    return inbound;
}

static void a_repeated_key_gets_the_first_answer(void **state)
{
    (void)state;
    const struct fake_reply *reply = serve(keyed("one", "k"));
    assert_string_equal(fake_text(reply), "one");
    size_t headers = reply->headers_len;
    fake.log[0] = '\0';
    reply = serve(keyed("two", "k"));
    assert_string_equal(fake_text(reply), "one");
    assert_int_equal(reply->headers_len, headers);
    assert_string_equal(fake.log, ""); /* no handler, store or event */
    assert_string_equal(fake_text(serve(keyed("three", "l"))), "three");
}

static void a_key_whose_call_failed_runs_again(void **state)
{
    (void)state;
    handler_code = BUS_NOT_FOUND;
    assert_int_equal(serve(keyed("one", "k"))->error.code, BUS_NOT_FOUND);
    handler_code = BUS_OK;
    assert_string_equal(fake_text(serve(keyed("two", "k"))), "two");
}

static void a_key_whose_call_runs_is_refused(void **state)
{
    (void)state;
    const struct replies_id id = {.method = "wrapped", .key = "k"};
    replies_begin(runtime.replies, &id, NULL, NULL);
    const struct fake_reply *reply = serve(keyed("one", "k"));
    assert_refused(reply, BUS_ABORTED,
                   "the first call under this key still runs");
    assert_string_equal(reply->error.reason, "in_progress");
}

static struct bus_inbound *step(const char *text, const char *op)
{
    struct bus_inbound *inbound = fake_inbound("write", text);
    inbound->meta.saga =
        (struct bus_saga_mark){.gid = "g", .branch = "01", .op = op};
    return inbound;
}

static void a_step_runs_and_its_reply_is_kept(void **state)
{
    (void)state;
    const struct fake_reply *reply = serve(step("x", "action"));
    assert_string_equal(fake_text(reply), "x");
    assert_string_equal(seen_gid, "g");
    assert_int_equal(fake.kept.len, reply->len);
}

static void a_repeated_step_gets_the_stored_reply(void **state)
{
    (void)state;
    static const uint8_t stored[] = "\x81\xa4text\xa6"
                                    "stored";
    fake.verdict = STORE_REPEAT;
    fake.stored = (struct bus_bytes){stored, sizeof(stored) - 1};
    const struct fake_reply *reply = serve(step("x", "action"));
    assert_string_equal(fake_text(reply), "stored");
    assert_string_equal(fake.log, "begin;end OK;");
    assert_int_equal(fake.kept.len, 0);
}

static void a_null_compensation_is_done(void **state)
{
    (void)state;
    fake.verdict = STORE_NULL;
    const struct fake_reply *reply = serve(step("x", "compensate"));
    assert_int_equal(reply->error.code, BUS_OK);
    assert_int_equal(reply->len, 0);
    assert_string_equal(fake.log, "begin;end OK;");
}

static void a_late_action_is_aborted(void **state)
{
    (void)state;
    fake.verdict = STORE_LATE;
    assert_refused(serve(step("x", "action")), BUS_ABORTED,
                   "the step was compensated before it arrived");
    assert_string_equal(fake.log, "begin;end ABORTED;");
}

static void a_compensation_takes_fields_from_the_stored_reply(void **state)
{
    (void)state;
    static const uint8_t fill[] = "\x82\xa4text\xa7user.id"
                                  "\xa6number\xacint(user.id)";
    static const uint8_t stored[] = "\x81\xa4user\x81\xa2id\xa2"
                                    "42";
    struct bus_inbound *inbound = step("before", "compensate");
    inbound->meta.saga.fill = (struct bus_bytes){fill, sizeof(fill) - 1};
    fake.stored = (struct bus_bytes){stored, sizeof(stored) - 1};
    const struct fake_reply *reply = serve(inbound);
    assert_int_equal(reply->error.code, BUS_OK);
    assert_string_equal(fake_text(reply), "42");
    assert_int_equal(seen_number, 42);
}

static void a_method_without_the_barrier_is_bare(void **state)
{
    (void)state;
    runtime.methods.entries[0].barrier = false;
    serve(step("x", "action"));
    assert_non_null(seen_gid);
    assert_true(seen_bare);
    runtime.methods.entries[0].barrier = true;
    serve(step("x", "action"));
    assert_false(seen_bare);
}

static void what_was_measured_is_counted(void **state)
{
    (void)state;
    serve(fake_inbound("write", "x"));
    handler_code = BUS_NOT_FOUND;
    serve(fake_inbound("write", "x"));
    serve(fake_inbound("nothing", "x"));
    assert_int_equal(runtime.calls, 3);
    assert_int_equal(runtime.errors, 2);
    assert_int_equal(runtime.methods.entries[0].calls, 2);
    assert_int_equal(runtime.methods.entries[0].errors, 1);
    assert_int_equal(runtime.busy, 0);
}

/* ---- failures ---- */

static void an_unknown_method_is_refused(void **state)
{
    (void)state;
    const struct fake_reply *reply = serve(fake_inbound("nothing", "x"));
    assert_refused(reply, BUS_UNIMPLEMENTED, "note has no method nothing");
    assert_string_equal(reply->error.reason, "no_such_method");
    assert_string_equal(fake.log, "");
}

static void expired_work_is_not_executed(void **state)
{
    (void)state;
    struct bus_inbound *inbound = fake_inbound("write", "x");
    fake.now = inbound->deadline;
    assert_refused(serve(inbound), BUS_DEADLINE_EXCEEDED,
                   "the deadline passed before its turn came");
    assert_string_equal(fake.log, "");
    assert_int_equal(runtime.expired, 1);
}

static void too_deep_is_refused(void **state)
{
    (void)state;
    struct bus_inbound *inbound = fake_inbound("write", "x");
    inbound->meta.depth = BUS_CALL_DEPTH_MAX + 1;
    assert_int_equal(serve(inbound)->error.code, BUS_RESOURCE_EXHAUSTED);
    inbound = fake_inbound("write", "x");
    inbound->meta.depth = BUS_CALL_DEPTH_MAX;
    assert_int_equal(serve(inbound)->error.code, BUS_OK);
}

static void a_bad_request_is_refused_and_rolled_back(void **state)
{
    (void)state;
    const struct fake_reply *reply = serve(fake_inbound("write", NULL));
    assert_int_equal(reply->error.code, BUS_INVALID_ARGUMENT);
    assert_string_equal(reply->error.field, "text");
    assert_string_equal(fake.log, "begin;end INVALID_ARGUMENT;");
}

static void a_refusal_rolls_back_and_publishes_nothing(void **state)
{
    (void)state;
    handler_code = BUS_NOT_FOUND;
    handler_says = "no such note";
    assert_refused(serve(fake_inbound("wrapped", "x")), BUS_NOT_FOUND,
                   "no such note");
    assert_string_equal(fake.log, "begin;outer in;inner in;handler x;"
                                  "inner out;outer out;end NOT_FOUND;");
}

static void a_middleware_can_refuse(void **state)
{
    (void)state;
    assert_refused(serve(fake_inbound("guarded", "x")), BUS_PERMISSION_DENIED,
                   "not you");
    assert_string_equal(fake.log,
                        "begin;outer in;outer out;end PERMISSION_DENIED;");
}

static void a_code_without_a_sentence_gets_its_name(void **state)
{
    (void)state;
    handler_code = BUS_NOT_FOUND;
    assert_refused(serve(fake_inbound("write", "x")), BUS_NOT_FOUND,
                   "NOT_FOUND");
}

static void a_code_outside_the_table_is_internal(void **state)
{
    (void)state;
    handler_code = 17;
    assert_refused(serve(fake_inbound("write", "x")), BUS_INTERNAL,
                   "the handler returned 17, which is no code");
    handler_code = -1;
    assert_int_equal(serve(fake_inbound("write", "x"))->error.code,
                     BUS_INTERNAL);
}

static void a_failed_commit_is_the_answer(void **state)
{
    (void)state;
    fake.commit_code = BUS_UNAVAILABLE;
    assert_refused(serve(fake_inbound("write", "x")), BUS_UNAVAILABLE,
                   "no commit");
    assert_string_equal(fake.log, "begin;handler x;end OK;");
}

static void a_store_that_does_not_begin_is_the_answer(void **state)
{
    (void)state;
    fake.begin_code = BUS_UNAVAILABLE;
    assert_refused(serve(fake_inbound("write", "x")), BUS_UNAVAILABLE,
                   "no begin");
    assert_string_equal(fake.log, "begin;");
}

static void a_fill_that_is_no_map_is_refused(void **state)
{
    (void)state;
    static const uint8_t fill[] = {0x93, 1, 2, 3};
    struct bus_inbound *inbound = step("x", "compensate");
    inbound->meta.saga.fill = (struct bus_bytes){fill, sizeof(fill)};
    fake.stored = (struct bus_bytes){(const uint8_t *)"\x80", 1};
    assert_int_equal(serve(inbound)->error.code, BUS_INVALID_ARGUMENT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(answers_inside_the_bracket),
        TEST(is_found_by_path_too),
        TEST(middlewares_stand_around_the_handler),
        TEST(a_method_may_have_no_messages),
        TEST(the_earlier_deadline_counts),
        TEST(a_repeated_key_gets_the_first_answer),
        TEST(a_key_whose_call_failed_runs_again),
        TEST(a_key_whose_call_runs_is_refused),
        TEST(a_step_runs_and_its_reply_is_kept),
        TEST(a_repeated_step_gets_the_stored_reply),
        TEST(a_null_compensation_is_done),
        TEST(a_late_action_is_aborted),
        TEST(a_compensation_takes_fields_from_the_stored_reply),
        TEST(a_method_without_the_barrier_is_bare),
        TEST(what_was_measured_is_counted),
        TEST(an_unknown_method_is_refused),
        TEST(expired_work_is_not_executed),
        TEST(too_deep_is_refused),
        TEST(a_bad_request_is_refused_and_rolled_back),
        TEST(a_refusal_rolls_back_and_publishes_nothing),
        TEST(a_middleware_can_refuse),
        TEST(a_code_without_a_sentence_gets_its_name),
        TEST(a_code_outside_the_table_is_internal),
        TEST(a_failed_commit_is_the_answer),
        TEST(a_store_that_does_not_begin_is_the_answer),
        TEST(a_fill_that_is_no_map_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
