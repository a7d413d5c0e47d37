/* SPDX-License-Identifier: MIT
 *
 * ops/bench codec: an order of 200 bytes and one of 4 KB as JSON, to a struct,
 * to msgpack, back to a struct and back to JSON, on one thread. Ours and the
 * peer in short rounds that alternate, of which the medians are printed. Usage:
 * bench_codec [--seconds N] [--json]
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/clock.h"
#include "codec.h"

#define ROUNDS 9
#define SAMPLES (1 << 20) /* times kept of one round */

struct figures {
    double rate;
    double p50_us, p99_us;
};

struct bench {
    char text[CODEC_BYTES]; /* the order at hand */
    size_t len;
    uint32_t *samples; /* ns of every trip */
};

/* An order of about that many bytes. */
static void order_write(struct bench *bench, size_t bytes)
{
    char *text = bench->text;
    size_t len = (size_t)snprintf(
        text, CODEC_BYTES,
        "{\"id\":9007199254740993,\"user\":\"小明 Example\",\"state\":\"paid\","
        "\"total\":1234.5,\"tags\":[\"new\",\"a \\\"b\\\"\"],\"items\":[");
    for (int i = 0; i == 0 || len + 100 < bytes; i++)
        len += (size_t)snprintf(
            text + len, CODEC_BYTES - len,
            "%s{\"sku\":\"A-%05d\",\"title\":\"A thing with a name\",\"count\":"
            "%d,\"price\":%d.25,\"gift\":%s}",
            i ? "," : "", i, i % 1000 + 1, i * 10, i % 3 ? "false" : "true");
    len += (size_t)snprintf(text + len, CODEC_BYTES - len, "]}");
    bench->len = len;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static int by_rate(const void *a, const void *b)
{
    double x = ((const struct figures *)a)->rate;
    double y = ((const struct figures *)b)->rate;
    return x < y ? -1 : x > y;
}

static struct figures one_round(struct bench *bench, codec_trip *trip, double s)
{
    uint64_t trips = 0, failed = 0;
    int64_t start = bus_now(&bus_clock_system), before = start, now = start;
    int64_t until = start + (int64_t)(s * 1e9);
    while (now < until) {
        failed += !trip(bench->text, bench->len, NULL);
        now = bus_now(&bus_clock_system);
        bench->samples[trips++ % SAMPLES] = (uint32_t)(now - before);
        before = now;
    }
    size_t kept = trips < SAMPLES ? (size_t)trips : SAMPLES;
    qsort(bench->samples, kept, sizeof(uint32_t), by_number);
    if (failed)
        fprintf(stderr, "bench: %llu trips failed\n",
                (unsigned long long)failed);
    return (struct figures){
        .rate = (double)trips / ((double)(now - start) / 1e9),
        .p50_us = bench->samples[kept / 2] / 1e3,
        .p99_us = bench->samples[kept * 99 / 100] / 1e3,
    };
}

/* What goes in must come out, both ways. */
static bool is_faithful(const struct bench *bench, codec_trip *trip,
                        const char *name)
{
    static char out[CODEC_BYTES];
    if (trip(bench->text, bench->len, out) && !strcmp(out, bench->text))
        return true;
    fprintf(stderr, "bench: %s made something else of it:\n%s\n%s\n", name,
            bench->text, out);
    return false;
}

static void report(const char *name, const struct figures *ours,
                   const struct figures *peer, bool json, bool last)
{
    double ratio = ours->rate / peer->rate;
    if (json)
        printf("  {\"bench\": \"codec\", \"case\": \"%s\", \"peer\": "
               "\"jansson+msgpack-c\", \"value\": %.0f, \"unit\": \"trips/s\", "
               "\"ratio\": %.3f, \"p50_us\": %.2f, \"p99_us\": %.2f, "
               "\"peer_value\": %.0f, \"peer_p50_us\": %.2f, \"peer_p99_us\": "
               "%.2f}%s\n",
               name, ours->rate, ratio, ours->p50_us, ours->p99_us, peer->rate,
               peer->p50_us, peer->p99_us, last ? "" : ",");
    else
        printf("%-10s %10.0f %8.2f %8.2f %11.0f %8.2f %8.2f %7.2f\n", name,
               ours->rate, ours->p50_us, ours->p99_us, peer->rate, peer->p50_us,
               peer->p99_us, ratio);
}

static bool run(struct bench *bench, double seconds, bool json)
{
    static const struct {
        const char *name;
        size_t bytes;
    } cases[] = {{"trip-200", 200}, {"trip-4096", 4096}};
    double each = seconds / (2 * ROUNDS * 2);
    if (json)
        puts("[");
    else
        printf("case        troupe/s    p50us    p99us   jansson/s    p50us    "
               "p99us   ratio\n");
    for (int c = 0; c < 2; c++) {
        struct figures ours[ROUNDS], peer[ROUNDS];
        order_write(bench, cases[c].bytes);
        if (!is_faithful(bench, ours_trip, "troupe") ||
            !is_faithful(bench, peer_trip, "jansson"))
            return false;
        one_round(bench, ours_trip, 0.05); /* warms up */
        one_round(bench, peer_trip, 0.05);
        for (int i = 0; i < ROUNDS; i++) {
            ours[i] = one_round(bench, ours_trip, each);
            peer[i] = one_round(bench, peer_trip, each);
        }
        qsort(ours, ROUNDS, sizeof(ours[0]), by_rate);
        qsort(peer, ROUNDS, sizeof(peer[0]), by_rate);
        report(cases[c].name, &ours[ROUNDS / 2], &peer[ROUNDS / 2], json,
               c == 1);
    }
    if (json)
        puts("]");
    return true;
}

int main(int argc, char **argv)
{
    static struct bench bench;
    double seconds = 8;
    bool json = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            json = true;
        } else if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc) {
            seconds = strtod(argv[++i], NULL);
        } else {
            fprintf(stderr, "usage: bench_codec [--seconds N] [--json]\n");
            return 2;
        }
    }
    bench.samples = calloc(SAMPLES, sizeof(uint32_t));
    if (!bench.samples)
        abort();
    bool done = run(&bench, seconds, json);
    free(bench.samples);
    return done ? 0 : 1;
}
