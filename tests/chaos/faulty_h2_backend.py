# SPDX-License-Identifier: Apache-2.0
"""Faults over HTTP/2: of one request, and of the connection that many share."""
import struct
import threading
import time

from hpack import Decoder, HPACKError

from faulty_backend import STALL, FaultyBackend, content
from h2_client import (ACK, CANCEL, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, INITIAL_WINDOW_SIZE,
                       INTERNAL_ERROR, PING, PREFACE, RST_STREAM, SETTINGS, WINDOW_UPDATE, block, frame)
from raw_client import close_with_reset
from scripted_backend import shut_down
from wire import Malformed, Reader, Truncated

REFUSED_STREAM = 7
PIECE = 16_384


class FaultyHttp2Backend(FaultyBackend):
    scheme = "h2c"

    def serve(self, sock):
        connection = Connection(self, sock)
        try:
            connection.serve()
        except (Truncated, TimeoutError, OSError):
            pass  # one of the two peers has gone
        except (Malformed, HPACKError) as problem:
            self.problems.append(f"the backend was sent {problem!r}")
        finally:
            connection.end()


class Connection:
    def __init__(self, backend, sock):
        self.backend = backend
        self.sock = sock
        self.reader = Reader(sock)
        self.decoder = Decoder()
        self.changed = threading.Condition()
        # Guarded by changed.
        self.first_window = 65_535
        self.window = 65_535
        self.windows = {}  # of the requests that were not cancelled
        self.ended = False
        self.highest = 0  # of the streams
        self.last_taken = None  # by a GOAWAY
        self.requests = {}  # fields and content so far; of the reading thread

    def end(self):
        with self.changed:
            self.ended = True
            self.changed.notify_all()
        shut_down(self.sock)
        self.sock.close()

    def send(self, *frames):
        with self.changed:
            self.sock.settimeout(10)
            self.sock.sendall(b"".join(frames))

    def serve(self):
        self.reader.fill(patience=60)
        if self.reader.read_exactly(len(PREFACE)) != PREFACE:
            raise Malformed("no preface of HTTP/2")
        self.send(frame(SETTINGS, 0, 0, struct.pack(">HI", INITIAL_WINDOW_SIZE, 0)),
                  frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1 << 30)))
        while True:
            if not self.reader.buffer:
                self.reader.fill(patience=60)
            head = self.reader.read_exactly(9)
            payload = self.reader.read_exactly(int.from_bytes(head[:3], "big"))
            self.take(head[3], head[4], struct.unpack(">I", head[5:])[0], payload)

    def take(self, kind, flags, stream, payload):
        if kind == SETTINGS and not flags & ACK:
            settings = dict(struct.unpack_from(">HI", payload, at) for at in range(0, len(payload), 6))
            with self.changed:
                self.first_window = settings.get(INITIAL_WINDOW_SIZE, self.first_window)
            self.send(frame(SETTINGS, ACK, 0))
        elif kind == PING and not flags & ACK:
            self.send(frame(PING, ACK, 0, payload))
        elif kind == WINDOW_UPDATE:
            self.widen(stream, struct.unpack(">I", payload)[0])
        elif kind == RST_STREAM:
            with self.changed:
                self.windows.pop(stream, None)
                self.changed.notify_all()
        elif kind == HEADERS and stream not in self.requests:
            fields = dict(self.decoder.decode(payload))
            if self.is_taken(stream):
                self.begin(stream, fields)
                if not flags & END_STREAM:
                    self.open_window(stream)
        elif kind == HEADERS:
            self.decoder.decode(payload)
        elif kind == DATA and stream in self.requests:
            self.requests[stream][1].extend(payload)
            # Doubles each time, so that it does not take too long.
            self.send(frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", max(2 * len(payload), 1))))
        if kind in (HEADERS, DATA) and flags & END_STREAM and stream in self.requests:
            fields, body, plan = self.requests[stream]
            threading.Thread(target=self.answer, args=(stream, fields, bytes(body), plan), daemon=True).start()

    def is_taken(self, stream):
        with self.changed:
            if self.last_taken is not None and stream > self.last_taken:
                return False
            self.highest = max(self.highest, stream)
            return True

    def open_window(self, stream):
        plan = self.requests[stream][2]
        if plan.hints_in_request:
            self.send(*[self.hint(stream)] * plan.hints)
        if plan.is_shut and not self.backend.calm:
            return self.note("shut window")
        self.send(frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", plan.first_window)))

    def go_away(self, plan):
        """First accepts all streams that may be in flight, and the next time those that have arrived."""
        with self.changed:
            again = self.last_taken is not None
            self.last_taken = min(self.last_taken, self.highest) if again else (1 << 31) - 1
            if not again and plan.where < 0.5:
                self.last_taken = self.highest
            self.send(frame(GOAWAY, 0, 0, struct.pack(">II", self.last_taken, 0)))
        self.note("GOAWAY again" if again else "GOAWAY")

    def note(self, what):
        with self.backend.lock:
            self.backend.faults[what] += 1

    @staticmethod
    def hint(stream):
        return frame(HEADERS, END_HEADERS, stream, block((":status", "103"), ("link", "</a>")))

    def widen(self, stream, more):
        with self.changed:
            if stream == 0:
                self.window += more
            elif stream in self.windows:
                self.windows[stream] += more
            self.changed.notify_all()

    def begin(self, stream, fields):
        with self.changed:
            self.windows[stream] = self.first_window
        backend, name = self.backend, fields["x-id"]
        with backend.lock:
            backend.tries[name] += 1
            plan = backend.plan_for(name, backend.tries[name])
            if self.is_refused(plan):
                backend.tries[name] -= 1  # it may be sent again
        if backend.tries[name] > 1 and fields[":method"] == "POST":
            backend.problems.append(f"{name}, a POST, was delivered {backend.tries[name]} times")
        self.requests[stream] = fields, bytearray(), plan

    @staticmethod
    def is_refused(plan):
        return plan.point == "unread" and plan.way == "reset"

    def answer(self, stream, fields, body, plan):
        try:
            self.follow(plan, stream, fields, body)
        except OSError:
            pass  # the connection has ended meanwhile

    def follow(self, plan, stream, fields, body):
        name, method = fields["x-id"], fields[":method"]
        if body != content(name, len(body)):
            self.backend.problems.append(f"the content of {name} is not what was sent: {body[:80]!r}")
        if not self.passes(plan, stream, "unread", "in request", "before head", "in head"):
            return
        data = b"" if method == "HEAD" or plan.kind == "nothing" else content(name, plan.size)
        self.send_head(plan, stream, name, is_whole=not data)
        if data:
            cut = int(len(data) * plan.where)
            if not self.passes(plan, stream, "behind head") or not self.send_data(stream, data[:cut]):
                return
            if not self.passes(plan, stream, "in body") or not self.send_data(stream, data[cut:], END_STREAM):
                return
        if self.passes(plan, stream, "behind") and plan.goes_away and not self.backend.calm:
            self.go_away(plan)

    def send_head(self, plan, stream, name, is_whole):
        frames = [] if plan.hints_in_request else [self.hint(stream)] * plan.hints
        fields = [(":status", "204" if plan.kind == "nothing" else "200"), ("x-id", name), ("x-size", str(plan.size)),
                  ("x-owner", "None")]
        if plan.kind == "length":
            fields.append(("content-length", str(plan.size)))
        flags = END_HEADERS | (END_STREAM if is_whole else 0)
        self.send(*frames, frame(HEADERS, flags, stream, block(*fields)))

    def send_data(self, stream, data, flags=0):
        """Returns false if the request is no longer awaited."""
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.ended or self.room(stream) != 0, 10)
                room = self.room(stream)
                if self.ended or not room:
                    return False
                piece, data = data[:room], data[room:]
                self.window -= len(piece)
                self.windows[stream] -= len(piece)
                self.send(frame(DATA, 0 if data else flags, stream, piece))
            if not data:
                return True

    def room(self, stream):
        """Returns None if the request was cancelled."""
        if stream not in self.windows:
            return None
        return max(0, min(self.window, self.windows[stream], PIECE))

    def passes(self, plan, stream, *points):
        """Executes the plan for these points. Returns false if it ended the response."""
        if plan.point not in points:
            return True
        with self.backend.lock:
            self.backend.faults[f"{plan.way} {plan.point}"] += 1
        if plan.way == "delay":
            time.sleep(plan.pause)
            return True
        if plan.way == "stall":
            time.sleep(STALL)
        if plan.way == "refuse":
            self.backend.go_away()
        if plan.way in ("close", "refuse"):
            shut_down(self.sock)
        elif plan.way == "garble" and plan.where < 0.5:
            close_with_reset(self.sock)
        elif plan.way == "garble":
            # An upper-case field before the head, and DATA of no request after it.
            self.send(frame(HEADERS, END_HEADERS, stream, block((":status", "200"), ("X-ID", "forged")))
                      if plan.point in ("unread", "in request", "before head", "in head")
                      else frame(DATA, END_STREAM, 0, b"forged"))
        else:
            code = REFUSED_STREAM if self.is_refused(plan) else CANCEL if plan.way == "stall" else INTERNAL_ERROR
            self.send(frame(RST_STREAM, 0, stream, struct.pack(">I", code)))
        return False
