/* SPDX-License-Identifier: MIT
 *
 * For servers in tests that take one request at a time.
 */
#ifndef TEST_SERVE_H
#define TEST_SERVE_H

#include "bus/server.h"

static inline void serve_each(bus_serve *one, void *arg,
                              struct bus_inbound *list)
{
    while (list) {
        struct bus_inbound *inbound = list;
        list = inbound->next;
        one(arg, inbound);
    }
}

#endif
