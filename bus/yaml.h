/* SPDX-License-Identifier: MIT
 *
 * A YAML file as a tree with positions: the only file that includes libyaml is
 * yaml.c. Anchors, tags and several documents are refused; duplicate keys too.
 * ${VAR} and ${VAR:-default} expand in every scalar; a scalar that is a bare
 * $name, or names a variable that is not set, stops with its position. "$${" is
 * a literal "${". Nodes live in the arena they were read into.
 */
#ifndef BUS_YAML_H
#define BUS_YAML_H

#include <stdbool.h>
#include <stddef.h>

struct bus_arena;
struct bus_error;

#define BUS_YAML_BYTES_MAX 1048576 /* of one file */
#define BUS_YAML_KEYS_MAX 1024     /* of one map */

enum bus_yaml_type { BUS_YAML_TEXT, BUS_YAML_LIST, BUS_YAML_MAP };

struct bus_yaml {
    enum bus_yaml_type type;
    int line, column; /* from 1 */
    const char *file;
    const char *key;        /* in a map; NULL in a list and at the top */
    const char *text;       /* TEXT: value after expansion */
    bool quoted;            /* TEXT: was quoted, so "1" stays text */
    struct bus_yaml *first; /* LIST, MAP: children in order */
    struct bus_yaml *next;
    int key_line, key_column; /* in a map: where the key stands */
};

/* Reads a file, or text under the name `file` for messages. err->sentence is
 * "FILE:LINE:COL: found X, expected Y". */
int bus_yaml_file(const char *path, struct bus_arena *arena,
                  struct bus_yaml **ret, struct bus_error *err);
int bus_yaml_text(const char *file, const char *text, size_t len,
                  struct bus_arena *arena, struct bus_yaml **ret,
                  struct bus_error *err);

/* The child of that key, by bus_yaml_key_is; NULL if there is none. */
struct bus_yaml *bus_yaml_get(const struct bus_yaml *map, const char *key);

/* True if a key names this: letters in any case, underscores ignored. */
bool bus_yaml_key_is(const char *key, const char *name);

/* True for an empty, ~ or null scalar without quotes: as good as absent. */
bool bus_yaml_is_null(const struct bus_yaml *node);

#endif
