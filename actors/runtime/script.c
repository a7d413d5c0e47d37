/* SPDX-License-Identifier: MIT
 *
 * A script has no name, no mailbox and no thread: it is one worker's one call,
 * made from the main thread, in the place of a handler.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/runtime/arguments.h"
#include "actors/runtime/runtime.h"
#include "actors/runtime/worker.h"
#include "actors/store/store.h"

#define EXIT_USAGE 2

/* Where the script's own arguments begin. */
static int options_end(int argc, char **argv)
{
    int at = 1;
    while (at < argc && argv[at][0] == '-' && argv[at][1] &&
           strcmp(argv[at], "--") != 0)
        at += strchr(argv[at], '=') ? 1 : 2;
    return at < argc ? at : argc;
}

static int say(const struct actor_type *type, const struct bus_error *err)
{
    fprintf(stderr, "%s: %s: %s\n", type->name, bus_code_name(err->code),
            err->sentence);
    return bus_code_exit(err->code, err->reason);
}

/* As a handler: begun, run, committed or rolled back. */
static int run_call(struct actor_worker *worker, actor_script *run, int argc,
                    char **argv)
{
    struct runtime *runtime = worker->runtime;
    struct bus_call call = {
        .bus = runtime->process.bus,
        .arena = &worker->arena,
        .clock = runtime->process.clock,
        .deadline = BUS_FOREVER,
        .headers = worker->headers,
        .store = worker->store,
        .worker = worker,
        .state = worker->state,
    };
    bus_trace_new(&call.meta.trace);
    int code = run(&call, argc, argv);
    if (code && call.error.code != code)
        bus_error_set(&call.error, code, "%s", bus_code_name(code));
    code = store_end(&call, code, (struct bus_bytes){0});
    worker->headers = call.headers;
    return code ? say(runtime->process.type, &call.error) : EXIT_SUCCESS;
}

static int run_all(struct runtime *runtime, actor_script *run, int argc,
                   char **argv)
{
    struct actor_worker *worker = &runtime->workers[0];
    struct bus_error err = {0};
    int code = runtime_reach(runtime, &err);
    if (code)
        return say(runtime->process.type, &err);
    code = worker_open(worker);
    int status = code ? say(runtime->process.type, &worker->error)
                      : run_call(worker, run, argc, argv);
    worker_close(worker);
    return status;
}

int bus_script_main(int argc, char **argv, const struct actor_type *type,
                    actor_script *run)
{
    struct runtime_options options = {.type = type, .workers = 1};
    struct bus_error err = {0};
    struct runtime *runtime;
    int end = options_end(argc, argv);
    if (arguments_read(end, argv, &options, &err)) {
        say(type, &err);
        fputs(ARGUMENTS_USAGE "               [ARGUMENT...]\n", stderr);
        return EXIT_USAGE;
    }
    if (end < argc && strcmp(argv[end], "--") == 0)
        end++;
    if (runtime_new(&options, &runtime, &err)) {
        fprintf(stderr, "%s\n", err.sentence);
        return EXIT_USAGE;
    }
    int status = run_all(runtime, run, argc - end, argv + end);
    runtime_free(runtime);
    return status;
}
