/* SPDX-License-Identifier: MIT
 *
 * The fake client: two functions a method, typed, over bus/fake.h. They stand
 * in NAME.bus.h beside the clients that they answer, so that a caller's test
 * needs nothing that the caller does not have.
 */
#include "gen.h"

static void script(struct out *out, const struct gen_fake *fake, bool body)
{
    out_printf(out,
               "void fake_%s(struct bus_fake *fake,\n"
               "    const struct bus_fake_answer *answer",
               fake->name);
    if (fake->reply)
        out_printf(out, ",\n    const struct %s *reply", fake->reply->c_name);
    if (body)
        out_printf(out,
                   ")\n{\n    bus_fake_script(fake, &%s, answer, %s);\n}\n\n",
                   fake->method, fake->reply ? "reply" : "NULL");
    else
        out_printf(out, ");\n");
}

static void asked(struct out *out, const struct gen_fake *fake, bool body)
{
    out_printf(out,
               "const struct %s *asked_%s(struct bus_fake *fake,\n"
               "    size_t index)",
               fake->request->c_name, fake->name);
    if (body)
        out_printf(out,
                   "\n{\n    return bus_fake_asked(fake, &%s, index);\n}\n\n",
                   fake->method);
    else
        out_printf(out, ";\n");
}

void gen_fake(struct out *out, struct gen_fake fake, bool body)
{
    script(out, &fake, body);
    if (fake.request)
        asked(out, &fake, body);
    if (!body)
        out_printf(out, "\n");
}
