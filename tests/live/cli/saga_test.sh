#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# bus saga against a real saga actor: done, rolled back, unknown, and one that
# outlives the command's patience, whose gid must be told all the same.
# shellcheck source-path=SCRIPTDIR disable=SC2154,SC2317
. "$(dirname "$0")/../supervisor/lib.sh"
top=$(cd "$(dirname "$0")/../../.." && pwd)
etc=$top/ops/etc
register=$top/services/user-api/register.saga

topology t "  - {Name: saga, Config: $etc/saga.yaml}" \
    "  - {Name: user, Config: $etc/user.yaml}" \
    "  - {Name: score, Config: $etc/score.yaml}"
status 0 bus up -d "$work/t.yaml"

saga_status() { bus saga show "$1" --json | jq -r .status; }

# What runs on an event loop has no workers.
same "workers" "saga 0 user 4 score 4" "$(bus ps |
    awk 'NR > 1 { printf "%s%s %s", sep, $1, $5; sep = " " }')"

person='{"id":"801","name":"a","gender":"b","score":1}'
status 0 bus saga submit "$register" "$person" --gid first
same "done" "done" "$(saga_status first)"
status 0 bus saga submit "$register" "$person" --gid first
status 1 bus saga submit "$register" "${person/801/802}" --gid first
status 1 bus saga submit "$register" "$person" --gid second
same "undone" "undone" "$(saga_status second)"
status 1 bus saga show nobody
grep -q '^NOT_FOUND: no saga nobody' "$work/status.out" ||
    fail "an unknown gid is not said"

# Four submissions and three questions, of which three were refused.
same "counted" "7 3" "$(bus stats saga --json |
    jq -r '.[0] | "\(.calls) \(.errors)"')"

# The second step stays busy until the file is gone.
mkdir -p "$TROUPE_HOME/fault"
fault=$TROUPE_HOME/fault/score.saveUserScore
yes FAILED_PRECONDITION | head -n 200 | tr '\n' ' ' >"$fault"
status 5 bus saga submit "$register" "${person/801/803}" --timeout 1s
gid=$(sed -n 's/^saga //p' "$work/status.out")
[ -n "$gid" ] || fail "the gid of a running saga is not told"
same "running" "running" "$(saga_status "$gid")"
rm "$fault"
ended() { [ "$(saga_status "$gid")" = "done" ]; }
await ended

# By hand: what waits is skipped with a reason, or failed, or the whole aborted.
id=810
for verb in skip fail abort; do
    id=$((id + 1))
    yes UNAVAILABLE | head -n 2000 | tr '\n' ' ' >"$fault"
    status 5 bus saga submit "$register" "${person/801/$id}" \
        --gid "$verb" --timeout 1s
    case $verb in
    abort) by_hand() { bus saga abort abort; } ;;
    *) by_hand() { bus saga "$verb" "$verb" score "no more" 2>/dev/null; } ;;
    esac
    [ "$verb" = abort ] || status 1 bus saga "$verb" nobody score why
    await by_hand
    gid=$verb
    over() { [[ $(saga_status "$gid") == "$1" ]]; }
    case $verb in
    skip) await over "done" ;;
    *) await over "undone" ;;
    esac
    rm "$fault"
done
same "the reason is kept" "skipped by hand: no more" "$(bus saga show skip \
    --json | jq -r '.steps[1].history[-1].sentence')"
status 2 bus saga skip skip score

# A step that is done is undone by hand: once, with a reason, and the saga turns
# back. One step is tried at once, and what is not done is not undone.
yes UNAVAILABLE | head -n 2000 | tr '\n' ' ' >"$fault"
status 5 bus saga submit "$register" "${person/801/820}" --gid undo --timeout 1s
status 1 bus saga compensate undo score --reason "too early"
grep -q 'FAILED_PRECONDITION: step score is .*nothing to undo yet' \
    "$work/status.out" || fail "it is not said why score is not undone"
status 2 bus saga compensate undo user
waits() { bus saga retry undo score --reason "just once" 2>/dev/null; }
await waits
back() { bus saga compensate undo user --reason "not wanted" 2>/dev/null; }
await back
gid=undo
await over "undone"
status 1 bus saga compensate undo user --reason "not wanted"
same "undone by hand" "compensated by hand: not wanted 1" \
    "$(bus saga show undo --json | jq -r '.steps[0].compensation |
    "\(.history[0].sentence) \(.attempts)"')"
bus saga show undo >"$work/undo.out"
grep -q '^user undo .*compensated by hand: not wanted' "$work/undo.out" ||
    fail "what was done by hand is not shown"
grep -q '^score .*retried by hand: just once' "$work/undo.out" ||
    fail "what was tried by hand is not shown"
rm "$fault"

# Found by what went wrong, when, and how it ended; page by page.
found() { bus saga ls --json "$@" | jq -r '[.sagas[].gid] | join(" ")'; }
same "by step and status" "fail" "$(found --step score --status undone)"
same "by error" "fail" "$(found --error "FAILED BY hand")"
same "by code" "second" "$(found --error ALREADY_EXISTS)"
same "by gid" "skip" "$(found --gid ski)"
same "by type" "" "$(found --type tcc)"
same "not long ago" "undo" "$(found --since 1h -n 1)"
same "long ago" "" "$(found --until 1h)"
same "all of them" "$(found)" "$(next='' && while
    page=$(bus saga ls --json -n 1 --after "$next") &&
        jq -j '.sagas[].gid' <<<"$page"
    next=$(jq -r '.next // empty' <<<"$page") && [ -n "$next" ]; do
    echo
done | xargs)"
bus saga ls --step score | grep -q '^skip .* saga  *done' &&
    fail "what was skipped is still failing"
status 2 bus saga ls --since yesterday
status 1 bus saga ls --status finished

# Steps that do not follow one another run at the same time: the first is still
# asked again and again when the second is done.
cat >"$work/both.saga" <<SAGA
import "$top/services/user/user.proto"
import "$top/services/score/score.proto"
type BothReq { Id string \`json:"id"\` }
saga both (BothReq) {
    step user = user.saveUser(id: req.id, name: "both", gender: "f")
        interval 50ms
        compensate user.saveUserCallback(id: user.id)
    step score = score.saveUserScore(user_id: int(req.id), score: 7)
        after req
        compensate score.saveUserScoreCallback(user_id: int(req.id))
}
SAGA
fault=$TROUPE_HOME/fault/user.saveUser
yes FAILED_PRECONDITION | head -n 200 | tr '\n' ' ' >"$fault"
status 5 bus saga submit "$work/both.saga" '{"id":"805"}' --timeout 1s
gid=$(sed -n 's/^saga //p' "$work/status.out")
same "beside each other" "true done" "$(bus saga show "$gid" --json |
    jq -r '"\(.steps[0].status != "done") \(.steps[1].status)"')"
rm "$fault"
await ended
same "the score" 7 "$(bus call score.getUserScore '{"user_id":805}' |
    jq .score)"

status 0 bus down
exit 0
