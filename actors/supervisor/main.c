/* SPDX-License-Identifier: MIT
 *
 * supervisor --home DIR --topology FILE [--bin DIR] [--log FILE]
 */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "actors/supervisor/run.h"
#include "bus/error.h"
#include "bus/home.h"

#define USAGE 2

static const char usage[] =
    "usage: supervisor --topology FILE [--home DIR] [--bin DIR] [--log FILE]\n"
    "  --topology FILE  the actors to run, YAML\n"
    "  --home DIR       where names, sockets, data and logs lie\n"
    "                   (default $TROUPE_HOME, then ~/.troupe)\n"
    "  --bin DIR        where programs lie (default: beside this one)\n"
    "  --log FILE       its own log, once it runs (default: stderr)\n";

/* The folder of the running executable. */
static void own_folder(char ret[BUS_PATH_MAX])
{
    ssize_t len = readlink("/proc/self/exe", ret, BUS_PATH_MAX - 1);
    ret[len > 0 ? len : 0] = '\0';
    char *slash = strrchr(ret, '/');
    if (slash)
        *slash = '\0';
}

/* Reads the arguments; false: wrong usage. */
static bool read_options(int argc, char **argv, struct run_options *ret)
{
    static const struct option options[] = {
        {"topology", required_argument, NULL, 't'},
        {"home", required_argument, NULL, 'H'},
        {"bin", required_argument, NULL, 'b'},
        {"log", required_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},
        {0}};
    int option;
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option == 't')
            ret->topology = optarg;
        else if (option == 'H')
            ret->home = optarg;
        else if (option == 'b')
            ret->bin = optarg;
        else if (option == 'l')
            ret->log = optarg;
        else
            return false;
    }
    return ret->topology && optind == argc;
}

int main(int argc, char **argv)
{
    char home[BUS_PATH_MAX], bin[BUS_PATH_MAX];
    struct bus_error err;
    struct run_options options = {0};
    own_folder(bin);
    options.bin = bin;
    if (!read_options(argc, argv, &options)) {
        fputs(usage, stderr);
        return USAGE;
    }
    if (bus_home(options.home, home, &err)) {
        fprintf(stderr, "%s\n", err.sentence);
        return USAGE;
    }
    options.home = home;
    return run_supervisor(&options);
}
