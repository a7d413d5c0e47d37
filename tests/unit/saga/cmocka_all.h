/* SPDX-License-Identifier: MIT
 *
 * cmocka with what it needs before it.
 */
#ifndef SAGA_CMOCKA_ALL_H
#define SAGA_CMOCKA_ALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
