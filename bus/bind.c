/* SPDX-License-Identifier: MIT
 *
 * Binding in four passes: path, form, header, JSON. Each field is read from the
 * sources its flags name, a later source replacing an earlier one, so that a
 * field wanted from form and JSON may come from either (go-zero wants it in
 * both). A field that names no source is JSON's. Unknown names are ignored.
 */
#include "bus/bind.h"

#include <string.h>
#include <strings.h>

#include "bus/arena.h"
#include "bus/code.h"
#include "bus/error.h"
#include "bus/fault.h"
#include "bus/json_read.h"
#include "bus/text.h"

/* One request being bound. */
struct bind {
    const struct bus_shape *shape;
    struct bus_arena *arena;
    char *message;
    bool *seen;
    bool *faulty; /* noted in faults */
    struct bus_error *err;
    struct bus_faults *faults;
};

/* One source of named values and how its names and values are taken. */
struct source {
    const struct bus_pair *pairs;
    size_t count;
    unsigned flag;   /* BUS_IN_* of the fields it fills */
    bool any_case;   /* names */
    bool drop_empty; /* an empty value counts as absent */
    bool brackets;   /* name[] is another name of a list */
    bool json_lists; /* one value "[...]" is a list in JSON */
};

static const char *name_in(const struct bus_field *field, unsigned flag)
{
    const struct bus_rule *rule = field->rule;
    const char *name = NULL;
    if (rule && flag == BUS_IN_PATH)
        name = rule->path;
    else if (rule && flag == BUS_IN_FORM)
        name = rule->form;
    else if (rule && flag == BUS_IN_HEADER)
        name = rule->header;
    return name ? name : field->name;
}

static bool name_is(const struct source *source, struct bus_bytes name,
                    const char *wanted, bool list)
{
    size_t len = strlen(wanted);
    if (list && source->brackets && name.len == len + 2 &&
        memcmp(name.data + len, "[]", 2) == 0)
        name.len = len;
    if (name.len != len)
        return false;
    if (source->any_case)
        return strncasecmp((const char *)name.data, wanted, len) == 0;
    return memcmp(name.data, wanted, len) == 0;
}

/* The next pair of that name from *at on, or NULL. Moves *at past it. */
static const struct bus_pair *next_pair(const struct source *source,
                                        const char *name, bool list, size_t *at)
{
    while (*at < source->count) {
        const struct bus_pair *pair = &source->pairs[(*at)++];
        if (source->drop_empty && pair->value.len == 0)
            continue;
        if (name_is(source, pair->name, name, list))
            return pair;
    }
    return NULL;
}

static int bind_full(const struct bind *bind)
{
    return bus_error_set(bind->err, BUS_RESOURCE_EXHAUSTED,
                         "the message needs more memory than a call may use");
}

static int bind_item(const struct bind *bind, const struct bus_field *field,
                     const char *name, struct bus_bytes text, void *slot)
{
    enum text_fault fault = text_item(field, text, bind->arena, slot);
    return fault ? text_fault_error(fault, name, text, bind->err) : 0;
}

static int bind_items(const struct bind *bind, const struct source *source,
                      const struct bus_field *field, const char *name)
{
    size_t count = 0, at = 0;
    while (next_pair(source, name, true, &at))
        count++;
    size_t size = bus_field_size(field);
    char *items = bus_arena_array(bind->arena, count, size);
    if (!items)
        return bind_full(bind);
    int code = 0;
    at = 0;
    for (size_t i = 0; code == 0 && i < count; i++) {
        const struct bus_pair *pair = next_pair(source, name, true, &at);
        code = bind_item(bind, field, name, pair->value, items + i * size);
    }
    if (code == 0)
        *(struct bus_list *)(bind->message + field->offset) =
            (struct bus_list){items, count};
    return code;
}

static bool looks_like_list(struct bus_bytes text)
{
    return text.len >= 2 && text.data[0] == '[' &&
           text.data[text.len - 1] == ']';
}

static int bind_list(const struct bind *bind, const struct source *source,
                     const struct bus_field *field, const char *name)
{
    size_t at = 0;
    const struct bus_pair *first = next_pair(source, name, true, &at);
    bool came = false;
    if (source->json_lists && looks_like_list(first->value) &&
        !next_pair(source, name, true, &at))
        return json_read_field(first->value, field, bind->arena, bind->message,
                               &came, bind->err);
    return bind_items(bind, source, field, name);
}

static int bind_field(const struct bind *bind, const struct source *source,
                      size_t index)
{
    const struct bus_field *field = &bind->shape->fields[index];
    const char *name = name_in(field, source->flag);
    bool list = field->cardinality == BUS_LIST;
    size_t at = 0;
    const struct bus_pair *pair = next_pair(source, name, list, &at);
    int code;
    if (!pair)
        return 0;
    if (field->cardinality == BUS_MAP || field->kind == BUS_MESSAGE)
        code = text_fault_error(TEXT_KIND, name, pair->value, bind->err);
    else if (list)
        code = bind_list(bind, source, field, name);
    else
        code = bind_item(bind, field, name, pair->value,
                         bind->message + field->offset);
    if (code == 0) {
        bus_field_set_present(field, bind->message);
        bind->seen[index] = true;
    }
    return code;
}

static int bind_source(const struct bind *bind, const struct source *source)
{
    int code = 0;
    for (size_t i = 0; code == 0 && i < bind->shape->count; i++) {
        if (!(bind->shape->fields[i].flags & source->flag))
            continue;
        code = bind_field(bind, source, i);
        if (code && bus_fault_keep(bind->faults, bind->err)) {
            bind->faulty[i] = true;
            code = 0;
        }
    }
    return code;
}

static int bind_sources(const struct bind *bind,
                        const struct bus_bind_input *input)
{
    const struct source sources[] = {
        {.pairs = input->path, .count = input->path_count, .flag = BUS_IN_PATH},
        {.pairs = input->form,
         .count = input->form_count,
         .flag = BUS_IN_FORM,
         .drop_empty = true,
         .brackets = true},
        {.pairs = input->headers,
         .count = input->headers_count,
         .flag = BUS_IN_HEADER,
         .any_case = true,
         .json_lists = true},
    };
    int code = 0;
    if (input->form_count > BUS_FORM_VALUES_MAX)
        return bus_error_set(bind->err, BUS_INVALID_ARGUMENT,
                             "more than %d form values", BUS_FORM_VALUES_MAX);
    for (size_t i = 0; code == 0 && i < sizeof(sources) / sizeof(sources[0]);
         i++)
        code = bind_source(bind, &sources[i]);
    return code;
}

int bus_bind(const struct bus_bind_input *input, const struct bus_shape *shape,
             struct bus_arena *arena, void *message, struct bus_error *err)
{
    struct bind bind = {shape, arena, message, NULL, NULL, err, input->faults};
    bind.seen = bus_arena_array(arena, 2, shape->count);
    if (!bind.seen)
        return bind_full(&bind);
    bind.faulty = bind.seen + shape->count;
    const struct json_reading reading = {.text = input->json,
                                         .shape = shape,
                                         .arena = arena,
                                         .err = err,
                                         .seen = bind.seen,
                                         .only_json = true,
                                         .faults = input->faults,
                                         .faulty = bind.faulty};
    const struct bus_verdict verdict = {arena, err, input->faults, bind.faulty};
    int code = bind_sources(&bind, input);
    if (code == 0 && input->json.len)
        code = json_read(&reading, message);
    if (code == 0)
        code = bus_shape_check_all(NULL, shape, message, bind.seen, &verdict);
    if (code && input->faults) /* it ended before all were known */
        input->faults->count = 0;
    return code ? code : bus_faults_error(input->faults, err);
}
