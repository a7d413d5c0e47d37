/* SPDX-License-Identifier: MIT
 *
 * The bare client libraries: hiredis GET of the entries that ours stored, and
 * one prepared statement whose row is fetched into variables.
 */
#include <hiredis/hiredis.h>
#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data.h"

#define TEXT_MAX 256

static void die(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

/* ---- Redis ---- */

struct peer_redis {
    redisContext *context;
};

struct peer_redis *peer_redis_open(const char *socket)
{
    struct peer_redis *peer = calloc(1, sizeof(*peer));
    if (!peer)
        abort();
    peer->context = redisConnectUnix(socket);
    if (!peer->context || peer->context->err)
        die("hiredis", "not connected");
    return peer;
}

void peer_redis_close(struct peer_redis *peer)
{
    redisFree(peer->context);
    free(peer);
}

uint64_t peer_redis_get(void *lane, uint64_t turn)
{
    struct peer_redis *peer = lane;
    redisReply *reply =
        redisCommand(peer->context, "GET cache:benchUser:id:%lld",
                     (long long)bench_id(turn));
    if (!reply || reply->type != REDIS_REPLY_STRING)
        die("hiredis", "no such entry");
    freeReplyObject(reply);
    return 1;
}

/* ---- MySQL ---- */

struct peer_sql {
    MYSQL *my;
    MYSQL_STMT *stmt;
    long long id;
    struct {
        long long id, score;
        char texts[4][TEXT_MAX];
        MYSQL_TIME times[2];
        unsigned long lengths[4];
        my_bool nulls[2];
    } row;
};

static void bind_number(MYSQL_BIND *bind, long long *to)
{
    bind->buffer_type = MYSQL_TYPE_LONGLONG;
    bind->buffer = to;
}

static void bind_row(struct peer_sql *peer)
{
    MYSQL_BIND binds[8];
    memset(binds, 0, sizeof(binds));
    bind_number(&binds[0], &peer->row.id);
    for (int i = 0; i < 4; i++) {
        binds[1 + i].buffer_type = MYSQL_TYPE_STRING;
        binds[1 + i].buffer = peer->row.texts[i];
        binds[1 + i].buffer_length = TEXT_MAX;
        binds[1 + i].length = &peer->row.lengths[i];
    }
    bind_number(&binds[5], &peer->row.score);
    for (int i = 0; i < 2; i++) {
        binds[6 + i].buffer_type = MYSQL_TYPE_DATETIME;
        binds[6 + i].buffer = &peer->row.times[i];
        binds[6 + i].is_null = &peer->row.nulls[i];
    }
    if (mysql_stmt_bind_result(peer->stmt, binds))
        die("statement", mysql_stmt_error(peer->stmt));
}

struct peer_sql *peer_sql_open(const char *socket)
{
    static const char text[] =
        "select `id`, `number`, `name`, `password`, `gender`, `score`, "
        "`create_time`, `update_time` from `bench_user` where `id` = ? limit 1";
    MYSQL_BIND bind;
    struct peer_sql *peer = calloc(1, sizeof(*peer));
    if (!peer || !(peer->my = mysql_init(NULL)))
        abort();
    mysql_optionsv(peer->my, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    if (!mysql_real_connect(peer->my, NULL, "root", "", "bench", 0, socket, 0))
        die("mysql", mysql_error(peer->my));
    peer->stmt = mysql_stmt_init(peer->my);
    if (!peer->stmt || mysql_stmt_prepare(peer->stmt, text, sizeof(text) - 1))
        die("statement", mysql_error(peer->my));
    memset(&bind, 0, sizeof(bind));
    bind_number(&bind, &peer->id);
    if (mysql_stmt_bind_param(peer->stmt, &bind))
        die("statement", mysql_stmt_error(peer->stmt));
    bind_row(peer);
    return peer;
}

void peer_sql_close(struct peer_sql *peer)
{
    mysql_stmt_close(peer->stmt);
    mysql_close(peer->my);
    free(peer);
}

uint64_t peer_sql_find(void *lane, uint64_t turn)
{
    struct peer_sql *peer = lane;
    peer->id = bench_id(turn);
    if (mysql_stmt_execute(peer->stmt) || mysql_stmt_fetch(peer->stmt))
        die("statement", mysql_stmt_error(peer->stmt));
    if (peer->row.id != peer->id)
        abort();
    mysql_stmt_free_result(peer->stmt);
    return 1;
}
