/* SPDX-License-Identifier: MIT
 *
 * Variables in YAML scalars. Only ${...} expands: a lone dollar stays, since
 * password hashes and DSNs hold dollars. A default ends at the first closing
 * brace; "$${" stands for "${". What a variable holds is not expanded again.
 */
#include "bus/yaml_expand.h"

#include <stdlib.h>
#include <string.h>

#include "bus/arena.h"
#include "bus/buf.h"
#include "bus/code.h"
#include "bus/error.h"
#include "bus/utf8.h"

#define NAME_MAX_BYTES 128 /* of a variable's name */

struct expansion {
    const struct bus_yaml *node;
    struct bus_buf out;
    struct bus_error *err;
};

static int refuse(const struct expansion *in, const char *found,
                  const char *name, const char *expected)
{
    const struct bus_yaml *node = in->node;
    return bus_error_set(in->err, BUS_INVALID_ARGUMENT,
                         "%s:%d:%d: found %s%s, expected %s", node->file,
                         node->line, node->column, found, name, expected);
}

/* Bytes of the variable name that text begins with. */
static size_t name_len(const char *text)
{
    static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "abcdefghijklmnopqrstuvwxyz_";
    if (text[0] == '\0' || !strchr(first, text[0]))
        return 0;
    size_t len = 1;
    while (text[len] &&
           (strchr(first, text[len]) || (text[len] >= '0' && text[len] <= '9')))
        len++;
    return len;
}

static bool is_bare_name(const char *text)
{
    size_t len = text[0] == '$' ? name_len(text + 1) : 0;
    return len && text[len + 1] == '\0';
}

/* Adds a variable's value, or its default (NULL: it has none). An empty
 * variable takes the default, as in a shell. */
static int add_variable(struct expansion *in, const char *name,
                        const char *fallback, size_t fallback_len)
{
    const char *value = getenv(name);
    if (fallback && (!value || !value[0])) {
        bus_buf_add(&in->out, fallback, fallback_len);
        return 0;
    }
    if (!value)
        return refuse(in, "a variable that is not set: ", name,
                      "it in the environment");
    if (!bus_utf8_valid(value, strlen(value)))
        return refuse(in, "a variable that is no UTF-8: ", name, "text");
    bus_buf_text(&in->out, value);
    return 0;
}

/* One ${...} whose name starts at *at; moves *at past its brace. */
static int expand_one(struct expansion *in, const char **at)
{
    char name[NAME_MAX_BYTES + 1];
    size_t len = name_len(*at);
    const char *end = strchr(*at, '}');
    const char *rest = *at + len;
    if (!end)
        return refuse(in, "${ without }", "", "${NAME} or ${NAME:-default}");
    bool fallback = strncmp(rest, ":-", 2) == 0;
    if (len == 0 || len > NAME_MAX_BYTES || (rest != end && !fallback))
        return refuse(in, "a malformed ${...}", "",
                      "${NAME} or ${NAME:-default}");
    memcpy(name, *at, len);
    name[len] = '\0';
    *at = end + 1;
    if (!fallback)
        return add_variable(in, name, NULL, 0);
    return add_variable(in, name, rest + 2, (size_t)(end - rest) - 2);
}

static int expand_all(struct expansion *in, const char *text)
{
    int code = 0;
    while (code == 0 && *text) {
        if (strncmp(text, "$${", 3) == 0) {
            bus_buf_text(&in->out, "${");
            text += 3;
        } else if (strncmp(text, "${", 2) == 0) {
            text += 2;
            code = expand_one(in, &text);
        } else {
            size_t len = 1 + strcspn(text + 1, "$");
            bus_buf_add(&in->out, text, len);
            text += len;
        }
    }
    if (code == 0 && in->out.failed)
        return refuse(in, "a value too long after expansion", "", "less");
    return code;
}

int yaml_expand(struct bus_yaml *node, const char *text,
                struct bus_arena *arena, struct bus_error *err)
{
    struct expansion in = {.node = node, .err = err};
    node->text = text;
    if (!strchr(text, '$'))
        return 0;
    if (is_bare_name(text))
        return refuse(&in, "the bare name ", text,
                      "a value, or the name in ${}");
    bus_buf_init(&in.out, BUS_YAML_BYTES_MAX);
    int code = expand_all(&in, text);
    const char *copy = NULL;
    if (code == 0) {
        copy = bus_arena_text_n(arena, (const char *)in.out.data, in.out.len);
        if (!copy)
            code = refuse(&in, "a value too long after expansion", "", "less");
        else
            node->text = copy;
    }
    bus_buf_release(&in.out);
    return code;
}
