/* SPDX-License-Identifier: MIT
 *
 * bus_main: arguments, start, the wait for a signal, stop. SIGTERM, SIGINT and
 * $drain all mean: drain and exit. Signals are blocked in every thread and
 * taken here by sigtimedwait, whose time-out is also the tick of the stats line
 * that the supervisor hears. A stop that takes longer than Shutdown.WaitTime
 * ends by _exit, with a log line that says so.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "actors/runtime/arguments.h"
#include "actors/runtime/notify.h"
#include "actors/runtime/runtime.h"
#include "bus/hook.h"

#define TICK_MS 1000 /* between two stats lines */

enum { EXIT_WORLD = 1, EXIT_USAGE = 2, EXIT_STUCK = 3 };

static void say(const struct actor_type *type, const char *sentence)
{
    fprintf(stderr, "%s: %s\n", type->name, sentence);
}

/* A supervised actor is told to stop by its supervisor alone: Ctrl-C and a
 * closed terminal reach the whole process group, in no order. */
static void signals_take(sigset_t *ret)
{
    sigemptyset(ret);
    sigaddset(ret, SIGTERM);
    signal(SIGPIPE, SIG_IGN);
    if (getenv("TROUPE_SUPERVISOR_PID")) {
        signal(SIGINT, SIG_IGN);
        signal(SIGHUP, SIG_IGN);
    } else {
        sigaddset(ret, SIGINT);
    }
    pthread_sigmask(SIG_BLOCK, ret, NULL);
}

static void drain_self(void *arg)
{
    (void)arg;
    kill(getpid(), SIGTERM);
}

static void tick(struct runtime *runtime, struct notify *notify)
{
    struct mailbox_view view;
    mailbox_look(&runtime->mailbox, &view);
    int64_t age =
        view.oldest ? bus_now(runtime->process.clock) - view.oldest : 0;
    const struct notify_stats stats = {
        .queue_age_ms = age / BUS_MILLI,
        .queued = view.depth,
        .busy = atomic_load(&runtime->busy),
        .workers = (uint64_t)runtime->process.workers,
        .calls = atomic_load(&runtime->calls),
        .errors = atomic_load(&runtime->errors),
    };
    notify_stats(notify, &stats);
}

static void wait_for_stop(struct runtime *runtime, struct notify *notify,
                          const sigset_t *signals)
{
    const struct timespec wait = {TICK_MS / 1000,
                                  (TICK_MS % 1000) * (long)BUS_MILLI};
    tick(runtime, notify);
    while (sigtimedwait(signals, NULL, &wait) < 0)
        if (errno == EAGAIN)
            tick(runtime, notify);
}

/* Ends the process when stopping takes too long. */
struct limiter {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stopped;
    bool done, runs;
    const char *name;
    int64_t wait_ns;
};

static void *limiter_main(void *arg)
{
    struct limiter *limiter = arg;
    struct timespec until;
    int late = 0;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + limiter->wait_ns % BUS_SECOND;
    until.tv_sec += limiter->wait_ns / BUS_SECOND + ns / BUS_SECOND;
    until.tv_nsec = ns % BUS_SECOND;
    pthread_mutex_lock(&limiter->lock);
    while (!limiter->done && late != ETIMEDOUT)
        late =
            pthread_cond_timedwait(&limiter->stopped, &limiter->lock, &until);
    bool stuck = !limiter->done;
    pthread_mutex_unlock(&limiter->lock);
    if (stuck) {
        bus_log(BUS_LOG_SEVERE, NULL, NULL,
                "%s: not stopped after %lld ms, ended by force", limiter->name,
                (long long)(limiter->wait_ns / BUS_MILLI));
        _exit(EXIT_STUCK);
    }
    return NULL;
}

static void limiter_start(struct limiter *limiter)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&limiter->stopped, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&limiter->lock, NULL);
    limiter->runs =
        pthread_create(&limiter->thread, NULL, limiter_main, limiter) == 0;
}

static void limiter_stop(struct limiter *limiter)
{
    pthread_mutex_lock(&limiter->lock);
    limiter->done = true;
    pthread_cond_signal(&limiter->stopped);
    pthread_mutex_unlock(&limiter->lock);
    if (limiter->runs)
        pthread_join(limiter->thread, NULL);
    pthread_cond_destroy(&limiter->stopped);
    pthread_mutex_destroy(&limiter->lock);
}

static void stop(struct runtime *runtime)
{
    const struct actor_process *process = &runtime->process;
    const struct actor_shutdown *shutdown = process->config->shutdown;
    struct limiter limiter = {.name = process->type->name,
                              .wait_ns = shutdown->wait_ns};
    limiter_start(&limiter);
    runtime_stop(runtime, bus_now(process->clock) + shutdown->wrap_up_ns);
    runtime_free(runtime);
    limiter_stop(&limiter);
}

static void log_level(const struct actor_config *config)
{
    enum bus_log_level level;
    if (bus_log_level_from_name(config->log->level, &level) == BUS_OK)
        bus_log_level(level);
}

static int serve(struct runtime *runtime, const sigset_t *signals)
{
    const struct actor_process *process = &runtime->process;
    struct notify notify;
    struct bus_error err = {0};
    notify_open(&notify);
    runtime->drain = drain_self;
    int code = runtime_open(runtime, &err);
    if (!code)
        code = runtime_start(runtime, &err);
    if (code) {
        say(process->type, err.sentence);
    } else {
        bus_log(BUS_LOG_INFO, NULL, NULL, "%s#%s is ready: %d workers",
                process->type->name, process->instance, process->workers);
        notify_ready(&notify);
        wait_for_stop(runtime, &notify, signals);
        bus_log(BUS_LOG_INFO, NULL, NULL, "%s#%s is stopping",
                process->type->name, process->instance);
    }
    notify_stopping(&notify);
    stop(runtime);
    notify_close(&notify);
    return code ? EXIT_WORLD : EXIT_SUCCESS;
}

/* Reads everything there is to read before anything starts. */
static int read_all(const struct runtime_options *options, struct runtime **ret)
{
    struct bus_error err = {0};
    int code = runtime_new(options, ret, &err);
    if (!code) {
        code = runtime_check(*ret, &err);
        if (code)
            runtime_free(*ret);
    }
    if (code)
        fprintf(stderr, "%s\n", err.sentence);
    return code;
}

int bus_main(int argc, char **argv, const struct actor_type *type)
{
    struct runtime_options options = {.type = type};
    struct bus_error err = {0};
    struct runtime *runtime;
    sigset_t signals;
    if (arguments_read(argc, argv, &options, &err)) {
        say(type, err.sentence);
        fputs(ARGUMENTS_USAGE, stderr);
        return EXIT_USAGE;
    }
    if (notify_guard() != 0) {
        say(type, "the supervisor is gone");
        return EXIT_WORLD;
    }
    if (read_all(&options, &runtime))
        return EXIT_USAGE;
    if (options.check) {
        runtime_free(runtime);
        return EXIT_SUCCESS;
    }
    signals_take(&signals);
    log_level(runtime->process.config);
    bus_effect_init(runtime->process.home, type->name);
    return serve(runtime, &signals);
}
