/* SPDX-License-Identifier: MIT
 *
 * What `bus new` writes: the files below bus/cli/new/, which the build makes
 * part of the command (ops/cmake/embed.cmake).
 */
#ifndef CLI_NEW_H
#define CLI_NEW_H

#include <stdbool.h>

#define CLI_NEW_NAME_MAX 32 /* bytes of a project's name */

struct new_file {
    const char *path; /* "etc/NAME.yaml": NAME stands for the project's */
    const char *text; /* with @NAME@, @SERVICE@ and @HINTS@ */
};

extern const struct new_file new_files[]; /* ended by a NULL path */

/* NULL: good for a folder, actors, a proto package, C and CMake alike; else
 * what is wrong with it. */
const char *new_name_fault(const char *name);

#endif
