# SPDX-License-Identifier: MIT
"""What is killed: a private MariaDB, a private Redis and the actors, each by its
own pid. MariaDB is started again here on the same data, Redis without any; the
supervisor starts actors again by itself.
"""
import os
import shutil
import signal
import socket
import subprocess
import time

UP_S = 60.0
POLL_S = 0.01


def until(what, limit_s, condition):
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: still not so after {limit_s} s")
        time.sleep(POLL_S)  # nothing announces what another process does


class MariaDB:
    def __init__(self, folder):
        self.folder = folder
        self.socket = f"{folder}/mariadb.sock"
        self.process = None
        self.kills = 0

    def start(self):
        user = ["--user=root"] if os.getuid() == 0 else []
        with open(f"{self.folder}/mariadb.out", "ab") as out:
            self.process = subprocess.Popen(
                ["mariadbd", "--no-defaults", *user,
                 f"--datadir={self.folder}/mariadb",
                 f"--socket={self.socket}",
                 f"--pid-file={self.folder}/mariadb.pid",
                 "--skip-networking", "--skip-grant-tables",
                 # Writes that a killed server left to io_uring may reach the
                 # files after the next one has recovered them: pages go back
                 # in time (seen as lost updates and as assertions of InnoDB).
                 "--skip-innodb-use-native-aio",
                 "--skip-log-bin", "--innodb-buffer-pool-size=64M",
                 "--innodb-log-file-size=16M", "--max-connections=500",
                 f"--log-error={self.folder}/mariadb.log"],
                stdout=out, stderr=out,
                # Starting, it removes what others left in a common one.
                env={**os.environ, "TMPDIR": self.folder})
        until("MariaDB is up", UP_S, self.greets)

    def greets(self):
        if self.process.poll() is not None:
            raise RuntimeError("mariadbd ended by itself")
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(1)
                connection.connect(self.socket)
                return len(connection.recv(4)) == 4
        except OSError:
            return False

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.kills += 1

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait()

    def rows(self, statement):
        """Rows as lists of texts; None if the server did not answer."""
        asked = subprocess.run(
            ["mariadb", "--no-defaults", f"--socket={self.socket}",
             "--user=root", "--batch", "--skip-column-names",
             "-e", statement], capture_output=True, text=True)
        if asked.returncode:
            return None
        return [line.split("\t") for line in asked.stdout.splitlines()]


class Redis:
    """A cache: what it held is gone with it."""

    def __init__(self, folder):
        self.folder = folder
        self.socket = f"{folder}/redis.sock"
        self.process = None
        self.kills = 0

    def start(self):
        with open(f"{self.folder}/redis.log", "ab") as out:
            # Debian's redis-tools has the server's program under the name of
            # one of its uses.
            self.process = subprocess.Popen(
                ["redis-server", "--port", "0", "--unixsocket", self.socket,
                 "--save", "", "--appendonly", "no", "--dir", self.folder,
                 "--pidfile", f"{self.folder}/redis.pid"],
                executable=shutil.which("redis-server")
                or shutil.which("redis-check-rdb"), stdout=out, stderr=out)
        until("Redis is up", UP_S, lambda: self.ask("PING") == b"PONG")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.kills += 1

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait()

    def ask(self, *words):
        """The answer of one command; None if there was none."""
        text = f"*{len(words)}\r\n".encode()
        for word in words:
            data = word if isinstance(word, bytes) else word.encode()
            text += f"${len(data)}\r\n".encode() + data + b"\r\n"
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(10)
                connection.connect(self.socket)
                connection.sendall(text)
                with connection.makefile("rb") as stream:
                    return self.answer(stream)
        except OSError:
            return None

    def answer(self, stream):
        line = stream.readline().rstrip(b"\r\n")
        kind, rest = line[:1], line[1:]
        if kind == b"*":
            return [self.answer(stream) for _ in range(int(rest))]
        if kind != b"$" or rest == b"-1":
            return rest if kind != b"$" else None
        return stream.read(int(rest) + 2)[:-2]


class Actors:
    """Killed in turns, in an order that the seed shuffles."""

    def __init__(self, home, names, chance):
        self.home, self.names, self.chance = home, names, chance
        self.turn = []
        self.kills = 0
        self.killed = dict.fromkeys(names, 0)

    def pid(self, name):
        folder = f"{self.home}/names/{name}"
        try:
            for entry in os.listdir(folder):
                if entry.startswith("."):
                    continue
                with open(f"{folder}/{entry}", encoding="utf-8") as file:
                    for line in file:
                        if line.startswith("pid "):
                            return int(line.split()[1])
        except OSError:
            pass
        return None

    def kill(self):
        """False if the one whose turn it is is not up."""
        if not self.turn:
            self.turn = list(self.names)
            self.chance.shuffle(self.turn)
        name = self.turn.pop()
        pid = self.pid(name)
        try:
            if pid:
                os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pid = None
        if pid:
            self.kills += 1
            self.killed[name] += 1
        return bool(pid)
