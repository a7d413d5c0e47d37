/* SPDX-License-Identifier: MIT
 *
 * A fake for tests of what calls: a handler, or anything else that is given a
 * struct bus_call. No actor, no link, no thread and no waiting: each call is
 * answered from a script, with a reply or a code, after a delay on the fake's
 * own clock. Clients are the generated ones (NAME.bus.h), and so are the typed
 * functions that write the script and read what was asked:
 *
 *     struct bus_fake *fake = bus_fake_new();
 *     const struct user_UserResponse known = {.id = "1", .name = "you"};
 *     fake_user_getUser(fake, NULL, &known);
 *     fake_user_getUser(fake, &(struct bus_fake_answer){.code = BUS_NOT_FOUND},
 *                       NULL);
 *     assert(user_api_self(bus_fake_call(fake), &req, &ret) == BUS_OK);
 *     assert(!strcmp(asked_user_getUser(fake, 0)->id, "1"));
 *     bus_fake_free(fake);
 *
 * Requests and replies go through their shapes as on the wire, so that what
 * would not arrive there does not arrive here. Not thread-safe.
 */
#ifndef BUS_FAKE_H
#define BUS_FAKE_H

#include <stddef.h>
#include <stdint.h>

struct bus_call;
struct bus_fake;
struct bus_method;

/* One answer. All zero: BUS_OK, at once, one time. */
struct bus_fake_answer {
    int code;             /* enum bus_code */
    const char *reason;   /* NULL: "" */
    const char *sentence; /* NULL: "" */
    int32_t business;
    int64_t delay_ms; /* past the caller's deadline: DEADLINE_EXCEEDED, then */
    unsigned times;   /* how many calls it answers; 0: one */
};

struct bus_fake *bus_fake_new(void);
void bus_fake_free(struct bus_fake *fake);

/* A call to hand to a handler: arena, clock, trace, and a deadline of
 * BUS_CALL_TIMEOUT_MS; claims and the rest are the test's to set. The fake's;
 * the next bus_fake_call makes it anew and frees what lives in its arena. */
struct bus_call *bus_fake_call(struct bus_fake *fake);

/* The fake's monotonic clock, ns: only delays move it. */
int64_t bus_fake_now(const struct bus_fake *fake);

/* Adds an answer behind those that the method has; answer NULL: BUS_OK. reply
 * (NULL: none) is copied. A reply that its shape cannot carry aborts. */
void bus_fake_script(struct bus_fake *fake, const struct bus_method *method,
                     const struct bus_fake_answer *answer, const void *reply);

/* The request of the method's call number index, from 0, in its own struct;
 * NULL: there were not so many, or it has no request. Lives as long as the
 * fake. */
const void *bus_fake_asked(struct bus_fake *fake,
                           const struct bus_method *method, size_t index);
/* How often the method was called. */
size_t bus_fake_calls(const struct bus_fake *fake,
                      const struct bus_method *method);
/* Answers that nobody has asked for yet: 0 at the end of a good test. */
size_t bus_fake_left(const struct bus_fake *fake);

/* What bus_call does where call->fake is set: the next answer. Nothing
 * scripted: UNIMPLEMENTED, reason not_scripted. */
int bus_fake_take(struct bus_call *call, const struct bus_method *method,
                  const void *request, void *reply);

#endif
