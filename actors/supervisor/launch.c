/* SPDX-License-Identifier: MIT
 *
 * Arguments and environment. A variable that is set again replaces the earlier
 * one: getenv would find only the first.
 */
#include "actors/supervisor/launch.h"

#include <assert.h>
#include <string.h>

#define ARGS_MAX 16
#define OWN_ENV_MAX 3

/* A NULL-ended array being filled. */
struct array {
    char **items;
    size_t count, max;
    struct bus_arena *arena;
};

static struct array array_new(struct bus_arena *arena, size_t max)
{
    char **items = bus_arena_array(arena, max + 1, sizeof(*items));
    assert(items);
    return (struct array){items, 0, max, arena};
}

static void array_add(struct array *array, const char *text)
{
    assert(array->count < array->max);
    char *copy = bus_arena_text(array->arena, text);
    assert(copy);
    array->items[array->count++] = copy;
}

static void add_option(struct array *args, const char *name, const char *value)
{
    array_add(args, name);
    array_add(args, value);
}

static void add_number(struct array *args, const char *name, int value)
{
    add_option(args, name, bus_arena_printf(args->arena, "%d", value));
}

/* Sets NAME=VALUE, over an earlier value. */
static void set_env(struct array *env, const char *name, const char *value)
{
    size_t len = strlen(name);
    char *text = bus_arena_printf(env->arena, "%s=%s", name, value);
    assert(text);
    for (size_t i = 0; i < env->count; i++) {
        if (strncmp(env->items[i], text, len + 1) == 0) {
            env->items[i] = text;
            return;
        }
    }
    assert(env->count < env->max);
    env->items[env->count++] = text;
}

static size_t env_size(char *const *environ)
{
    size_t count = 0;
    while (environ && environ[count])
        count++;
    return count;
}

static struct array env_new(const struct launch_site *site,
                            const struct topology_actor *spec,
                            struct bus_arena *arena)
{
    size_t inherited = env_size(site->environ);
    size_t max = inherited + OWN_ENV_MAX + spec->env.count;
    struct array env = array_new(arena, max);
    for (size_t i = 0; i < inherited; i++) {
        /* What our own starter told us is not meant for our children. */
        if (strncmp(site->environ[i], "TROUPE_NOTIFY_FD=", 17) != 0 &&
            strncmp(site->environ[i], "TROUPE_SUPERVISOR_PID=", 22) != 0)
            array_add(&env, site->environ[i]);
    }
    const struct topology_env *own = spec->env.items;
    for (size_t i = 0; i < spec->env.count; i++)
        set_env(&env, own[i].name, own[i].value);
    set_env(&env, "TROUPE_HOME", site->home);
    return env;
}

static void add_place(struct array *args, const struct launch_site *site,
                      const struct topology_actor *spec)
{
    if (*spec->config)
        add_option(args, "-f", spec->config);
    if (*spec->cron)
        add_option(args, "--topology", spec->cron);
    add_option(args, "--home", site->home);
    add_option(args, "--node", site->node);
}

struct launch launch_run(const struct launch_site *site,
                         const struct topology_actor *spec, int number,
                         int replicas, struct bus_arena *arena)
{
    struct array args = array_new(arena, ARGS_MAX);
    struct array env = env_new(site, spec, arena);
    array_add(&args, spec->program);
    add_place(&args, site, spec);
    add_number(&args, "--instance", number);
    add_number(&args, "--workers", spec->workers);
    add_number(&args, "--replicas", replicas);
    set_env(&env, "TROUPE_NOTIFY_FD",
            bus_arena_printf(arena, "%d", LAUNCH_NOTIFY_FD));
    set_env(&env, "TROUPE_SUPERVISOR_PID",
            bus_arena_printf(arena, "%d", site->supervisor_pid));
    return (struct launch){args.items, env.items};
}

struct launch launch_check(const struct launch_site *site,
                           const struct topology_actor *spec,
                           struct bus_arena *arena)
{
    struct array args = array_new(arena, ARGS_MAX);
    struct array env = env_new(site, spec, arena);
    array_add(&args, spec->program);
    array_add(&args, "--check");
    add_place(&args, site, spec);
    return (struct launch){args.items, env.items};
}
