#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# One life: up, ps, kill -9 and repair, scale, rolling restart, reload, down;
# nothing is left behind.
# shellcheck source-path=SCRIPTDIR disable=SC2154
. "$(dirname "$0")/lib.sh"

echo "good: 1" >"$work/a.yaml"
topology t "  - {Name: a, Program: puppet, Config: a.yaml}" \
    "  - {Name: b, Program: puppet, Replicas: 2, Workers: 8}"

status 3 bus ps
status 3 bus down
status 0 bus up -d "$work/t.yaml" --bin "$work"
same "state" "ready ready ready" "$(ps_value \
    "' '.join(i['state'] for a in ps['actors'] for i in a['instances'])")"
same "workers" 8 "$(ps_value "actor['b']['workers']")"
await grep -q "puppet 2 began" "$TROUPE_HOME/log/b-2.log"
has_stats() { [ "$(ps_value "actor['a']['instances'][0]['stats']['calls']")" = 7 ]; }
await has_stats

# A second supervisor of the same home says so and starts nothing.
status 2 bus up -d "$work/t.yaml" --bin "$work"
grep -q "runs in .* already" "$work/status.out" || fail "second supervisor"

# kill -9 is repaired within 100 ms of the death, by the supervisor's own log.
before=$(pid_of b 1)
kill -9 "$before"
replaced() { now=$(pid_of b 1) && [ "$now" != 0 ] && [ "$now" != "$before" ]; }
await replaced
status 0 bus restart a
same "restarts" 1 "$(ps_value "actor['b']['instances'][0]['restarts']")"
same "cause" "was killed by signal 9 (Killed)" \
    "$(ps_value "actor['b']['instances'][0]['cause']")"
repaired=$(python3 - "$TROUPE_HOME/log/supervisor.log" <<'P'
import datetime, json, sys
died = None
for line in open(sys.argv[1]):
    entry = json.loads(line)
    at = datetime.datetime.fromisoformat(entry["@timestamp"].replace("Z", "+00:00"))
    if "was killed by signal 9" in entry["content"]:
        died = at
    elif died and entry["content"] == "b#1 is ready":
        print((at - died).total_seconds() < 0.1)
        break
P
)
same "repaired within 100 ms" True "$repaired"

status 0 bus scale b=4
same "replicas" "1 2 3 4" "$(ps_value \
    "' '.join(str(i['instance']) for i in actor['b']['instances'])")"
third=$(pid_of b 3)
status 0 bus scale b=2
same "drained" "1 2" "$(ps_value \
    "' '.join(str(i['instance']) for i in actor['b']['instances'])")"
gone "$third" || fail "a replica that was scaled away still runs"
grep -q "puppet 3 ended" "$TROUPE_HOME/log/b-3.log" || fail "it did not drain"
status 3 bus scale x=1
status 2 bus scale b
status 1 bus scale b=9999

# A rolling restart: never fewer than one of two.
old=$(pid_of b 1)
status 0 bus restart b
[ "$(pid_of b 1)" != "$old" ] || fail "b#1 was not restarted"

# Reload: a wrong config changes nothing; a changed topology is applied.
kept=$(pid_of a 1)
echo "bad: 1" >"$work/a.yaml"
status 2 bus reload
grep -q "a.yaml:1:1: key bad: expected good" "$work/status.out" ||
    fail "reload does not say what is wrong"
same "kept" "$kept" "$(pid_of a 1)"
echo "good: 2" >"$work/a.yaml"
topology t "  - {Name: c, Program: puppet}" \
    "  - {Name: a, Program: puppet, Config: a.yaml}"
status 0 bus reload
same "actors" "c a" "$(ps_value "' '.join(a['name'] for a in ps['actors'])")"
[ "$(pid_of a 1)" != "$kept" ] || fail "a changed config was not taken"

supervisor=$(cat "$TROUPE_HOME/supervisor.lock")
last=$(pid_of a 1)
status 0 bus down
gone "$supervisor" || fail "the supervisor still runs"
gone "$last" || fail "an actor still runs"
same "leftovers" "" "$(leftovers)"
status 3 bus ps
order=$(grep -o '"content":"[abc]#1 is stopped"' "$TROUPE_HOME/log/supervisor.log" | tail -2 | tr -d '\n')
same "reverse order" \
    '"content":"a#1 is stopped""content":"c#1 is stopped"' "$order"
