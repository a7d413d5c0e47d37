# The walk with a private Redis as the cache: the same services, only their
# CacheRedis is another. Sourced by run where WALK_CACHE is redis.
# shellcheck shell=bash disable=SC2034,SC2154

# shellcheck source=tests/live/redis/lib.sh
. "$walk_dir/../redis/lib.sh"
redis_start || exit 1

own_etc
for actor in user score product pay order cart aftersale; do
    printf 'CacheRedis:\n  - Host: "%s"\n' "$redis_socket" \
        >>"$scratch/etc/$actor.yaml"
done
