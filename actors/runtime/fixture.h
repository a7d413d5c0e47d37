/* SPDX-License-Identifier: MIT
 *
 * Several actors in one test: the same code that bus_main runs, joined by links
 * in memory, one worker each, no threads, no sleeps, one fake clock. A test
 * calls methods, loses replies, cuts links, kills actors at chosen moments and
 * brings them back with the same data, and reads rows with plain SQL.
 *
 *     struct fixture *fixture = fixture_new();
 *     fixture_actor(fixture, &user_actor, "Name: user.rpc\n");
 *     const char *reply;
 *     int code = fixture_call(fixture, "user.getUser", "{\"id\":\"1\"}",
 * &reply); fixture_free(fixture);
 *
 * Everything runs inside fixture_call and fixture_advance, in the test's own
 * thread: while a call waits, requests that lie in mailboxes are run one by
 * one; when there is none, the clock moves on to whatever is due next. Link
 * with troupe_fixture. What cannot fail in a sane test aborts with a sentence.
 */
#ifndef ACTOR_FIXTURE_H
#define ACTOR_FIXTURE_H

#include "actors/runtime/actor.h"
#include "actors/runtime/runtime.h"

struct bus_memory;
struct fixture;

/* A new world with a home of its own in a temporary folder ($TMPDIR or /tmp).
 * Log lines below error are not written from now on. */
struct fixture *fixture_new(void);
/* Ends every actor and removes the folder. */
void fixture_free(struct fixture *fixture);

/* Starts an actor, or one more replica of it (instances "1", "2" ...). yaml:
 * the text of its configuration; NULL: none. The code and fixture_error say
 * why it did not start. */
int fixture_actor(struct fixture *fixture, const struct actor_type *type,
                  const char *yaml);
/* Drains it as SIGTERM would and ends it: all of the actor's replicas. */
void fixture_stop(struct fixture *fixture, const char *actor);

/* ---- Calls, as a client makes them ---- */

/* Calls "ACTOR.METHOD" with a JSON object (NULL: an empty one), decoded by the
 * method's shape. *ret_json (or NULL) is the reply as JSON, "" after a refusal;
 * valid until the next call. Returns the code. */
int fixture_call(struct fixture *fixture, const char *method, const char *json,
                 const char **ret_json);
/* The same with structs; texts of reply are valid until the next call. */
int fixture_call_typed(struct fixture *fixture, const struct bus_method *method,
                       const void *request, void *reply);
/* What the last call's refusal, or the last failed start, said. */
const struct bus_error *fixture_error(const struct fixture *fixture);
/* The next calls' context: claims, key, saga mark and deadline can be set in
 * it; they stay until changed. deadline 0: BUS_CALL_TIMEOUT_MS from now. */
struct bus_call *fixture_caller(struct fixture *fixture);

/* ---- Time ---- */

int64_t fixture_now(const struct fixture *fixture); /* monotonic, ns */
/* Lets so much time pass, running what becomes due on the way. */
void fixture_advance(struct fixture *fixture, int64_t ms);

/* Actors with a loop of their own take part by a function that does what can be
 * done now: it returns 0 if it did anything, else the monotonic time (ns) at
 * which it wants to be asked again, BUS_FOREVER for when something happens. */
typedef int64_t fixture_step(void *arg);
void fixture_step_add(struct fixture *fixture, fixture_step *step, void *arg);
void fixture_step_remove(struct fixture *fixture, void *arg);

/* ---- Accidents ---- */

/* The links to an actor are cut until mended. */
void fixture_cut(struct fixture *fixture, const char *actor);
void fixture_mend(struct fixture *fixture);
/* The actor's next count frames of replies vanish after it has done its work;
 * callers hear that the connection broke. */
void fixture_lose(struct fixture *fixture, const char *actor, unsigned count);
/* The next calls of "ACTOR.METHOD" answer these codes before the handler runs:
 * "INTERNAL INTERNAL". */
void fixture_refuse(struct fixture *fixture, const char *method,
                    const char *codes);
/* The actor (each of its replicas) dies as by kill -9 when it comes to that
 * point for the nth time from now; nth 0: takes the order back. What was not
 * committed is lost. */
void fixture_crash(struct fixture *fixture, const char *actor,
                   enum runtime_point point, unsigned nth);
bool fixture_is_dead(const struct fixture *fixture, const char *actor);
/* Dead replicas start again now, with the same data and configuration. */
int fixture_restart(struct fixture *fixture, const char *actor);
/* From now on a dead replica starts again by itself after so much time, as
 * under a supervisor; below 0: never. */
void fixture_recover(struct fixture *fixture, const char *actor,
                     int64_t after_ms);

/* ---- What is there ---- */

/* The column `value` of an actor's rows as text, one row a line ("" for none):
 * "select name as value from user order by id". Valid until the next call. */
const char *fixture_rows(struct fixture *fixture, const char *actor,
                         const char *sql);
/* Runs a statement on an actor's data. Returns the driver's code. */
int fixture_exec(struct fixture *fixture, const char *actor, const char *sql);
/* How many events of that topic were published. */
unsigned fixture_events(const struct fixture *fixture, const char *topic);

/* Below it, for tests of the runtime's own. */
struct bus_memory *fixture_memory(struct fixture *fixture);
struct bus *fixture_bus(struct fixture *fixture);
const char *fixture_home(const struct fixture *fixture);
/* The first living replica, NULL if there is none. */
struct runtime *fixture_runtime(struct fixture *fixture, const char *actor);

#endif
