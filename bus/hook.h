/* SPDX-License-Identifier: MIT
 *
 * Crash points, for test builds only (TROUPE_TEST_HOOKS): bus_effect stands
 * before and after each effect that the outside world can see (journal write,
 * send, commit, reply). When the file HOME/crash/ACTOR holds "N kill" or
 * "N hold" (and perhaps a third word, the one kind that counts), the N-th
 * effect since the file was first seen removes the file and kills the process
 * with SIGKILL, or writes HOME/crash/ACTOR.held and never returns. In other
 * builds all of it is empty.
 */
#ifndef BUS_HOOK_H
#define BUS_HOOK_H

#ifdef TROUPE_TEST_HOOKS

/* Once, before any effect. Both texts are copied. Without it, or with a home
 * that is too long, effects do nothing. */
void bus_effect_init(const char *home, const char *actor);

/* Any thread. kind: one word, "journal", "send", "commit", "reply". */
void bus_effect(const char *kind);

#else

static inline void bus_effect_init(const char *home, const char *actor)
{
    (void)home;
    (void)actor;
}

static inline void bus_effect(const char *kind)
{
    (void)kind;
}

#endif

#endif
