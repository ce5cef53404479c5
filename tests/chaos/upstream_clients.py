# SPDX-License-Identifier: Apache-2.0
"""Clients of routes and upstreams. Each asks until the end, and what it gets is judged by the scene."""
import base64
import random
import threading
import time
from dataclasses import dataclass, field

from faulty_backend import content
from h2_client import DATA, END_HEADERS, END_STREAM, HEADERS, RST_STREAM, H2Client, block, frame, request_fields
from raw_client import Client
from routes_plan import BETA, FIXED, Plan
from wire import Malformed, Truncated, chunk, message

REPLAYED = 64 * 1024  # bytes of content that are kept for a retry
REPEATABLE = ("GET", "HEAD", "PUT", "DELETE")
KEY = base64.b64encode(bytes(16)).decode()
PIECE = 16_384


@dataclass
class Ask:
    """One request."""

    name: str
    host: str
    target: str
    method: str = "GET"
    has_beta: bool = False
    size: int = 0  # of its content
    pauses: tuple = ()  # between the pieces of the content
    wants: str = "100 length steady"
    fields: tuple = ()  # further ones: pairs
    began: float = field(default_factory=time.monotonic)
    ended: float = 0.0

    @property
    def is_repeatable(self):
        return self.method in REPEATABLE and self.size <= REPLAYED

    def pairs(self):
        beta = (tuple(BETA.split(": ")),) if self.has_beta else ()
        return (("X-Id", self.name), ("X-Want", self.wants), *beta, *self.fields)

    def body(self):
        return content(self.name, self.size)


@dataclass
class Got:
    """A complete response."""

    status: int
    fields: dict
    body: bytes = b""


class Stranger(threading.Thread):
    """A client that sends one request after the other, for anything. `SIZES` are those of its content."""

    SIZES = (0, 10, 5000, 60_000, 200_000)
    MOST = (0, 10, 5000, 100_000)  # of responses
    LARGE = 0.4  # share of requests with content

    def __init__(self, scene, number):
        super().__init__(name=f"{type(self).__name__}{number}", daemon=True)
        self.scene = scene
        self.dice = random.Random(f"{scene.seed}/{self.name}")
        self.count = 0
        self.connection = None

    def run(self):
        try:
            while not self.scene.over():
                self.step()
                time.sleep(self.dice.uniform(0, 0.01))
        except Exception as problem:  # pylint: disable=broad-except
            self.scene.report(f"{self.name}: {problem!r}")
        finally:
            self.leave()

    def leave(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def step(self):
        self.ask(self.make())

    def make(self):
        dice = self.dice
        self.count += 1
        host, target, has_beta = Plan.targets(self.scene.setup, dice)
        has_content = dice.random() < self.LARGE
        ask = Ask(f"{self.name}.{self.count}", host, target, dice.choice(["PUT", "POST"] if has_content else [
            "GET", "GET", "HEAD", "DELETE", "POST"]), has_beta, dice.choice(self.SIZES) if has_content else 0)
        size = dice.choice(self.MOST)
        ask.wants = f"{size} {dice.choice(['length', 'chunked'])} {dice.choice(['steady', 'steady', 'drip'])}"
        if ask.size and dice.random() < 0.3:
            ask.pauses = tuple(dice.uniform(0.01, 0.2) for _ in range(3))
        return ask

    def ask(self, ask):
        """Returns the response, which was judged, or None."""
        self.connection = self.connection or Client(self.scene.proxy.address)
        got = None
        ask.began = time.monotonic()
        self.scene.sent(1)
        try:
            response = self.exchange(ask)
            got = Got(response.status, {name.lower(): value for name, value in response.fields}, response.body)
        except Malformed as problem:
            self.scene.report(f"{ask.name} got {problem}")
        except (Truncated, OSError) as problem:
            self.ended(ask)
            self.scene.judge_cut(ask, problem, self.head)
        else:
            self.ended(ask)
            self.scene.judge(ask, got)
        if not got or "close" in got.fields.get("connection", ""):
            self.leave()
        return got

    def ended(self, ask):
        ask.ended = time.monotonic()

    def exchange(self, ask):
        """Of HTTP/1."""
        self.head = None
        fields = [f"Host: {ask.host}", *map(": ".join, ask.pairs())]
        body, pieces = ask.body(), []
        if ask.pauses:
            fields.append("Transfer-Encoding: chunked")
            step = len(body) // len(ask.pauses) + 1
            pieces = [chunk(body[at:at + step]) for at in range(0, len(body), step)]
            body = b""
        elif ask.method in ("PUT", "POST"):
            fields.append(f"Content-Length: {len(body)}")
        self.connection.send_quietly(message(f"{ask.method} {ask.target} HTTP/1.1", *fields, body=body))
        for pause, piece in zip(ask.pauses, pieces):
            self.connection.send_quietly(piece)
            time.sleep(pause)
        if pieces:
            self.connection.send_quietly(b"0\r\n\r\n")
        self.head = self.connection.read_response_head()
        if ask.method == "HEAD" or self.head.status in (204, 304):
            return self.head
        return self.connection.read_body(self.head, ends_with_connection=True)


class Http2Stranger(Stranger):
    """The same over HTTP/2, with a few requests at a time on one connection."""

    SIZES = (0, 10, 5000, 15_000)  # three of them are within the window of a connection
    AT_ONCE = 3

    def step(self):
        asks = [self.make() for _ in range(self.dice.randint(1, self.AT_ONCE))]
        self.scene.sent(len(asks))
        try:
            self.connection = self.connection or H2Client(self.scene.proxy.address)
            streams = [(ask, self.begin(ask)) for ask in asks]
            for ask, stream in streams:
                self.finish(ask, stream)
            for ask, stream in streams:
                self.read(ask, stream)
        except (Truncated, OSError) as problem:
            for ask in asks:
                if not ask.ended:
                    self.ended(ask)
                    self.scene.judge_cut(ask, problem, None)
            self.leave()
        if self.connection and self.connection.goaway:
            self.leave()

    def begin(self, ask):
        ask.began = time.monotonic()
        pairs = [(name.lower(), value) for name, value in ask.pairs()]
        return self.connection.request(*pairs, end=not ask.size, method=ask.method, path=ask.target,
                                       authority=ask.host)

    def finish(self, ask, stream):
        body = ask.body()
        step = len(body) // max(len(ask.pauses), 1) + 1
        for at in range(0, len(body), step):
            flags = END_STREAM if at + step >= len(body) else 0
            self.connection.send(frame(DATA, flags, stream, body[at:at + step]))
            time.sleep(ask.pauses[at // step] if ask.pauses else 0)

    def read(self, ask, stream):
        got = self.connection.read_answer(stream)
        self.ended(ask)
        if got.reset is None:
            self.scene.judge(ask, Got(got.status, got.fields, got.body))
        elif got.reset == 0 and got.heads and ask.size:
            self.scene.judge(ask, Got(got.status, got.fields, got.body))  # the rest of the request is not wanted
        else:
            self.scene.judge_cut(ask, Truncated(f"reset with {got.reset}"), got if got.heads else None)


class Uploader(Stranger):
    """Sends content all the time."""

    LARGE = 1


class Regular(Stranger):
    """A client that stays at its endpoint by a cookie."""

    def __init__(self, scene, number, upstream):
        super().__init__(scene, number)
        self.upstream = upstream
        self.cookies = {}
        self.last = None  # endpoint, and when it responded

    def step(self):
        self.count += 1
        cookies = "; ".join(map("=".join, self.cookies.items()))
        ask = Ask(f"{self.name}.{self.count}", FIXED, f"/to-{self.upstream}/r",
                  fields=(("Cookie", cookies),) if cookies else ())
        got = self.ask(ask)
        if got and "x-endpoint" in got.fields:
            self.judge(ask, got)
        time.sleep(0.02)

    def judge(self, ask, got):
        endpoint = got.fields["x-endpoint"]
        cookie = got.fields.get("set-cookie", "").partition(";")[0]
        if self.last:
            self.scene.judge_move(ask, *self.last, endpoint)
            if (endpoint != self.last[0]) != bool(cookie) and not self.scene.was_renamed(self.upstream, ask):
                self.scene.report(f"{ask.name} went from {self.last[0]} to {endpoint} with the cookie {cookie!r}")
        if cookie:
            name, _, value = cookie.partition("=")
            self.cookies[name] = value
        self.last = endpoint, ask.began


class Loner(Stranger):
    """A client of an upstream whose endpoint is chosen by a field, under several names, or by its address. There are no
    other clients of that upstream."""

    def __init__(self, scene, number):
        super().__init__(scene, number)
        self.last = {}  # by name
        self.names = 1 if scene.setup.upstreams["alone"].get("sticky") == "client" else 6

    def step(self):
        self.count += 1
        user = f"user{self.dice.randint(1, self.names)}"
        ask = Ask(f"{self.name}.{self.count}", FIXED, "/to-alone/l", fields=(("X-User", user),))
        got = self.ask(ask)
        if got and "x-endpoint" in got.fields:
            if user in self.last:
                self.scene.judge_move(ask, *self.last[user], got.fields["x-endpoint"], may_return=True)
            self.last[user] = got.fields["x-endpoint"], ask.began


class Talker(Stranger):
    """Opens WebSockets and talks for a while."""

    def step(self):
        self.count += 1
        upstream = self.dice.choice(self.scene.talkative)
        ask = Ask(f"{self.name}.{self.count}", FIXED, f"/to-{upstream}/w")
        self.scene.sent(1)
        try:
            endpoint = self.open(ask)
        except (Truncated, OSError) as problem:
            self.ended(ask)
            self.scene.judge_cut(ask, problem, None)
        else:
            if endpoint:
                self.talk(ask, endpoint)
        self.leave()

    def open(self, ask):
        """Returns the endpoint of the tunnel, or None if there is none."""
        self.connection = Client(self.scene.proxy.address)
        ask.began = time.monotonic()
        self.connection.send(message(f"GET {ask.target} HTTP/1.1", f"Host: {ask.host}", *map(": ".join, ask.pairs()),
                                     "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                                     f"Sec-WebSocket-Key: {KEY}"))
        head = self.connection.read_response_head()
        if head.status != 101:
            self.connection.read_body(head)
        self.ended(ask)
        return self.opened(ask, Got(head.status, {name.lower(): value for name, value in head.fields}, head.body))

    def opened(self, ask, got):
        self.scene.judge(ask, got, is_tunnel=True)
        return got.fields.get("x-endpoint") if got.status in (101, 200) else None

    def talk(self, ask, endpoint):
        heard = ask.began
        for number in range(self.dice.randint(1, 40)):
            said = b"%08d" % number
            try:
                heard_back = self.say(said)
            except (Truncated, OSError) as problem:
                return self.scene.judge_tunnel(ask, endpoint, heard, problem)
            if heard_back != said:
                self.scene.report(f"{ask.name} said {said} and heard {heard_back}")
            heard = time.monotonic()
            time.sleep(self.dice.uniform(0, 0.1))
        return None

    def say(self, said):
        self.connection.send(said)
        return self.connection.read_exactly(len(said))


class Http2Talker(Talker):
    """The same over HTTP/2 (RFC 8441)."""

    def open(self, ask):
        self.connection = H2Client(self.scene.proxy.address)
        self.stream = self.connection.new_stream()
        ask.began = time.monotonic()
        pairs = [(name.lower(), value) for name, value in ask.pairs()]
        fields = request_fields(*pairs, method="CONNECT", path=ask.target, authority=ask.host)
        self.connection.send(frame(HEADERS, END_HEADERS, self.stream, block(
            fields[0], (":protocol", "websocket"), *fields[1:], ("sec-websocket-version", "13"))))
        got = self.connection.read_head(self.stream)
        self.ended(ask)
        return self.opened(ask, Got(got.status, got.fields))

    def say(self, said):
        answer = self.connection.answers[self.stream]
        self.connection.send(frame(DATA, 0, self.stream, said))
        while len(answer.body) < len(said):
            kind, flags, stream, _ = self.connection.read_frame()
            if stream == self.stream and (kind == RST_STREAM or flags & END_STREAM and kind in (DATA, HEADERS)):
                raise Truncated("the tunnel ended")
        said, answer.body = answer.body, b""
        return said

    def leave(self):
        """Ends the tunnel, and waits until the endpoint has done the same."""
        try:
            if self.connection and self.connection.send_quietly(frame(DATA, END_STREAM, self.stream)):
                self.connection.read_answer(self.stream)
        except (Truncated, OSError):
            self.scene.end_counted_otherwise()
        super().leave()
