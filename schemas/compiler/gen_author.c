/* SPDX-License-Identifier: MIT
 *
 * What an author begins with, made once and never written again: every handler
 * as a stub that compiles and refuses, one file a middleware, a configuration.
 * A handler added to the schema later is a link error that names it.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gen.h"
#include "name.h"

#define CODE_OF_REFUSAL "BUS_UNIMPLEMENTED"

static void stub(struct gen *gen, struct out *out,
                 const struct schema_method *method)
{
    out_printf(out, "\n");
    out_doc(out, "", method->doc);
    gen_prototype(out, gen_handler_name(gen, method), method);
    out_printf(out,
               "\n{\n%s%s    return bus_refuse(call, " CODE_OF_REFUSAL
               ",\n                      \"%s is not written yet\");\n}\n",
               method->request ? "    (void)req;\n" : "",
               method->reply ? "    (void)ret;\n" : "", method->c_name);
}

static void handlers(struct gen *gen, struct out *out)
{
    const struct schema_method *const *methods = gen->methods.items;
    out_printf(out,
               "/* The handlers of the actor %s. This file is yours: it was\n"
               " * made once and is not written again. */\n"
               "#include \"%s.actor.h\"\n",
               gen->actor, gen->actor);
    for (size_t i = 0; i < gen->methods.count; i++)
        stub(gen, out, methods[i]);
}

static void middleware(struct gen *gen, struct out *out, const char *name)
{
    out_printf(out,
               "/* The middleware %s of the actor %s. This file is yours:\n"
               " * it was made once and is not written again. What stands "
               "before bus_next\n * happens before the handler, what stands "
               "behind it after. */\n#include \"%s.actor.h\"\n\n"
               "int %s(struct bus_call *call, struct actor_next *next)\n{\n"
               "    return bus_next(call, next);\n}\n",
               name, gen->actor, gen->actor, gen_middleware_name(gen, name));
}

/* A name that is a key of the YAML: not one that a group before has. */
static const char *new_key(struct gen *gen, struct vec *keys, const char *name)
{
    const char *const *all = keys->items;
    /* What is no name would not be a key of YAML either. */
    if (!name || strcmp(name_c(gen->pool, name), name))
        return NULL;
    for (size_t i = 0; i < keys->count; i++)
        if (!strcmp(all[i], name))
            return NULL;
    vec_push(gen->pool, keys, name);
    return name;
}

/* Keys for the tokens of a group's routes. */
static void secrets(struct gen *gen, struct out *out, struct vec *keys,
                    const struct schema_group *group)
{
    const char *jwt = new_key(gen, keys, group->jwt);
    if (jwt)
        out_printf(out,
                   "# At least 32 bytes that only you know.\n%s:\n"
                   "  AccessSecret: ${%s_SECRET}\n  AccessExpire: 7200\n",
                   jwt, jwt);
    const char *both = new_key(gen, keys, group->jwt_transition);
    if (both)
        out_printf(out,
                   "# Tokens by either are taken.\n%s:\n"
                   "  Secret: ${%s_SECRET}\n  PrevSecret: ${%s_PREVIOUS}\n",
                   both, both, both);
}

static const char *one_line(struct pool *pool, const char *text)
{
    char *line = pool_text(pool, text);
    for (char *at = line; *at; at++)
        if ((unsigned char)*at < ' ')
            *at = ' ';
    return line;
}

/* A value that a field of the author's Config takes, to begin with. */
static const char *first_value(struct pool *pool,
                               const struct schema_field *field)
{
    const struct schema_rule *rule = field->rule;
    if (field->cardinality == SCHEMA_LIST)
        return "[]";
    if (field->cardinality == SCHEMA_MAP || field->kind == SCHEMA_MESSAGE ||
        field->kind == SCHEMA_ANY)
        return "{}";
    if (rule && rule->fallback)
        return rule->fallback[0] ? rule->fallback : "\"\"";
    if (rule && rule->options && rule->options[0])
        return rule->options[0];
    if ((field->flags & SCHEMA_HAS_RANGE) && isfinite(rule->low))
        return pool_printf(pool, "%.15g",
                           rule->low +
                               (field->flags & SCHEMA_OPEN_LOW ? 1 : 0));
    if (field->kind == SCHEMA_BOOL)
        return "false";
    if (field->kind == SCHEMA_DURATION)
        return "1s";
    return field->kind == SCHEMA_TEXT || field->kind == SCHEMA_BYTES ||
                   field->kind == SCHEMA_TIME
               ? "\"\""
               : "0";
}

/* The service's own keys: those that must be there, and the others as they are
 * without being said. */
static void own_keys(struct gen *gen, struct out *out)
{
    const struct schema_message *config = gen_config(gen);
    for (size_t i = 0; config && i < config->field_count; i++) {
        const struct schema_field *field = &config->fields[i];
        bool needed = field->flags & SCHEMA_REQUIRED;
        const char *key = name_camel(gen->pool, field->name, true);
        /* Nothing but a plain key can be taken for one. */
        if (strcmp(name_c(gen->pool, key), key))
            continue;
        if (field->doc[0])
            out_printf(out, "# %s\n", one_line(gen->pool, field->doc));
        out_printf(out, "%s%s: %s\n", needed ? "" : "# ", key,
                   first_value(gen->pool, field));
    }
}

static void configuration(struct gen *gen, struct out *out)
{
    const struct schema_method *const *methods = gen->methods.items;
    struct vec keys = {0};
    bool http = false;
    for (size_t i = 0; i < gen->methods.count; i++)
        http = http || methods[i]->verb;
    out_printf(out, "Name: %s\n", gen->actor);
    if (http)
        out_printf(out, "Host: 0.0.0.0\nPort: 8888\n");
    out_printf(out, "Timeout: 3000\n");
    own_keys(gen, out);
    for (size_t i = 0; i < gen->methods.count; i++)
        if (methods[i]->group)
            secrets(gen, out, &keys, methods[i]->group);
}

static bool keep(struct gen *gen, const char *path, const struct out *out)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0 && errno == EEXIST)
        return true;
    size_t done = 0;
    while (fd >= 0 && done < out->len) {
        ssize_t put = write(fd, out->text + done, out->len - done);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            break;
        done += (size_t)put;
    }
    struct schema_pos pos = {path, 0, 0};
    if (fd >= 0 && done == out->len && !close(fd))
        return true;
    schema_error_add(gen->schema, &pos, NULL, "cannot write: %s",
                     strerror(errno));
    if (fd >= 0)
        unlink(path);
    return false;
}

static bool keep_middlewares(struct gen *gen)
{
    struct vec names = {0};
    gen_middlewares(gen, &names);
    const char *const *all = names.items;
    bool ok = true;
    for (size_t i = 0; ok && i < names.count; i++) {
        struct out out = {.pool = gen->pool};
        middleware(gen, &out, all[i]);
        ok = keep(gen,
                  pool_printf(gen->pool, "%s/%s.c", gen->options->author_dir,
                              gen_middleware_name(gen, all[i])),
                  &out);
    }
    return ok;
}

bool gen_author(struct gen *gen)
{
    const char *folder = gen->options->author_dir;
    const char *etc = pool_printf(gen->pool, "%s/etc", folder);
    struct out code = {.pool = gen->pool}, yaml = {.pool = gen->pool};
    struct schema_pos pos = {etc, 0, 0};
    handlers(gen, &code);
    configuration(gen, &yaml);
    if (mkdir(etc, 0777) && errno != EEXIST) {
        schema_error_add(gen->schema, &pos, NULL, "cannot make this folder: %s",
                         strerror(errno));
        return false;
    }
    return keep(gen, pool_printf(gen->pool, "%s/%s.yaml", etc, gen->actor),
                &yaml) &&
           keep(gen, pool_printf(gen->pool, "%s/%s.c", folder, gen->prefix),
                &code) &&
           keep_middlewares(gen);
}
