/* SPDX-License-Identifier: MIT
 *
 * A verb of the `bus` command is one file and one const struct. The command
 * reads the arguments by the struct, so help and completion know what a verb
 * takes without asking it. Results go to standard output, talk and errors to
 * standard error; a verb returns the exit status (DESIGN 7).
 */
#ifndef CLI_VERB_H
#define CLI_VERB_H

#include <stdbool.h>
#include <stdint.h>

#include "bus/arena.h"
#include "bus/error.h"
#include "bus/home.h"

#define CLI_OPTIONS_MAX 24 /* of one verb */
#define CLI_ARGS_MAX 4096  /* positional arguments */
#define CLI_TIMEOUT_MS 5000
#define CLI_TIMEOUT_MS_MAX INT64_C(86400000)

enum cli_status {
    CLI_DONE = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,
    CLI_NOTHING = 3, /* no such actor; nothing runs in this home */
    CLI_NO_RESPONDER = 4,
    CLI_TIMEOUT = 5,
    CLI_LOST = 6,
    CLI_BUSY = 7,
};

struct cli;

struct cli_option {
    char letter;       /* 0: only long */
    const char *name;  /* "count"; NULL ends the list */
    const char *value; /* "N"; NULL: a flag */
    const char *help;
};

struct cli_verb {
    const char *name;
    const char *args;    /* "ACTOR.METHOD [JSON]"; "" none */
    const char *summary; /* one line */
    const char *help;    /* more, "" if the summary says it all */
    int args_min, args_max;
    bool homeless; /* works on files alone: no home is made for it */
    const struct cli_option *options; /* NULL: none */
    int (*run)(struct cli *cli);
    /* Prints the words that can stand as positional argument `index` (from 0),
     * one a line; NULL: none. */
    void (*complete)(struct cli *cli, int index);
};

/* One run of the command. */
struct cli {
    const struct cli_verb *verb;
    char home[BUS_PATH_MAX];
    bool json;
    int64_t timeout_ms; /* --timeout, or CLI_TIMEOUT_MS */
    bool timeout_given;
    int argc; /* positional arguments */
    const char *argv[CLI_ARGS_MAX];
    const char *values[CLI_OPTIONS_MAX]; /* by index; NULL: not given */
    const char *home_option;
    struct bus_arena arena;
    struct bus *bus; /* cli_bus made it */
};

/* All verbs, ended by NULL. */
extern const struct cli_verb *const cli_verbs[];
/* --home, --timeout, --json, -h: understood by all verbs. */
extern const struct cli_option cli_common[];

const struct cli_verb *cli_find_verb(const char *name); /* NULL: none */

/* Reads the arguments after the verb into cli. INVALID_ARGUMENT: err says. A
 * lone "--" ends the options. ret_help is set by -h. */
int cli_parse(struct cli *cli, const struct cli_verb *verb, int argc,
              char **argv, bool *ret_help, struct bus_error *err);

/* The value of an option ("" for a flag), NULL if it was not given. */
const char *cli_value(const struct cli *cli, const char *name);

/* "500ms", "5s", "2m"; a bare number is ms. False if it is none of these. */
bool cli_duration(const char *text, int64_t *ret_ms);
/* Decimal within bounds. */
bool cli_number(const char *text, int64_t low, int64_t high, int64_t *ret);

/* Prints "bus: ..." on standard error and returns status. */
int cli_fail(int status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Prints `CODE (reason): sentence` and returns the exit status; with --json
 * the error is an object on standard output, too. */
int cli_refused(const struct cli *cli, const struct bus_error *err);
/* Progress and talk, on standard error. */
void cli_talk(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The folder of the running executable, where the other programs lie, too. */
const char *cli_own_folder(struct cli *cli);

void cli_usage(const struct cli_verb *verb); /* on standard output */

/* Closes the bus if a verb opened one. */
void cli_close(struct cli *cli);

#endif
