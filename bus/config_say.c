/* SPDX-License-Identifier: MIT
 *
 * Words for what a configuration lacks. Every sentence names file, line,
 * column, key, what was found and what was expected; secrets are not quoted.
 */
#include "bus/config_say.h"

#include <stdio.h>
#include <string.h>

#include "bus/buf.h"
#include "bus/code.h"
#include "bus/error.h"
#include "bus/text.h"

#define FOUND_MAX 160 /* bytes of the words after "found" */

static const char *const kind_words[] = {
    [BUS_BOOL] = "true or false",
    [BUS_I8] = "a whole number from -128 to 127",
    [BUS_I16] = "a whole number from -32768 to 32767",
    [BUS_I32] = "a whole number of 32 bits",
    [BUS_I64] = "a whole number of 64 bits",
    [BUS_U8] = "a whole number from 0 to 255",
    [BUS_U16] = "a whole number from 0 to 65535",
    [BUS_U32] = "a whole number of 32 bits without sign",
    [BUS_U64] = "a whole number of 64 bits without sign",
    [BUS_F32] = "a number",
    [BUS_F64] = "a number",
    [BUS_TEXT] = "text",
    [BUS_BYTES] = "base64 text",
    [BUS_ENUM] = "one of its names",
    [BUS_DECIMAL] = "a decimal number",
    [BUS_TIME] = "a time like 2006-01-02T15:04:05Z",
    [BUS_DURATION] = "a duration like 3s or 1h10m",
    [BUS_MESSAGE] = "a map",
    [BUS_ANY] = "a value",
};

void config_expected(const struct bus_field *field,
                     char ret[CONFIG_EXPECTED_MAX])
{
    const char *words = kind_words[field->kind];
    if (field->cardinality != BUS_ONE && field->kind == BUS_MESSAGE)
        words = "a map";
    snprintf(ret, CONFIG_EXPECTED_MAX, "%s", words);
    if (field->kind != BUS_ENUM || !field->values || !field->values->name)
        return;
    struct bus_buf names;
    bus_buf_init(&names, CONFIG_EXPECTED_MAX - 1);
    bus_buf_text(&names, "one of");
    for (const struct bus_enum_value *at = field->values; at->name; at++) {
        bus_buf_text(&names, at == field->values ? " " : ", ");
        bus_buf_text(&names, at->name);
    }
    if (!names.failed)
        snprintf(ret, CONFIG_EXPECTED_MAX, "%.*s", (int)names.len,
                 (const char *)names.data);
    bus_buf_release(&names);
}

static void found_words(const struct config_place *place, char ret[FOUND_MAX])
{
    const struct bus_yaml *node = place->node;
    if (node->type == BUS_YAML_LIST)
        snprintf(ret, FOUND_MAX, "a list");
    else if (node->type == BUS_YAML_MAP)
        snprintf(ret, FOUND_MAX, "a map");
    else if (bus_yaml_is_null(node))
        snprintf(ret, FOUND_MAX, "nothing");
    else if (place->secret || strlen(node->text) > TEXT_ECHO_MAX)
        snprintf(ret, FOUND_MAX, "a text of %zu bytes", strlen(node->text));
    else
        snprintf(ret, FOUND_MAX, "%s\"%s\"",
                 node->quoted ? "the quoted text " : "", node->text);
}

static int say(const struct config_place *place, const char *key,
               const char *found, const char *expected, struct bus_error *err)
{
    const struct bus_yaml *node = place->node;
    return bus_error_field(err, BUS_INVALID_ARGUMENT, key,
                           "%s:%d:%d: %s%s%sfound %s, expected %s", node->file,
                           node->line, node->column, key[0] ? "key " : "", key,
                           key[0] ? ": " : "", found, expected);
}

static void key_text(const struct config_place *place, char ret[BUS_FIELD_MAX])
{
    ret[0] = '\0';
    if (place->path)
        bus_path_text(place->path, ret, BUS_FIELD_MAX);
}

int config_refuse(const struct config_place *place, const char *expected,
                  struct bus_error *err)
{
    char key[BUS_FIELD_MAX], found[FOUND_MAX];
    key_text(place, key);
    found_words(place, found);
    return say(place, key, found, expected, err);
}

int config_unknown(const struct config_place *place,
                   const struct bus_shape *const *shapes, size_t count,
                   struct bus_error *err)
{
    char key[BUS_FIELD_MAX];
    struct bus_yaml at_key = *place->node;
    struct config_place here = {.node = &at_key};
    struct bus_buf names;
    at_key.line = place->node->key_line;
    at_key.column = place->node->key_column;
    bus_buf_init(&names, BUS_SENTENCE_MAX);
    key_text(place, key);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < shapes[i]->count; k++) {
            bus_buf_text(&names, names.len ? ", " : "one of ");
            bus_buf_text(&names, shapes[i]->fields[k].name);
        }
    }
    bus_buf_byte(&names, '\0');
    int code = say(&here, key, "an unknown key",
                   names.failed || names.len == 1 ? "a key that it knows"
                                                  : (const char *)names.data,
                   err);
    bus_buf_release(&names);
    return code;
}

/* The field of an error's path: its last step. */
static const struct bus_field *last_field(const struct bus_shape *shape,
                                          const char *path)
{
    const char *dot = strrchr(path, '.');
    const char *name = dot ? dot + 1 : path;
    return bus_shape_find(shape, name, strlen(name));
}

int config_rule(const struct config_place *place, const struct bus_shape *shape,
                const struct bus_error *why, struct bus_error *err)
{
    const struct bus_yaml *node = place->node;
    const struct bus_field *field = last_field(shape, why->field);
    char expected[CONFIG_EXPECTED_MAX];
    if (field && strstr(why->sentence, "is not set")) {
        config_expected(field, expected);
        if (field->cardinality == BUS_LIST)
            snprintf(expected, sizeof(expected), "a list");
        return say(place, why->field, "nothing", expected, err);
    }
    return bus_error_field(err, why->code, why->field, "%s:%d:%d: key %s: %s",
                           node->file, node->line, node->column, why->field,
                           why->sentence);
}
