/* SPDX-License-Identifier: MIT
 *
 * Which files are generated, and their writing: a file whose content stays the
 * same is not touched, so that nothing is compiled again because of it.
 */
#include "gen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "name.h"

typedef void print_file(struct gen *gen, struct out *out);
typedef void print_unit(struct gen *gen, struct out *out,
                        const struct schema_unit *unit);

const char *gen_guard(struct gen *gen, const struct schema_unit *unit)
{
    return name_c(gen->pool, unit->stem);
}

static bool has_content(const char *path, const struct out *out)
{
    FILE *file = fopen(path, "rbe");
    if (!file)
        return false;
    bool same = true;
    for (size_t i = 0; same && i < out->len; i++)
        same = getc(file) == (unsigned char)out->text[i];
    same = same && getc(file) == EOF;
    fclose(file);
    return same;
}

static bool write_out(struct gen *gen, const char *name, const struct out *out)
{
    const char *path =
        pool_printf(gen->pool, "%s/%s", gen->options->out_dir, name);
    const char *next =
        pool_printf(gen->pool, "%s.tmp%ld", path, (long)getpid());
    struct schema_pos pos = {path, 0, 0};
    if (has_content(path, out))
        return true;
    FILE *file = fopen(next, "wbe");
    bool written = file && fwrite(out->text, 1, out->len, file) == out->len;
    if (file && fclose(file))
        written = false;
    if (written && !rename(next, path))
        return true;
    schema_error_add(gen->schema, &pos, NULL, "cannot write: %s",
                     strerror(errno));
    unlink(next);
    return false;
}

static bool emit(struct gen *gen, const char *suffix, print_file *print)
{
    struct out out = {.pool = gen->pool};
    print(gen, &out);
    return write_out(gen, pool_printf(gen->pool, "%s.%s", gen->actor, suffix),
                     &out);
}

static bool emit_unit(struct gen *gen, const struct schema_unit *unit,
                      const char *suffix, print_unit *print)
{
    struct out out = {.pool = gen->pool};
    print(gen, &out, unit);
    return write_out(gen, pool_printf(gen->pool, "%s.%s", unit->stem, suffix),
                     &out);
}

static void take_service(struct gen *gen, const struct schema_unit *unit,
                         const struct schema_service *service)
{
    for (size_t i = 0; i < service->method_count; i++) {
        const struct schema_method *method = &service->methods[i];
        if (method->client_stream || method->server_stream)
            schema_error_add(gen->schema, &method->pos, NULL,
                             "streaming methods are not served yet: '%s'",
                             method->name);
        if (unit->language == SCHEMA_API && method->reply_type[0] &&
            !method->reply)
            schema_error_add(gen->schema, &method->pos, NULL,
                             "a response that is no struct is not served yet: "
                             "'%s'",
                             method->reply_type);
        vec_push(gen->pool, &gen->methods, method);
    }
}

/* An actor is a file's name and stands in addresses: bus_name_valid. */
static bool names_an_actor(const char *name)
{
    for (const char *at = name; *at; at++) {
        char c = *at;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (!plain && (c != '.' || at == name))
            return false;
    }
    return name[0] && strlen(name) <= SCHEMA_ACTOR_BYTES_MAX;
}

static void check_actor(struct gen *gen, const struct schema_unit *unit)
{
    const char *actor = unit->actor[0] ? unit->actor : unit->stem;
    if (unit->service_count && !names_an_actor(actor))
        schema_error_add(gen->schema, &unit->services[0]->pos, NULL,
                         "found '%s', expected the name of an actor: 1 to %d "
                         "letters, digits, '-', '_' and '.'",
                         actor, SCHEMA_ACTOR_BYTES_MAX);
}

/* Every unit with a service or messages must belong to the one actor. */
static void take_unit(struct gen *gen, const struct schema_unit *unit)
{
    struct schema_pos pos = {unit->path, 0, 0};
    bool named = unit->language == SCHEMA_API || unit->language == SCHEMA_PROTO;
    const char *actor = unit->actor[0] ? unit->actor : unit->stem;
    vec_push(gen->pool, &gen->units, unit);
    if (!named)
        return;
    check_actor(gen, unit);
    if (!gen->actor)
        gen->actor = actor;
    else if (strcmp(gen->actor, actor))
        schema_error_add(gen->schema, &pos, NULL,
                         "found the actor '%s', expected '%s'", actor,
                         gen->actor);
    for (size_t i = 0; i < unit->service_count; i++)
        take_service(gen, unit, unit->services[i]);
}

static bool names_actor(const struct gen *gen)
{
    const struct schema_unit *const *units = gen->units.items;
    for (size_t i = 0; i < gen->units.count; i++)
        if (units[i]->language == SCHEMA_API ||
            units[i]->language == SCHEMA_PROTO)
            return true;
    return false;
}

static bool emit_all(struct gen *gen)
{
    const struct schema_unit *const *units = gen->units.items;
    bool ok = true;
    if (names_actor(gen))
        ok = emit(gen, "bus.h", gen_bus_header) &&
             emit(gen, "bus.c", gen_bus_source) &&
             emit(gen, "actor.h", gen_actor_header) &&
             emit(gen, "actor.c", gen_actor_source);
    for (size_t i = 0; ok && i < gen->units.count; i++) {
        if (units[i]->language == SCHEMA_SQL)
            ok = emit_unit(gen, units[i], "model.h", gen_model_header) &&
                 emit_unit(gen, units[i], "model.c", gen_model_source);
        if (units[i]->language == SCHEMA_SAGA)
            ok = emit_unit(gen, units[i], "saga.h", gen_saga_header) &&
                 emit_unit(gen, units[i], "saga.c", gen_saga_source);
    }
    return ok;
}

static bool make_folder(struct gen *gen, const char *folder)
{
    struct schema_pos pos = {folder, 0, 0};
    char *path = pool_text(gen->pool, folder);
    for (char *at = path + 1; *at; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        mkdir(path, 0777);
        *at = '/';
    }
    if (!mkdir(path, 0777) || errno == EEXIST)
        return true;
    schema_error_add(gen->schema, &pos, NULL, "cannot make this folder: %s",
                     strerror(errno));
    return false;
}

size_t schema_check(struct schema *schema)
{
    struct gen gen = {.schema = schema, .pool = &schema->pool};
    for (size_t i = 0; i < schema_unit_count(schema); i++) {
        const struct schema_unit *unit = schema_unit_at(schema, i);
        if (unit->imported)
            continue;
        vec_push(gen.pool, &gen.units, unit);
        gen.actor = unit->actor[0] ? unit->actor : unit->stem;
        check_actor(&gen, unit);
        for (size_t j = 0; j < unit->service_count; j++)
            for (size_t k = 0; k < unit->services[j]->method_count; k++)
                vec_push(gen.pool, &gen.methods,
                         &unit->services[j]->methods[k]);
    }
    gen.prefix = name_prefix(gen.pool, gen.actor ? gen.actor : "");
    gen_check_names(&gen);
    return schema_error_count(schema);
}

int schema_generate(struct schema *schema, const struct schema_gen *options)
{
    struct gen gen = {.schema = schema,
                      .pool = &schema->pool,
                      .options = options,
                      .actor = options->name};
    size_t before = schema_error_count(schema);
    for (size_t i = 0; i < schema_unit_count(schema); i++) {
        const struct schema_unit *unit = schema_unit_at(schema, i);
        if (!unit->imported)
            take_unit(&gen, unit);
    }
    gen.prefix = name_prefix(gen.pool, gen.actor ? gen.actor : "");
    gen_check_names(&gen);
    if (schema_error_count(schema) > before)
        return 1;
    if (!make_folder(&gen, options->out_dir) || !emit_all(&gen))
        return 1;
    if (!options->author_dir || !names_actor(&gen))
        return 0;
    return make_folder(&gen, options->author_dir) && gen_author(&gen) ? 0 : 1;
}
