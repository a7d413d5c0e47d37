/* SPDX-License-Identifier: MIT
 *
 * A process to be killed: takes calls for "victim", says so on standard output
 * and answers none. Usage: bus_callee HOME INSTANCE
 */
#include <stdio.h>
#include <unistd.h>

#include "bus/server.h"

static void serve(void *arg, struct bus_inbound *inbound)
{
    (void)arg;
    (void)inbound; /* kept for ever */
    ssize_t n = write(STDOUT_FILENO, "c", 1);
    (void)n;
}

int main(int argc, char **argv)
{
    struct bus *bus;
    struct bus_server *server;
    if (argc != 3)
        return 2;
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
