#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# bus dlq against a reader that cannot handle two letters: given up, listed,
# shown, replayed one by one and all at once.
# shellcheck source-path=SCRIPTDIR disable=SC2154,SC2317
. "$(dirname "$0")/../supervisor/lib.sh"

printf '%s\n' 'Name: post.rpc' >"$work/post.yaml"
printf '%s\n' 'Name: reader.rpc' 'Consume:' \
    '  - {Topic: letter.*, Method: take, Attempts: 2, Backoff: 1ms}' \
    >"$work/reader.yaml"
topology t "  - {Name: post, Config: $work/post.yaml}" \
    "  - {Name: reader, Config: $work/reader.yaml}"
status 0 bus up -d "$work/t.yaml"

dead() { bus dlq ls reader --json | jq "${1:-.[0].dead | length}"; }
empty() { [ "$(dead)" = 0 ]; }
full() { [ "$(dead)" = 3 ]; }
handled() {
    [ "$(sqlite3 "$TROUPE_HOME/data/reader.db" \
        'select count(*) from got')" = "$1" ]
}
mkdir -p "$TROUPE_HOME/fault"
fault=$TROUPE_HOME/fault/reader.take

# Nothing is given up; who has no durable events says so when asked alone.
same "nobody's" "[]" "$(bus dlq ls --json | jq -c '[.[] | .dead[]]')"
status 3 bus dlq ls nobody
status 1 bus dlq show reader 77
grep -q '^NOT_FOUND: reader has no dead event 77' "$work/status.out" ||
    fail "an unknown event is not said"

yes ABORTED | head -n 6 | tr '\n' ' ' >"$fault"
status 0 bus call post.send '{"box":"a","mark":"x","count":3}'
await full
rm -f "$fault"
await handled 0
same "why" '["ABORTED","injected fault",2,"letter.sent","a","take"]' \
    "$(dead '.[0].dead[0] | [.code, .sentence, .attempts, .event.topic,
        .event.key, .method]' | jq -c .)"
id=$(dead '.[0].dead[0].id' | jq -r .)
bus dlq show reader "$id" | grep -q '"mark":"x"' || fail "show has no message"
same "the table" 4 "$(bus dlq ls | wc -l)"
same "at most one" 2 "$(bus dlq ls reader --count 1 | wc -l)"

status 0 bus dlq replay reader "$id"
await handled 1
same "one was replayed" 2 "$(dead)"
status 1 bus dlq replay reader "$id"
same "two were" '{"replayed":2}' "$(bus dlq replay reader --all --json)"
await handled 3
await empty
status 2 bus dlq
status 2 bus dlq nonsense
status 2 bus dlq replay reader
same "completed" "ls replay show" \
    "$(bus complete --words -- dlq '' | sort | tr '\n' ' ' | sed 's/ $//')"
same "counted" "3 0" "$(bus stats reader --json |
    jq -r '.[0].events | "\(.dead) \(.held)"')"
