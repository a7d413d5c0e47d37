# SPDX-License-Identifier: MIT
"""DTM's API as dtmcli speaks it, and the saga actor as its user starts it."""

import http.client
import json
import os
import signal
import socket
import subprocess
import time
import urllib.parse

START_S = 30  # until the actor answers, on a busy machine


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Actor:
    """The saga actor in a home of its own."""

    def __init__(self, binary, home, hooks=True, extra="", dtm="", up=None,
                 probe_debug=False):
        self.binary = binary
        self.home = home
        self.hooks = hooks
        self.up = up or {200}  # what a ready actor answers
        self.port, self.debug = free_ports(2)
        self.probe = self.debug if probe_debug else self.port
        self.config = os.path.join(home, "saga.yaml")
        with open(self.config, "w", encoding="utf-8") as out:
            out.write(
                f"Name: saga\n{extra}"
                f"Dtm:\n  Host: 127.0.0.1\n  Port: {self.port}\n"
                f"  DebugPort: {self.debug}\n{dtm}"
            )
        self.process = None
        self.start()

    def start(self):
        arguments = [self.binary, "-f", self.config, "--home", self.home]
        if self.hooks:
            arguments.append("--test-hooks")
        self.log = open(
            os.path.join(self.home, "saga.log"), "a", encoding="utf-8"
        )
        self.process = subprocess.Popen(
            arguments, stdout=self.log, stderr=self.log
        )
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                if Client(self.probe).get("version").status in self.up:
                    return
            except OSError:
                time.sleep(0.01)  # between two tries, not for anything
        with open(self.log.name, encoding="utf-8") as text:
            raise RuntimeError("the saga actor does not start: " + text.read())

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.log.close()

    def stop(self):
        """True if it ended by itself, and well."""
        self.process.terminate()
        try:
            status = self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self.log.close()
        return status == 0


class Answer:
    def __init__(self, status, headers, text):
        self.status = status
        self.headers = headers
        self.text = text

    @property
    def json(self):
        return json.loads(self.text)


class Client:
    def __init__(self, port, timeout=30):
        self.port = port
        self.timeout = timeout

    def ask(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=self.timeout
        )
        try:
            connection.request(
                method,
                path,
                body,
                headers or {},
                encode_chunked="Transfer-Encoding" in (headers or {}),
            )
            answer = connection.getresponse()
            return Answer(
                answer.status, answer.headers, answer.read().decode()
            )
        finally:
            connection.close()

    def get(self, name, **query):
        text = urllib.parse.urlencode(query)
        return self.ask("GET", f"/api/dtmsvr/{name}" + (text and "?" + text))

    def post(self, name, body):
        text = body if isinstance(body, str) else json.dumps(body)
        return self.ask("POST", f"/api/dtmsvr/{name}", text)

    def hook(self, name, **query):
        text = urllib.parse.urlencode(query)
        return self.ask("GET", f"/{name}" + (text and "?" + text)).text
