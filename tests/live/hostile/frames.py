#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Sends mutated frames to an actor's socket, good ones in between.

frames.py SOCKET COUNT SEED: speaks SP over a Unix stream socket as nng does (a
handshake of 8 bytes; then for each message 0x01, 8 bytes of length, the
request id, a frame). Besides mutated frames it lies about lengths and breaks
off in the middle. Every good request must be answered rightly.

frames.py SOCKET COUNT SEED rude: COUNT bursts of connections that end before
or in the handshake, which ends nng 1.5.2's accepting (its #1518): a good
request must be answered again once the actor's watchdog has seen it.

Exit status 0 if all was well. A failure prints the seed and the bytes.
"""
import random
import socket
import struct
import sys
import time

LIMIT_S = 20.0
GOOD_EVERY = 20
LIES_EVERY = 100
BURST = 20
HANDSHAKE = b"\x00SP\x00\x00\x30\x00\x00"  # REQ
ANSWER = b"\x00SP\x00\x00\x31\x00\x00"  # REP
OK = 0


# --- msgpack, as much of it as frames need ---

def pack(value):
    if value is None:
        return b"\xc0"
    if isinstance(value, int):
        return struct.pack(">BQ", 0xCF, value) if value > 127 else bytes([value])
    if isinstance(value, str):
        data = value.encode()
        return struct.pack(">BB", 0xD9, len(data)) + data
    if isinstance(value, bytes):
        return struct.pack(">BH", 0xC5, len(value)) + value
    if isinstance(value, list):
        return bytes([0x90 + len(value)]) + b"".join(map(pack, value))
    items = [pack(name) + pack(item) for name, item in value.items()]
    return bytes([0x80 + len(items)]) + b"".join(items)


def code_of(frame):
    """The code of a frame's first reply; None if it is not one."""
    at = 0

    def number():
        nonlocal at
        first = frame[at]
        wide = {0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8}.get(first, 0)
        value = int.from_bytes(frame[at + 1:at + 1 + wide], "big")
        at += 1 + wide
        return value if wide else first

    if frame[0] & 0x7F != 1 or frame[1] & 0xF0 != 0x90:
        return None
    at = 2
    if number() != 1:
        return None
    number()
    return number()


ID_BODY = pack({"id": "1"})
NOBODY = pack({"id": "999999"})
PING = b"\x01" + pack([0, 1, 1000, "$ping", b""])
META = {"claims": pack({"userId": 1}), "key": "k", "gid": "g", "branch": "01",
        "op": "action", "fill": pack({"id": "user.id"}), "later": [1, 2]}
SEEDS = [
    PING,
    b"\x01" + pack([0, 7, 500, "getUser", ID_BODY]),
    b"\x01" + pack([0, 7, 500, "/user.User/getUser", ID_BODY, b"t" * 25, 3,
                    {"claims": pack({"userId": 1}), "key": "k"}]),
    b"\x01" + pack([0, 9, 500, "saveUserCallback", NOBODY, None, 1, META]),
    b"\x01" + pack([2, 3, 0, "getUser", ID_BODY]),
    b"\x01" + b"".join(pack([0, i, 500, "getUser", ID_BODY])
                       for i in range(1, 6)),
    b"\x81" + pack([3, 0, "edge", "1", "n1"]) + pack([6, 5]) + pack([5, 1]),
    b"\x81" + b"".join(pack([0, i, 500, "$stats", b""]) for i in range(1, 4)),
    b"\x81" + pack([9, 1]) + pack([0, 4, 500, "$describe", b""]),
    b"\x01" + pack([1, 7, 0, ID_BODY]),
    b"\x01" + pack([4, 0, "user", "1", "n1"]),
]
TOKENS = [b"\x00", b"\xff" * 4, b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff",
          b"\xc6\xff\xff\xff\xff", b"\xdb\x7f\xff\xff\xff", b"\x91" * 200,
          b"\x81\xa1a" * 100, b"\xc7\x03\x01abc", b"\xd9\x05\xff\xfe\xfd\xfc\xfb",
          b"\xcb\x7f\xf8" + b"\x00" * 6, b"\xc1", b"\x01", b"\x81",
          pack([0, 8, 0, "getUser", ID_BODY]), b"\xd3" + b"\x80" + b"\x00" * 7,
          pack([6, 1]) * 300]


def mutate(rng, data):
    data = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(data) + 1)
        what = rng.randrange(6)
        if what == 0 and data:
            data[at % len(data)] = rng.randrange(256)
        elif what == 1:
            data[at:at] = rng.choice(TOKENS)
        elif what == 2:
            del data[at:at + rng.randint(1, 12)]
        elif what == 3:
            end = rng.randrange(at, len(data) + 1)
            data[at:at] = data[at:end]
        elif what == 4:
            del data[at:]
        elif data:
            data[at % len(data)] ^= 1 << rng.randrange(8)
    return bytes(data)


# --- the connection ---

class Gone(Exception):
    """The peer closed the connection."""


class Wire:
    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(LIMIT_S)
        self.sock.connect(path)
        self.id = 0
        try:
            self.sock.sendall(HANDSHAKE)
            if self.read(8) != ANSWER:
                raise Gone("handshake")
        except BaseException:
            self.sock.close()
            raise

    def close(self):
        self.sock.close()

    def read(self, count):
        data = b""
        while len(data) < count:
            try:
                piece = self.sock.recv(count - len(data))
            except ConnectionError as error:
                raise Gone(str(error)) from error
            if not piece:
                raise Gone("closed")
            data += piece
        return data

    def send(self, frame):
        """Returns the bytes that stand before the frame."""
        self.id = (self.id + 1) & 0x7FFFFFFF
        request = struct.pack(">I", 0x80000000 | self.id)
        data = request + frame
        try:
            self.sock.sendall(struct.pack(">BQ", 1, len(data)) + data)
        except ConnectionError as error:
            raise Gone(str(error)) from error
        return request

    def receive(self):
        head = self.read(9)
        assert head[0] == 1, head
        return self.read(int.from_bytes(head[1:], "big"))


def good(wire):
    """The code of a ping's reply; what came for earlier frames is dropped."""
    request = wire.send(PING)
    while True:
        data = wire.receive()
        if data.startswith(request):
            return code_of(data[4:])


def lie(rng, path):
    """Headers that lie, and frames broken off."""
    frame = struct.pack(">I", 0x80000001) + rng.choice(SEEDS)
    what = rng.randrange(5)
    if what == 0:
        data = struct.pack(">BQ", 1, 8 << 30) + frame
    elif what == 1:
        data = struct.pack(">BQ", rng.randrange(256), 2**64 - 1) + frame
    elif what == 2:
        part = rng.randrange(len(frame))
        data = struct.pack(">BQ", 1, len(frame)) + frame[:part]
    elif what == 3:
        data = struct.pack(">BQ", 1, 3) + frame[:3]
    else:
        data = struct.pack(">BQ", 1, 5)[:rng.randrange(9)]
    wire = Wire(path)
    try:
        wire.sock.sendall(data)
    except ConnectionError:
        pass
    wire.close()


def rude(rng, path):
    """A burst of connections that do not shake hands."""
    for _ in range(BURST):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(LIMIT_S)
            try:
                sock.connect(path)
                sock.sendall(mutate(rng, HANDSHAKE)[:rng.randrange(8)])
            except (ConnectionError, FileNotFoundError):
                pass  # just then the watchdog makes the socket anew


def recovered(path):
    """True when a good request is answered again within the limit."""
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        try:
            wire = Wire(path)
            code = good(wire)
            wire.close()
            return code == OK
        except (Gone, ConnectionError, FileNotFoundError):
            time.sleep(0.02)  # between tries to connect
    return False


class Run:
    def __init__(self, path, rng):
        self.path, self.rng = path, rng
        self.wire = None
        self.cut = self.answered = self.left = 0

    def connected(self):
        if not self.wire:
            self.wire = Wire(self.path)
        return self.wire

    def drop(self):
        if self.wire:
            self.wire.close()
        self.wire = None

    def bad(self, frame):
        """One mutated frame, then a ping; the connection may be cut."""
        if frame[:1] >= b"\x80":
            return self.multi(frame)
        wire = self.connected()
        try:
            request = wire.send(frame)
            probe = wire.send(PING)
            while True:
                data = wire.receive()
                if data.startswith(request):
                    self.answered += 1
                    if code_of(data[4:]) not in (OK, None):
                        break  # refused: it will be cut, or was only an error
                if data.startswith(probe):
                    break
        except Gone:
            self.cut += 1
            self.drop()
            return
        if not data.startswith(probe):
            self.drop()  # it will be cut in a moment

    def multi(self, frame):
        """A multiplexed caller, that leaves at once and acknowledges nothing."""
        wire = Wire(self.path)
        try:
            wire.send(frame)
        except Gone:
            pass
        wire.close()
        self.left += 1

    def good(self):
        self.drop()
        return good(self.connected())


def main_rude(path, count, seed):
    rng = random.Random(seed)
    for i in range(count):
        rude(rng, path)
        if not recovered(path):
            print(f"seed {seed}: no answer after burst {i}")
            return 1
    print(f"{count} bursts of {BURST} connections, seed {seed}")
    return 0


def main():
    path, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    if sys.argv[4:] == ["rude"]:
        return main_rude(path, count, seed)
    run = Run(path, random.Random(seed))
    frame = b""
    for i in range(count):
        frame = mutate(run.rng, run.rng.choice(SEEDS))
        try:
            run.bad(frame)
            if i % LIES_EVERY == 0:
                lie(run.rng, path)
            if i % GOOD_EVERY == 0 and run.good() != OK:
                raise OSError("a good request was refused")
        except (OSError, Gone) as error:
            print(f"seed {seed}, frame {i}: {error!r}: {frame!r}")
            return 1
    print(f"{count} mutated frames, seed {seed}: {run.answered} answered, "
          f"{run.cut} cut off, {run.left} left")
    return 0 if run.answered > count // 10 else 1


if __name__ == "__main__":
    sys.exit(main())
