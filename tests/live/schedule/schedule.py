# Cron entries, delayed messages and a script on real actors under a real
# supervisor: schedule.py BIN SCRATCH [MARIADB-SOCKET].
#
# Replicas are killed with -9 all the while; what was due, what was run and what
# was reported is compared by rows.
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time

BIN, SCRATCH = sys.argv[1], sys.argv[2]
SOCKET = sys.argv[3] if len(sys.argv) > 3 else ""
HOME = SCRATCH + "/home"
HOLD = SCRATCH + "/hold"
TICKS = 12  # due times of the first part
MESSAGES = 40
AWAIT_S = 60  # what does not come true by then never will
ENV = dict(os.environ, TROUPE_HOME=HOME, DTM_PORT="0")
failures = []


def check(what, good, detail=""):
    print(f"  {'✓' if good else '✗'} {what}", flush=True)
    if not good:
        print(f"    {detail}")
        failures.append(what)


def bus(*args, code=0, binary="bus", text=None):
    done = subprocess.run([f"{BIN}/{binary}", *args], env=ENV, input=text,
                          capture_output=True, text=True)
    if code is not None and done.returncode != code:
        raise SystemExit(f"{binary} {' '.join(args)}: {done.returncode}\n"
                         f"{done.stdout}{done.stderr}")
    return done


def rows(actor, statement):
    """Lists of texts."""
    if SOCKET:
        done = subprocess.run(
            ["mariadb", "--no-defaults", f"--socket={SOCKET}", "--user=root",
             "--batch", "--skip-column-names", actor[0], "-e", statement],
            capture_output=True, text=True, check=True)
        return [line.split("\t") for line in done.stdout.splitlines()]
    with sqlite3.connect(f"{HOME}/data/{actor}.db", timeout=30) as base:
        return [[str(cell) for cell in row]
                for row in base.execute(statement).fetchall()]


def column(actor, statement):
    return [row[0] for row in rows(actor, statement)]


def awaited(what, true):
    """Asks until it is so: conditions, not times."""
    end = time.monotonic() + AWAIT_S
    while not true():
        if time.monotonic() > end:
            check(what, False, f"not within {AWAIT_S} s")
            return False
        time.sleep(0.05)
    return True


def pids(actor):
    done = bus("ps", "--json", code=None)
    if done.returncode:
        return {}
    return {str(i["instance"]): i["pid"]
            for a in json.loads(done.stdout)["actors"] if a["name"] == actor
            for i in a["instances"] if i.get("pid")}


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def up():
    bus("up", "-d", f"{SCRATCH}/t.yaml")


def other_node(*args):
    """A second node, which has only the database in common with the first."""
    subprocess.run([f"{BIN}/bus", *args, "--home", f"{SCRATCH}/home2"],
                   env=ENV, capture_output=True, check=True)


def source(name):
    if not SOCKET:
        return ""
    return f'Mysql: {{DataSource: "root:@unix({SOCKET})/{name}"}}\n'


def write(name, text):
    with open(f"{SCRATCH}/{name}", "w") as file:
        file.write(text)


write("user.yaml", "Name: user.rpc\n" + source("u"))
write("reminder.yaml", "Name: reminder\n" + source("r") + """
Cron:
  none: {At: '@every 1s', Method: note, Body: {text: none}}
  all: {At: '@every 1s', Method: note, Body: {text: all}, Catchup: all}
  slow-none: {At: '@yearly', Method: hold, Body: {text: slow-none},
              Timeout: 60000}
  slow-last: {At: '@yearly', Method: hold, Body: {text: slow-last},
              Timeout: 60000, Catchup: last}
  slow-all: {At: '@yearly', Method: hold, Body: {text: slow-all},
             Timeout: 60000, Catchup: all}
""")
write("t.yaml", f"""
RestartFirst: 50
RestartMax: 200
Actors:
  - Name: user
    Config: user.yaml
    Replicas: 2
    Cron:
      count: {{At: '@every 1s', Method: countUsers}}
  - Name: reminder
    Config: reminder.yaml
    Replicas: 2
    Env: {{HOLD: "{HOLD}"}}
""")


write("t2.yaml", """
Node: n2
RestartFirst: 50
RestartMax: 200
Actors:
  - Name: user
    Config: user.yaml
    Cron:
      count: {At: '@every 1s', Method: countUsers}
""")


def entry(actor, name):
    done = bus("cron", "ls", actor, "--json", code=None)
    if done.returncode:  # nobody is there just now
        return {"state": ""}
    listed = json.loads(done.stdout)
    return next(e for e in listed[0]["entries"] if e["name"] == name)


def logged(actor):
    return "".join(open(f"{HOME}/log/{name}").read()
                   for name in os.listdir(f"{HOME}/log")
                   if name.startswith(actor))


def contiguous(dues):
    return all(b - a == 1 for a, b in zip(dues, dues[1:]))


def each_due_time_once():
    print("a cron entry of the topology, replicas killed")
    seen = ("select count(*) from troupe_schedule where name = 'count' and "
            "state not in ('since', 'waiting', 'running')")
    kills = 0
    if SOCKET:
        other_node("up", "-d", f"{SCRATCH}/t2.yaml")
    start = int(column("user", seen)[0])
    while int(column("user", seen)[0]) < start + TICKS:
        victims = list(pids("user").values())
        if len(victims) == 2:
            kill(random.choice(victims))
            kills += 1
        before = int(column("user", seen)[0])
        if not awaited("the schedule goes on",
                       lambda: int(column("user", seen)[0]) > before):
            break
    owners = {owner.split("@")[-1].split("/")[0] for owner in column(
        "user", "select owner from troupe_schedule where name = 'count' and "
        "state = 'done'")}
    if SOCKET:
        check("two nodes took part", owners == {"n1", "n2"}, owners)
        other_node("down")
    # What was interrupted at the end is found out.
    awaited("nothing is left running", lambda: all(
        int(due) >= int(time.time() - 3) * 10**6 for due in column(
            "user", "select due from troupe_schedule where name = 'count' and "
            "state in ('waiting', 'running')")))
    ran = [int(due) for due in column(
        "user", "select due from user_count order by due")]
    table = rows("user", "select due, state from troupe_schedule where "
                 "name = 'count' and state <> 'since' order by due")
    dues = [int(due) // 10**6 for due, _ in table]
    states = {int(due) // 10**6: state for due, state in table}
    count = {state: list(states.values()).count(state)
             for state in sorted(set(states.values()))}
    check(f"{kills} kills, {len(ran)} counts, {count}", kills > 0)
    check("no due time was run twice", len(ran) == len(set(ran)), ran)
    check("each due time is accounted for", contiguous(dues), dues)
    check("each run was recorded", set(ran) <= set(dues))
    lost = [due for due, state in states.items()
            if state == "done" and due not in ran]
    check("what is done was done", not lost, lost)
    never = [due for due, state in states.items()
             if state in ("missed", "skipped") and due in ran]
    check("what was missed was not run", not never, never)


def down_and_up():
    print("down for some seconds")
    awaited("both entries run", lambda: len(column(
        "reminder", "select due from note where text = 'all'")) > 2)
    bus("down")
    until = time.time() + 4
    awaited("time passes", lambda: time.time() > until)
    up()
    back = int(time.time())
    awaited("it is caught up", lambda: [] != column(
        "reminder", "select due from troupe_schedule where name = 'all' and "
        f"state = 'done' and due > {back + 1}000000"))
    every = [int(due) // 10**6 for due in column(
        "reminder", "select due from note where text = 'all' order by due")]
    # Slow machines: one that came due while the one before still ran.
    skipped = [int(due) // 10**6 for due in column(
        "reminder", "select due from troupe_schedule where name = 'all' and "
        "state = 'skipped'")]
    check("catchup all: each due time, once, in order",
          contiguous(sorted(every + skipped))
          and every == [int(due) // 10**6 for due in column(
              "reminder", "select due from note where text = 'all' "
              "order by id")], (every, skipped))
    missed = [int(due) for due in column(
        "reminder", "select due from troupe_schedule where name = 'none' and "
        "state = 'missed'")]
    none = [int(due) for due in column(
        "reminder", "select due from note where text = 'none'")]
    check(f"catchup none: {len(missed)} missed, none of them run",
          len(missed) >= 2 and not set(missed) & set(none))
    stats = json.loads(bus("stats", "reminder", "--json").stdout)
    counted = sum(s["schedule"]["missed"] for s in stats)
    check("missed ones are counted", counted >= 2 * len(missed), counted)
    log = logged("reminder")
    check("and logged", '"event":"missed"' in log and "catchup none" in log)


def interrupted():
    print("killed in mid-firing")
    slow = ["slow-none", "slow-last", "slow-all"]
    heard = open(f"{SCRATCH}/heard", "w")
    ear = subprocess.Popen([f"{BIN}/bus", "sub", "schedule.>", "--json"],
                           env=ENV, stdout=heard, stderr=subprocess.PIPE)
    ear.stderr.readline()
    settled = {"slow-none": "interrupted", "slow-last": "done",
               "slow-all": "done"}
    for name, state in settled.items():
        open(HOLD, "w").close()
        bus("cron", "run", "reminder", name)
        awaited(f"{name} runs",
                lambda: entry("reminder", name)["state"] == "running")
        again = bus("cron", "run", "reminder", name, code=1)
        check(f"{name} runs, and not twice", "not overlap" in again.stderr)
        for pid in pids("reminder").values():
            kill(pid)
        os.remove(HOLD)
        awaited(f"{name} is settled", lambda: len(pids("reminder")) == 2
                and entry("reminder", name)["state"] == state)
    found = {name: len(column(
        "reminder", f"select id from note where text = '{name}'"))
        for name in slow}
    check("none is only reported, last and all run again, once",
          found == {"slow-none": 0, "slow-last": 1, "slow-all": 1}, found)
    # Live events may be lost: one of the three is heard.
    awaited("the accidents are heard of", lambda: set(slow) & {
        json.loads(line)["body"]["name"]
        for line in open(f"{SCRATCH}/heard")
        if "schedule.interrupted" in line})
    log = logged("reminder")
    check("and each is logged", all(
        f'"schedule":"{name}","event":"interrupted"' in log for name in slow))
    ear.kill()
    ear.wait()


def messages():
    print("delayed messages, everybody killed")
    ids = []
    for i in range(MESSAGES):
        delay = 500 + 100 * i
        ids.append(json.loads(bus("call", "reminder.remind", json.dumps(
            {"text": f"m{i}", "delay_ms": delay})).stdout)["id"])
        if i % 4 == 0:
            bus("call", "reminder.remind", json.dumps(
                {"text": "regret", "delay_ms": delay, "regret": True}), code=1)
    taken = json.loads(bus("call", "reminder.remind", json.dumps(
        {"text": "cancelled", "delay_ms": 3000})).stdout)["id"]
    bus("call", "reminder.cancel", json.dumps({"id": taken}))
    arrived = "select text from note where text like 'm%'"
    for part in (1, 2):
        awaited("messages arrive", lambda: len(
            column("reminder", arrived)) > part * MESSAGES // 4)
        victims = list(pids("reminder").values())
        for pid in victims:
            kill(pid)
        awaited("they are back", lambda: len(pids("reminder")) == 2
                and not set(victims) & set(pids("reminder").values()))
    awaited("all arrive", lambda: len(
        set(column("reminder", arrived))) == MESSAGES)
    awaited("none waits", lambda: [] == column(
        "reminder", "select name from troupe_schedule where spec = 'later' "
        "and state in ('waiting', 'running')"))
    texts = column("reminder", arrived)
    check(f"{MESSAGES} messages, each once", len(texts) == MESSAGES,
          sorted(texts))
    other = column("reminder", "select text from note where text in "
                   "('regret', 'cancelled')")
    check("none of a handler that failed, none taken back", not other, other)
    check("their rows say so", sorted(ids) == sorted(column(
        "reminder", "select name from troupe_schedule where spec = 'later' "
        "and state = 'done'")))


def script():
    print("a script")
    config = ["-f", f"{SCRATCH}/user.yaml"]
    people = "".join(f"imported-{i},name {i},\n" for i in range(1200))
    done = bus(*config, binary="user-import", text=people)
    check("says what it did", json.loads(done.stdout) ==
          {"people": 1200, "lines": 1200}, done.stdout)
    found = "select count(*) from user where number like 'imported-%'"
    check("all are there", column("user", found) == ["1200"])
    # In one transaction: the last line spoils the first.
    done = bus(*config, binary="user-import", code=1,
               text="imported-new,new\nimported-7,again\n")
    check("a number that is taken", "ALREADY_EXISTS" in done.stderr,
          done.stderr)
    write("people.csv", "imported-new,new\nnonsense\n")
    done = bus(*config, f"{SCRATCH}/people.csv", binary="user-import", code=1)
    check("a line that is none", "line 2" in done.stderr, done.stderr)
    check("nothing came of either", column("user", found) == ["1200"])
    bus("-f", "/nowhere.yaml", binary="user-import", code=2)
    bus(*config, "/nowhere.csv", binary="user-import", code=1)


up()
each_due_time_once()
down_and_up()
interrupted()
messages()
script()
bus("down")
print("schedule: " + (f"{len(failures)} FAILED" if failures else "ok"))
sys.exit(1 if failures else 0)
