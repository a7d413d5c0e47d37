# SPDX-License-Identifier: MIT
"""A business server with scripted answers, as the tests of DTM's clients have
one: each branch is a path, each path answers what was scripted for it, once an
answer, and success ever after. It keeps what it was asked, in order, and tells
how many calls of one path were under way at once."""

import http.server
import json
import threading
import urllib.parse


class Call:
    """One request as it came."""

    def __init__(self, method, path, query, headers, body):
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body

    def __repr__(self):
        return f"{self.method} {self.path}?{urllib.parse.urlencode(self.query)}"


class Busi:
    """Starts on a free port; url(path) leads to it."""

    def __init__(self):
        self.scheme = "http"
        self.lock = threading.Lock()
        self.calls = []
        self.scripts = {}
        self.gates = {}
        self.under_way = {}
        self.most = {}
        self.came = threading.Condition(self.lock)
        busi = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                busi.serve(self)

            do_GET = do_POST = answer

            def log_message(self, format, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, request, client_address):
                pass  # whoever calls hears of it

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path):
        return f"{self.scheme}://127.0.0.1:{self.port}/{path}"

    def script(self, path, *answers):
        """Answers of a path: (status, body), or a body with status 200."""
        with self.lock:
            self.scripts.setdefault(path, []).extend(
                a if isinstance(a, tuple) else (200, a) for a in answers
            )

    def gate(self, path):
        """Calls of the path wait until the event that is returned is set."""
        event = threading.Event()
        with self.lock:
            self.gates[path] = event
        return event

    def reset(self):
        with self.lock:
            for event in self.gates.values():
                event.set()
            self.gates.clear()
            self.scripts.clear()
            self.calls.clear()
            self.most.clear()

    def seen(self, gid, path=None):
        with self.lock:
            return [
                c
                for c in self.calls
                if c.query.get("gid") == gid and path in (None, c.path)
            ]

    def paths(self, gid):
        return [c.path for c in self.seen(gid)]

    def await_calls(self, gid, path, count, timeout=10):
        with self.came:
            return self.came.wait_for(
                lambda: sum(
                    c.query.get("gid") == gid and c.path == path
                    for c in self.calls
                )
                >= count,
                timeout,
            )

    def serve(self, request):
        url = urllib.parse.urlsplit(request.path)
        path = url.path.strip("/")
        length = int(request.headers.get("Content-Length") or 0)
        call = Call(
            request.command,
            path,
            dict(urllib.parse.parse_qsl(url.query)),
            dict(request.headers),
            request.rfile.read(length),
        )
        with self.came:
            self.calls.append(call)
            scripted = self.scripts.get(path)
            status, body = (
                scripted.pop(0)
                if scripted
                else (200, '{"dtm_result":"SUCCESS"}')
            )
            gate = self.gates.get(path)
            key = (call.query.get("gid"), path)
            self.under_way[key] = self.under_way.get(key, 0) + 1
            self.most[path] = max(
                self.most.get(path, 0), self.under_way[key]
            )
            self.came.notify_all()
        if gate:
            gate.wait(30)
        if callable(body):
            body = body(call)
        payload = body.encode()
        with self.lock:
            self.under_way[key] -= 1
        try:
            request.send_response(status)
            request.send_header("Content-Type", "application/json")
            request.send_header("Content-Length", str(len(payload)))
            request.end_headers()
            request.wfile.write(payload)
        except OSError:
            pass


FAILURE = (409, json.dumps({"dtm_result": "FAILURE"}))
ONGOING = (425, json.dumps({"dtm_result": "ONGOING"}))
ERROR = (500, json.dumps({"message": "out of order"}))
