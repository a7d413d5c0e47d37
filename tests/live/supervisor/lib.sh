#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Shared by the supervisor's live tests: a temporary home, the command, and
# checks. `await` runs a command until it succeeds, a bounded number of times;
# there is no sleep. Whatever happens, nothing of the test is left running.
set -u
build=$1
bin=$build/bin
work=$(mktemp -d)
export TROUPE_HOME=$work/home DTM_PORT=0
unset TROUPE_NOTIFY_FD TROUPE_SUPERVISOR_PID
cp "$build/tests/supervisor/puppet" "$work/puppet"
failures=0

finish() {
    status=$?
    "$bin/bus" down >/dev/null 2>&1
    [ -f "$TROUPE_HOME/supervisor.lock" ] &&
        kill -9 "$(cat "$TROUPE_HOME/supervisor.lock")" 2>/dev/null
    if [ "$status" -ne 0 ] || [ "$failures" -ne 0 ]; then
        cat "$TROUPE_HOME"/log/supervisor.log 2>/dev/null
        cat "$work"/*.out 2>/dev/null
    fi
    rm -rf "$work"
    [ "$failures" -eq 0 ] && exit "$status"
    exit 1
}
trap finish EXIT

bus() { "$bin/bus" "$@"; }

# fail WHAT
fail() {
    echo "FAILED: $*" >&2
    failures=$((failures + 1))
}

# same WHAT EXPECTED FOUND
same() { [ "$2" = "$3" ] || fail "$1: expected '$2', found '$3'"; }

# status EXPECTED COMMAND...: compares the exit status
status() {
    local expected=$1 found
    shift
    "$@" >"$work/status.out" 2>&1
    found=$?
    [ "$found" -eq "$expected" ] ||
        fail "$*: expected exit status $expected, found $found"
}

# await COMMAND...: until it succeeds. Each try costs a process or more, so that
# the bound is some ten seconds.
await() {
    local try
    for ((try = 0; try < 3000; try++)); do
        "$@" && return 0
    done
    fail "never came true: $*"
    return 1
}

# One value of `bus ps --json` by a Python expression over `ps`.
ps_value() {
    bus ps --json | python3 -c "
import json, sys
ps = json.load(sys.stdin)
actor = {a['name']: a for a in ps['actors']}
print($1)"
}

pid_of() { ps_value "actor['$1']['instances'][$2 - 1]['pid']"; }
# Gone, or dead and waiting for init to notice (some containers have a lazy one).
gone() {
    local state
    state=$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status" \
        2>/dev/null) || return 0
    [ -z "$state" ] || [ "$state" = Z ]
}

# What is left in the home but logs and data.
leftovers() {
    (cd "$TROUPE_HOME" && find . -mindepth 1 -not -path './log*' \
        -not -path './data*' -not -path ./names -not -path ./sock)
}

# topology NAME ACTOR-LINES...: writes $work/NAME.yaml
topology() {
    local name=$1
    shift
    {
        echo "Node: n1"
        echo "RestartMax: 400"
        echo "Actors:"
        printf '%s\n' "$@"
    } >"$work/$name.yaml"
}
