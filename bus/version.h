/* SPDX-License-Identifier: MIT
 *
 * The one place where the version of troupe stands; CMake reads it here.
 */
#ifndef BUS_VERSION_H
#define BUS_VERSION_H

#define BUS_VERSION "0.1.0"

#endif
