/* SPDX-License-Identifier: MIT
 *
 * The saga actor's program.
 */
#include "actors/saga/actor.h"

int main(int argc, char **argv)
{
    return bus_main(argc, argv, &saga_actor);
}
