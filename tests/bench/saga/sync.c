/* SPDX-License-Identifier: MIT
 *
 * bench_saga_sync FILE SECONDS: overwrites 4 KiB of a file and syncs, again and
 * again, as every durable commit must at least. Prints one line: syncs a
 * second, p50 and p99 in us. The file is the caller's to delete.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bus/clock.h"

#define PAGE 4096
#define PAGES 1000 /* of the file, as a log that is used again has */
#define SAMPLES (1 << 20)

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static bool put(int fd, size_t at)
{
    static const char page[PAGE] = {1};
    return pwrite(fd, page, PAGE, (off_t)(at % PAGES * PAGE)) == PAGE;
}

/* False: errno says why. */
static bool run(int fd, int64_t seconds_ns)
{
    static uint32_t samples[SAMPLES];
    size_t count = 0;
    bool good = true;
    for (size_t i = 0; good && i < PAGES; i++)
        good = put(fd, i);
    good = good && fsync(fd) == 0;
    int64_t from = bus_now(&bus_clock_system), now = from;
    while (good && now < from + seconds_ns && count < SAMPLES) {
        int64_t before = now;
        good = put(fd, count) && fdatasync(fd) == 0;
        now = bus_now(&bus_clock_system);
        samples[count++] = (uint32_t)((now - before) / 1000);
    }
    if (!good)
        return false;
    qsort(samples, count, sizeof(uint32_t), by_number);
    printf("%.0f %u %u\n", (double)count / ((double)(now - from) / 1e9),
           samples[count / 2], samples[count * 99 / 100]);
    return true;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: bench_saga_sync FILE SECONDS\n");
        return 2;
    }
    int fd = open(argv[1], O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    bool good = fd >= 0 && run(fd, (int64_t)(strtod(argv[2], NULL) * 1e9));
    if (!good)
        perror(argv[1]);
    if (fd >= 0)
        close(fd);
    return good ? 0 : 1;
}
