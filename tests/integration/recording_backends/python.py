# SPDX-License-Identifier: Apache-2.0
"""Reports in X-Saw how http.server read a request, and under /records how it read all of them. Prints its port."""
import hashlib
import http.server
import json
import threading

records = []
lock = threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, *_):
        pass

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.record
        raise AttributeError(name)

    def body(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(parts)

    def record(self):
        target = self.requestline.split()[1]  # self.path has lost repeated slashes
        try:
            content = self.body()
            whole = len(content) == int(self.headers.get("Content-Length", len(content)))
        except ValueError:
            whole = False
        if not whole:
            self.close_connection = True
            return
        with lock:
            saw = f"{len(records)} {self.command} {target} {len(content)} {hashlib.sha1(content).hexdigest()[:8]}"
            answer = json.dumps(records).encode() if target == "/records" else b""
            if not answer:
                records.append(saw)
        self.send_response(200)
        self.send_header("X-Saw", saw)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
        self.wfile.flush()


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


if __name__ == "__main__":
    server = Server(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()
