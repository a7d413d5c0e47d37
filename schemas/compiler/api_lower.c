/* SPDX-License-Identifier: MIT
 *
 * From what was read of .api files to one service: groups, methods, messages,
 * and the checks that need all of them at once.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "name.h"

static const struct api_pair *find_pair(const struct vec *pairs,
                                        const char *key)
{
    const struct api_pair *all = pairs->items;
    for (size_t i = 0; i < pairs->count; i++)
        if (!strcmp(all[i].key, key) && all[i].value[0])
            return &all[i];
    return NULL;
}

static const char *pair_text(const struct vec *pairs, const char *key)
{
    const struct api_pair *pair = find_pair(pairs, key);
    return pair ? pair->value : NULL;
}

static bool pair_true(const struct vec *pairs, const char *key)
{
    const char *value = pair_text(pairs, key);
    return value && !strcmp(value, "true");
}

/* "A, B" */
static const char *const *split_list(struct pool *pool, const char *text)
{
    struct vec parts = {0};
    while (text && *text) {
        size_t len = strcspn(text, ",");
        size_t from = strspn(text, " \t\r\n"), to = len;
        while (to > from && strchr(" \t\r\n", text[to - 1]))
            to--;
        if (to > from)
            vec_push(pool, &parts, pool_text_n(pool, text + from, to - from));
        text += len;
        text += *text == ',';
    }
    return vec_texts(pool, &parts);
}

static int64_t group_timeout(const struct api_group *group)
{
    const struct api_pair *pair = find_pair(&group->pairs, "timeout");
    int64_t ms = 0;
    if (pair && !lex_duration(pair->value, &ms) && strcmp(pair->value, "0"))
        source_error(group->source, pair->value_at,
                     "found '%s', expected a duration such as 3s or 500ms",
                     pair->value);
    return ms;
}

static int64_t group_max_bytes(const struct api_group *group)
{
    const struct api_pair *pair = find_pair(&group->pairs, "maxBytes");
    char *end = NULL;
    if (!pair)
        return 0;
    long long bytes = strtoll(pair->value, &end, 10);
    if (!isdigit((unsigned char)pair->value[0]) || *end)
        source_error(group->source, pair->value_at,
                     "found '%s', expected a number of bytes", pair->value);
    return bytes;
}

static struct schema_group *lower_group(struct api *api,
                                        const struct api_group *from)
{
    struct schema_group *group = pool_alloc(api->pool, sizeof(*group));
    const char *prefix = pair_text(&from->pairs, "prefix");
    const char *name = pair_text(&from->pairs, "group");
    group->prefix = prefix ? prefix : "";
    group->group = name ? name : "";
    group->jwt = pair_text(&from->pairs, "jwt");
    group->jwt_transition = pair_text(&from->pairs, "jwtTransition");
    group->middlewares =
        split_list(api->pool, pair_text(&from->pairs, "middleware"));
    group->timeout_ms = group_timeout(from);
    group->max_bytes = group_max_bytes(from);
    group->signature = pair_true(&from->pairs, "signature");
    group->sse = pair_true(&from->pairs, "sse");
    const struct api_pair *pairs = from->pairs.items;
    struct schema_pair *all =
        pool_array(api->pool, from->pairs.count + 1, sizeof(*all));
    for (size_t i = 0; i < from->pairs.count; i++)
        all[i] = (struct schema_pair){pairs[i].key, pairs[i].value};
    group->annotations = all;
    group->annotation_count = from->pairs.count;
    return group;
}

static const struct schema_message *lower_request(struct api *api,
                                                  const struct api_group *group,
                                                  const struct api_route *route)
{
    const char *name = route->request;
    if (!name[0])
        return NULL;
    if (name[0] == '*')
        name++;
    const struct schema_message *message = types_find(&api->lowering, name);
    if (!message)
        source_error(group->source, route->request_at,
                     types_is_base(name) || strpbrk(name, "[]{}")
                         ? "found '%s', expected a struct as request"
                         : "unresolved type '%s'",
                     name);
    return message;
}

static const struct schema_message *lower_reply(struct api *api,
                                                const struct api_group *group,
                                                const struct api_route *route)
{
    const char *name = route->reply;
    if (!name[0])
        return NULL;
    bool list = !strncmp(name, "[]", 2);
    name += list ? 2 : 0;
    name += *name == '*';
    const struct schema_message *message = types_find(&api->lowering, name);
    if (!message && !types_is_base(name) &&
        !types_is_alias(&api->lowering, name))
        source_error(group->source, route->reply_at,
                     strpbrk(name, "[]{}")
                         ? "found '%s', expected a struct, a base type or a "
                           "list of them as response"
                         : "unresolved type '%s'",
                     name);
    return list ? NULL : message;
}

static const char *upper_case(struct pool *pool, const char *text)
{
    char *out = pool_text(pool, text);
    for (char *at = out; *at; at++)
        *at = (char)toupper((unsigned char)*at);
    return out;
}

static void lower_route(struct api *api, const struct api_group *from,
                        const struct schema_group *group,
                        const struct api_route *route,
                        struct schema_method *method)
{
    struct pool *pool = api->pool;
    method->name = method->handler = route->handler;
    method->verb = upper_case(pool, route->verb);
    method->url = path_clean(
        pool, pool_printf(pool, "/%s/%s", group->prefix, route->path));
    method->path = pool_printf(pool, "%s %s", method->verb, method->url);
    method->request = lower_request(api, from, route);
    method->reply = lower_reply(api, from, route);
    method->request_type = route->request;
    method->reply_type = route->reply;
    method->group = group;
    method->doc = route->doc;
    method->pos = source_pos(from->source, route->handler_at);
    if (group->sse && !route->reply[0])
        source_error(from->source, route->at, "missing response type");
}

/* Equal but for the names of parameters? ret_exact: equal in those too. */
static bool same_url(const char *a, const char *b, bool *ret_exact)
{
    *ret_exact = !strcmp(a, b);
    while (*a && *b) {
        if (*a != *b)
            return false;
        if (*a == ':') {
            a += strcspn(a, "/");
            b += strcspn(b, "/");
        } else {
            a++, b++;
        }
    }
    return *a == *b;
}

static bool repeats_parameter(const char *url)
{
    for (const char *a = strchr(url, ':'); a; a = strchr(a + 1, ':')) {
        size_t len = strcspn(a, "/");
        for (const char *b = strchr(a + 1, ':'); b; b = strchr(b + 1, ':'))
            if (strcspn(b, "/") == len && !strncmp(a, b, len))
                return true;
    }
    return false;
}

static void check_url(struct api_group *const *owners,
                      const struct api_route *const *routes,
                      const struct schema_method *methods, size_t index)
{
    const struct schema_method *method = &methods[index];
    size_t at = routes[index]->path_at;
    bool exact;
    if (repeats_parameter(method->url))
        source_error(owners[index]->source, at,
                     "a parameter stands twice in '%s'", method->url);
    for (size_t i = 0; i < index; i++) {
        if (strcmp(methods[i].verb, method->verb) ||
            !same_url(methods[i].url, method->url, &exact))
            continue;
        if (exact)
            source_error(owners[index]->source, at,
                         "route '%s' is declared already, at %s:%u",
                         method->path, methods[i].pos.file,
                         methods[i].pos.line);
        else
            source_error(owners[index]->source, at,
                         "'%s' and '%s' (%s:%u) give one position two "
                         "parameter names",
                         method->url, methods[i].url, methods[i].pos.file,
                         methods[i].pos.line);
        return;
    }
}

/* One handler name may stand in several groups: then the group's name goes
 * before it on the bus. */
static void name_methods(struct api *api, struct api_group *const *owners,
                         const struct api_route *const *routes,
                         struct schema_method *methods, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool shared = false;
        const char *group = methods[i].group->group;
        for (size_t j = 0; j < count; j++) {
            if (i == j || strcmp(routes[i]->handler, routes[j]->handler))
                continue;
            shared = true;
            if (j < i && !strcmp(methods[j].group->group, group))
                source_error(owners[i]->source, routes[i]->handler_at,
                             "handler '%s' is declared already, at %s:%u",
                             routes[i]->handler, methods[j].pos.file,
                             methods[j].pos.line);
        }
        if (shared && group[0])
            methods[i].name = name_join(api->pool, group, routes[i]->handler);
        methods[i].c_name = name_c(api->pool, methods[i].name);
    }
}

/* A response that is no struct is the one field of a message. */
static void lower_bare(struct api *api, struct api_group *const *owners,
                       const struct api_route *const *routes,
                       struct schema_method *methods, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!routes[i]->reply_expr || methods[i].reply ||
            owners[i]->source->errors)
            continue;
        const char *name =
            pool_printf(api->pool, "%s_Reply", methods[i].c_name);
        methods[i].reply = types_bare(&api->lowering, name, owners[i]->source,
                                      routes[i]->reply_expr);
    }
}

static void lower_routes(struct api *api, struct schema_service *service)
{
    struct pool *pool = api->pool;
    struct api_group *const *groups = api->groups.items;
    size_t count = 0, next = 0;
    for (size_t i = 0; i < api->groups.count; i++)
        count += groups[i]->routes.count;
    if (count > API_ROUTES_MAX) {
        source_error(groups[0]->source, groups[0]->at,
                     "%zu routes, expected at most %d", count, API_ROUTES_MAX);
        return;
    }
    struct schema_method *methods =
        pool_array(pool, count + 1, sizeof(*methods));
    struct api_group **owners = pool_array(pool, count + 1, sizeof(*owners));
    const struct api_route **routes =
        pool_array(pool, count + 1, sizeof(*routes));
    struct vec lowered = {0};
    for (size_t i = 0; i < api->groups.count; i++) {
        struct schema_group *group = lower_group(api, groups[i]);
        const struct api_route *all = groups[i]->routes.items;
        vec_push(pool, &lowered, group);
        for (size_t j = 0; j < groups[i]->routes.count; j++, next++) {
            owners[next] = groups[i];
            routes[next] = &all[j];
            lower_route(api, groups[i], group, &all[j], &methods[next]);
            check_url(owners, routes, methods, next);
        }
    }
    name_methods(api, owners, routes, methods, count);
    lower_bare(api, owners, routes, methods, count);
    service->groups = lowered.items;
    service->group_count = lowered.count;
    service->methods = methods;
    service->method_count = count;
}

/* The one name that all service blocks carry; NULL if there is none. */
static const char *service_name(struct api *api)
{
    struct api_group *const *groups = api->groups.items;
    for (size_t i = 1; i < api->groups.count; i++)
        if (strcmp(groups[i]->service, groups[0]->service))
            source_error(groups[i]->source, groups[i]->at,
                         "found service '%s', expected '%s' as before",
                         groups[i]->service, groups[0]->service);
    return api->groups.count ? groups[0]->service : NULL;
}

/* Every message that a body of that kind can hold, itself included. */
static void reach(const struct schema_message *message, struct vec *reached,
                  struct pool *pool)
{
    const struct schema_message *const *all = reached->items;
    for (size_t i = 0; i < reached->count; i++)
        if (all[i] == message)
            return;
    vec_push(pool, reached, message);
    for (size_t i = 0; i < message->field_count; i++)
        if (message->fields[i].message)
            reach(message->fields[i].message, reached, pool);
}

static bool holds(const struct vec *reached,
                  const struct schema_message *message)
{
    const struct schema_message *const *all = reached->items;
    for (size_t i = 0; i < reached->count; i++)
        if (all[i] == message)
            return true;
    return false;
}

/* Required is a word about requests: a type that only answers hold may leave
 * its fields empty. */
static void relax_replies(struct api *api, const struct schema_service *service)
{
    struct vec requests = {0}, replies = {0};
    for (size_t i = 0; i < service->method_count; i++) {
        if (service->methods[i].request)
            reach(service->methods[i].request, &requests, api->pool);
        if (service->methods[i].reply)
            reach(service->methods[i].reply, &replies, api->pool);
    }
    struct schema_message *const *messages = api->lowering.messages.items;
    for (size_t i = 0; i < api->lowering.messages.count; i++) {
        if (!holds(&replies, messages[i]) || holds(&requests, messages[i]))
            continue;
        struct schema_field *fields = pool_array(
            api->pool, messages[i]->field_count + 1, sizeof(*fields));
        for (size_t j = 0; j < messages[i]->field_count; j++) {
            fields[j] = messages[i]->fields[j];
            fields[j].flags &= (uint16_t)~SCHEMA_REQUIRED;
        }
        messages[i]->fields = fields;
    }
}

static void lower_service(struct api *api, struct schema_unit *unit,
                          const char *name)
{
    struct pool *pool = api->pool;
    struct schema_service *service = pool_alloc(pool, sizeof(*service));
    struct api_group *const *groups = api->groups.items;
    service->actor = service->name = name;
    service->package = "";
    service->pos = source_pos(groups[0]->source, groups[0]->at);
    lower_routes(api, service);
    relax_replies(api, service);
    struct vec services = {0};
    vec_push(pool, &services, service);
    unit->services = services.items;
    unit->service_count = 1;
}

void api_lower(struct api *api, struct schema_unit *unit)
{
    struct pool *pool = api->pool;
    const char *name = service_name(api);
    api->lowering.prefix = name ? name : unit->stem;
    types_lower(&api->lowering);
    unit->actor = name ? name : "";
    unit->info = api->info.items;
    unit->info_count = api->info.count;
    unit->import_names = vec_texts(pool, &api->imports);
    unit->files = api->files.items;
    unit->file_count = api->files.count;
    if (name)
        lower_service(api, unit, name);
    unit->messages = api->lowering.messages.items;
    unit->message_count = api->lowering.messages.count;
}
