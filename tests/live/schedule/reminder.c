/* SPDX-License-Identifier: MIT
 *
 * An actor for the live test of schedules: it writes down what it was told, and
 * what that was due at.
 */
#include "reminder.actor.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "reminder.model.h"

#define LOOK_MS 20

int reminder_note(struct bus_call *call, const struct reminder_NoteRequest *req,
                  struct reminder_NoteReply *ret)
{
    struct note_row row = {.text = req->text, .due = bus_due(call)};
    (void)ret;
    return note_row_insert(call, &row);
}

int reminder_hold(struct bus_call *call, const struct reminder_NoteRequest *req,
                  struct reminder_NoteReply *ret)
{
    const char *file = getenv("HOLD");
    while (file && access(file, F_OK) == 0)
        poll(NULL, 0, LOOK_MS);
    return reminder_note(call, req, ret);
}

int reminder_remind(struct bus_call *call,
                    const struct reminder_RemindRequest *req,
                    struct reminder_RemindReply *ret)
{
    const struct reminder_NoteRequest message = {.text = req->text};
    int code = bus_later(call, &reminder_note_method, req->delay_ms, &message,
                         &ret->id);
    if (!code && req->regret)
        return bus_refuse(call, BUS_ABORTED, "rather not");
    return code;
}

int reminder_cancel(struct bus_call *call,
                    const struct reminder_RemindReply *req,
                    struct reminder_NoteReply *ret)
{
    (void)ret;
    return bus_cancel(call, req->id);
}
