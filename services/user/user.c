/* SPDX-License-Identifier: MIT
 *
 * The user service: people by id and by number. Ids are text on the wire, as
 * in the tutorial's schema, and numbers in the table. Passwords are kept as
 * yescrypt hashes (crypt(5)), never in the clear.
 */
#define _GNU_SOURCE /* crypt_r, crypt_gensalt_rn */
#include "user.actor.h"

#include <crypt.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user.model.h"

#define ID_DIGITS_MAX 19
#define SECOND_US 1000000
#define PASSWORD_BYTES_MAX CRYPT_MAX_PASSPHRASE_SIZE

/* A user's id from its text: digits only, 1 to INT64_MAX. */
static int id_parse(struct bus_call *call, const char *text, int64_t *ret)
{
    size_t len = strlen(text);
    if (len == 0 || len > ID_DIGITS_MAX || strspn(text, "0123456789") != len)
        return bus_refuse(call, BUS_INVALID_ARGUMENT,
                          "id \"%.32s\" is not a number", text);
    errno = 0;
    long long value = strtoll(text, NULL, 10);
    if (errno || value <= 0)
        return bus_refuse(call, BUS_INVALID_ARGUMENT,
                          "id %.32s is not in range", text);
    *ret = value;
    return BUS_OK;
}

static int reply_fill(struct bus_call *call, const struct user_row *row,
                      struct user_UserResponse *ret)
{
    ret->id = bus_arena_printf(call->arena, "%lld", (long long)row->id);
    if (!ret->id)
        return bus_refuse(call, BUS_RESOURCE_EXHAUSTED, "arena is full");
    ret->name = row->name;
    ret->number = row->number;
    ret->gender = row->gender;
    return BUS_OK;
}

int user_getUser(struct bus_call *call, const struct user_IdRequest *req,
                 struct user_UserResponse *ret)
{
    struct user_row row;
    int64_t id;
    int code = id_parse(call, req->id, &id);
    if (code)
        return code;
    code = user_row_find_one(call, id, &row);
    if (code == BUS_NOT_FOUND)
        return bus_refuse(call, code, "用户不存在");
    return code ? code : reply_fill(call, &row, ret);
}

/* Hashes with yescrypt at its default cost and a fresh salt. */
static int password_hash(struct bus_call *call, const char *password,
                         const char **ret)
{
    char salt[CRYPT_GENSALT_OUTPUT_SIZE];
    struct crypt_data *data = bus_arena_alloc(call->arena, sizeof(*data));
    if (!data || strlen(password) >= PASSWORD_BYTES_MAX)
        return bus_refuse(call, BUS_INVALID_ARGUMENT, "password is too long");
    if (!crypt_gensalt_rn("$y$", 0, NULL, 0, salt, sizeof(salt)))
        return bus_refuse(call, BUS_INTERNAL, "no salt: %s", strerror(errno));
    char *hash = crypt_r(password, salt, data);
    if (!hash || hash[0] == '*')
        return bus_refuse(call, BUS_INTERNAL, "password was not hashed");
    *ret = hash;
    return BUS_OK;
}

int user_saveUser(struct bus_call *call, const struct user_UserRequest *req,
                  struct user_UserResponse *ret)
{
    struct user_row row = {.name = req->name, .gender = req->gender};
    int code = BUS_OK;
    if (req->id[0])
        code = id_parse(call, req->id, &row.id);
    if (!code && req->password[0]) {
        code = password_hash(call, req->password, &row.password);
        row.has_password = true;
    }
    if (code)
        return code;
    row.has_name = row.has_gender = true;
    row.number = req->number;
    row.has_number = req->number[0];
    code = user_row_insert(call, &row);
    if (code == BUS_ALREADY_EXISTS)
        return bus_refuse(call, code, "用户已存在");
    if (!code)
        code = reply_fill(call, &row, ret);
    return code ? code
                : bus_publish_durable(call, "user.registered", ret->id,
                                      &user_UserResponse_shape, ret);
}

/* Whoever was taken back meanwhile is not welcomed. */
int user_welcome(struct bus_call *call, const struct user_UserResponse *req,
                 struct user_WelcomeReply *ret)
{
    struct user_row row;
    int64_t id;
    int code = id_parse(call, req->id, &id);
    if (code)
        return code;
    code = user_row_find_one(call, id, &row);
    if (code == BUS_NOT_FOUND)
        return BUS_OK;
    struct welcome_row welcome = {.user_id = id, .name = row.name};
    if (!code)
        code = welcome_row_insert(call, &welcome);
    if (code && code != BUS_ALREADY_EXISTS)
        return code;
    ret->welcomed = code == BUS_OK;
    return BUS_OK;
}

/* Undoes saveUser. That the row is gone already is what was wanted. */
int user_saveUserCallback(struct bus_call *call,
                          const struct user_UserRequest *req,
                          struct user_UserResponse *ret)
{
    int64_t id;
    int code = id_parse(call, req->id, &id);
    if (code)
        return code;
    code = user_row_delete(call, id);
    if (code && code != BUS_NOT_FOUND)
        return code;
    bus_info(call, "user %lld taken back", (long long)id);
    ret->id = req->id;
    return BUS_OK;
}

static bool password_matches(struct bus_call *call, const char *password,
                             const char *hash)
{
    struct crypt_data *data = bus_arena_alloc(call->arena, sizeof(*data));
    if (!data || strlen(password) >= PASSWORD_BYTES_MAX || !hash[0])
        return false;
    const char *again = crypt_r(password, hash, data);
    if (!again || again[0] == '*' || strlen(again) != strlen(hash))
        return false;
    unsigned differ = 0;
    for (size_t i = 0; hash[i]; i++)
        differ |= (unsigned char)(again[i] ^ hash[i]);
    return differ == 0;
}

int user_checkPassword(struct bus_call *call,
                       const struct user_PasswordRequest *req,
                       struct user_UserResponse *ret)
{
    struct user_row row;
    int code = user_row_find_one_by_number(call, req->number, &row);
    if (code == BUS_NOT_FOUND)
        return bus_refuse(call, code, "用户名不存在");
    if (code)
        return code;
    if (!row.has_password ||
        !password_matches(call, req->password, row.password))
        return bus_refuse(call, BUS_PERMISSION_DENIED, "用户密码不正确");
    return reply_fill(call, &row, ret);
}

int user_countUsers(struct bus_call *call, const struct user_CountRequest *req,
                    struct user_CountReply *ret)
{
    int64_t due = bus_due(call) ? bus_due(call) : bus_wall(call->clock);
    uint64_t users;
    (void)req;
    int code = user_row_count(call, &users);
    if (code)
        return code;
    struct user_count_row row = {.due = due / SECOND_US,
                                 .users = (int64_t)users};
    code = user_count_row_insert(call, &row);
    if (code)
        return code;
    bus_info(call, "%lld users", (long long)row.users);
    ret->users = row.users;
    return BUS_OK;
}
