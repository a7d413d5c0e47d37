# SPDX-License-Identifier: MIT
"""large.py BYTES: prints its port; answers every POST with so many bytes of
JSON, but a compensation with none and /ongoing with 425, and logs what it was
asked."""

import http.server
import sys

SIZE = int(sys.argv[1])


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        undo = "op=compensate" in self.path
        ongoing = self.path.startswith("/ongoing")
        body = b"{}" if undo else b'{"text":"%s"}' % (b"x" * SIZE)
        self.send_response(425 if ongoing else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
