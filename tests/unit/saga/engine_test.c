/* SPDX-License-Identifier: MIT
 *
 * The engine as a specification: every phase with every event, every code, and
 * the stories that the three rules are there for.
 */
#include "tests/unit/saga/cmocka_all.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "actors/saga/engine.h"
#include "bus/code.h"

#define STEPS 3

/* An engine, its storage, and what it last said. */
struct bench {
    struct engine_rule rules[ENGINE_STEPS_MAX];
    struct engine_step steps[ENGINE_STEPS_MAX];
    struct engine engine;
    struct engine_out out;
};

static void bench_open(struct bench *bench, uint16_t count)
{
    memset(bench, 0, sizeof(*bench));
    for (uint16_t i = 0; i < count; i++)
        bench->rules[i] = (struct engine_rule){
            .after = engine_mask(i),
            .undo_after = engine_mask(count) & ~engine_mask(i + 1u),
            .retry_first_ms = 50,
            .retry_max_ms = 5000,
            .interval_ms = 700,
            .compensates = true,
        };
    engine_init(&bench->engine, bench->rules, bench->steps, count);
}

static void feed(struct bench *bench, struct engine_event event)
{
    engine_handle(&bench->engine, &event, &bench->out);
}

static void submit(struct bench *bench)
{
    feed(bench, (struct engine_event){.kind = EVENT_SUBMITTED});
}

static void commit(struct bench *bench)
{
    feed(bench, (struct engine_event){.kind = EVENT_COMMITTED,
                                      .version = bench->engine.version});
}

static void answer(struct bench *bench, uint16_t step, enum engine_op op,
                   int code)
{
    feed(bench, (struct engine_event){
                    .kind = EVENT_ANSWERED,
                    .step = step,
                    .op = op,
                    .attempt = bench->steps[step].branch[op].attempts,
                    .code = code});
}

static void fire(struct bench *bench, uint16_t step, enum engine_op op)
{
    feed(bench, (struct engine_event){
                    .kind = EVENT_TIMER,
                    .step = step,
                    .op = op,
                    .attempt = bench->steps[step].branch[op].attempts});
}

/* What it said as words: "call a0" is an action, "c0" a compensation. */
static const char *said(const struct bench *bench)
{
    static char text[1024];
    size_t len = 0;
    text[0] = 0;
    for (size_t i = 0; i < bench->out.count && len < sizeof(text); i++) {
        const struct engine_command *at = &bench->out.items[i];
        char op = at->op == OP_ACTION ? 'a' : 'c';
        static const char *const news[] = {"accepted", "refused", "outcome"};
        const char *gap = i ? ", " : "";
        size_t room = sizeof(text) - len;
        if (at->kind == COMMAND_JOURNAL)
            len += (size_t)snprintf(text + len, room, "%s%s", gap,
                                    at->sync ? "sync" : "ride");
        else if (at->kind == COMMAND_CALL)
            len += (size_t)snprintf(text + len, room, "%scall %c%u", gap, op,
                                    at->step);
        else if (at->kind == COMMAND_TIMER)
            len +=
                (size_t)snprintf(text + len, room, "%stimer %c%u %u%s", gap, op,
                                 at->step, at->delay_ms, at->jitter ? "~" : "");
        else
            len += (size_t)snprintf(text + len, room, "%stell %s", gap,
                                    news[at->news]);
    }
    return text;
}

#define assert_said(bench, text) assert_string_equal(said(bench), (text))

static void assert_phase(const struct bench *bench, enum engine_phase phase)
{
    assert_int_equal(bench->engine.phase, phase);
    assert_true(engine_sound(&bench->engine));
}

static const struct engine_rule check_rule = {
    .retry_first_ms = 20000, .retry_max_ms = 60000, .interval_ms = 10000};

/* A fresh engine in that phase, by way of events; what is prepared is a message
 * that is being asked for. */
static void bring_to(struct bench *bench, enum engine_phase phase)
{
    bench_open(bench, 1);
    if (phase == PHASE_NEW)
        return;
    if (phase == PHASE_PREPARING || phase == PHASE_PREPARED ||
        phase == PHASE_SUBMITTING) {
        feed(bench, (struct engine_event){.kind = EVENT_PREPARE});
        if (phase != PHASE_PREPARING)
            commit(bench);
        if (phase == PHASE_SUBMITTING)
            submit(bench);
        if (phase != PHASE_PREPARED)
            return;
        bench->engine.pattern = PATTERN_MESSAGE;
        bench->engine.check_rule = &check_rule;
        feed(bench, (struct engine_event){.kind = EVENT_DEADLINE});
        return;
    }
    submit(bench);
    if (phase == PHASE_REFUSED)
        feed(bench, (struct engine_event){.kind = EVENT_UNWRITTEN});
    if (phase == PHASE_ACCEPTING || phase == PHASE_REFUSED)
        return;
    commit(bench);
    if (phase == PHASE_RUNNING)
        return;
    bool done = phase == PHASE_CLOSING_DONE || phase == PHASE_DONE;
    answer(bench, 0, OP_ACTION, done ? BUS_OK : BUS_ABORTED);
    if (phase == PHASE_TURNING || phase == PHASE_CLOSING_DONE)
        return;
    commit(bench);
    if (phase == PHASE_UNDOING || phase == PHASE_DONE)
        return;
    answer(bench, 0, OP_COMPENSATE, BUS_OK);
    if (phase == PHASE_CLOSING_UNDONE)
        return;
    commit(bench);
}

static struct engine_event event_for(const struct bench *bench,
                                     enum engine_event_kind kind)
{
    enum engine_op op =
        bench->engine.phase >= PHASE_TURNING ? OP_COMPENSATE : OP_ACTION;
    if (bench->engine.phase == PHASE_PREPARED)
        op = OP_CHECK;
    return (struct engine_event){
        .kind = kind,
        .op = op,
        .attempt = op == OP_CHECK ? 1 : bench->steps[0].branch[op].attempts,
        .code = kind == EVENT_ANSWERED ? BUS_OK : BUS_UNAVAILABLE,
        .version = bench->engine.version,
    };
}

/* True if a process that does this dies of an assertion. */
static bool dies(struct bench *bench, const struct engine_event *event)
{
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        close(STDERR_FILENO);
        engine_handle(&bench->engine, event, &bench->out);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return !(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* ---- Every phase with every event ---- */

/* N never, I ignored, H handled; columns SUBMITTED COMMITTED UNWRITTEN ANSWERED
 * LOST UNSENT TIMER RESUMED DEADLINE PREPARE REGISTERED ABORT CLOSE STOP WAKE
 * SETTLED. */
static const char *const expected[PHASE_COUNT] = {
    [PHASE_NEW] = "HNNNNNNNNHNNNNNNNN",
    [PHASE_PREPARING] = "HHHNNNNNIIHHHHIIIN",
    [PHASE_PREPARED] = "HIIHHHHHHIHHHHHIIN",
    [PHASE_SUBMITTING] = "IHIIININIININHIIIN",
    [PHASE_ACCEPTING] = "IHHNNNNNHINHNHIIIN",
    [PHASE_RUNNING] = "IHIHHHHHHINHNHHHHN",
    [PHASE_TURNING] = "NHIIINININNINHIIHN",
    [PHASE_UNDOING] = "NIIHHHHHINNINHHHHN",
    [PHASE_CLOSING_DONE] = "NHIIINININNNNIIIIN",
    [PHASE_CLOSING_UNDONE] = "NHIIINININNNNIIIIN",
    [PHASE_DONE] = "NIIIINININNNNIIIIH",
    [PHASE_UNDONE] = "NIIIINININNNNIIIIN",
    [PHASE_REFUSED] = "NIIIINININNNNIIIIN",
};

static void check_pair(enum engine_phase phase, enum engine_event_kind kind)
{
    struct bench bench, before;
    bring_to(&bench, phase);
    assert_phase(&bench, phase);
    struct engine_event event = event_for(&bench, kind);
    char want = expected[phase][kind];
    before = bench;
    enum engine_reaction reaction = engine_reaction(phase, kind);
    assert_int_equal(reaction, want == 'N'   ? REACT_NEVER
                               : want == 'I' ? REACT_IGNORE
                                             : REACT_HANDLE);
    if (reaction == REACT_NEVER) {
        assert_true(dies(&bench, &event));
        return;
    }
    engine_handle(&bench.engine, &event, &bench.out);
    assert_true(engine_sound(&bench.engine));
    if (reaction == REACT_IGNORE) {
        assert_int_equal(bench.out.count, 0);
        assert_memory_equal(&bench.engine, &before.engine,
                            sizeof(bench.engine));
        assert_memory_equal(bench.steps, before.steps, sizeof(bench.steps));
    }
}

static void every_phase_with_every_event(void **state)
{
    (void)state;
    for (int phase = 0; phase < PHASE_COUNT; phase++)
        for (int kind = 0; kind < EVENT_COUNT; kind++)
            check_pair((enum engine_phase)phase, (enum engine_event_kind)kind);
}

static void every_code_of_an_action(void **state)
{
    static const int refusals[] = {BUS_INVALID_ARGUMENT, BUS_NOT_FOUND,
                                   BUS_ALREADY_EXISTS,   BUS_PERMISSION_DENIED,
                                   BUS_ABORTED,          BUS_OUT_OF_RANGE};
    (void)state;
    for (int code = 0; code <= BUS_UNAUTHENTICATED; code++) {
        struct bench bench;
        bring_to(&bench, PHASE_RUNNING);
        answer(&bench, 0, OP_ACTION, code);
        bool refused = false;
        for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
            refused = refused || refusals[i] == code;
        if (code == BUS_OK)
            assert_phase(&bench, PHASE_CLOSING_DONE);
        else if (refused)
            assert_phase(&bench, PHASE_TURNING);
        else if (code == BUS_FAILED_PRECONDITION)
            assert_said(&bench, "timer a0 700, ride");
        else
            assert_said(&bench, "timer a0 50~, ride");
    }
}

static void every_code_of_a_compensation(void **state)
{
    (void)state;
    for (int code = 0; code <= BUS_UNAUTHENTICATED; code++) {
        struct bench bench;
        bring_to(&bench, PHASE_UNDOING);
        answer(&bench, 0, OP_COMPENSATE, code);
        if (code == BUS_OK)
            assert_phase(&bench, PHASE_CLOSING_UNDONE);
        else if (code == BUS_FAILED_PRECONDITION)
            assert_said(&bench, "timer c0 700, ride");
        else
            assert_said(&bench, "timer c0 50~, ride");
    }
}

/* ---- Stories ---- */

static void runs_steps_in_order(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, STEPS);
    submit(&bench);
    assert_said(&bench, "sync");
    commit(&bench);
    assert_said(&bench, "tell accepted, call a0, ride");
    answer(&bench, 0, OP_ACTION, BUS_OK);
    assert_said(&bench, "call a1, ride");
    answer(&bench, 1, OP_ACTION, BUS_OK);
    assert_said(&bench, "call a2, ride");
    answer(&bench, 2, OP_ACTION, BUS_OK);
    assert_said(&bench, "sync");
    assert_phase(&bench, PHASE_CLOSING_DONE);
    commit(&bench);
    assert_said(&bench, "tell outcome");
    assert_true(engine_finished(&bench.engine));
}

static void compensates_in_reverse_with_the_failing_step(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, STEPS);
    submit(&bench);
    commit(&bench);
    answer(&bench, 0, OP_ACTION, BUS_OK);
    answer(&bench, 1, OP_ACTION, BUS_NOT_FOUND);
    assert_said(&bench, "sync");
    assert_int_equal(bench.engine.failed, 1);
    commit(&bench);
    assert_said(&bench, "call c1, ride");
    answer(&bench, 1, OP_COMPENSATE, BUS_OK);
    assert_said(&bench, "call c0, ride");
    answer(&bench, 0, OP_COMPENSATE, BUS_OK);
    assert_said(&bench, "sync");
    commit(&bench);
    assert_said(&bench, "tell outcome");
    assert_phase(&bench, PHASE_UNDONE);
    assert_int_equal(bench.steps[2].branch[OP_COMPENSATE].status, BRANCH_NONE);
    assert_int_equal(bench.steps[2].branch[OP_ACTION].status, BRANCH_WAITING);
}

static void ends_at_once_with_nothing_to_undo(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, 1);
    bench.rules[0].compensates = false;
    engine_init(&bench.engine, bench.rules, bench.steps, 1);
    submit(&bench);
    commit(&bench);
    answer(&bench, 0, OP_ACTION, BUS_ABORTED);
    assert_phase(&bench, PHASE_CLOSING_UNDONE);
}

static void waits_longer_each_time_and_not_for_ever(void **state)
{
    struct engine_rule rule = {.retry_first_ms = 50, .retry_max_ms = 5000};
    (void)state;
    assert_int_equal(engine_backoff_ms(&rule, 1, false), 50);
    assert_int_equal(engine_backoff_ms(&rule, 2, false), 100);
    assert_int_equal(engine_backoff_ms(&rule, 7, false), 3200);
    assert_int_equal(engine_backoff_ms(&rule, 8, false), 5000);
    assert_int_equal(engine_backoff_ms(&rule, UINT32_MAX, false), 5000);
    assert_int_equal(engine_backoff_ms(&rule, UINT32_MAX, true),
                     ENGINE_UNREACHED_MS);
    rule.retry_first_ms = UINT32_MAX;
    rule.retry_max_ms = UINT32_MAX;
    assert_int_equal(engine_backoff_ms(&rule, 9, false), UINT32_MAX);
}

static void retries_the_same_branch_until_it_answers(void **state)
{
    struct bench bench;
    (void)state;
    bring_to(&bench, PHASE_RUNNING);
    feed(&bench, (struct engine_event){
                     .kind = EVENT_LOST, .attempt = 1, .code = BUS_UNKNOWN});
    assert_said(&bench, "timer a0 50~, ride");
    fire(&bench, 0, OP_ACTION);
    assert_said(&bench, "call a0, ride");
    assert_int_equal(bench.out.items[0].attempt, 2);
    answer(&bench, 0, OP_ACTION, BUS_OK);
    assert_int_equal(bench.steps[0].branch[OP_ACTION].attempts, 2);
    assert_phase(&bench, PHASE_CLOSING_DONE);
}

static void turns_when_the_limit_is_reached(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, 1);
    bench.rules[0].retry_limit = 3;
    submit(&bench);
    commit(&bench);
    for (int i = 0; i < 2; i++) {
        answer(&bench, 0, OP_ACTION, BUS_INTERNAL);
        fire(&bench, 0, OP_ACTION);
    }
    answer(&bench, 0, OP_ACTION, BUS_FAILED_PRECONDITION); /* no failure */
    fire(&bench, 0, OP_ACTION);
    answer(&bench, 0, OP_ACTION, BUS_INTERNAL);
    assert_phase(&bench, PHASE_TURNING);
    assert_int_equal(bench.steps[0].branch[OP_ACTION].attempts, 4);
}

static void ignores_answers_of_an_earlier_attempt(void **state)
{
    struct bench bench;
    (void)state;
    bring_to(&bench, PHASE_RUNNING);
    feed(&bench, (struct engine_event){
                     .kind = EVENT_LOST, .attempt = 1, .code = BUS_UNKNOWN});
    fire(&bench, 0, OP_ACTION);
    feed(&bench, (struct engine_event){.kind = EVENT_ANSWERED, .attempt = 1});
    assert_said(&bench, "");
    assert_phase(&bench, PHASE_RUNNING);
    feed(&bench, (struct engine_event){.kind = EVENT_TIMER, .attempt = 1});
    assert_said(&bench, "");
}

/* Rule 2: score's compensation takes user's reply. */
static void waits_for_the_disk_before_a_step_that_needs_it(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, 2);
    bench.rules[1].needs = 1;
    submit(&bench);
    commit(&bench);
    uint32_t before = bench.engine.version;
    answer(&bench, 0, OP_ACTION, BUS_OK);
    assert_said(&bench, "sync");
    feed(&bench,
         (struct engine_event){.kind = EVENT_COMMITTED, .version = before});
    assert_said(&bench, "sync"); /* an older version does not do */
    commit(&bench);
    assert_said(&bench, "call a1, ride");
}

/* Rule 3: a step that this state never saw called may have run. */
static void undoes_what_may_have_run_before_a_restart(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, STEPS);
    bench.rules[0].retry_limit = 1;
    bench.rules[2].needs = 1 << 1; /* cannot have run: 1 is not done */
    bench.engine.phase = PHASE_RUNNING;
    feed(&bench, (struct engine_event){.kind = EVENT_RESUMED});
    assert_said(&bench, "call a0, ride");
    answer(&bench, 0, OP_ACTION, BUS_INTERNAL);
    assert_phase(&bench, PHASE_TURNING);
    commit(&bench);
    assert_said(&bench, "call c1, ride");
    assert_int_equal(bench.steps[2].branch[OP_COMPENSATE].status, BRANCH_NONE);
}

/* A refusal says that it never happened, and so nothing after it. */
static void a_refusal_after_a_restart_undoes_no_more(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, STEPS);
    bench.engine.phase = PHASE_RUNNING;
    feed(&bench, (struct engine_event){.kind = EVENT_RESUMED});
    answer(&bench, 0, OP_ACTION, BUS_ABORTED);
    commit(&bench);
    assert_said(&bench, "call c0, ride");
    answer(&bench, 0, OP_COMPENSATE, BUS_OK);
    assert_phase(&bench, PHASE_CLOSING_UNDONE);
}

static void a_step_that_cannot_be_called_never_ran(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, 2);
    submit(&bench);
    commit(&bench);
    answer(&bench, 0, OP_ACTION, BUS_OK);
    feed(&bench, (struct engine_event){.kind = EVENT_UNSENT,
                                       .step = 1,
                                       .attempt = 1,
                                       .code = BUS_INVALID_ARGUMENT});
    assert_int_equal(bench.steps[1].branch[OP_ACTION].attempts, 0);
    commit(&bench);
    assert_said(&bench, "call c0, ride");
    assert_int_equal(bench.steps[1].branch[OP_COMPENSATE].status, BRANCH_NONE);
}

static void a_deadline_waits_for_the_call_in_flight(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, 2);
    submit(&bench);
    commit(&bench);
    feed(&bench, (struct engine_event){.kind = EVENT_DEADLINE});
    assert_said(&bench, "");
    assert_phase(&bench, PHASE_RUNNING);
    answer(&bench, 0, OP_ACTION, BUS_OK);
    assert_said(&bench, "sync");
    assert_phase(&bench, PHASE_TURNING);
    assert_int_equal(bench.engine.failed, -1);
}

static void a_deadline_gives_up_a_step_that_waits(void **state)
{
    struct bench bench;
    (void)state;
    bring_to(&bench, PHASE_RUNNING);
    answer(&bench, 0, OP_ACTION, BUS_UNAVAILABLE);
    feed(&bench, (struct engine_event){.kind = EVENT_DEADLINE});
    assert_phase(&bench, PHASE_TURNING);
    fire(&bench, 0, OP_ACTION);
    assert_said(&bench, "");
}

static void refuses_what_cannot_be_written(void **state)
{
    struct bench bench;
    (void)state;
    bring_to(&bench, PHASE_ACCEPTING);
    feed(&bench, (struct engine_event){.kind = EVENT_UNWRITTEN});
    assert_said(&bench, "tell refused");
    assert_phase(&bench, PHASE_REFUSED);
}

/* 0 and 1 together, then 2: a partial order that plans do not have yet. */
static void follows_a_partial_order(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, STEPS);
    bench.rules[1].after = 0;
    bench.rules[0].undo_after = 4;
    submit(&bench);
    commit(&bench);
    assert_said(&bench, "tell accepted, call a0, call a1, ride");
    answer(&bench, 1, OP_ACTION, BUS_OK);
    assert_said(&bench, "ride");
    answer(&bench, 0, OP_ACTION, BUS_OK);
    assert_said(&bench, "call a2, ride");
    answer(&bench, 2, OP_ACTION, BUS_ABORTED);
    commit(&bench);
    assert_said(&bench, "call c2, ride");
    answer(&bench, 2, OP_COMPENSATE, BUS_OK);
    assert_said(&bench, "call c0, call c1, ride");
}

static void sixty_four_steps_end(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, ENGINE_STEPS_MAX);
    submit(&bench);
    commit(&bench);
    for (uint16_t i = 0; i < ENGINE_STEPS_MAX - 1; i++)
        answer(&bench, i, OP_ACTION, BUS_OK);
    answer(&bench, ENGINE_STEPS_MAX - 1, OP_ACTION, BUS_ABORTED);
    commit(&bench);
    for (uint16_t i = ENGINE_STEPS_MAX; i-- > 0;)
        answer(&bench, i, OP_COMPENSATE, BUS_OK);
    commit(&bench);
    assert_phase(&bench, PHASE_UNDONE);
}

/* ---- Names, and states that nobody could have written ---- */

static void names_are_read_back(void **state)
{
    (void)state;
    assert_int_equal(engine_phase_stored("running"), PHASE_RUNNING);
    assert_int_equal(engine_phase_stored("undoing"), PHASE_UNDOING);
    assert_int_equal(engine_phase_stored("done"), PHASE_DONE);
    assert_int_equal(engine_phase_stored("undone"), PHASE_UNDONE);
    assert_int_equal(engine_phase_stored("refused"), PHASE_COUNT);
    for (int i = 0; i < BRANCH_COUNT; i++)
        assert_int_equal(engine_branch_from_text(
                             engine_branch_text((enum engine_branch_status)i)),
                         i);
    assert_int_equal(engine_branch_from_text("else"), BRANCH_COUNT);
}

static void unsound_states_are_known(void **state)
{
    struct bench bench;
    (void)state;
    bring_to(&bench, PHASE_DONE);
    bench.steps[0].branch[OP_ACTION].status = BRANCH_WAITING;
    assert_false(engine_sound(&bench.engine));
    bring_to(&bench, PHASE_UNDONE);
    bench.steps[0].branch[OP_COMPENSATE].status = BRANCH_WAITING;
    assert_false(engine_sound(&bench.engine));
    bring_to(&bench, PHASE_RUNNING);
    bench.steps[0].branch[OP_COMPENSATE].status = BRANCH_CALLING;
    assert_false(engine_sound(&bench.engine));
    bring_to(&bench, PHASE_UNDOING);
    bench.steps[0].branch[OP_ACTION].status = BRANCH_BACKOFF;
    assert_false(engine_sound(&bench.engine));
    bring_to(&bench, PHASE_RUNNING);
    bench.engine.durable = 1;
    assert_false(engine_sound(&bench.engine));
    bench_open(&bench, 2);
    bench.steps[1].branch[OP_ACTION].status = BRANCH_DONE;
    assert_false(engine_sound(&bench.engine));
    bench_open(&bench, 1);
    bench.engine.failed = 1;
    assert_false(engine_sound(&bench.engine));
}

/* ---- The other patterns ---- */

/* Prepared, on disk; rules as that pattern has them. */
static void bring_prepared(struct bench *bench, enum engine_pattern pattern,
                           uint16_t count)
{
    bench_open(bench, count ? count : 1);
    engine_init(&bench->engine, bench->rules, bench->steps, count);
    bench->engine.pattern = (uint8_t)pattern;
    if (pattern == PATTERN_MESSAGE || pattern == PATTERN_WORKFLOW)
        bench->engine.check_rule = &check_rule;
    for (uint16_t i = 0; i < count; i++) {
        uint64_t before = engine_mask(i);
        uint64_t behind = engine_mask(count) & ~engine_mask(i + 1u);
        bench->rules[i].after = pattern == PATTERN_TCC ? behind : before;
        bench->rules[i].undo_after = bench->rules[i].after;
    }
    feed(bench, (struct engine_event){.kind = EVENT_PREPARE});
    assert_said(bench, "sync");
    commit(bench);
    assert_phase(bench, PHASE_PREPARED);
}

static void check_answers(struct bench *bench, int code)
{
    feed(bench, (struct engine_event){.kind = EVENT_ANSWERED,
                                      .op = OP_CHECK,
                                      .attempt = bench->engine.check.attempts,
                                      .code = code});
}

static void event(struct bench *bench, enum engine_event_kind kind)
{
    feed(bench, (struct engine_event){.kind = kind});
}

static void tcc_confirms_from_the_last(void **state)
{
    struct bench bench;
    (void)state;
    bring_prepared(&bench, PATTERN_TCC, 2);
    submit(&bench);
    commit(&bench);
    assert_said(&bench, "tell accepted, call a1, ride");
    answer(&bench, 1, OP_ACTION, BUS_OK);
    assert_said(&bench, "call a0, ride");
    answer(&bench, 0, OP_ACTION, BUS_ABORTED); /* there is no way back */
    assert_said(&bench, "timer a0 50~, ride");
    event(&bench, EVENT_ABORT);
    event(&bench, EVENT_SUBMITTED); /* once more: nothing is done for it */
    assert_int_equal(bench.out.count, 0);
    fire(&bench, 0, OP_ACTION);
    answer(&bench, 0, OP_ACTION, BUS_OK);
    assert_phase(&bench, PHASE_CLOSING_DONE);
}

static void tcc_cancels_whatever_was_registered(void **state)
{
    struct bench bench;
    (void)state;
    bring_prepared(&bench, PATTERN_TCC, 1);
    bench.rules[1] = bench.rules[0];
    bench.rules[1].after = bench.rules[1].undo_after = 0;
    bench.rules[0].after = bench.rules[0].undo_after = 2;
    engine_grow(&bench.engine, bench.rules, bench.steps, 2);
    event(&bench, EVENT_REGISTERED);
    assert_said(&bench, "sync");
    commit(&bench);
    event(&bench, EVENT_DEADLINE);
    assert_phase(&bench, PHASE_TURNING);
    commit(&bench);
    assert_said(&bench, "call c1, ride");
    answer(&bench, 1, OP_COMPENSATE, BUS_OK);
    assert_said(&bench, "call c0, ride");
}

static void xa_goes_from_the_first(void **state)
{
    struct bench bench;
    (void)state;
    bring_prepared(&bench, PATTERN_XA, 2);
    event(&bench, EVENT_ABORT);
    commit(&bench);
    assert_said(&bench, "call c0, ride");
    answer(&bench, 0, OP_COMPENSATE, BUS_OK);
    assert_said(&bench, "call c1, ride");
}

static void a_message_asks_back(void **state)
{
    struct bench bench;
    (void)state;
    bring_prepared(&bench, PATTERN_MESSAGE, 2);
    event(&bench, EVENT_DEADLINE);
    assert_int_equal(bench.out.count, 2);
    assert_int_equal(bench.out.items[0].op, OP_CHECK);
    event(&bench, EVENT_DEADLINE); /* it is asked already */
    assert_int_equal(bench.out.count, 0);
    check_answers(&bench, BUS_FAILED_PRECONDITION);
    assert_int_equal(bench.out.items[0].delay_ms, 10000);
    event(&bench, EVENT_WAKE);
    check_answers(&bench, BUS_UNAVAILABLE);
    assert_int_equal(bench.out.items[0].delay_ms, 20000);
    event(&bench, EVENT_WAKE);
    check_answers(&bench, BUS_OK);
    assert_phase(&bench, PHASE_SUBMITTING);
    commit(&bench);
    assert_said(&bench, "tell accepted, call a0, ride");
    answer(&bench, 0, OP_ACTION, BUS_ABORTED);
    assert_said(&bench, "timer a0 50~, ride");
    bring_prepared(&bench, PATTERN_MESSAGE, 2);
    event(&bench, EVENT_DEADLINE);
    check_answers(&bench, BUS_ABORTED);
    assert_phase(&bench, PHASE_CLOSING_UNDONE);
}

/* Nobody can be asked: what was never meant is not sent. */
static void a_message_without_a_check_is_dropped(void **state)
{
    struct bench bench;
    (void)state;
    bring_prepared(&bench, PATTERN_MESSAGE, 1);
    bench.engine.check_rule = NULL;
    event(&bench, EVENT_DEADLINE);
    assert_phase(&bench, PHASE_CLOSING_UNDONE);
}

static void a_submission_overtakes_its_check(void **state)
{
    struct bench bench;
    (void)state;
    bring_prepared(&bench, PATTERN_MESSAGE, 1);
    event(&bench, EVENT_DEADLINE);
    submit(&bench);
    assert_phase(&bench, PHASE_SUBMITTING);
    commit(&bench);
    feed(&bench, (struct engine_event){.kind = EVENT_ANSWERED,
                                       .op = OP_CHECK,
                                       .attempt = 1,
                                       .code = BUS_ABORTED});
    assert_int_equal(bench.out.count, 0);
    assert_phase(&bench, PHASE_RUNNING);
}

static void a_held_message_waits_for_its_time(void **state)
{
    struct bench bench;
    (void)state;
    bring_prepared(&bench, PATTERN_MESSAGE, 1);
    bench.engine.held = true;
    submit(&bench);
    commit(&bench);
    assert_said(&bench, "tell accepted");
    assert_true(engine_quiet(&bench.engine));
    event(&bench, EVENT_DEADLINE);
    assert_said(&bench, "call a0, ride");
    assert_false(engine_quiet(&bench.engine));
}

static void a_workflow_is_woken_until_its_client_ends_it(void **state)
{
    struct bench bench;
    (void)state;
    bring_prepared(&bench, PATTERN_WORKFLOW, 0);
    event(&bench, EVENT_DEADLINE);
    check_answers(&bench, BUS_OK);
    assert_phase(&bench, PHASE_PREPARED);
    assert_int_equal(bench.out.items[0].delay_ms, 10000);
    event(&bench, EVENT_WAKE);
    feed(&bench, (struct engine_event){.kind = EVENT_CLOSE, .code = BUS_OK});
    assert_phase(&bench, PHASE_CLOSING_DONE);
    check_answers(&bench, BUS_UNAVAILABLE); /* the call that woke it */
    assert_int_equal(bench.out.count, 0);
    bring_prepared(&bench, PATTERN_WORKFLOW, 0);
    feed(&bench,
         (struct engine_event){.kind = EVENT_CLOSE, .code = BUS_ABORTED});
    assert_phase(&bench, PHASE_CLOSING_UNDONE);
}

static void parks_what_fails_too_often(void **state)
{
    struct bench bench;
    (void)state;
    bring_to(&bench, PHASE_UNDOING);
    bench.rules[0].park_limit = 2;
    answer(&bench, 0, OP_COMPENSATE, BUS_INTERNAL);
    assert_false(engine_parked(&bench.engine));
    fire(&bench, 0, OP_COMPENSATE);
    answer(&bench, 0, OP_COMPENSATE, BUS_INTERNAL);
    assert_true(engine_parked(&bench.engine));
    assert_int_equal(bench.out.items[0].news, NEWS_PARKED);
    assert_true(engine_quiet(&bench.engine));
    event(&bench, EVENT_WAKE); /* a human has looked */
    assert_said(&bench, "call c0, ride");
    answer(&bench, 0, OP_COMPENSATE, BUS_INTERNAL);
    assert_false(engine_parked(&bench.engine));
    feed(&bench, (struct engine_event){.kind = EVENT_SETTLED,
                                       .op = OP_COMPENSATE,
                                       .code = BUS_OK});
    assert_phase(&bench, PHASE_CLOSING_UNDONE);
}

static void urge(struct bench *bench, uint16_t step, enum engine_op op)
{
    feed(bench,
         (struct engine_event){.kind = EVENT_URGED, .step = step, .op = op});
}

/* The last of three was refused; its compensation is parked. */
static void bring_to_parked(struct bench *bench)
{
    bench_open(bench, STEPS);
    bench->rules[2].park_limit = 1;
    submit(bench);
    commit(bench);
    answer(bench, 0, OP_ACTION, BUS_OK);
    answer(bench, 1, OP_ACTION, BUS_OK);
    answer(bench, 2, OP_ACTION, BUS_ABORTED);
    commit(bench);
    answer(bench, 2, OP_COMPENSATE, BUS_INTERNAL);
    assert_true(engine_parked(&bench->engine));
}

static void undoes_a_step_by_hand_before_its_turn(void **state)
{
    struct bench bench;
    (void)state;
    bring_to_parked(&bench);
    urge(&bench, 0, OP_COMPENSATE);
    assert_said(&bench, "call c0, sync");
    urge(&bench, 0, OP_COMPENSATE); /* it is being called */
    assert_int_equal(bench.out.count, 0);
    answer(&bench, 0, OP_COMPENSATE, BUS_OK);
    urge(&bench, 0, OP_COMPENSATE); /* it is done */
    assert_int_equal(bench.out.count, 0);
    assert_false(engine_may_urge(&bench.engine, 0, OP_COMPENSATE));
    urge(&bench, 2, OP_COMPENSATE); /* what is parked is tried again */
    assert_said(&bench, "call c2, sync");
    answer(&bench, 2, OP_COMPENSATE, BUS_OK);
    assert_said(&bench, "call c1, ride");
    answer(&bench, 1, OP_COMPENSATE, BUS_OK);
    assert_phase(&bench, PHASE_CLOSING_UNDONE);
    assert_int_equal(bench.steps[0].branch[OP_COMPENSATE].attempts, 1);
}

/* No success holds what was undone. */
static void turns_back_for_what_is_undone_by_hand(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, STEPS);
    submit(&bench);
    commit(&bench);
    urge(&bench, 0, OP_COMPENSATE); /* it may still be refused */
    assert_int_equal(bench.out.count, 0);
    answer(&bench, 0, OP_ACTION, BUS_OK);
    urge(&bench, 0, OP_COMPENSATE);
    assert_said(&bench, "sync"); /* a1 has to come back first */
    answer(&bench, 1, OP_ACTION, BUS_OK);
    assert_said(&bench, "sync");
    assert_phase(&bench, PHASE_TURNING);
    urge(&bench, 1, OP_COMPENSATE);
    commit(&bench);
    assert_said(&bench, "call c0, call c1, ride");
    answer(&bench, 0, OP_COMPENSATE, BUS_OK);
    answer(&bench, 1, OP_COMPENSATE, BUS_OK);
    assert_phase(&bench, PHASE_CLOSING_UNDONE);
}

static void remembers_what_was_to_be_undone_by_hand(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, STEPS);
    submit(&bench);
    commit(&bench);
    answer(&bench, 0, OP_ACTION, BUS_OK);
    urge(&bench, 0, OP_COMPENSATE);
    event(&bench, EVENT_RESUMED); /* the decision to turn was not taken */
    assert_phase(&bench, PHASE_TURNING);
    commit(&bench);
    assert_said(&bench, "call c0, call c2, ride"); /* all may have run */
    event(&bench, EVENT_RESUMED);
    assert_said(&bench, "call c0, call c2, ride");
    assert_int_equal(bench.steps[1].branch[OP_COMPENSATE].status,
                     BRANCH_WAITING);
}

/* Its parent rolls back. */
static void undoes_what_is_done(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, 2);
    submit(&bench);
    commit(&bench);
    answer(&bench, 0, OP_ACTION, BUS_OK);
    answer(&bench, 1, OP_ACTION, BUS_OK);
    commit(&bench);
    assert_phase(&bench, PHASE_DONE);
    feed(&bench, (struct engine_event){.kind = EVENT_UNDO});
    assert_said(&bench, "sync");
    assert_phase(&bench, PHASE_TURNING);
    commit(&bench);
    assert_said(&bench, "call c1, ride");
    answer(&bench, 1, OP_COMPENSATE, BUS_OK);
    assert_said(&bench, "call c0, ride");
    answer(&bench, 0, OP_COMPENSATE, BUS_OK);
    commit(&bench);
    assert_said(&bench, "tell outcome");
    assert_phase(&bench, PHASE_UNDONE);
}

static void tries_one_step_by_hand(void **state)
{
    struct bench bench;
    (void)state;
    bring_to(&bench, PHASE_RUNNING);
    urge(&bench, 0, OP_ACTION); /* in flight */
    assert_int_equal(bench.out.count, 0);
    answer(&bench, 0, OP_ACTION, BUS_UNAVAILABLE);
    urge(&bench, 0, OP_ACTION);
    assert_said(&bench, "call a0, sync");
    answer(&bench, 0, OP_ACTION, BUS_OK);
    assert_false(engine_may_urge(&bench.engine, 0, OP_ACTION));
}

static void undoes_no_step_of_another_pattern_by_hand(void **state)
{
    struct bench bench;
    (void)state;
    bring_prepared(&bench, PATTERN_XA, 2);
    event(&bench, EVENT_ABORT);
    commit(&bench);
    assert_false(engine_may_urge(&bench.engine, 1, OP_COMPENSATE));
    urge(&bench, 1, OP_COMPENSATE);
    assert_int_equal(bench.out.count, 0);
}

static void tries_at_once_as_often_as_it_may(void **state)
{
    struct bench bench;
    (void)state;
    bring_to(&bench, PHASE_RUNNING);
    bench.rules[0].at_once = true;
    bench.rules[0].retry_limit = 3;
    answer(&bench, 0, OP_ACTION, BUS_UNAVAILABLE);
    assert_said(&bench, "call a0, ride");
    answer(&bench, 0, OP_ACTION, BUS_FAILED_PRECONDITION);
    assert_said(&bench, "call a0, ride");
    answer(&bench, 0, OP_ACTION, BUS_UNAVAILABLE);
    assert_phase(&bench, PHASE_TURNING);
}

static void stops_whatever_has_happened(void **state)
{
    static const enum engine_phase phases[] = {PHASE_PREPARED, PHASE_ACCEPTING,
                                               PHASE_RUNNING, PHASE_TURNING,
                                               PHASE_UNDOING};
    (void)state;
    for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++) {
        struct bench bench;
        bring_to(&bench, phases[i]);
        event(&bench, EVENT_STOP);
        assert_phase(&bench, PHASE_CLOSING_UNDONE);
        commit(&bench);
        assert_phase(&bench, PHASE_UNDONE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_phase_with_every_event),
        cmocka_unit_test(every_code_of_an_action),
        cmocka_unit_test(every_code_of_a_compensation),
        cmocka_unit_test(runs_steps_in_order),
        cmocka_unit_test(compensates_in_reverse_with_the_failing_step),
        cmocka_unit_test(ends_at_once_with_nothing_to_undo),
        cmocka_unit_test(waits_longer_each_time_and_not_for_ever),
        cmocka_unit_test(retries_the_same_branch_until_it_answers),
        cmocka_unit_test(turns_when_the_limit_is_reached),
        cmocka_unit_test(ignores_answers_of_an_earlier_attempt),
        cmocka_unit_test(waits_for_the_disk_before_a_step_that_needs_it),
        cmocka_unit_test(undoes_what_may_have_run_before_a_restart),
        cmocka_unit_test(a_refusal_after_a_restart_undoes_no_more),
        cmocka_unit_test(a_step_that_cannot_be_called_never_ran),
        cmocka_unit_test(a_deadline_waits_for_the_call_in_flight),
        cmocka_unit_test(a_deadline_gives_up_a_step_that_waits),
        cmocka_unit_test(refuses_what_cannot_be_written),
        cmocka_unit_test(follows_a_partial_order),
        cmocka_unit_test(sixty_four_steps_end),
        cmocka_unit_test(names_are_read_back),
        cmocka_unit_test(unsound_states_are_known),
        cmocka_unit_test(tcc_confirms_from_the_last),
        cmocka_unit_test(tcc_cancels_whatever_was_registered),
        cmocka_unit_test(xa_goes_from_the_first),
        cmocka_unit_test(a_message_asks_back),
        cmocka_unit_test(a_message_without_a_check_is_dropped),
        cmocka_unit_test(a_submission_overtakes_its_check),
        cmocka_unit_test(a_held_message_waits_for_its_time),
        cmocka_unit_test(a_workflow_is_woken_until_its_client_ends_it),
        cmocka_unit_test(parks_what_fails_too_often),
        cmocka_unit_test(undoes_a_step_by_hand_before_its_turn),
        cmocka_unit_test(turns_back_for_what_is_undone_by_hand),
        cmocka_unit_test(remembers_what_was_to_be_undone_by_hand),
        cmocka_unit_test(undoes_what_is_done),
        cmocka_unit_test(tries_one_step_by_hand),
        cmocka_unit_test(undoes_no_step_of_another_pattern_by_hand),
        cmocka_unit_test(tries_at_once_as_often_as_it_may),
        cmocka_unit_test(stops_whatever_has_happened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
