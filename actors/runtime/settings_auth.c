/* SPDX-License-Identifier: MIT
 *
 * Secrets of tokens under names of the schema's: `jwt: JwtAuth` in an .api file
 * is a key JwtAuth with AccessSecret and AccessExpire, as go-zero has it, and
 * `jwtTransition: Trans` a key Trans with Secret and PrevSecret. The key Auth
 * is the runtime's own. Any other map with one of these secrets is such a key,
 * so that the readers of a file need not know its schema.
 */
#include <math.h>
#include <string.h>

#include "actors/runtime/settings_part.h"
#include "bus/arena.h"
#include "bus/code.h"
#include "bus/error.h"

static const struct bus_rule secret_rule = {.alias = "Secret"};
static const struct bus_rule expire_rule = {
    .alias = "ExpireIn", .low = 0, .high = HUGE_VAL};
static const struct bus_rule no_expire_rule = {
    .alias = "ExpireIn", .fallback = "0", .low = 0, .high = HUGE_VAL};

#define AUTH(name_, member, kind_, flags_, rule_)                              \
    {                                                                          \
        .name = (name_), .kind = (kind_), .flags = (flags_),                   \
        .offset = offsetof(struct actor_auth, member),                         \
        .presence = BUS_NO_PRESENCE, .rule = (rule_)                           \
    }
#define SHAPE(name_, fields_)                                                  \
    {                                                                          \
        .name = (name_), .size = sizeof(struct actor_auth), .count = 3,        \
        .fields = (fields_)                                                    \
    }

static const struct bus_field auth_fields[] = {
    AUTH("AccessSecret", access_secret, BUS_TEXT, BUS_REQUIRED | BUS_SECRET,
         &secret_rule),
    AUTH("AccessExpire", access_expire, BUS_I64, BUS_REQUIRED | BUS_HAS_RANGE,
         &expire_rule),
    AUTH("PrevSecret", prev_secret, BUS_TEXT, BUS_SECRET, NULL),
};
const struct bus_shape actor_auth_shape = SHAPE("Auth", auth_fields);

/* Tokens are only read by it. */
static const struct bus_field transition_fields[] = {
    AUTH("AccessSecret", access_secret, BUS_TEXT, BUS_REQUIRED | BUS_SECRET,
         &secret_rule),
    AUTH("AccessExpire", access_expire, BUS_I64, BUS_HAS_RANGE,
         &no_expire_rule),
    AUTH("PrevSecret", prev_secret, BUS_TEXT, BUS_REQUIRED | BUS_SECRET, NULL),
};
static const struct bus_shape transition_shape =
    SHAPE("Transition", transition_fields);

bool settings_is_auth(const struct bus_yaml *node)
{
    return node->type == BUS_YAML_MAP && node->key &&
           !bus_yaml_key_is(node->key, "Auth") &&
           (bus_yaml_get(node, "AccessSecret") || bus_yaml_get(node, "Secret"));
}

int settings_auths(const struct bus_yaml *map, const struct bus_shape *own,
                   struct bus_arena *arena, struct bus_config_part *ret,
                   struct bus_error *err)
{
    size_t count = 0;
    for (const struct bus_yaml *at = map->first; at; at = at->next)
        count += settings_is_auth(at);
    struct bus_field *fields = bus_arena_array(arena, count, sizeof(*fields));
    struct bus_shape *shape = bus_arena_alloc(arena, sizeof(*shape));
    void *message = bus_arena_array(arena, count, sizeof(void *));
    if (!fields || !shape || !message || count > ACTOR_AUTHS_MAX)
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "%s:1:1: more than %d keys with secrets of tokens",
                             map->file, ACTOR_AUTHS_MAX);
    size_t i = 0;
    for (const struct bus_yaml *at = map->first; at; at = at->next) {
        /* The service's own Config may say what it means. */
        if (!settings_is_auth(at) ||
            (own && bus_shape_find(own, at->key, strlen(at->key))))
            continue;
        fields[i] = (struct bus_field){.name = at->key,
                                       .kind = BUS_MESSAGE,
                                       .offset = (uint32_t)(i * sizeof(void *)),
                                       .presence = BUS_NO_PRESENCE,
                                       .shape = bus_yaml_get(at, "PrevSecret")
                                                    ? &transition_shape
                                                    : &actor_auth_shape};
        i++;
    }
    *shape = (struct bus_shape){"auths", (uint32_t)(i * sizeof(void *)),
                                (uint16_t)i, fields};
    *ret = (struct bus_config_part){shape, message};
    return BUS_OK;
}

const struct actor_auth *actor_auth_find(const struct actor_config *config,
                                         const char *name)
{
    const struct bus_config_part *part = config->auths;
    for (uint16_t i = 0; part && name && i < part->shape->count; i++)
        if (bus_yaml_key_is(part->shape->fields[i].name, name))
            return ((struct actor_auth *const *)part->message)[i];
    return config->auth;
}
