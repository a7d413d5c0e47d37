#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Talks to a running edge byte by byte: what a client may rely on.

edge.py PORT USER_PID: PORT is the user API's, PORT + 1 the search API's; the
process USER_PID is stopped and continued to make calls slow. The edge's limits
are those that run sets. Prints a tick or a cross for each case; exit status 0
if all is well.
"""
import json
import os
import signal
import socket
import sys
import threading
import time

LIMIT_S = 20.0
HEAD_S, BODY_S, IDLE_S = 0.6, 0.8, 3.0  # as run sets them
MAX_CONNS = 40
BODY_MAX = 1048576
HOST = "127.0.0.1"
PORT = int(sys.argv[1])
USER = int(sys.argv[2])

PING = b"GET /search/ping HTTP/1.1\r\nHost: a\r\n\r\n"
NONE = b"GET /none HTTP/1.1\r\nHost: a\r\n\r\n"
LOGIN = b'{"username":"666","password":"123456"}'


def connect(api=1):
    sock = socket.create_connection((HOST, PORT + api), LIMIT_S)
    sock.settimeout(LIMIT_S)
    return sock


class Reader:
    """Answers off one connection, in order."""

    def __init__(self, sock):
        self.sock, self.data = sock, b""

    def more(self):
        try:
            piece = self.sock.recv(65536)
        except ConnectionError:
            piece = b""
        self.data += piece
        return piece

    def head(self):
        while b"\r\n\r\n" not in self.data:
            if not self.more():
                raise EOFError(self.data)
        head, self.data = self.data.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        pairs = (line.split(": ", 1) for line in lines[1:])
        names = {name.lower(): value for name, value in pairs}
        return int(lines[0].split(" ")[1]), names

    def answer(self, body=True):
        status, names = self.head()
        size = int(names.get("content-length", 0)) if body else 0
        while len(self.data) < size:
            if not self.more():
                raise EOFError(self.data)
        content, self.data = self.data[:size], self.data[size:]
        return status, names, content

    def ended(self):
        """True when nothing more comes and the connection is closed."""
        while self.more():
            pass
        return self.data == b""


def ask(data, api=1):
    """One request on a connection of its own: (status, headers, body)."""
    with connect(api) as sock:
        sock.sendall(data)
        return Reader(sock).answer()


def login(framing, body):
    return (b"POST /user/login HTTP/1.1\r\nHost: a\r\n"
            b"Content-Type: application/json\r\n" + framing + b"\r\n\r\n" + body)


GOOD_LOGIN = login(b"Content-Length: %d" % len(LOGIN), LOGIN)


def equal(found, expected):
    assert found == expected, f"found {found!r}, expected {expected!r}"


def seconds_until_closed(sock, dribble=b""):
    begin = time.monotonic()
    sock.settimeout(0.05)
    at = 0
    while time.monotonic() - begin < LIMIT_S:
        try:
            if at < len(dribble):
                sock.sendall(dribble[at:at + 1])
                at += 1
            if not sock.recv(65536):
                break
        except TimeoutError:
            pass
        except ConnectionError:
            break
    return time.monotonic() - begin


# --- cases ---

def requests_in_order():
    with connect() as sock:
        reader = Reader(sock)
        for _ in range(3):
            sock.sendall(PING)
            equal(reader.answer()[0], 200)
        wrong = PING.replace(b"GET", b"DELETE")
        sock.sendall((PING + NONE + wrong) * 50)
        for _ in range(50):
            equal([reader.answer()[0] for _ in range(3)], [200, 404, 405])


def chunked_body_binds():
    body = b"%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n" % (5, LOGIN[:5],
                                                  len(LOGIN) - 5, LOGIN[5:])
    status, _, content = ask(login(b"Transfer-Encoding: chunked", body), 0)
    equal(status, 200)
    assert b"accessToken" in content, content


def every_fault_is_listed():
    """run sets Errors: json, which is another word for problem."""
    body = b'{"username":1,"password":["x"]}'
    status, headers, content = ask(
        login(b"Content-Length: %d" % len(body), body), 0)
    equal(status, 400)
    equal(headers["content-type"], "application/problem+json")
    problem = json.loads(content)
    equal(problem["status"], 400)
    equal([fault["field"] for fault in problem["errors"]],
          ["username", "password"])
    equal(problem["detail"], problem["errors"][0]["detail"])
    equal(problem["detail"], 'type mismatch for field "username", expect '
          '"string", actual "number"')


def continue_is_said():
    with connect(0) as sock:
        reader = Reader(sock)
        sock.sendall(login(b"Expect: 100-continue\r\nContent-Length: %d"
                           % len(LOGIN), b""))
        equal(reader.head()[0], 100)
        sock.sendall(LOGIN)
        equal(reader.answer()[0], 200)


def head_has_no_body():
    with connect() as sock:
        reader = Reader(sock)
        for target, status in ((b"/search/ping", 200), (b"/none", 404),
                               (b"/%zz", 400)):
            sock.sendall(b"HEAD %s HTTP/1.1\r\nHost: a\r\n\r\n" % target + PING)
            equal(reader.answer(body=False)[0], status)
            equal(reader.answer()[0], 200)


def options_and_allow():
    status, names, _ = ask(PING.replace(b"GET", b"OPTIONS"))
    equal((status, names["allow"]), (204, "GET"))
    status, names, body = ask(PING.replace(b"GET", b"DELETE"))
    equal((status, names["allow"], body), (405, "GET", b""))


def refused_and_closed():
    big = b"a" * 9000
    many = b"".join(b"X-%d: y\r\n" % i for i in range(101))
    cases = [
        (400, b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\n\r\n"),
        (400, b"GET / HTTP/1.1\nHost: a\n\n"),
        (400, b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
              b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        (505, b"GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
        (414, b"GET /" + big + b" HTTP/1.1\r\nHost: a\r\n\r\n"),
        (431, b"GET / HTTP/1.1\r\nHost: a\r\n" + many + b"\r\n"),
        (431, b"GET / HTTP/1.1\r\nHost: a\r\n" + (b"X: " + big + b"\r\n") * 5),
    ]
    for status, data in cases:
        with connect() as sock:
            reader = Reader(sock)
            sock.sendall(data + PING)  # what follows is not a request
            equal(reader.answer()[0], status)
            assert reader.ended(), (status, reader.data)


def bodies_by_real_bytes():
    head = login(b"Content-Length: %d" % (BODY_MAX + 1), b"")
    equal(ask(head, 0)[0], 413)
    chunk = b"1000\r\n" + b" " * 4096 + b"\r\n"
    with connect(0) as sock:
        reader = Reader(sock)
        sock.sendall(login(b"Transfer-Encoding: chunked", b""))
        try:
            for _ in range(BODY_MAX // 4096 + 16):
                sock.sendall(chunk)
        except ConnectionError:
            pass
        equal(reader.answer()[0], 413)
    fits = LOGIN + b" " * (BODY_MAX - len(LOGIN))
    equal(ask(login(b"Content-Length: %d" % BODY_MAX, fits), 0)[0], 200)


def slow_heads_and_bodies_are_closed():
    with connect() as sock:
        took = seconds_until_closed(sock, b"GET /search/ping HTTP/1.1\r\nX: " +
                                    b"a" * 400)
        assert HEAD_S * 0.8 < took < HEAD_S + 1.5, took
    with connect() as sock:  # a head begun behind a whole request
        reader = Reader(sock)
        sock.sendall(NONE + b"GET /se")
        equal(reader.answer()[0], 404)
        took = seconds_until_closed(sock)
        assert took < IDLE_S * 0.8, took
    with connect() as sock:  # empty lines are no request
        took = seconds_until_closed(sock, b"\r\n" * 200)
        assert took < IDLE_S, took
    with connect(0) as sock:
        sock.sendall(login(b"Content-Length: 100", b""))
        took = seconds_until_closed(sock, b"a" * 90)
        assert BODY_S * 0.8 < took < BODY_S + 1.5, took


def idle_connections_are_closed():
    with connect() as sock:
        reader = Reader(sock)
        sock.sendall(PING)
        equal(reader.answer()[0], 200)
        took = seconds_until_closed(sock)
        assert IDLE_S * 0.8 < took < IDLE_S + 2, took


def half_closed_client_is_answered():
    with connect() as sock:
        reader = Reader(sock)
        sock.sendall(PING + NONE + PING)
        sock.shutdown(socket.SHUT_WR)
        equal([reader.answer()[0] for _ in range(3)], [200, 404, 200])
        assert reader.ended()


def old_client_may_stay():
    with connect() as sock:
        reader = Reader(sock)
        for _ in range(2):
            sock.sendall(b"GET /search/ping HTTP/1.0\r\n"
                         b"Connection: keep-alive\r\n\r\n")
            status, names, _ = reader.answer()
            equal((status, names["connection"]), (200, "keep-alive"))
        sock.sendall(b"GET /search/ping HTTP/1.0\r\n\r\n")
        equal(reader.answer()[1]["connection"], "close")
        assert reader.ended()


def clients_that_go_away():
    os.kill(USER, signal.SIGSTOP)
    try:
        for i in range(20):
            with connect(0) as sock:
                sock.sendall(GOOD_LOGIN)
                if i % 2:  # a reset instead of an end
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                    b"\x01\0\0\0\0\0\0\0")
        equal(ask(PING)[0], 200)
    finally:
        os.kill(USER, signal.SIGCONT)
    equal(ask(GOOD_LOGIN, 0)[0], 200)


def slow_reader_gets_everything():
    count = 40000  # more answers than the two sockets hold
    with connect() as sock:
        sender = threading.Thread(target=lambda: sock.sendall(NONE * count))
        sender.start()
        time.sleep(0.3)  # the reader's slowness, not a wait for anything
        reader = Reader(sock)
        for _ in range(count):
            equal(reader.answer()[0], 404)
        sender.join()


def reader_that_stops_is_closed():
    with connect() as sock:
        begin = time.monotonic()
        try:
            while time.monotonic() - begin < LIMIT_S:
                sock.sendall(NONE * 1000)
        except (ConnectionError, TimeoutError) as error:
            assert isinstance(error, ConnectionError), "still open"
            return
        raise AssertionError("every request was taken, no answer read")


def too_many_connections_hear_503():
    socks = [connect() for _ in range(MAX_CONNS + 5)]
    try:
        reader = Reader(socks[-1])
        status, names, _ = reader.answer()
        equal((status, names["retry-after"]), (503, "1"))
        assert reader.ended()
        socks[0].sendall(PING)
        equal(Reader(socks[0]).answer()[0], 200)
    finally:
        for sock in socks:
            sock.close()
    begin = time.monotonic()
    while ask(PING)[0] != 200:  # the edge hears of the closing in its own time
        assert time.monotonic() - begin < LIMIT_S


def only_its_own_routes():
    equal(ask(PING, 0)[0], 404)
    equal(ask(b"GET /user/1 HTTP/1.1\r\nHost: a\r\n\r\n", 1)[0], 404)


CASES = [
    requests_in_order, chunked_body_binds, every_fault_is_listed,
    continue_is_said, head_has_no_body,
    options_and_allow, refused_and_closed, bodies_by_real_bytes,
    slow_heads_and_bodies_are_closed, idle_connections_are_closed,
    half_closed_client_is_answered, old_client_may_stay, clients_that_go_away,
    slow_reader_gets_everything, reader_that_stops_is_closed,
    too_many_connections_hear_503, only_its_own_routes,
]


def main():
    failed = 0
    for case in CASES:
        try:
            case()
            print(f"  \u2713 {case.__name__}", flush=True)
        except (AssertionError, EOFError, OSError, KeyError, ValueError) as error:
            failed += 1
            print(f"  \u2717 {case.__name__}: {type(error).__name__} "
                  f"{str(error)[:300]}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
