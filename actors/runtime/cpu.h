/* SPDX-License-Identifier: MIT
 *
 * How much of the processors it may use this process uses: thousandths,
 * smoothed as go-zero's (a new sample every 250 ms counts a twentieth). What
 * other processes use does not count: refusing requests here would not help.
 */
#ifndef ACTOR_CPU_H
#define ACTOR_CPU_H

#include <stdatomic.h>
#include <stdint.h>

struct cpu {
    _Atomic int64_t sampled; /* monotonic ns of the last sample */
    int64_t used;            /* of the process until then, ns */
    double share;            /* smoothed */
    atomic_int thousandths;
    double processors; /* allowed: affinity, cgroup quota */
};

void cpu_init(struct cpu *cpu, int64_t now);

/* Samples where it is time; any thread. */
int cpu_thousandths(struct cpu *cpu, int64_t now);

/* A sample as arithmetic: in so many ns its use came to used, ns in all. */
void cpu_sample(struct cpu *cpu, int64_t span_ns, int64_t used);

#endif
