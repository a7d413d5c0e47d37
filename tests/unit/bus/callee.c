/* SPDX-License-Identifier: MIT
 *
 * A process to be killed or frozen: takes calls for "victim", answers "echo" at
 * once, and says of any other that it came, on standard output, but answers
 * none. Usage: bus_callee HOME INSTANCE
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "bus/frame.h"
#include "bus/server.h"
#include "tests/unit/bus/serve.h"

static struct bus_server *server;

static void serve_one(void *arg, struct bus_inbound *inbound)
{
    (void)arg;
    if (strcmp(inbound->method, "echo") == 0) {
        struct bus_reply reply;
        bus_reply_init(&reply);
        bus_inbound_reply(inbound, &reply);
        bus_server_flush(server);
        return;
    }
    /* kept for ever */
    ssize_t n = write(STDOUT_FILENO, "c", 1);
    (void)n;
}

static void serve(void *arg, struct bus_inbound *list)
{
    serve_each(serve_one, arg, list);
}

int main(int argc, char **argv)
{
    struct bus *bus;
    if (argc != 3)
        return 2;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* never left behind */
    struct bus_options options = {.home = argv[1], .actor = "victim"};
    struct bus_server_options served = {
        .actor = "victim", .instance = argv[2], .serve = serve};
    if (bus_open(&options, &bus, NULL) ||
        bus_server_open(bus, &served, &server, NULL) ||
        bus_server_publish(server, NULL))
        return 1;
    for (;;)
        pause();
}
