/* SPDX-License-Identifier: MIT
 *
 * The registrar's program.
 */
#include "actors/registrar/actor.h"

int main(int argc, char **argv)
{
    return bus_main(argc, argv, &registrar_actor);
}
