# SPDX-License-Identifier: Apache-2.0
"""A backend that fails as its seed says: at every point of an exchange, in every way.

The fate of a request depends on the seed, its id and how often it was seen, not on the time: a run
can be repeated.
"""
import collections
import random
import socket
import threading
import time

from proxy_process import free_port
from raw_client import close_with_reset
from wire import Malformed, Reader, Truncated, chunk, message

POINTS = ["unread", "in request", "before head", "in head", "behind head", "in body", "behind"]
WAYS = ["close", "reset", "stall", "delay", "garble"]
PATIENCE = 1  # of the proxy, in seconds: ten times what a delay takes, for a machine that is busy with other things
STALL = 1.5 * PATIENCE
HINT = message("HTTP/1.1 103 Early Hints", "Link: " + "l" * 1000)
FORGED = b"HTTP/1.1 200 OK\r\nX-Id: forged\r\nContent-Length: 6\r\n\r\nforged"


def content(name, size):
    """The only correct content of this size for this request."""
    return (f"{name}." * (size // len(name) + 1)).encode()[:size]


def is_for_connection(credentials):
    return (credentials or "").lower().startswith(("ntlm", "negotiate"))


class Plan:
    """The plan for one try of one request."""

    def __init__(self, seed, name, number):
        dice = random.Random(f"{seed}/{name}/{number}")
        self.kind = dice.choice(["length", "length", "chunked", "chunked", "until close", "nothing"])
        self.size = dice.choice([0, 1, 100, 5000, 40_000, 300_000])
        self.early_hints = dice.random() < 0.1
        faulty = dice.random() < 0.4
        self.point = dice.choice(POINTS) if faulty else None
        self.way = dice.choice(WAYS) if faulty else None
        self.where = dice.random()
        self.pause = dice.uniform(0.001, 0.1)
        if self.kind == "until close" and self.way in ("close", "garble"):
            self.way = "reset"  # a plain close would be the end of the content, and garbage a part of it
        if self.point in ("unread", "in request") and self.way == "garble":
            self.way = "delay"  # nothing is sent yet
        if self.point == "behind" and self.way == "garble":
            self.size = min(self.size, 5000)  # so that the surplus arrives with the end
        self.hints = dice.choice([1, 60]) if self.early_hints else 0
        self.early = not faulty and dice.random() < 0.2  # the response comes before the request is read
        self.hints_in_request = self.early_hints and dice.random() < 0.5  # before its content is read
        self.challenges = dice.random() < 0.5  # where there are credentials for the connection
        self.goes_away = dice.random() < 0.1  # over HTTP/2, after the response
        self.first_window = dice.choice([1, 100, 65_535])  # of the request, over HTTP/2
        self.is_shut = not faulty and dice.random() < 0.02  # that window, for good
        self.owner = None  # the client whose connection the backend's one belongs to

    def response(self, name, method):
        """The head and what follows it."""
        data = content(name, self.size)
        fields = [f"X-Id: {name}", f"X-Size: {self.size}", f"X-Owner: {self.owner}"]
        body = data
        if self.kind == "nothing":
            return self.head("204 No Content", fields[0], fields[2]), b""
        if self.kind == "length":
            fields.append(f"Content-Length: {len(data)}")
        elif self.kind == "chunked":
            fields.append("Transfer-Encoding: chunked")
            cut = int(len(data) * self.where)
            body = b"".join(chunk(piece) for piece in (data[:cut], data[cut:]) if piece) + b"0\r\n\r\n"
        else:
            fields.append("Connection: close")
        if self.owner and self.challenges:
            fields.append("WWW-Authenticate: NTLM TlRMTVNTUAAC")
            return self.head("401 Unauthorized", *fields), b"" if method == "HEAD" else body
        return self.head("200 OK", *fields), b"" if method == "HEAD" else body

    def offset(self, head, body):
        """The number of bytes that are sent before the fault, or None if the fault is not in the response."""
        return {"before head": 0, "in head": 1 + int((len(head) - 2) * self.where), "behind head": len(head),
                "in body": len(head) + int(len(body) * self.where), "behind": len(head) + len(body)}.get(self.point)

    def head(self, status, *fields):
        hints = b"" if self.hints_in_request else self.hints * HINT
        return hints + message(f"HTTP/1.1 {status}", *fields)


class FaultyBackend:
    scheme = "http"

    def __init__(self, seed):
        self.seed = seed
        self.calm = False  # no further faults
        self.may_be_early = False  # with a response
        self.tries = collections.Counter()  # by request: heads that were read
        self.faults = collections.Counter()
        self.problems = []
        self.lock = threading.Lock()
        self.listener = None
        self.address = ("127.0.0.1", free_port())  # unbound while this backend does not listen
        self.listen()

    @property
    def url(self):
        return f"{self.scheme}://%s:%d" % self.address

    def listen(self):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(self.address)
        self.listener.listen(512)
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def refuse_for(self, seconds):
        """Stops listening for some time."""
        self.stop()
        time.sleep(seconds)
        self.listen()

    def go_away(self):
        """Stops listening until listen()."""
        self.stop()

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def accept(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        reader = Reader(sock)
        reader.owner = None
        try:
            while self.serve_one(reader):
                pass
        except (Truncated, TimeoutError, OSError):
            pass  # the proxy went away
        except Malformed as problem:
            self.problems.append(f"the backend was sent {problem}")
        finally:
            sock.close()

    def serve_one(self, reader):
        reader.fill(patience=60)  # the first byte of the next request
        request = reader.read_request_head()
        name = request.fields.get("x-id")
        with self.lock:
            self.tries[name] += 1
            number = self.tries[name]
        if number > 1 and request.method == "POST":
            self.problems.append(f"{name}, a POST, was delivered {number} times")
        plan = self.plan_for(name, number)
        plan.owner = reader.owner = self.owner_of(reader.owner, name, request.fields)
        return ExchangeRecord(self, reader, request, plan).run(name)

    def owner_of(self, owner, name, fields):
        """The client that authenticated the connection of this request; the connection serves no other (RFC 4559)."""
        client = fields.get("x-client")
        if owner and client != owner:
            self.problems.append(f"{name} of {client} came on the connection that {owner} has authenticated")
        if is_for_connection(fields.get("authorization")):
            with self.lock:
                self.faults["authentication" if not owner else "authentication again"] += 1
            return client
        return owner

    def plan_for(self, name, number):
        """The plan for the `number`th try of this request."""
        plan = Plan(self.seed, name, number)
        if self.calm:
            plan.point = None
        return plan


class ExchangeRecord:
    """One request and its plan. Its steps return true as long as the connection lives."""

    def __init__(self, backend, reader, request, plan):
        self.backend = backend
        self.reader = reader
        self.request = request
        self.plan = plan

    def run(self, name):
        if self.plan.hints_in_request:
            self.reader.sock.sendall(self.plan.hints * HINT)
        if self.plan.early and self.backend.may_be_early and not self.backend.calm:
            return self.respond_early(name)
        if not self.passes("unread") or not self.read_body(name):
            return False
        head, body = self.plan.response(name, self.request.method)
        return self.send(head, body) and self.plan.kind != "until close"

    def respond_early(self, name):
        with self.backend.lock:
            self.backend.faults["early response"] += 1
        head, body = self.plan.response(name, self.request.method)
        return self.send(head, body) and self.plan.kind != "until close" and self.read_body(name)

    def read_body(self, name):
        if self.plan.point == "in request" and self.request.fields.has("content-length"):
            size = int(self.request.fields.get("content-length"))
            part = self.reader.read_exactly(int(size * self.plan.where))
            self.reader.buffer = part + self.reader.buffer
        if not self.passes("in request"):
            return False
        body = self.reader.read_body(self.request).body
        if body != content(name, len(body)):
            self.backend.problems.append(f"the content of {name} is not what was sent: {body[:80]!r}")
        return True

    def send(self, head, body):
        sock, plan = self.reader.sock, self.plan
        at = plan.offset(head, body)
        data = head + body
        sock.settimeout(10)
        if at is None:
            sock.sendall(data)
            return True
        if plan.way == "garble":
            self.note()
            sock.sendall(data[:at] + self.garbage(head, body, at) + data[at:])
            return at != len(data)
        sock.sendall(data[:at])
        if not self.passes(plan.point):
            return False
        sock.sendall(data[at:])
        return True

    def garbage(self, head, body, at):
        """Bytes that no parser takes for a part of the message. Within content of a known length there are none."""
        if at == len(head) + len(body):
            return FORGED
        return b"\0" if at < len(head) or self.plan.kind == "chunked" else b""

    def note(self):
        with self.backend.lock:
            self.backend.faults[f"{self.plan.way} {self.plan.point}"] += 1

    def passes(self, point):
        """Executes the plan for this point. Returns false if it ended the connection."""
        if self.plan.point != point:
            return True
        self.note()
        if self.plan.way == "delay":
            time.sleep(self.plan.pause)
        elif self.plan.way == "stall":
            time.sleep(STALL)
            return False
        elif self.plan.way == "reset":
            close_with_reset(self.reader.sock)
            return False
        elif self.plan.way in ("close", "refuse"):
            if self.plan.way == "refuse":
                self.backend.go_away()
            return False
        return True
