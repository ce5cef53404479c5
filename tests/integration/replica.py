#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One of several identical backends, as a process that a test can stop, pause and slow down.

usage: replica.py HOST PORT NAME. Responds with its name. GET /-/delay/MS makes each further response take that long;
GET /-/health/STATUS sets the status of /healthz, and GET /-/address responds with the address that was connected to."""
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Replica(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    name = "?"
    delay = 0.0
    health = 200

    def do_GET(self):
        status, content = 200, self.name
        if self.path.startswith("/-/delay/"):
            Replica.delay = int(self.path.rpartition("/")[2]) / 1000
        elif self.path.startswith("/-/health/"):
            Replica.health = int(self.path.rpartition("/")[2])
        elif self.path == "/-/address":
            content = self.connection.getsockname()[0]
        elif self.path == "/healthz":
            status = Replica.health
        else:
            time.sleep(Replica.delay)
        content = content.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    Replica.name = sys.argv[3]
    ThreadingHTTPServer.request_queue_size = 128
    ThreadingHTTPServer.daemon_threads = True
    ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Replica).serve_forever()
