#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Deaths: of the supervisor (its children go with it, the next one sweeps), of
# `bus up` in the foreground, of children that never get ready, that crash, that
# do not hear SIGTERM.
# shellcheck source-path=SCRIPTDIR disable=SC2154
. "$(dirname "$0")/lib.sh"

topology t "  - {Name: a, Program: puppet, Replicas: 3}"

# kill -9 of the supervisor takes all children along.
status 0 bus up -d "$work/t.yaml" --bin "$work"
pids=$(ps_value "' '.join(str(i['pid']) for i in actor['a']['instances'])")
kill -9 "$(cat "$TROUPE_HOME/supervisor.lock")"
for pid in $pids; do await gone "$pid"; done
status 3 bus ps

# The next supervisor takes the home over, dead names and sockets and all.
mkdir -p "$TROUPE_HOME/names/ghost"
echo x >"$TROUPE_HOME/names/ghost/1"
echo x >"$TROUPE_HOME/sock/ghost.1.4194303.1k"
status 0 bus up -d "$work/t.yaml" --bin "$work"
[ ! -e "$TROUPE_HOME/names/ghost" ] || fail "a dead name was not swept"
[ ! -e "$TROUPE_HOME/sock/ghost.1.4194303.1k" ] ||
    fail "a dead socket was not swept"

# What a killed child leaves is swept before its successor is started.
mkdir -p "$TROUPE_HOME/names/a"
pid=$(pid_of a 2)
echo x >"$TROUPE_HOME/names/a/2"
echo x >"$TROUPE_HOME/sock/a.2.$pid.77.e"
kill -9 "$pid"
swept() { [ ! -e "$TROUPE_HOME/names/a/2" ] && [ ! -e "$TROUPE_HOME/sock/a.2.$pid.77.e" ]; }
await swept
[ -e "$TROUPE_HOME/names/a/.crashed" ] || fail "the crash is not marked"
status 0 bus down
same "leftovers" "" "$(leftovers)"

# In the foreground `bus up` stays; SIGINT stops all in order.
"$bin/bus" up "$work/t.yaml" --bin "$work" >"$work/up.out" 2>&1 &
up=$!
await grep -q "all 1 actors are ready" "$work/up.out"
pids=$(ps_value "' '.join(str(i['pid']) for i in actor['a']['instances'])")
kill -TERM "$up"
wait "$up"
same "bus up" 0 $?
for pid in $pids; do gone "$pid" || fail "a child outlived bus up"; done
same "leftovers" "" "$(leftovers)"

# kill -9 of the foreground `bus up`: the supervisor stops all by itself.
"$bin/bus" up "$work/t.yaml" --bin "$work" >"$work/up2.out" 2>&1 &
up=$!
await grep -q "all 1 actors are ready" "$work/up2.out"
supervisor=$(cat "$TROUPE_HOME/supervisor.lock")
kill -9 "$up"
wait "$up" 2>/dev/null
await gone "$supervisor"
same "leftovers" "" "$(leftovers)"

# Never ready: `bus up` fails and says why, nothing stays.
topology mute "  - {Name: a, Program: puppet, ReadyTimeout: 100, Env: {PUPPET: mute}}"
status 1 bus up "$work/mute.yaml" --bin "$work"
grep -q "was not ready within 100 ms" "$work/status.out" || fail "mute"
topology crash "  - {Name: a, Program: puppet, Env: {PUPPET: crash}}"
status 1 bus up "$work/crash.yaml" --bin "$work"
grep -q "exited with status 3: puppet 1 began" "$work/status.out" ||
    fail "crash"
topology refuse "  - {Name: a, Program: puppet, Env: {PUPPET: refuse}}"
status 2 bus up "$work/refuse.yaml" --bin "$work"
same "leftovers" "" "$(leftovers)"

# SIGTERM unheard: SIGKILL after StopTimeout.
topology stubborn "  - {Name: a, Program: puppet, StopTimeout: 200, Env: {PUPPET: stubborn}}"
status 0 bus up -d "$work/stubborn.yaml" --bin "$work"
pid=$(pid_of a 1)
status 0 bus down
gone "$pid" || fail "the stubborn one still runs"

# Two megabytes of log at the start do not block anyone.
topology chatty "  - {Name: a, Program: puppet, Env: {PUPPET: chatty}}"
status 0 bus up -d "$work/chatty.yaml" --bin "$work"
status 0 bus down
lines=$(grep -c "^[0-9]* xxx" "$TROUPE_HOME/log/a-1.log")
same "lines" 2000 "$lines"
