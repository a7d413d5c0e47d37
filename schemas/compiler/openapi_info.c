/* SPDX-License-Identifier: MIT
 *
 * What an .api file's info block says of the whole API: the keys that go-zero
 * knows for documents, and those of its Swagger printer. Others mean nothing
 * here.
 */
#include <string.h>

#include "openapi.h"

/* The first of two keys that is there; "" if neither is. */
static const char *info_text(const struct schema_unit *unit, const char *key,
                             const char *second)
{
    const char *found = "";
    for (size_t i = 0; i < unit->info_count; i++) {
        const struct schema_pair *pair = &unit->info[i];
        if (!strcmp(pair->key, key) && pair->value[0])
            return pair->value;
        if (!strcmp(pair->key, second))
            found = pair->value;
    }
    return found;
}

static void put_text(struct out *out, const char *key, const char *text)
{
    if (text[0])
        js_pair(out, key, text);
}

static void put_contact(struct out *out, const struct schema_unit *unit)
{
    const char *name = info_text(unit, "contactName", "author");
    const char *email = info_text(unit, "contactEmail", "email");
    const char *url = info_text(unit, "contactURL", "");
    if (!strchr(email, '@'))
        email = "";
    if (!name[0] && !email[0] && !url[0])
        return;
    js_open(out, "contact", '{');
    put_text(out, "name", name);
    put_text(out, "email", email);
    put_text(out, "url", url);
    js_close(out, '}');
}

static void put_license(struct out *out, const struct schema_unit *unit)
{
    const char *name = info_text(unit, "licenseName", "");
    if (!name[0])
        return;
    js_open(out, "license", '{');
    js_pair(out, "name", name);
    put_text(out, "url", info_text(unit, "licenseURL", ""));
    js_close(out, '}');
}

/* One for each scheme that is listed, https without a list. */
static void put_servers(struct out *out, const struct schema_unit *unit)
{
    const char *host = info_text(unit, "host", "");
    const char *base = info_text(unit, "basePath", "");
    const char *schemes = info_text(unit, "schemes", "");
    if (!host[0])
        return;
    if (!schemes[0])
        schemes = "https";
    js_open(out, "servers", '[');
    while (*schemes) {
        size_t len = strspn(schemes, "abcdefghijklmnopqrstuvwxyz");
        if (len) {
            js_open_item(out, '{');
            js_pair(out, "url",
                    pool_printf(out->pool, "%.*s://%s%s%s", (int)len, schemes,
                                host, base[0] && base[0] != '/' ? "/" : "",
                                base));
            js_close(out, '}');
        }
        schemes += len ? len : 1;
    }
    js_close(out, ']');
}

void openapi_info(struct out *out, const struct schema_unit *unit)
{
    const char *title = info_text(unit, "title", "");
    const char *version = info_text(unit, "version", "");
    const char *docs = info_text(unit, "externalDocsURL", "");
    js_open(out, "info", '{');
    js_pair(out, "title", title[0] ? title : unit->services[0]->name);
    js_pair(out, "version", version[0] ? version : "1.0.0");
    put_text(out, "description", info_text(unit, "description", "desc"));
    put_text(out, "termsOfService", info_text(unit, "termsOfService", ""));
    put_contact(out, unit);
    put_license(out, unit);
    js_close(out, '}');
    put_servers(out, unit);
    if (!docs[0])
        return;
    js_open(out, "externalDocs", '{');
    js_pair(out, "url", docs);
    put_text(out, "description",
             info_text(unit, "externalDocsDescription", ""));
    js_close(out, '}');
}
