/* SPDX-License-Identifier: MIT
 *
 * The score service: one score a user, up to the limit that its own
 * configuration sets.
 */
#include "score.actor.h"

#include "score.model.h"

int score_saveUserScore(struct bus_call *call,
                        const struct score_UserScoreRequest *req,
                        struct score_UserScoreResponse *ret)
{
    const struct score_Config *config = bus_config(call);
    if (req->score > config->max_score)
        return bus_refuse(call, BUS_OUT_OF_RANGE, "积分超过上限 %d",
                          config->max_score);
    struct user_score_row row = {.user_id = req->user_id, .score = req->score};
    int code = user_score_row_insert(call, &row);
    if (code == BUS_ALREADY_EXISTS)
        return bus_refuse(call, code, "用户已有积分");
    ret->user_id = req->user_id;
    ret->score = req->score;
    return code;
}

/* Undoes saveUserScore. That the row is gone already is what was wanted. */
int score_saveUserScoreCallback(struct bus_call *call,
                                const struct score_UserScoreRequest *req,
                                struct score_UserScoreResponse *ret)
{
    struct user_score_row row;
    int code = user_score_row_find_one_by_user_id(call, req->user_id, &row);
    if (!code)
        code = user_score_row_delete(call, row.id);
    if (code && code != BUS_NOT_FOUND)
        return code;
    ret->user_id = req->user_id;
    return BUS_OK;
}

int score_getUserScore(struct bus_call *call,
                       const struct score_UserScoreRequest *req,
                       struct score_UserScoreResponse *ret)
{
    struct user_score_row row;
    int code = user_score_row_find_one_by_user_id(call, req->user_id, &row);
    if (code == BUS_NOT_FOUND)
        return bus_refuse(call, code, "用户没有积分");
    if (code)
        return code;
    ret->user_id = row.user_id;
    ret->score = (int32_t)row.score;
    return BUS_OK;
}
