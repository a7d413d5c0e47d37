/* SPDX-License-Identifier: MIT
 *
 * The edge's process.
 */
#include "actors/edge/edge.h"

int main(int argc, char **argv)
{
    return bus_main(argc, argv, &edge_actor);
}
