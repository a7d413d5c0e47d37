#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Wrong topologies and configs: exit status 2, file, line and a sentence, and
# nothing was started. Wrong clients of the control socket: an error or the end.
# shellcheck source-path=SCRIPTDIR disable=SC2154
. "$(dirname "$0")/lib.sh"

# wrong FILE PATTERN
wrong() {
    status 2 bus up -d "$work/$1" --bin "$work"
    grep -q "$2" "$work/status.out" ||
        fail "$1: expected '$2', found '$(cat "$work/status.out")'"
    ! grep -q . "$TROUPE_HOME"/log/*-1.log 2>/dev/null ||
        fail "$1: something was started"
}

wrong missing.yaml "missing.yaml"
printf 'Node: n1\nActors: [\n' >"$work/open.yaml"
wrong open.yaml "open.yaml:[0-9]*:[0-9]*:"
printf 'Node: n1\nActors:\n  - Name: a\n    Replica: 2\n' >"$work/key.yaml"
wrong key.yaml "key.yaml:4:.*Replica"
topology program "  - {Name: nobody}"
wrong program.yaml "program.yaml:4:.*no such program"
topology config "  - {Name: a, Program: puppet, Config: none.yaml}"
wrong config.yaml "config.yaml:4:.*cannot read"
topology twice "  - {Name: a, Program: puppet}" "  - {Name: a, Program: puppet}"
wrong twice.yaml "twice.yaml:5:.*stands above"
topology many "  - {Name: a, Program: puppet, Replicas: 1000}"
wrong many.yaml "many.yaml:4:.*Replicas"
topology type "  - {Name: a, Program: puppet, Workers: many}"
wrong type.yaml "type.yaml:4:.*Workers"
# The second actor's own config is wrong: the first is not started either.
echo "bad: 1" >"$work/b.yaml"
topology own "  - {Name: a, Program: puppet}" \
    "  - {Name: b, Program: puppet, Config: b.yaml}"
wrong own.yaml "b.yaml:1:1: key bad: expected good"
same "leftovers" "" "$(leftovers)"

topology t "  - {Name: a, Program: puppet}"
status 0 bus up -d "$work/t.yaml" --bin "$work"
python3 - "$TROUPE_HOME/sock/supervisor.ctl" <<'P' || fail "control socket"
import json, socket, sys

def client():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(15)
    s.connect(sys.argv[1])
    return s

def ask(text):
    s = client()
    s.sendall(text)
    return json.loads(s.makefile().readline())

assert ask(b'{"do":"ps"}\n')["ok"] is True
assert ask(b'hello\n')["code"] == "INVALID_ARGUMENT"
assert ask(b'{"do":"fly"}\n')["code"] == "INVALID_ARGUMENT"
assert ask(b'{"do":"scale","replicas":2}\n')["ok"] is False
assert ask(b'{"do":"scale","actor":"a","replicas":-1}\n')["code"] == "OUT_OF_RANGE"
assert ask(b'\xff\xfe\n')["ok"] is False
assert ask(b'{"do":"wait","actor":"nobody"}\n')["reason"] == "no_such_actor"
# Two commands in one write, one command in many.
s = client()
s.sendall(b'{"do":"ps"}\n{"do":"wait"}\n')
lines = s.makefile()
assert json.loads(lines.readline())["pid"] > 0
assert json.loads(lines.readline()) == {"ok": True}
for byte in b'{"do":"wait"}\n':
    s.sendall(bytes([byte]))
assert json.loads(lines.readline()) == {"ok": True}
# A line without end is refused and the client dropped.
s = client()
try:
    s.sendall(b"x" * 200000)
except OSError:
    pass
answer = b""
try:
    while chunk := s.recv(4096):
        answer += chunk
except ConnectionError:
    pass
assert b"RESOURCE_EXHAUSTED" in answer or answer == b"", answer
# One that never reads is dropped, the others are served on.
s = client()
s.setblocking(False)
try:
    for _ in range(100000):
        s.send(b'{"do":"ps"}\n' * 100)
except (BlockingIOError, BrokenPipeError, ConnectionResetError):
    pass
assert ask(b'{"do":"ps"}\n')["ok"] is True
# Forty at once: the first 32 stay, the others are told.
crowd = [client() for _ in range(40)]
told = 0
for c in crowd:
    c.settimeout(0.2)
    try:
        told += b"busy" in c.recv(4096)
    except TimeoutError:
        pass
assert told >= 8, told
for c in crowd:
    c.close()
# One that says nothing at all is dropped after the idle limit.
s = client()
assert s.recv(1) == b""
assert ask(b'{"do":"ps"}\n')["ok"] is True
P
status 0 bus down
