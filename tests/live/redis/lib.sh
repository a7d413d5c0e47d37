# A private Redis server: started by redis_start in the folder $scratch, on a
# unix socket alone and without persistence, stopped by redis_stop. Sourced,
# after tests/live/mysql/lib.sh, whose wait_for it uses.
# shellcheck shell=bash disable=SC2154

redis_pid=
redis_socket=

# Debian's redis-tools has the server's program under the name of one of its
# uses; the package redis-server would start a server at once.
redis_program() {
    command -v redis-server || command -v redis-check-rdb
}

redis_up() {
    kill -0 "$redis_pid" && redis-cli -s "$redis_socket" ping | grep -q PONG
}

# Again after a kill: the same socket, and nothing in it.
redis_launch() {
    (exec -a redis-server "$(redis_program)" --port 0 \
        --unixsocket "$redis_socket" --save '' --appendonly no \
        --dir "$scratch" --logfile "$scratch/redis.log") &
    redis_pid=$!
    if ! wait_for 30 redis_up; then
        cat "$scratch/redis.log" >&2
        return 1
    fi
}

redis_start() {
    redis_socket=$scratch/redis.sock
    redis_launch
}

redis_kill() {
    [[ $redis_pid ]] || return 0
    kill -KILL "$redis_pid" 2>/dev/null
    wait "$redis_pid" 2>/dev/null
    redis_pid=
}

redis_stop() {
    [[ $redis_pid ]] || return 0
    kill "$redis_pid" 2>/dev/null
    wait "$redis_pid" 2>/dev/null
    redis_pid=
}
