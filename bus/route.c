/* SPDX-License-Identifier: MIT
 *
 * The router: for each actor that was ever called the lines to its instances,
 * kept true by the names. Of two lines drawn at random the one with less to
 * do is taken: calls in flight times what a call takes there. Lines that
 * drain, say nothing or are not connected yet are passed over while there is
 * another.
 */
#include <stdlib.h>
#include <string.h>

#include "bus/affinity.h"
#include "bus/callees.h"
#include "bus/line.h"
#include "bus/trace.h"

#define LATENCY_FLOOR_US 500
#define FORGOTTEN BUS_SECOND

struct route {
    struct route *next;
    char actor[BUS_NAME_MAX];
    char keys[BUS_AFFINITY_MAX]; /* as its newest name says */
    struct line *lines;
};

/* ---- Keeping lines true to names ---- */

static size_t route_hash(const char *actor)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (const char *c = actor; *c; c++)
        hash = (hash ^ (uint8_t)*c) * 16777619u;
    return hash % BUS_ROUTE_BUCKETS;
}

static struct route *route_find(struct bus *bus, const char *actor)
{
    struct route *route = bus->routes[route_hash(actor)];
    while (route && strcmp(route->actor, actor) != 0)
        route = route->next;
    return route;
}

static bool same_instance(const struct bus_name *a, const struct bus_name *b)
{
    return a->pid == b->pid && a->started == b->started &&
           strcmp(a->instance, b->instance) == 0 && strcmp(a->url, b->url) == 0;
}

static bool named(const struct line *line, const struct bus_name *names,
                  size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (same_instance(&line->name, &names[i]))
            return true;
    return false;
}

static bool lined(const struct route *route, const struct bus_name *name)
{
    const struct line *line = route->lines;
    while (line && !same_instance(&line->name, name))
        line = line->next;
    return line != NULL;
}

/* Moves lines whose name is gone to gone, adds lines for new names. */
static void route_update(struct bus *bus, struct route *route,
                         struct line **gone)
{
    struct bus_name *names = malloc(BUS_LINES_MAX * sizeof(*names));
    if (!names)
        abort();
    size_t count =
        bus_names_list(bus->names, route->actor, names, BUS_LINES_MAX);
    if (count > BUS_LINES_MAX)
        count = BUS_LINES_MAX;
    if (count > 0)
        memcpy(route->keys, names[count - 1].affinity, sizeof(route->keys));
    struct line **at = &route->lines;
    while (*at) {
        struct line *line = *at;
        if (named(line, names, count)) {
            at = &line->next;
            continue;
        }
        *at = line->next;
        line->next = *gone;
        *gone = line;
    }
    for (size_t i = 0; i < count; i++) {
        if (lined(route, &names[i]))
            continue;
        struct line *line = line_new(bus, &names[i]);
        line->next = route->lines;
        route->lines = line;
    }
    free(names);
}

/* Those gone are kept on bus->retired until their calls are through. */
static void retire_all(struct bus *bus, struct line *gone)
{
    struct line *list = gone;
    for (struct line *line = list; line; line = line->next)
        line_ref(line);
    while (list) {
        struct line *line = list;
        list = line->next;
        pthread_mutex_lock(&bus->route_lock);
        line->next = bus->retired;
        bus->retired = line;
        pthread_mutex_unlock(&bus->route_lock);
        line_retire(line);
        line_unref(line);
    }
}

void route_sync(struct bus *bus)
{
    struct line *gone = NULL;
    pthread_mutex_lock(&bus->route_lock);
    for (size_t i = 0; i < BUS_ROUTE_BUCKETS; i++)
        for (struct route *r = bus->routes[i]; r; r = r->next)
            route_update(bus, r, &gone);
    pthread_mutex_unlock(&bus->route_lock);
    retire_all(bus, gone);
}

/* NULL: nobody has heard of it (yet). Routes live as long as the bus. Lock
 * held. */
static struct route *route_get(struct bus *bus, struct callee *callee)
{
    const char *actor = callee->target.actor;
    struct route *route = atomic_load(&callee->route);
    if (!route)
        route = route_find(bus, actor);
    if (!route && bus_names_state(bus->names, actor) != NAMES_UNKNOWN) {
        route = calloc(1, sizeof(*route));
        if (!route)
            abort();
        memcpy(route->actor, actor, strlen(actor));
        route->next = bus->routes[route_hash(actor)];
        bus->routes[route_hash(actor)] = route;
        struct line *none = NULL;
        route_update(bus, route, &none);
    }
    atomic_store(&callee->route, route);
    return route;
}

/* ---- Choosing ---- */

uint32_t route_draw(void)
{
    static _Thread_local uint32_t state;
    if (state == 0) {
        struct bus_trace seed;
        bus_trace_new(&seed);
        memcpy(&state, seed.id, sizeof(state));
        state |= 1;
    }
    state ^= state << 13; /* xorshift32 */
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

/* What a line is chosen for. */
struct seeker {
    const struct target *target;
    uint64_t key;             /* 0: none */
    const struct line *avoid; /* compared, never read */
    int64_t now;
};

static bool meant(const struct line *line, const struct target *target)
{
    if (target->instance && strcmp(line->name.instance, target->instance) != 0)
        return false;
    return !target->node || strcmp(line->name.node, target->node) == 0;
}

/* Better is higher; 0 is out of the question. */
static int fitness(const struct line *line, const struct seeker *seeker)
{
    if (!meant(line, seeker->target) || line->draining ||
        line->state == LINE_CLOSED)
        return 0;
    if (line->silent || line == seeker->avoid ||
        line->ejected_until > seeker->now)
        return 1;
    return line->state == LINE_UP ? 3 : 2;
}

/* Differences below half a millisecond say nothing of an instance. A new one
 * looks four times as busy as it is, and less so every moment. */
static uint64_t load(const struct line *line, int64_t now)
{
    uint64_t latency = line->latency_us;
    if (latency < LATENCY_FLOOR_US)
        latency = LATENCY_FLOOR_US;
    int64_t age = (now - line->born) / BUS_MILLI;
    uint64_t cold = age < BUS_WARM_MS ? (uint64_t)(BUS_WARM_MS - age) : 0;
    return ((uint64_t)line->slots.used + 1) * latency *
           (BUS_WARM_MS + 3 * cold) / BUS_WARM_MS;
}

/* One that once was slow is asked again, or it would never be known to be
 * quick now. */
static bool forgotten(const struct line *line, int64_t now)
{
    return now - line->measured > FORGOTTEN && line->slots.used == 0;
}

static struct line *better(struct line *a, struct line *b, int64_t now)
{
    uint64_t load_a = load(a, now), load_b = load(b, now);
    if (load_a == load_b)
        return a;
    struct line *best = load_a < load_b ? a : b;
    struct line *other = best == a ? b : a;
    return forgotten(other, now) ? other : best;
}

struct pick {
    int fitness;
    size_t count; /* of that fitness */
};

static struct pick survey(const struct route *route,
                          const struct seeker *seeker)
{
    struct pick best = {0, 0};
    for (struct line *line = route->lines; line; line = line->next) {
        int fit = fitness(line, seeker);
        if (fit > best.fitness)
            best = (struct pick){fit, 0};
        best.count += fit == best.fitness;
    }
    return best;
}

static struct line *nth(const struct route *route, const struct seeker *seeker,
                        struct pick pick, size_t n)
{
    struct line *line = route->lines;
    struct line *last = NULL;
    for (; line; line = line->next) {
        if (fitness(line, seeker) != pick.fitness)
            continue;
        last = line;
        if (n-- == 0)
            break;
    }
    return last; /* states may change while we count: any that fits */
}

/* Of those that are well, connected or not: else keys would wander while an
 * instance is being connected. */
static struct line *wanted(const struct route *route,
                           const struct seeker *seeker)
{
    struct line *best = NULL;
    uint64_t most = 0;
    for (struct line *line = route->lines; line; line = line->next) {
        if (fitness(line, seeker) < 2)
            continue;
        uint64_t weight = affinity_weight(seeker->key, &line->name);
        if (!best || weight > most) {
            best = line;
            most = weight;
        }
    }
    return best;
}

/* Connects one that was never used, so that it takes part soon: any of them,
 * for callers that live for one call would otherwise all meet at the first. */
static void warm_one(const struct route *route, const struct target *target,
                     struct line **ret)
{
    size_t idle = 0;
    for (struct line *line = route->lines; line; line = line->next) {
        if (line->state != LINE_IDLE || !meant(line, target))
            continue;
        if (route_draw() % ++idle == 0) /* each with the same chance */
            *ret = line;
    }
    if (*ret)
        line_ref(*ret);
}

static struct line *choose(const struct route *route,
                           const struct seeker *seeker)
{
    struct line *keyed = seeker->key ? wanted(route, seeker) : NULL;
    if (keyed)
        return keyed;
    struct pick pick = survey(route, seeker);
    if (pick.fitness == 0)
        return NULL;
    if (pick.count == 1)
        return nth(route, seeker, pick, 0);
    size_t first = route_draw() % pick.count;
    size_t second = route_draw() % (pick.count - 1);
    second += second >= first;
    struct line *a = nth(route, seeker, pick, first);
    struct line *b = nth(route, seeker, pick, second);
    if (!a || !b)
        return a ? a : b;
    return better(a, b, seeker->now);
}

/* The key of a request: the caller's word, the callee's choice, or the
 * idempotency key, whose reply one instance keeps. route NULL: the actor is not
 * known (yet). */
static uint64_t key_of(const struct route *route,
                       const struct bus_request *request)
{
    const char *key = request->meta.key;
    if (request->affinity.len)
        return affinity_hash(request->affinity);
    uint64_t own = 0;
    if (route && route->keys[0])
        own = affinity_of(route->keys, request->method, request->body);
    if (own || !key)
        return own;
    return affinity_hash((struct bus_bytes){(const uint8_t *)key, strlen(key)});
}

enum route_find route_choose(struct attempt *attempt,
                             const struct bus_request *request, int64_t now,
                             struct line **ret)
{
    struct bus *bus = attempt->bus;
    const struct target *target = &attempt->callee->target;
    struct line *line = NULL;
    struct line *cold = NULL;
    pthread_mutex_lock(&bus->route_lock);
    const struct route *route = route_get(bus, attempt->callee);
    if (request)
        attempt->key = key_of(route, request);
    if (route) {
        const struct seeker seeker = {target, attempt->key, attempt->avoid,
                                      now};
        line = choose(route, &seeker);
        if (line)
            line_ref(line);
        warm_one(route, target, &cold);
    }
    pthread_mutex_unlock(&bus->route_lock);
    if (cold && cold != line)
        line_warm(cold);
    if (cold)
        line_unref(cold);
    *ret = line;
    if (line)
        return ROUTE_FOUND;
    enum names_state state = bus_names_state(bus->names, target->actor);
    if (state == NAMES_UNKNOWN)
        return ROUTE_NO_ACTOR;
    return state == NAMES_CRASHED ? ROUTE_CRASHED : ROUTE_NOBODY;
}

/* ---- All lines ---- */

struct line_list {
    struct line **lines;
    size_t count, cap;
};

static void list_add(struct line_list *list, struct line *line)
{
    if (list->count == list->cap) {
        list->cap = list->cap ? list->cap * 2 : 16;
        list->lines = realloc(list->lines, list->cap * sizeof(*list->lines));
        if (!list->lines)
            abort();
    }
    line_ref(line);
    list->lines[list->count++] = line;
}

/* References to all lines, so that they can be visited without the lock. */
static struct line_list list_all(struct bus *bus)
{
    struct line_list list = {NULL, 0, 0};
    pthread_mutex_lock(&bus->route_lock);
    for (size_t i = 0; i < BUS_ROUTE_BUCKETS; i++)
        for (struct route *r = bus->routes[i]; r; r = r->next)
            for (struct line *line = r->lines; line; line = line->next)
                list_add(&list, line);
    for (struct line *line = bus->retired; line; line = line->next)
        list_add(&list, line);
    pthread_mutex_unlock(&bus->route_lock);
    return list;
}

static void list_end(struct line_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        line_unref(list->lines[i]);
    free(list->lines);
}

/* Takes a closed line off the retired ones; one still named stays where it
 * is, refused by choose, until its name goes. */
static void forget(struct bus *bus, struct line *line)
{
    pthread_mutex_lock(&bus->route_lock);
    struct line **at = &bus->retired;
    while (*at && *at != line)
        at = &(*at)->next;
    bool found = *at != NULL;
    if (found)
        *at = line->next;
    pthread_mutex_unlock(&bus->route_lock);
    if (found)
        line_unref(line);
}

int64_t route_tick(struct bus *bus, int64_t now)
{
    int64_t wake = BUS_FOREVER;
    struct line_list list = list_all(bus);
    for (size_t i = 0; i < list.count; i++) {
        bool closed;
        int64_t next = line_tick(list.lines[i], now, &closed);
        if (next < wake)
            wake = next;
        if (closed)
            forget(bus, list.lines[i]);
    }
    list_end(&list);
    return wake;
}

void route_flush(struct bus *bus)
{
    struct line_list list = list_all(bus);
    for (size_t i = 0; i < list.count; i++)
        line_flush(list.lines[i]);
    list_end(&list);
}

void route_close(struct bus *bus)
{
    struct line_list list = list_all(bus);
    for (size_t i = 0; i < list.count; i++)
        line_close(list.lines[i]);
    list_end(&list);
    for (size_t i = 0; i < BUS_ROUTE_BUCKETS; i++) {
        while (bus->routes[i]) {
            struct route *route = bus->routes[i];
            bus->routes[i] = route->next;
            while (route->lines) {
                struct line *line = route->lines;
                route->lines = line->next;
                line_unref(line);
            }
            free(route);
        }
    }
    while (bus->retired) {
        struct line *line = bus->retired;
        bus->retired = line->next;
        line_unref(line);
    }
}
