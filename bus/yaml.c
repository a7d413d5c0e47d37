/* SPDX-License-Identifier: MIT
 *
 * YAML as a tree, from libyaml's events. What makes YAML surprising is left
 * out: anchors, aliases, tags, several documents, keys that are not text. Which
 * type an unquoted scalar has is decided by who wants the value (config.c), not
 * by its looks. Variables are expanded here (yaml_expand.c), once the text of a
 * scalar is known.
 */
#include "bus/yaml.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <yaml.h>

#include "bus/arena.h"
#include "bus/buf.h"
#include "bus/code.h"
#include "bus/error.h"
#include "bus/shape.h"
#include "bus/yaml_expand.h"

struct yaml_in {
    yaml_parser_t parser;
    yaml_event_t event; /* the current one; owned */
    struct bus_bytes text;
    const char *file;
    struct bus_arena *arena;
    struct bus_error *err;
    int depth;
};

static int read_node(struct yaml_in *in, struct bus_yaml **ret);

/* -- errors ---------------------------------------------------------------- */

static int yaml_full(struct yaml_in *in)
{
    return bus_error_set(in->err, BUS_RESOURCE_EXHAUSTED,
                         "%s: the file needs more memory than it may use",
                         in->file);
}

/* Refuses the file at the current event. */
static int yaml_refuse(struct yaml_in *in, const char *found,
                       const char *expected)
{
    const yaml_mark_t *mark = &in->event.start_mark;
    return bus_error_set(in->err, BUS_INVALID_ARGUMENT,
                         "%s:%zu:%zu: found %s, expected %s", in->file,
                         mark->line + 1, mark->column + 1, found, expected);
}

/* Where libyaml stopped. Of bytes that are no text it tells the offset only. */
static yaml_mark_t problem_mark(const struct yaml_in *in)
{
    yaml_mark_t mark = in->parser.problem_mark;
    if (in->parser.error != YAML_READER_ERROR)
        return mark;
    mark.line = mark.column = 0;
    for (size_t i = 0; i < in->parser.problem_offset && i < in->text.len; i++) {
        bool newline = in->text.data[i] == '\n';
        mark.line += newline;
        mark.column = newline ? 0 : mark.column + 1;
    }
    return mark;
}

/* Says what libyaml did not like, in its words. */
static int yaml_malformed(struct yaml_in *in)
{
    const yaml_parser_t *parser = &in->parser;
    const yaml_mark_t mark = problem_mark(in);
    const char *problem = parser->problem ? parser->problem : "no YAML";
    const char *context = parser->context ? parser->context : "";
    if (parser->error == YAML_MEMORY_ERROR)
        return yaml_full(in);
    return bus_error_set(in->err, BUS_INVALID_ARGUMENT,
                         "%s:%zu:%zu: found malformed YAML (%s%s%s), expected "
                         "a map",
                         in->file, mark.line + 1, mark.column + 1, problem,
                         context[0] ? " " : "", context);
}

static int next_event(struct yaml_in *in)
{
    yaml_event_delete(&in->event);
    if (!yaml_parser_parse(&in->parser, &in->event))
        return yaml_malformed(in);
    return 0;
}

/* -- nodes ----------------------------------------------------------------- */

static struct bus_yaml *node_new(struct yaml_in *in, enum bus_yaml_type type)
{
    struct bus_yaml *node = bus_arena_alloc(in->arena, sizeof(*node));
    if (!node)
        return NULL;
    node->type = type;
    node->file = in->file;
    node->line = (int)in->event.start_mark.line + 1;
    node->column = (int)in->event.start_mark.column + 1;
    return node;
}

static int refuse_extras(struct yaml_in *in, const yaml_char_t *anchor,
                         const yaml_char_t *tag)
{
    if (anchor)
        return yaml_refuse(in, "an anchor", "a plain value");
    if (tag)
        return yaml_refuse(in, "a tag", "a plain value");
    return 0;
}

/* The event's scalar as text in the arena. */
static int scalar_text(struct yaml_in *in, const char **ret)
{
    const char *value = (const char *)in->event.data.scalar.value;
    size_t len = in->event.data.scalar.length;
    if (strlen(value) != len)
        return yaml_refuse(in, "a NUL character", "text");
    char *copy = bus_arena_text_n(in->arena, value, len);
    if (!copy)
        return yaml_full(in);
    *ret = copy;
    return 0;
}

static int read_scalar(struct yaml_in *in, struct bus_yaml **ret)
{
    const char *text = NULL;
    int code = refuse_extras(in, in->event.data.scalar.anchor,
                             in->event.data.scalar.tag);
    if (code == 0)
        code = scalar_text(in, &text);
    if (code)
        return code;
    struct bus_yaml *node = node_new(in, BUS_YAML_TEXT);
    if (!node)
        return yaml_full(in);
    node->quoted = in->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    code = yaml_expand(node, text, in->arena, in->err);
    if (code == 0)
        *ret = node;
    return code;
}

static int read_list(struct yaml_in *in, struct bus_yaml **ret)
{
    int code = refuse_extras(in, in->event.data.sequence_start.anchor,
                             in->event.data.sequence_start.tag);
    struct bus_yaml *list = node_new(in, BUS_YAML_LIST);
    if (!list)
        return yaml_full(in);
    struct bus_yaml **tail = &list->first;
    while (code == 0) {
        code = next_event(in);
        if (code || in->event.type == YAML_SEQUENCE_END_EVENT)
            break;
        code = read_node(in, tail);
        if (code == 0)
            tail = &(*tail)->next;
    }
    if (code == 0)
        *ret = list;
    return code;
}

static int read_key(struct yaml_in *in, const struct bus_yaml *map,
                    const char **ret)
{
    size_t count = 0;
    if (in->event.type != YAML_SCALAR_EVENT)
        return yaml_refuse(in, "a list, map or alias", "a key");
    int code = refuse_extras(in, in->event.data.scalar.anchor,
                             in->event.data.scalar.tag);
    if (code == 0)
        code = scalar_text(in, ret);
    for (const struct bus_yaml *at = map->first; code == 0 && at;
         at = at->next) {
        if (strcmp(at->key, *ret) == 0)
            return yaml_refuse(in, "the same key twice", "it once in a map");
        if (++count >= BUS_YAML_KEYS_MAX)
            return yaml_refuse(in, "too many keys", "a smaller map");
    }
    return code;
}

static int read_map(struct yaml_in *in, struct bus_yaml **ret)
{
    int code = refuse_extras(in, in->event.data.mapping_start.anchor,
                             in->event.data.mapping_start.tag);
    struct bus_yaml *map = node_new(in, BUS_YAML_MAP);
    if (!map)
        return yaml_full(in);
    struct bus_yaml **tail = &map->first;
    while (code == 0) {
        const char *key = NULL;
        code = next_event(in);
        if (code || in->event.type == YAML_MAPPING_END_EVENT)
            break;
        const yaml_mark_t mark = in->event.start_mark;
        code = read_key(in, map, &key);
        if (code == 0)
            code = next_event(in);
        struct bus_yaml *value = NULL;
        if (code == 0)
            code = read_node(in, &value);
        if (code)
            break;
        value->key = key;
        value->key_line = (int)mark.line + 1;
        value->key_column = (int)mark.column + 1;
        *tail = value;
        tail = &value->next;
    }
    if (code == 0)
        *ret = map;
    return code;
}

/* The node that the current event begins; afterwards its last event is the
 * current one. */
static int read_node(struct yaml_in *in, struct bus_yaml **ret)
{
    yaml_event_type_t type = in->event.type;
    if (type == YAML_ALIAS_EVENT)
        return yaml_refuse(in, "an alias", "a plain value");
    if (type == YAML_SCALAR_EVENT)
        return read_scalar(in, ret);
    assert(type == YAML_SEQUENCE_START_EVENT ||
           type == YAML_MAPPING_START_EVENT);
    if (in->depth == BUS_DEPTH_MAX)
        return yaml_refuse(in, "values nested too deep", "a flatter file");
    in->depth++;
    int code = type == YAML_MAPPING_START_EVENT ? read_map(in, ret)
                                                : read_list(in, ret);
    in->depth--;
    return code;
}

/* -- documents ------------------------------------------------------------- */

/* An empty file, or one of comments, is an empty map. */
static int empty_map(struct yaml_in *in, struct bus_yaml **ret)
{
    struct bus_yaml *map = node_new(in, BUS_YAML_MAP);
    if (!map)
        return yaml_full(in);
    *ret = map;
    return 0;
}

static int read_document(struct yaml_in *in, struct bus_yaml **ret)
{
    struct bus_yaml *top = NULL;
    int code = next_event(in);
    if (code == 0)
        code = read_node(in, &top);
    if (code == 0 && bus_yaml_is_null(top))
        code = empty_map(in, &top);
    if (code == 0)
        code = next_event(in); /* the document's end */
    if (code == 0)
        code = next_event(in);
    if (code == 0 && in->event.type != YAML_STREAM_END_EVENT)
        return yaml_refuse(in, "a second document", "one");
    if (code == 0)
        *ret = top;
    return code;
}

static int read_stream(struct yaml_in *in, struct bus_yaml **ret)
{
    int code = next_event(in); /* the stream's start */
    if (code == 0)
        code = next_event(in);
    if (code)
        return code;
    if (in->event.type == YAML_STREAM_END_EVENT)
        return empty_map(in, ret);
    return read_document(in, ret);
}

int bus_yaml_text(const char *file, const char *text, size_t len,
                  struct bus_arena *arena, struct bus_yaml **ret,
                  struct bus_error *err)
{
    struct yaml_in in = {.arena = arena, .err = err};
    in.text = (struct bus_bytes){(const uint8_t *)text, len};
    if (len > BUS_YAML_BYTES_MAX)
        return bus_error_set(err, BUS_INVALID_ARGUMENT,
                             "%s:1:1: found more than %d bytes, expected a "
                             "smaller file",
                             file, BUS_YAML_BYTES_MAX);
    in.file = bus_arena_text(arena, file);
    if (!in.file || !yaml_parser_initialize(&in.parser))
        return bus_error_set(err, BUS_RESOURCE_EXHAUSTED,
                             "%s: the file needs more memory than it may use",
                             file);
    yaml_parser_set_input_string(&in.parser, (const unsigned char *)text, len);
    int code = read_stream(&in, ret);
    yaml_event_delete(&in.event);
    yaml_parser_delete(&in.parser);
    return code;
}

/* -- files ----------------------------------------------------------------- */

static int file_refuse(const char *path, int problem, struct bus_error *err)
{
    char text[128] = "";
    int code = problem == ENOENT ? BUS_NOT_FOUND : BUS_INVALID_ARGUMENT;
    strerror_r(problem, text, sizeof(text));
    return bus_error_set(err, code,
                         "%s:1:1: found no readable file (%s), expected YAML",
                         path, text);
}

/* Reads until the end or until text is full; -1 and errno on failure. */
static ssize_t read_all(int fd, char *text, size_t size)
{
    size_t len = 0;
    while (len < size) {
        ssize_t got = read(fd, text + len, size - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        len += (size_t)got;
    }
    return (ssize_t)len;
}

int bus_yaml_file(const char *path, struct bus_arena *arena,
                  struct bus_yaml **ret, struct bus_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return file_refuse(path, errno, err);
    struct bus_arena scratch;
    bus_arena_init(&scratch, BUS_YAML_BYTES_MAX + 1);
    /* One byte more than allowed, so that bus_yaml_text sees the excess. */
    char *text = bus_arena_alloc(&scratch, BUS_YAML_BYTES_MAX + 1);
    assert(text);
    ssize_t len = read_all(fd, text, BUS_YAML_BYTES_MAX + 1);
    int code = len < 0
                   ? file_refuse(path, errno, err)
                   : bus_yaml_text(path, text, (size_t)len, arena, ret, err);
    close(fd);
    bus_arena_release(&scratch);
    return code;
}

/* -- access ---------------------------------------------------------------- */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool bus_yaml_key_is(const char *key, const char *name)
{
    for (;; key++, name++) {
        while (*key == '_')
            key++;
        while (*name == '_')
            name++;
        if (lower(*key) != lower(*name))
            return false;
        if (*key == '\0')
            return true;
    }
}

bool bus_yaml_is_null(const struct bus_yaml *node)
{
    return node->type == BUS_YAML_TEXT && !node->quoted &&
           (strcmp(node->text, "") == 0 || strcmp(node->text, "~") == 0 ||
            strcmp(node->text, "null") == 0);
}

struct bus_yaml *bus_yaml_get(const struct bus_yaml *map, const char *key)
{
    if (map->type != BUS_YAML_MAP)
        return NULL;
    struct bus_yaml *at = map->first;
    while (at && !bus_yaml_key_is(at->key, key))
        at = at->next;
    return at;
}
