#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Sends mutated HTTP requests to a running edge, good ones in between.

http.py PORT COUNT SEED: exit status 0 if every good request was answered
rightly and every mutated one ended in an answer or a closed connection within
the time limit. A failure prints the seed and the bytes.
"""
import random
import socket
import sys

LIMIT_S = 20.0
GOOD_EVERY = 100

GOOD = (
    b"POST /user/login HTTP/1.1\r\nHost: a\r\n"
    b"Content-Type: application/json\r\nContent-Length: 36\r\n\r\n"
    b'{"username":" ","password":"123456"}'
)
SEEDS = [
    GOOD,
    b"GET /user/1 HTTP/1.1\r\nHost: a\r\nAuthorization: a.b.c\r\n\r\n",
    b"POST /register HTTP/1.1\r\nHost: a\r\n"
    b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    b'8\r\n{"name":\r\n4\r\n5,"g\r\n1\r\n}\r\n0\r\n\r\n',
    b"GET /nothing?a=b&c=%20 HTTP/1.1\r\nHost: a\r\n"
    b"Expect: 100-continue\r\nContent-Length: 0\r\n\r\n",
]
TOKENS = [b"\r\n", b"\n", b"\x00", b"\xff\xfe", b"Content-Length: 5\r\n",
          b"Transfer-Encoding: chunked\r\n", b"Host: b\r\n", b"%", b"{" * 40,
          b"[" * 40, b"\xed\xa0\x80", b"9" * 30, b" ", b"\t", b":", b"A" * 300]


def mutate(rng, data):
    data = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(data) + 1)
        what = rng.randrange(5)
        if what == 0 and data:
            data[at % len(data)] = rng.randrange(256)
        elif what == 1:
            data[at:at] = rng.choice(TOKENS)
        elif what == 2:
            del data[at:at + rng.randint(1, 20)]
        elif what == 3:
            end = rng.randrange(at, len(data) + 1)
            data[at:at] = data[at:end]
        elif data:
            data[at % len(data)] ^= 1 << rng.randrange(8)
    return bytes(data)


def exchange(port, data):
    """Sends, half-closes, and reads to the end."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), LIMIT_S) as sock:
        sock.settimeout(LIMIT_S)
        try:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            while True:
                piece = sock.recv(65536)
                if not piece:
                    break
                answer += piece
        except (ConnectionResetError, BrokenPipeError):
            pass
    return answer


def main():
    port, count, seed = (int(word) for word in sys.argv[1:4])
    rng = random.Random(seed)
    answered = 0
    for i in range(count):
        data = mutate(rng, rng.choice(SEEDS))
        try:
            answered += exchange(port, data).startswith(b"HTTP/1.1 ")
        except OSError as error:
            print(f"seed {seed}, request {i}: {error}: {data!r}")
            return 1
        if i % GOOD_EVERY == 0:
            answer = exchange(port, GOOD)
            if b'{"code":1001,' not in answer:
                print(f"seed {seed}: after {data!r} a good one got {answer!r}")
                return 1
    print(f"{count} mutated requests, {answered} answered")
    return 0 if answered > count // 10 else 1


if __name__ == "__main__":
    sys.exit(main())
