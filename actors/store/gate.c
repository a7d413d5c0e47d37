/* SPDX-License-Identifier: MIT
 *
 * A counting semaphore whose waiting is bounded on the monotonic clock, which
 * sem_timedwait does not know.
 */
#include "actors/store/gate.h"

#include "actors/store/wait.h"

void gate_init(struct gate *gate, size_t room)
{
    pthread_mutex_init(&gate->lock, NULL);
    wait_init(&gate->left);
    gate->room = room;
}

void gate_release(struct gate *gate)
{
    pthread_cond_destroy(&gate->left);
    pthread_mutex_destroy(&gate->lock);
}

bool gate_enter(struct gate *gate, int64_t deadline)
{
    bool in_time = true;
    pthread_mutex_lock(&gate->lock);
    while (gate->room == 0 && in_time)
        in_time = wait_until(&gate->left, &gate->lock, deadline);
    bool entered = gate->room > 0;
    gate->room -= entered;
    pthread_mutex_unlock(&gate->lock);
    return entered;
}

void gate_leave(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->room++;
    pthread_cond_signal(&gate->left);
    pthread_mutex_unlock(&gate->lock);
}
