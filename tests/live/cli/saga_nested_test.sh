#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Sagas that are steps of a saga, against real actors: done together, undone
# together also when one of them was done, turned back in the middle, and found
# again by an orchestrator that was killed.
# shellcheck source-path=SCRIPTDIR disable=SC2154,SC2317
. "$(dirname "$0")/../supervisor/lib.sh"
top=$(cd "$(dirname "$0")/../../.." && pwd)
etc=$top/ops/etc

topology t "  - {Name: saga, Config: $etc/saga.yaml}" \
    "  - {Name: user, Config: $etc/user.yaml}" \
    "  - {Name: score, Config: $etc/score.yaml}"
status 0 bus up -d "$work/t.yaml"

cat >"$work/pair.saga" <<SAGA
import "$top/services/user-api/register.saga"
type PairReq {
    First  string \`json:"first"\`
    Second string \`json:"second"\`
}
type PairReply {
    Name  string \`json:"name"\`
    Score int32 \`json:"score"\`
}
saga pair (PairReq) returns (PairReply) {
    step first = saga.register(id: req.first, name: "one", gender: "f", score: 7)
        timeout 500ms interval 50ms
    step second = saga.register(id: req.second, name: first.name, gender: "f",
                                score: 8)
        timeout 500ms interval 50ms
    return (name: second.name, score: first.score)
}
SAGA
# pair GID FIRST SECOND [OPTION...]
pair() {
    local gid=$1 people="{\"first\":\"$2\",\"second\":\"$3\"}"
    shift 3
    bus saga submit "$work/pair.saga" "$people" --gid "$gid" "$@"
}
at() { bus saga show "$1" --json | jq -r .status; }
both() { echo "$(at "$1") $(at "$1/01") $(at "$1/02")"; }
is() { [[ $(both "$1") == "$2" ]]; }
status 0 pair good 901 902
same "the reply" '{"name":"one","score":7}' \
    "$(pair good 901 902 --json 2>/dev/null | jq -c .reply)"
same "all done" "done done done" "$(both good)"
status 0 pair good 901 902
same "one call each" "1 1" "$(bus saga show good --json |
    jq -r '"\(.steps[0].attempts) \(.steps[1].attempts)"')"

# The second is refused: the first, which is done, is undone.
status 1 pair bad 903 902
grep -q '^ABORTED (rolled_back): ' "$work/status.out" || fail "it is not said why"
same "all undone" "undone undone undone" "$(both bad)"
same "with its step's code" "ALREADY_EXISTS" \
    "$(bus saga show bad --json | jq -r .reason.code)"
same "compensated" "done done" "$(bus saga show bad/01 --json |
    jq -r '[.steps[].compensation.status] | join(" ")')"
bus call user.getUser '{"id":"903"}' >/dev/null 2>&1 && fail "903 is still there"
bus call user.getUser '{"id":"902"}' >/dev/null || fail "902 is gone"

# Turned back while the first still runs.
mkdir -p "$TROUPE_HOME/fault"
fault=$TROUPE_HOME/fault/score.saveUserScore
yes UNAVAILABLE | head -n 2000 | tr '\n' ' ' >"$fault"
status 5 pair back 906 907 --timeout 1s
status 0 bus saga abort back
rm "$fault"
ended() { [[ $(at back) == undone && $(at back/01) == undone ]]; }
await ended
bus call user.getUser '{"id":"906"}' >/dev/null 2>&1 && fail "906 is still there"

# The orchestrator is killed in the middle.
fault=$TROUPE_HOME/fault/user.saveUser
yes FAILED_PRECONDITION | head -n 500 | tr '\n' ' ' >"$fault"
status 5 pair killed2 910 911 --timeout 1s
kill -9 "$(pid_of saga 1)"
rm "$fault"
await is killed2 "done done done"
same "nothing twice" "2" "$(bus saga ls --gid killed2/ --json |
    jq '.sagas | length')"

status 0 bus down
exit 0
