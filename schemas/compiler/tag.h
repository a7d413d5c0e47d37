/* SPDX-License-Identifier: MIT
 *
 * The text between back-quotes behind a field: json:"id,optional" form:"id".
 */
#ifndef SCHEMA_TAG_H
#define SCHEMA_TAG_H

#include "pool.h"
#include "schema.h"

enum tag_source { TAG_JSON, TAG_FORM, TAG_PATH, TAG_HEADER, TAG_SOURCES };

struct tag {
    const char *names[TAG_SOURCES]; /* NULL: that key is absent */
    bool foreign; /* has a key of somebody else (gorm, db ...) */
    bool optional, omitempty, text, inherit;
    bool has_range, open_low, open_high;
    double low, high;
    const char *fallback;
    const char *const *options;
    const char *with, *without;
    const char *env;
    const char *complaint; /* what is wrong with it; NULL: nothing */
};

/* Malformed text is passed over, as the public tools do; a range or a choice
 * that no value could meet is a complaint. */
void tag_parse(struct pool *pool, const char *text, struct tag *ret);

/* The field's name on the wire: the first that the tag gives, else written. */
const char *tag_wire_name(const struct tag *tag, const char *written);

/* The rule that the tag makes of a field named wire; NULL: none. */
const struct schema_rule *tag_rule(struct pool *pool, const struct tag *tag,
                                   const char *wire);

/* True if every key of the tag is "-". */
bool tag_drops(const struct tag *tag);

/* Sets the field's flags, presence and rule by its tag, and by whether its
 * type is a pointer. The field's name and kind are set already. */
void tag_apply(struct pool *pool, struct schema_field *field,
               const struct tag *tag, bool pointer);

#endif
