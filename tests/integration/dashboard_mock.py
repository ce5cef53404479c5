# SPDX-License-Identifier: Apache-2.0
"""A server that shows the dashboard's page with figures of the test: what overview.hpp describes, as Python."""
import base64
import copy
import hashlib
import http.server
import json
import re
import threading
import time
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "src" / "observe" / "dashboard.html"
BOUNDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
EMPTY = {
    "time": 0, "monotonic": 0,
    "state": {"version": "0.1.0", "pid": 4242, "generation": 1, "earlier_processes": [], "started": 0,
              "activity": "serving",
              "drain_ends": None, "listeners": ["http://127.0.0.1:8080"], "backends": ["http://127.0.0.1:8000"],
              "configuration": "command line", "configured": 0, "landlock": "on (version 7)",
              "reload_failed": False, "reload_message": ""},
    "problems": [],
    "totals": {"requests": 0, "failures_client": 0, "failures_upstream": 0, "failures_proxy": 0,
               "request_body_bytes": 0, "response_body_bytes": 0, "tunnel_bytes_in": 0, "tunnel_bytes_out": 0,
               "connections_accepted": 0, "requests_in_flight": 0, "tunnels_open": 0, "connections_open": 0},
    "duration": {"bounds": BOUNDS, "counts": [0] * 16},
    "upstreams": [], "requests": [], "tunnels": [], "failures": [], "certificates": [],
    "memory": {"used": 0, "limit": 1 << 30}, "resident_bytes": 12_000_000, "descriptors": {"used": 24, "limit": 1024},
    "limits": [], "workers": [], "silent_workers": 0,
}


def overview(now=None, **parts):
    """An overview in which nothing happens, but for `parts`; dictionaries are merged."""
    made = copy.deepcopy(EMPTY)
    now = time.time() if now is None else now
    made["time"], made["state"]["started"], made["state"]["configured"] = now, now - 3600, now - 3600
    made["monotonic"] = now
    for name, part in parts.items():
        made[name] = {**made[name], **part} if isinstance(part, dict) else part
    return made


def upstream(address, **parts):
    return {"upstream": "default", "backend": "http://backend.example", "address": address, "health": "up", "since": None, "in_flight": 0,
            "requests": 0, "failures": 0, "reasons": {}, "connect": {"p50": None, "p99": None},
            "wait": {"p50": None, "p99": None}, "connections_open": 0, "connections_idle": 0, "last_failure": "",
            "last_failure_at": None, **parts}


def endpoint(name, state="up", **parts):
    return {"endpoint": name, "state": state, "since": None, "weight": 1.0, "backup": False, "in_flight": 0,
            "requests": 0, "failures": 0, "ejections": 0, "last_failure": "", "last_failure_at": None, **parts}


def balanced(name, *endpoints, **parts):
    states = {state: sum(one["state"] == state for one in endpoints)
              for state in ("up", "starting", "ejected", "down", "draining")}
    return {"upstream": name, "balance": "least", "sticky": "", "states": states, "endpoints": endpoints, "left_out": 0,
            **parts}


def request(number, **parts):
    return {"id": number, "client": "192.0.2.7", "method": "GET", "host": "example.com", "path": f"/page/{number}",
            "query": "", "protocol": "HTTP/1.1", "route": "/page/*", "upstream": "127.0.0.1:8000", "phase": "wait", "age": 1.5,
            "phase_age": 1.4, "bytes_in": 0, "bytes_out": 0, **parts}


def failed(number, **parts):
    return {"id": number, "at": time.time(), "client": "192.0.2.7", "method": "GET", "host": "example.com",
            "path": "/", "query": "", "protocol": "HTTP/1.1", "status": 502, "route": "/*", "upstream_name": "default", "upstream": "127.0.0.1:8000",
            "side": "upstream", "phase": "connect", "reason": "connection_refused",
            "detail": "Connection refused", "attempts": 1, "duration": 0.001, "request_id": "", "trace_id": "", **parts}


def page():
    """The page as the program serves it before anything has happened, and its headers."""
    text = PAGE.read_text(encoding="utf-8").replace("<!--=condition-->", '<span id="pill" class="pill"></span>')
    text = re.sub(r"<!--=[\w-]+-->", "", text)

    def hashed(tag):
        inside = re.search(rf"<{tag}>(.*)</{tag}>", text, re.S).group(1)
        return base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()

    policy = (f"default-src 'none'; script-src 'sha256-{hashed('script')}'; style-src 'sha256-{hashed('style')}'; "
              "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
              "require-trusted-types-for 'script'; trusted-types 'none'")
    return text, {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": policy}


class Mock:
    """Serves the page. `feed` is called for each viewer with a function that sends an event, until it returns."""

    def __init__(self, feed, port=0):
        self.feed = feed
        mock = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):  # noqa: N802
                if self.path.split("?")[0] == "/events":
                    return self.stream()
                text, headers = page() if self.path == "/" else ("Not found\n", {})
                self.send_response(200 if headers else 404)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def stream(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Connection", "close")
                self.end_headers()
                self.close_connection = True
                try:
                    self.wfile.write(b"retry: 200\n\n")
                    mock.feed(self.send_event)
                except OSError:
                    pass  # the viewer has left

            def send_event(self, data, name=None):
                head = f"event: {name}\n" if name else ""
                self.wfile.write(f"{head}data: {json.dumps(data)}\n\n".encode())

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = "http://127.0.0.1:%d/" % self.server.server_address[1]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
