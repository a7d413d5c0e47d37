/* SPDX-License-Identifier: MIT
 *
 * A tree of path segments: each node has static children and at most one
 * parameter child; leaves hold one route a verb.
 */
#include "actors/edge/route.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "actors/edge/layout.h"
#include "bus/code.h"
#include "schemas/compiler/schema.h"

#define VERBS_MAX 9

struct route_node {
    struct bus_bytes segment; /* of a static node */
    struct route_node *next;  /* sibling */
    struct route_node *children;
    struct route_node *param; /* child for any one segment */
    const struct route *routes[VERBS_MAX];
    size_t route_count;
};

static bool same(struct bus_bytes a, struct bus_bytes b)
{
    return a.len == b.len && !memcmp(a.data, b.data, a.len);
}

static struct route_node *node_new(struct bus_arena *arena,
                                   struct bus_bytes segment)
{
    struct route_node *node = bus_arena_alloc(arena, sizeof(*node));
    assert(node);
    node->segment = segment;
    return node;
}

static struct route_node *node_child(struct bus_arena *arena,
                                     struct route_node *node,
                                     struct bus_bytes segment)
{
    if (segment.data[0] == ':') {
        if (!node->param)
            node->param = node_new(arena, segment);
        return node->param;
    }
    struct route_node **at = &node->children;
    while (*at && !same((*at)->segment, segment))
        at = &(*at)->next;
    if (!*at)
        *at = node_new(arena, segment);
    return *at;
}

static int route_add(struct routes *routes, const struct route *route,
                     struct bus_arena *arena, struct bus_error *err)
{
    struct target url;
    struct bus_bytes text = {(const uint8_t *)route->url, strlen(route->url)};
    int code = target_parse(text, arena, &url, err);
    if (code)
        return code;
    struct route_node *node = routes->root;
    for (size_t i = 0; i < url.segment_count; i++)
        node = node_child(arena, node, url.segments[i]);
    for (size_t i = 0; i < node->route_count; i++)
        if (!strcmp(node->routes[i]->verb, route->verb))
            return bus_error_set(err, BUS_ALREADY_EXISTS,
                                 "%s %s and %s answer the same requests",
                                 route->verb, route->url, node->routes[i]->url);
    if (node->route_count == VERBS_MAX)
        return bus_error_set(err, BUS_RESOURCE_EXHAUSTED,
                             "%s has more than %d verbs", route->url,
                             VERBS_MAX);
    node->routes[node->route_count++] = route;
    return BUS_OK;
}

static void route_fill(struct route *route,
                       const struct schema_service *service,
                       const struct schema_method *method,
                       struct layout *layout)
{
    *route = (struct route){
        .verb = method->verb,
        .url = method->url,
        .actor = service->actor,
        .method = method->name,
        .replies = method->reply_type && method->reply_type[0],
    };
    if (method->request)
        route->request = layout_shape(layout, method->request);
    if (method->reply) {
        route->reply = layout_shape(layout, method->reply);
        route->bare = method->reply->bare;
    }
    if (method->group) {
        route->jwt = method->group->jwt ? method->group->jwt
                                        : method->group->jwt_transition;
        route->timeout_ms = method->group->timeout_ms;
        route->body_max = method->group->max_bytes;
    }
}

int routes_build(const struct schema_service *service, struct bus_arena *arena,
                 struct routes *ret, struct bus_error *err)
{
    struct layout layout = {.arena = arena};
    struct routes routes = {
        .root = node_new(arena, (struct bus_bytes){0}),
        .all =
            bus_arena_array(arena, service->method_count, sizeof(struct route)),
    };
    assert(routes.all);
    for (size_t i = 0; i < service->method_count; i++) {
        if (!service->methods[i].verb)
            continue;
        struct route *route = &routes.all[routes.count++];
        route_fill(route, service, &service->methods[i], &layout);
        int code = route_add(&routes, route, arena, err);
        if (code)
            return code;
    }
    *ret = routes;
    return BUS_OK;
}

/* --- matching --- */

struct search {
    struct bus_bytes verb;
    const struct target *target;
    struct route_match *match;
};

static const struct route *node_route(const struct route_node *node,
                                      struct bus_bytes verb)
{
    for (size_t i = 0; i < node->route_count; i++) {
        const char *own = node->routes[i]->verb;
        if (verb.len == strlen(own) && !memcmp(verb.data, own, verb.len))
            return node->routes[i];
    }
    return NULL;
}

/* Verbs are capitals alone, none part of another. */
static bool allowed(const char *allow, const char *verb)
{
    return strstr(allow, verb) != NULL;
}

static void note_allowed(const struct route_node *node,
                         struct route_match *match)
{
    for (size_t i = 0; i < node->route_count; i++) {
        size_t len = strlen(match->allow);
        if (allowed(match->allow, node->routes[i]->verb))
            continue;
        snprintf(match->allow + len, sizeof(match->allow) - len, "%s%s",
                 len ? ", " : "", node->routes[i]->verb);
    }
    match->known = match->known || node->route_count;
}

/* GET routes answer HEAD as well. */
static bool leaf_match(const struct route_node *node, struct search *search)
{
    static const struct bus_bytes get = {(const uint8_t *)"GET", 3};
    struct bus_bytes verb = search->verb;
    const struct route *route = node_route(node, verb);
    if (!route && verb.len == 4 && !memcmp(verb.data, "HEAD", 4))
        route = node_route(node, get);
    if (!route)
        note_allowed(node, search->match);
    search->match->route = route;
    return route != NULL;
}

static bool node_match(const struct route_node *node, size_t depth,
                       struct search *search)
{
    struct route_match *match = search->match;
    if (depth == search->target->segment_count)
        return leaf_match(node, search);
    struct bus_bytes segment = search->target->segments[depth];
    for (const struct route_node *child = node->children; child;
         child = child->next) {
        if (same(child->segment, segment) &&
            node_match(child, depth + 1, search))
            return true;
    }
    if (!node->param || match->param_count == ROUTE_PARAMS_MAX)
        return false;
    size_t mine = match->param_count++;
    if (!node_match(node->param, depth + 1, search)) {
        match->param_count = mine;
        return false;
    }
    match->params[mine] = (struct bus_pair){{0}, segment};
    return true;
}

/* Parameters are named by the matched route's own text, since two routes may
 * name one position differently. */
static void name_params(struct route_match *match)
{
    const char *at = match->route->url;
    size_t i = 0;
    while ((at = strstr(at, "/:")) && i < match->param_count) {
        at += 2;
        match->params[i++].name =
            (struct bus_bytes){(const uint8_t *)at, strcspn(at, "/")};
    }
}

void routes_match(const struct routes *routes, struct bus_bytes verb,
                  const struct target *target, struct route_match *ret)
{
    *ret = (struct route_match){0};
    struct search search = {verb, target, ret};
    if (node_match(routes->root, 0, &search))
        name_params(ret);
}
