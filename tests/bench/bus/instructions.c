/* SPDX-License-Identifier: MIT
 *
 * Instructions of a call, by valgrind's callgrind: caller and callee run under
 * it twice, with few calls and with many; the difference is the calls'. Counts
 * do not mind how busy the machine is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define FEW 1000
#define MANY 11000
#define VALGRIND "/usr/bin/valgrind"

/* What callgrind wrote at the end: "totals: 123". */
static bool total(const char *path, double *ret)
{
    char line[512];
    unsigned long long count = 0;
    bool found = false;
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "totals: %llu", &count) == 1)
            found = true;
    if (file)
        fclose(file);
    *ret = (double)count;
    return found;
}

static bool count(const char *program, const char *home, int calls,
                  struct instructions *ret)
{
    char caller[BENCH_PATH], callee[BENCH_PATH], option[BENCH_PATH + 64],
        number[16];
    int status;
    snprintf(caller, sizeof(caller), "%s/caller.%d", home, calls);
    snprintf(callee, sizeof(callee), "%s/callee.%d", home, calls);
    snprintf(option, sizeof(option), "--callgrind-out-file=%s", caller);
    snprintf(number, sizeof(number), "%d", calls);
    const char *const argv[] = {VALGRIND, "-q",    "--tool=callgrind",
                                option,   program, "--calls",
                                number,   callee,  NULL};
    pid_t pid = launch(argv, NULL, -1);
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
        return false;
    return total(caller, &ret->caller) && total(callee, &ret->callee);
}

bool instructions_count(const char *program, const char *home,
                        struct instructions *ret)
{
    struct instructions few, many;
    if (access(VALGRIND, X_OK) != 0) {
        fprintf(stderr, "bench: no valgrind: instructions are not counted\n");
        return false;
    }
    if (!count(program, home, FEW, &few) ||
        !count(program, home, MANY, &many)) {
        fprintf(stderr, "bench: valgrind counted nothing\n");
        return false;
    }
    ret->caller = (many.caller - few.caller) / (MANY - FEW);
    ret->callee = (many.callee - few.callee) / (MANY - FEW);
    return true;
}
