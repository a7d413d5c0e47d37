/* SPDX-License-Identifier: MIT
 *
 * What the fixture's own files share.
 */
#ifndef ACTOR_FIXTURE_WORLD_H
#define ACTOR_FIXTURE_WORLD_H

#include "actors/runtime/fixture.h"
#include "bus/home.h"

#define FIXTURE_STEPS_MAX 8
#define FIXTURE_TOPICS_MAX 64
#define FIXTURE_JSON_MAX ((size_t)8 << 20) /* of one reply, of all rows */

/* One replica. */
struct part {
    struct part *next;
    struct fixture *fixture;
    const struct actor_type *type;
    char *yaml;
    char instance[BUS_INSTANCE_MAX];
    struct runtime *runtime; /* NULL: ended */
    bool busy, dead;
    enum runtime_point point;
    unsigned crash_in; /* 0: no order */
    int64_t died, recover_ns;
};

struct step {
    fixture_step *run;
    void *arg;
};

struct topic {
    char name[BUS_TOPIC_MAX];
    unsigned count;
};

struct fixture {
    struct bus_memory *memory;
    struct bus *bus;
    struct bus_subscription *subscription;
    char home[BUS_PATH_MAX];
    struct part *parts;
    struct step steps[FIXTURE_STEPS_MAX];
    size_t step_count;
    struct topic topics[FIXTURE_TOPICS_MAX];
    size_t topic_count;
    struct bus_arena arena; /* of the last call */
    struct bus_arena rows;  /* of the last fixture_rows */
    struct bus_call caller;
    struct bus_error error;
    bool moving; /* inside fixture_advance's own steps */
};

__attribute__((noreturn)) void fixture_fail(const char *what, const char *why);

/* Runs what can be run now. */
void fixture_settle(struct fixture *fixture);

/* The temporary folder. */
void fixture_folder_make(char home[BUS_PATH_MAX]);
void fixture_folder_remove(const char *path);

#endif
