/* SPDX-License-Identifier: MIT
 *
 * "UserRpc" is of the actor "user", unless it names another. Tokens are
 * compared in a time that depends on the length of the given one alone.
 */
#include "actors/runtime/apps.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "actors/runtime/settings.h"
#include "bus/client.h"

#define SUFFIX 3 /* "Rpc" */

static void actor_of(const struct actor_client_pair *pair,
                     char ret[BUS_NAME_MAX])
{
    size_t len = strlen(pair->key) - SUFFIX;
    snprintf(ret, BUS_NAME_MAX, "%s", pair->config->actor);
    if (ret[0] || len >= BUS_NAME_MAX)
        return;
    for (size_t i = 0; i < len; i++)
        ret[i] = (char)tolower((unsigned char)pair->key[i]);
    ret[len] = '\0';
}

static int call_one(struct bus *bus, const struct actor_client_pair *pair,
                    struct bus_error *err)
{
    char actor[BUS_NAME_MAX];
    const struct actor_client *config = pair->config;
    actor_of(pair, actor);
    const struct bus_client client = {
        .actor = actor,
        .endpoints = config->endpoints.items,
        .count = config->endpoints.count,
        .target = config->target,
        .app = config->app,
        .token = config->token,
        .timeout_ms = config->timeout_ms,
    };
    struct bus_error why = {0};
    int code = bus_client_set(bus, &client, &why);
    if (code)
        return bus_error_set(err, code, "%s: %.400s", pair->key, why.sentence);
    return BUS_OK;
}

int apps_call(const struct actor_process *process, struct bus_error *err)
{
    const struct actor_client_pair *pairs = process->config->clients.items;
    int code = BUS_OK;
    for (size_t i = 0; !code && i < process->config->clients.count; i++)
        code = call_one(process->bus, &pairs[i], err);
    return code;
}

static bool same_token(const char *given, const char *wanted)
{
    size_t len = strlen(given), other = strlen(wanted);
    unsigned char differs = len != other || other == 0;
    for (size_t i = 0; i < len; i++)
        differs |= (unsigned char)(given[i] ^ wanted[other ? i % other : 0]);
    return differs == 0;
}

bool apps_allow(const struct actor_config *config,
                const struct bus_inbound *inbound, const char **ret_sentence)
{
    const struct actor_app *apps = config->apps.items;
    const char *app = inbound->meta.app, *token = inbound->meta.token;
    if (config->apps.count == 0)
        return true;
    *ret_sentence = "app and token are missing";
    if (!app || !*app || !token || !*token)
        return false;
    *ret_sentence = "access denied";
    for (size_t i = 0; i < config->apps.count; i++)
        if (strcmp(apps[i].app, app) == 0)
            return same_token(token, apps[i].token);
    return false;
}
