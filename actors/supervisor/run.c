/* SPDX-License-Identifier: MIT
 *
 * Order of a start: topology, lock, check of every program, sweep, control
 * socket, children. Order of an end: children in reverse, sweep, control
 * socket, lock. After every turn of the loop the timer is set for the next
 * thing that falls due, and those who wait are asked about.
 */
#include "actors/supervisor/run.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "actors/supervisor/capture.h"
#include "actors/supervisor/check.h"
#include "actors/supervisor/child.h"
#include "actors/supervisor/control.h"
#include "actors/supervisor/lock.h"
#include "actors/supervisor/sweep.h"
#include "bus/code.h"
#include "bus/error.h"
#include "bus/log.h"

extern char **environ;

#define SIGNALS 3

struct run {
    const struct run_options *options;
    uv_loop_t loop;
    uv_timer_t timer;
    uv_prepare_t prepare;
    uv_signal_t signals[SIGNALS];
    struct child_host host;
    struct super super;
    struct control control;
    struct topology *next; /* being checked: the first, or a reload's */
    bool started;          /* children may run */
    bool ending;
    bool told_ready;
    bool reloading;
    struct bus_error reloaded; /* how the last reload went */
    int notify;                /* -1: nobody listens */
    int status;
};

static void notify(struct run *run, const char *line)
{
    if (run->notify >= 0 && write(run->notify, line, strlen(line)) < 0)
        run->notify = -1;
}

/* ---- The world of super.h ---- */

static int world_spawn(void *arg, struct super_instance *instance,
                       char cause[SUPER_CAUSE_MAX])
{
    struct run *run = arg;
    run->host.site.node = run->super.topology->node;
    return child_start(&run->host, instance, cause);
}

static void world_signal(void *arg, struct super_instance *instance, int signo)
{
    (void)arg;
    child_signal(instance, signo);
}

/* Keeps the supervisor's own log file within its limit. */
static void turn_own_log(const struct run *run)
{
    struct stat st;
    if (!run->options->log || fstat(STDERR_FILENO, &st) ||
        st.st_size < CAPTURE_BYTES_MAX)
        return;
    capture_turn(run->options->log);
    int fd = open(run->options->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
                  0600);
    if (fd >= 0) {
        dup2(fd, STDERR_FILENO);
        close(fd);
    }
}

static void world_changed(void *arg, const struct super_instance *instance)
{
    struct run *run = arg;
    struct bus_buf line;
    const struct bus_log_field fields[] = {
        {.name = "actor", .text = instance->actor->spec->name},
        {.name = "instance", .number = instance->number},
        {.name = "pid", .number = instance->pid},
        {0}};
    turn_own_log(run);
    if (instance->state != LIFE_BACKING_OFF)
        bus_log(BUS_LOG_INFO, NULL, fields, "%s#%d is %s",
                instance->actor->spec->name, instance->number,
                life_word(instance->state));
    bus_buf_init(&line, COMMAND_REPLY_MAX);
    command_event(&line, instance);
    control_tell(&run->control, &line);
    bus_buf_release(&line);
}

static void world_forget(void *arg, struct super_instance *instance)
{
    (void)arg;
    assert(!instance->child);
}

static uint64_t world_random(void *arg)
{
    uint64_t random = 0;
    (void)arg;
    if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
        abort();
    return random;
}

static void on_said(void *arg, struct super_instance *instance,
                    const char *line)
{
    struct run *run = arg;
    super_said(&run->super, instance, line);
}

static void on_exited(void *arg, struct super_instance *instance, int status,
                      int signo)
{
    struct run *run = arg;
    sweep_instance(run->options->home, instance->actor->spec->name,
                   instance->number, instance->pid);
    super_exited(&run->super, instance, status, signo);
}

/* ---- Reload ---- */

static void on_reload_checked(void *arg, const struct bus_error *err)
{
    struct run *run = arg;
    run->reloaded = *err;
    if (!err->code &&
        topology_wire(run->next, run->options->home, &run->reloaded) ==
            BUS_OK &&
        super_reload(&run->super, run->next, &run->reloaded) == BUS_OK)
        run->next = NULL;
    topology_free(run->next);
    run->next = NULL;
    run->reloading = false;
}

/* Reads and checks the topology again; the answer comes by run->reloaded. */
static int reload_begin(struct run *run, struct bus_error *err)
{
    if (run->reloading)
        return bus_error_set(err, BUS_FAILED_PRECONDITION,
                             "another reload is under way");
    if (run->super.down)
        return bus_error_set(err, BUS_UNAVAILABLE, "everything is stopping");
    int code = topology_read(run->super.topology->path, run->options->bin,
                             &run->next, err);
    if (code)
        return code;
    run->reloading = true;
    struct launch_site site = run->host.site;
    site.node = run->next->node;
    check_start(&run->loop, &site, run->next, on_reload_checked, run);
    return BUS_OK;
}

/* ---- Commands ---- */

static const char *phase(const struct run *run)
{
    if (run->super.down)
        return "stopping";
    return run->told_ready ? "running" : "starting";
}

/* False while it is not yet so. */
static bool answer_wait(struct run *run, const struct command *command,
                        struct bus_buf *reply)
{
    struct bus_error err;
    const char *actor = *command->actor ? command->actor : NULL;
    int code = super_reached(&run->super, actor, &err);
    if (run->super.down)
        code = bus_error_set(&err, BUS_UNAVAILABLE, "everything is stopping");
    if (code == BUS_FAILED_PRECONDITION)
        return false;
    if (code)
        command_failed(reply, &err);
    else
        command_ok(reply);
    return true;
}

static bool answer_reload(struct run *run, bool first, struct bus_buf *reply)
{
    struct bus_error err = {.code = BUS_OK};
    if (first && reload_begin(run, &err)) {
        command_failed(reply, &err);
        return true;
    }
    if (run->reloading)
        return false;
    if (run->reloaded.code)
        command_failed(reply, &run->reloaded);
    else
        command_ok(reply);
    return true;
}

static bool answer_down(struct run *run, bool first, struct bus_buf *reply)
{
    if (first && !run->super.down)
        super_down(&run->super);
    if (!super_ended(&run->super))
        return false;
    command_ok(reply);
    return true;
}

static void answer_change(struct run *run, const struct command *command,
                          struct bus_buf *reply)
{
    struct bus_error err;
    const char *actor = *command->actor ? command->actor : NULL;
    int code = command->verb == COMMAND_SCALE
                   ? super_scale(&run->super, actor, command->replicas, &err)
                   : super_restart(&run->super, actor, &err);
    if (code)
        command_failed(reply, &err);
    else
        command_ok(reply);
}

static bool on_command(void *arg, const struct command *command, bool first,
                       struct bus_buf *reply)
{
    struct run *run = arg;
    switch (command->verb) {
    case COMMAND_PS:
        command_ps(reply, &run->super, phase(run));
        return true;
    case COMMAND_WAIT:
        return answer_wait(run, command, reply);
    case COMMAND_RELOAD:
        return answer_reload(run, first, reply);
    case COMMAND_DOWN:
        return answer_down(run, first, reply);
    case COMMAND_SCALE:
    case COMMAND_RESTART:
        answer_change(run, command, reply);
        return true;
    case COMMAND_VERBS:
        break;
    }
    assert(0 && "no such command");
    return true;
}

/* ---- The loop ---- */

static void close_all(struct run *run)
{
    run->ending = true;
    control_close(&run->control);
    uv_close((uv_handle_t *)&run->timer, NULL);
    uv_close((uv_handle_t *)&run->prepare, NULL);
    for (int i = 0; i < SIGNALS; i++)
        uv_close((uv_handle_t *)&run->signals[i], NULL);
}

/* Nothing runs any more: whoever waits for that is told last. */
static void end(struct run *run)
{
    sweep_home(run->options->home);
    control_review(&run->control);
    close_all(run);
}

static void on_timer(uv_timer_t *timer)
{
    struct run *run = timer->data;
    super_tick(&run->super);
}

static void set_timer(struct run *run)
{
    int64_t due = super_due(&run->super);
    uv_timer_stop(&run->timer);
    if (due == BUS_FOREVER)
        return;
    int64_t left = due - bus_now(run->super.world.clock);
    int64_t ms = left > 0 ? (left + BUS_MILLI - 1) / BUS_MILLI : 0;
    uv_update_time(&run->loop);
    uv_timer_start(&run->timer, on_timer, (uint64_t)ms, 0);
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct run *run = prepare->data;
    struct bus_error err;
    if (!run->started || run->ending)
        return;
    if (!run->told_ready && super_reached(&run->super, NULL, &err) == BUS_OK) {
        run->told_ready = true;
        bus_log(BUS_LOG_INFO, NULL, NULL, "all actors are ready");
        notify(run, "ready\n");
    }
    if (super_ended(&run->super) && !run->reloading) {
        end(run);
        return;
    }
    control_review(&run->control);
    set_timer(run);
}

static void on_signal(uv_signal_t *handle, int signo)
{
    struct run *run = handle->data;
    if (!run->started) {
        /* Still checking: nothing to stop but the check, which ends itself. */
        run->status = 128 + signo;
        return;
    }
    bus_log(BUS_LOG_INFO, NULL, NULL, "stopping: %s", strsignal(signo));
    super_down(&run->super);
}

static void watch_signals(struct run *run)
{
    static const int numbers[SIGNALS] = {SIGTERM, SIGINT, SIGHUP};
    for (int i = 0; i < SIGNALS; i++) {
        uv_signal_init(&run->loop, &run->signals[i]);
        run->signals[i].data = run;
        uv_signal_start(&run->signals[i], on_signal, numbers[i]);
    }
}

static int say(const struct bus_error *err)
{
    fprintf(stderr, "%s\n", err->sentence);
    return 2;
}

/* From now on what it says goes into its log. */
static void redirect_log(const struct run *run)
{
    if (!run->options->log)
        return;
    int fd = open(run->options->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
                  0600);
    if (fd < 0)
        return;
    dup2(fd, STDERR_FILENO);
    close(fd);
}

static const struct super_world world = {
    .spawn = world_spawn,
    .signal = world_signal,
    .changed = world_changed,
    .forget = world_forget,
    .random = world_random,
    .clock = &bus_clock_system,
};

static void on_first_checked(void *arg, const struct bus_error *err)
{
    struct run *run = arg;
    struct bus_error own = *err;
    if (!own.code && !run->status) {
        sweep_home(run->options->home);
        if (topology_wire(run->next, run->options->home, &own) == BUS_OK)
            control_open(&run->control, &run->loop, run->options->home, &own);
    }
    if (own.code)
        run->status = say(&own);
    if (run->status) {
        close_all(run);
        return;
    }
    struct super_world own_world = world;
    own_world.arg = run;
    super_init(&run->super, &own_world, run->next);
    run->next = NULL;
    run->started = true;
    redirect_log(run);
    notify(run, "listening\n");
    bus_log(BUS_LOG_INFO, NULL, NULL, "supervisor %d starts %s", (int)getpid(),
            run->super.topology->path);
    super_settle(&run->super);
}

/* The pipe of whoever started the supervisor; not for its children. */
static int notify_fd(void)
{
    const char *text = getenv("TROUPE_NOTIFY_FD");
    char *end;
    if (!text || !*text)
        return -1;
    long fd = strtol(text, &end, 10);
    if (*end || fd < 0 || fd > INT32_MAX ||
        fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0)
        return -1;
    return (int)fd;
}

static void prepare(struct run *run, const struct run_options *options)
{
    *run = (struct run){.options = options, .notify = notify_fd()};
    uv_loop_init(&run->loop);
    uv_timer_init(&run->loop, &run->timer);
    uv_prepare_init(&run->loop, &run->prepare);
    run->timer.data = run->prepare.data = run;
    uv_prepare_start(&run->prepare, on_prepare);
    watch_signals(run);
    run->control.answer = on_command;
    run->control.arg = run;
    run->host = (struct child_host){&run->loop,
                                    {options->home, "", (int)getpid(), environ},
                                    on_said,
                                    on_exited,
                                    run};
}

int run_supervisor(const struct run_options *options)
{
    static struct run run;
    struct bus_error err;
    struct topology *topology;
    struct lock lock;
    if (topology_read(options->topology, options->bin, &topology, &err))
        return say(&err);
    if (lock_take(options->home, &lock, &err)) {
        topology_free(topology);
        return say(&err);
    }
    signal(SIGPIPE, SIG_IGN);
    prepare(&run, options);
    run.next = topology;
    struct launch_site site = run.host.site;
    site.node = topology->node;
    check_start(&run.loop, &site, topology, on_first_checked, &run);
    uv_run(&run.loop, UV_RUN_DEFAULT);
    uv_loop_close(&run.loop);
    if (run.started)
        super_release(&run.super);
    topology_free(run.next);
    lock_release(&lock);
    return run.status;
}
