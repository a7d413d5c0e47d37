"""The chaos of tests/live/events: kills by a plan, paced by what arrived, then
a comparison of what was committed with what was handled."""

import argparse
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

PATIENCE = 60  # seconds without any change
AHEAD = 1000  # committed and not handled, before the load is held

parser = argparse.ArgumentParser()
parser.add_argument("--home", type=Path, required=True)
parser.add_argument("--build", type=Path)
parser.add_argument("--scratch", type=Path)
parser.add_argument("--events", type=int, default=0)
parser.add_argument("--kills", type=int, default=0)
parser.add_argument("--redis", help="its socket; none: the default stream")
parser.add_argument("--welcome", help="only: this name is welcomed")
args = parser.parse_args()
seed = random.randrange(1 << 32)
rng = random.Random(seed)


def rows(actor, sql):
    db = sqlite3.connect(args.home / "data" / f"{actor}.db", timeout=10)
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()


def number(actor, sql):
    return rows(actor, sql)[0][0]


def await_true(what, check):
    """Until check() is (True, ...); its second value is how far it got."""
    seen, since = None, time.monotonic()
    while True:
        done, progress = check()
        if done:
            return
        if progress != seen:
            seen, since = progress, time.monotonic()
        if time.monotonic() - since > PATIENCE:
            sys.exit(f"never came true: {what}: at {progress} (seed {seed})")
        time.sleep(0.02)


def got():
    return number("reader", "select count(*) from got")


def progress(load):
    """How many arrived; holds the load where it is too far ahead."""
    handled = got()
    ahead = number("post", "select count(*) from letter") - handled
    load.send_signal(signal.SIGSTOP if ahead > AHEAD else signal.SIGCONT)
    return handled


class Redis:
    """A private server that keeps what it acknowledged."""

    def __init__(self, socket):
        # Debian's tools bring the server under the name of one of its uses.
        self.program = (shutil.which("redis-server") or
                        shutil.which("redis-check-rdb"))
        self.socket = socket
        self.launch()

    def launch(self):
        with open(args.scratch / "redis.log", "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                ["redis-server", "--port", "0", "--unixsocket", self.socket,
                 "--save", "", "--appendonly", "yes", "--appendfsync",
                 "always", "--dir", str(args.scratch)],
                executable=self.program, stdout=log, stderr=log)
        (args.scratch / "redis.pid").write_text(str(self.process.pid))

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.launch()
        return True

    def stop(self):
        (args.scratch / "redis.pid").unlink()
        self.process.terminate()
        self.process.wait()


def pids():
    """The running instances of each actor: {"post": {"1": pid}}."""
    out = subprocess.run([args.build / "bin" / "bus", "ps", "--json"],
                         capture_output=True, text=True, check=True).stdout
    return {actor["name"]: {str(number + 1): instance["pid"] for
                            number, instance in enumerate(actor["instances"])
                            if instance["pid"]}
            for actor in json.loads(out)["actors"]}


def kill_one(actor):
    running = list(pids()[actor].values())
    if not running:
        return False
    os.kill(rng.choice(running), signal.SIGKILL)
    return True


def kill_relay():
    """The publisher that has the lease."""
    owner = rows("post", "select owner from troupe_lease")
    who = owner[0][0].split("#")[1].split("@")[0] if owner else ""
    pid = pids()["post"].get(who)
    if pid:
        os.kill(pid, signal.SIGKILL)
    return bool(pid)


def chaos(redis, load):
    """Kills, each after a share of the events arrived. Counts by victim."""
    kinds = {"publisher": lambda: kill_one("post"), "relay": kill_relay,
             "consumer": lambda: kill_one("reader")}
    if redis:
        kinds["redis"] = redis.kill
    plan = [kind for _ in range(args.kills) for kind in kinds][:args.kills]
    rng.shuffle(plan)
    for done, kind in enumerate(plan):
        share = args.events * (done + 1) // (args.kills + 1)
        await_true(f"{share} events before kill {done + 1}",
                   lambda share=share: (progress(load) >= share, got()))
        await_true(f"a {kind} to kill", lambda: (kinds[kind](), None))
    return Counter(plan)


def compare(counts):
    """Every committed letter was handled once, in order; no other was."""
    sent = rows("post", "select id, box, mark from letter")
    handled = rows("reader", "select number, box, mark from got order by seq")
    problems = []
    if Counter(sent) != Counter(handled):
        missing = Counter(sent) - Counter(handled)
        more = Counter(handled) - Counter(sent)
        problems.append(f"{sum(missing.values())} are missing, such as "
                        f"{list(missing)[:3]}; {sum(more.values())} too many, "
                        f"such as {list(more)[:3]}")
    refused = [mark for _, _, mark in handled if mark.startswith("refused")]
    if refused:
        problems.append(f"{len(refused)} were rolled back and arrived")
    last = {}
    for letter, box, _ in handled:
        if letter <= last.get(box, 0):
            problems.append(f"{box}: {letter} came after {last[box]}")
        last[box] = letter
    if len(sent) < args.events:
        problems.append(f"only {len(sent)} events")
    if sum(counts.values()) != args.kills:
        problems.append(f"only {sum(counts.values())} kills")
    dead = subprocess.run([args.build / "bin" / "bus", "dlq", "ls", "--json"],
                          capture_output=True, text=True, check=True).stdout
    if any(actor["dead"] for actor in json.loads(dead)):
        problems.append(f"given up: {dead[:500]}")
    print(f"{len(sent)} events of {len(last)} keys committed, "
          f"{len(handled)} handled, {sum(counts.values())} kills: "
          f"{dict(counts)}, seed {seed}")
    for problem in problems[:10]:
        print(f"FAILED: {problem}", file=sys.stderr)
    return not problems


def main():
    if args.welcome:
        await_true("the welcome", lambda: (
            ("1",) in rows("user", "select count(*) || '' from welcome "
                           f"where name = '{args.welcome}'"), None))
        print(f"{args.welcome} was welcomed")
        return True
    redis = Redis(args.redis) if args.redis else None
    load = subprocess.Popen([args.build / "tests" / "live_events_load",
                             str(args.home), "4"])
    began = time.monotonic()
    try:
        counts = chaos(redis, load)
        await_true("enough events", lambda: (
            number("post", "select count(*) from letter") >= args.events,
            progress(load)))
    finally:
        load.send_signal(signal.SIGCONT)
        load.terminate()
        load.wait()
    await_true("an empty outbox", lambda: (
        number("post", "select count(*) from troupe_outbox") == 0, got()))
    letters = number("post", "select count(*) from letter")
    await_true("all of them", lambda: (got() >= letters, got()))
    fine = compare(counts)
    print(f"in {time.monotonic() - began:.0f} s")
    if redis:
        redis.stop()
    return fine


sys.exit(0 if main() else 1)
