#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Every verb that speaks to actors, with its exit status: call, send, pub, sub,
# ls, describe, ping, stats; calls that outlive a kill -9; completion.
# shellcheck source-path=SCRIPTDIR disable=SC2154
. "$(dirname "$0")/../supervisor/lib.sh"
etc=$(cd "$(dirname "$0")/../../../ops/etc" && pwd)

topology t "  - {Name: user, Config: $etc/user.yaml, Replicas: 3}" \
    "  - {Name: score, Config: $etc/score.yaml}"

for verb in "call user.getUser" "send user.getUser" "pub a.b" "sub a.b" ls \
    "describe user" ping stats "saga ls" "cron ls" "cron run user x"; do
    # shellcheck disable=SC2086
    status 3 bus $verb
done
status 0 bus up -d "$work/t.yaml"

# call
same "reply" '小明' "$(bus call user.getUser '{"id":"1"}' | jq -r .name)"
same "by path" 666 "$(bus call /user.User/getUser '{"id":"1"}' | jq -r .number)"
same "from stdin" 1 "$(echo '{"id":"1"}' | bus call user.getUser - | jq -r .id)"
same "one instance" 1 "$(bus call 'user#2.getUser' '{"id":"1"}' | jq -r .id)"
status 1 bus call user.getUser '{"id":"99"}'
grep -q '^NOT_FOUND: ' "$work/status.out" || fail "a refusal is not said"
same "as JSON" NOT_FOUND \
    "$(bus call user.getUser '{"id":"99"}' --json 2>/dev/null | jq -r .code)"
status 2 bus call user.getUser '{"id":'
status 2 bus call user
status 2 bus call user.getUser '{}' --claims '[]'
status 2 bus call user.getUser '{}' --trace xyz
status 3 bus call nobody.getUser
status 3 bus call user.nothing
status 4 bus call 'user#9.getUser'

# The trace is the caller's.
trace=0123456789abcdef0123456789abcdef
bus call user.getUser '{"id":"1"}' --trace $trace >/dev/null
await grep -q "\"trace\":\"$trace\"" "$TROUPE_HOME"/log/user-*.log

# ls, describe, ping, stats
same "actors" "score user" "$(bus ls --json | jq -r '[.[].actor] | join(" ")')"
same "instances" 3 "$(bus ls --json |
    jq '.[] | select(.actor == "user") | .instances | length')"
bus ls | grep -q 'getUser' || fail "ls does not list methods"
bus describe user.getUser | grep -q "bus call user.getUser '{\"id\":\"\"}'" ||
    fail "describe has no template"
same "described" true "$(bus describe user.getUser --json |
    jq .no_side_effects)"
status 3 bus describe user.nothing
status 3 bus describe nobody
same "pings" "OK OK OK" "$(bus ping user --json |
    jq -r '[.[].code] | join(" ")')"
same "stats" 3 "$(bus stats user --json | jq length)"

# cron: what is there; live/schedule has entries that fire.
same "no entries" "0 0" "$(bus cron ls user --json |
    jq -r '.[] | "\(.entries | length) \(.waiting)"')"
status 0 bus cron ls
status 1 bus cron run user nothing
status 3 bus cron run nobody nothing
status 2 bus cron run user
status 2 bus cron stop
bus complete --words -- cron "" | grep -qx run || fail "cron is not completed"
bus complete --words -- cron run "" | grep -qx user ||
    fail "cron's actors are not completed"

# send
# Every instance logs its calls; one of them has this one.
trace=fedcba9876543210fedcba9876543210
status 0 bus send user.getUser '{"id":"1"}' --trace $trace
await grep -q "\"trace\":\"$trace\"" "$TROUPE_HOME"/log/user-*.log
status 3 bus send nobody.x

# pub and sub
"$bin/bus" sub 'test.>' --count 2 --json >"$work/sub.out" 2>"$work/sub.err" &
sub=$!
await grep -q "listening" "$work/sub.err"
status 0 bus pub test.one '{"n":1}'
status 0 bus pub other '{"n":9}'
status 0 bus pub test.two.three '[1,2]'
wait "$sub"
same "sub" 0 $?
same "events" 'test.one {"n":1} test.two.three [1,2]' "$(
    jq -rc '.topic, .body' <"$work/sub.out" | tr '\n' ' ' | sed 's/ $//')"
status 2 bus pub 'no topic'
status 5 bus sub 'never.>' --count 1 --timeout 50ms
status 0 bus sub 'never.>' --timeout 50ms

# Completion asks the tool, which asks the actors.
bus complete --words -- call "" | grep -qx user.getUser ||
    fail "methods are not completed"
bus complete --words -- scale "" | grep -qx score || fail "actors are not"
bus complete --words -- "" | grep -qx describe || fail "verbs are not"
bus complete --words -- logs - | grep -qx -- --follow || fail "options are not"
bash -n <(bus complete bash) || fail "the script is not bash"

# Calls before and after the kill -9 of one of three: none fails.
before=$(bus ps --json | jq '.actors[0].instances[1].pid')
caller() {
    local i
    for ((i = 0; i < 25; i++)); do
        "$bin/bus" call user.getUser '{"id":"1"}' >/dev/null \
            2>>"$work/calls.out" || echo "exit $?" >>"$work/calls.out"
    done
    echo "done" >>"$work/finished.out"
}
callers=()
for _ in 1 2 3 4; do
    caller &
    callers+=($!)
done
kill -9 "$before"
wait "${callers[@]}"
same "finished" 4 "$(wc -l <"$work/finished.out" | tr -d ' ')"
same "failures" "" "$(cat "$work/calls.out")"
back() { [ "$(bus ps --json | jq '[.actors[0].instances[] | select(.state == "ready")] | length')" = 3 ]; }
await back

# A named actor whose last instance is gone on purpose: no responder.
status 0 bus scale score=0
status 4 bus call score.getUserScore '{"user_id":1}'
status 0 bus down
same "leftovers" "" "$(leftovers)"
