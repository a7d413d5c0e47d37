/* SPDX-License-Identifier: MIT
 *
 * Processor time from the process's own clock; what is allowed from the
 * scheduler's affinity and, in a container, cgroup v2's cpu.max.
 */
#define _GNU_SOURCE
#include "actors/runtime/cpu.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bus/clock.h"

#define SAMPLE_EVERY (250 * BUS_MILLI)
#define SMOOTHING 0.95
#define QUOTA_FILE "/sys/fs/cgroup/cpu.max" /* "MAX PERIOD", us */

static double quota(void)
{
    char text[64];
    int fd = open(QUOTA_FILE, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t len = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (len <= 0)
        return 0;
    text[len] = '\0';
    char *end;
    double max = strtod(text, &end); /* "max": no digits */
    double period = strtod(end, NULL);
    return end == text || period <= 0 ? 0 : max / period;
}

static double processors_allowed(void)
{
    cpu_set_t set;
    double allowed = 1;
    if (sched_getaffinity(0, sizeof(set), &set) == 0)
        allowed = CPU_COUNT(&set);
    double limit = quota();
    return limit > 0 && limit < allowed ? limit : allowed;
}

static int64_t used_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * BUS_SECOND + t.tv_nsec;
}

void cpu_init(struct cpu *cpu, int64_t now)
{
    *cpu = (struct cpu){.used = used_now(), .processors = processors_allowed()};
    atomic_init(&cpu->sampled, now);
}

void cpu_sample(struct cpu *cpu, int64_t span_ns, int64_t used)
{
    double span = (double)span_ns * cpu->processors;
    double share = span > 0 ? (double)(used - cpu->used) / span : 0;
    cpu->share = cpu->share * SMOOTHING + share * (1 - SMOOTHING);
    cpu->used = used;
    atomic_store(&cpu->thousandths, (int)(cpu->share * 1000));
}

int cpu_thousandths(struct cpu *cpu, int64_t now)
{
    int64_t last = atomic_load_explicit(&cpu->sampled, memory_order_relaxed);
    int64_t span = now - last;
    /* Whoever moves the time on takes the sample; nobody else for 250 ms. */
    if (span >= SAMPLE_EVERY &&
        atomic_compare_exchange_strong(&cpu->sampled, &last, now))
        cpu_sample(cpu, span, used_now());
    return atomic_load_explicit(&cpu->thousandths, memory_order_relaxed);
}
