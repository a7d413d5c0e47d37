/* SPDX-License-Identifier: MIT
 *
 * JSON that is being printed: commas come by themselves.
 */
#ifndef SCHEMA_JS_H
#define SCHEMA_JS_H

#include "gen.h"

/* A text, quoted and escaped, wherever a value may stand. */
void js_text(struct out *out, const char *text);
void js_item(struct out *out, const char *text); /* of an array */
void js_key(struct out *out, const char *key);
void js_open(struct out *out, const char *key, char bracket);
void js_close(struct out *out, char bracket);
/* An object or array that is itself an item. */
void js_open_item(struct out *out, char bracket);

/* key and value; text NULL is null. */
void js_pair(struct out *out, const char *key, const char *text);
void js_number(struct out *out, const char *key, long long number);
void js_bool(struct out *out, const char *key, bool value);
/* key and a value that is JSON already. */
void js_raw(struct out *out, const char *key, const char *json);

/* The same on lines, with a newline at its end; the pool's. */
const char *js_indented(const struct out *out);

#endif
