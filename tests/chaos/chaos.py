#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Clients that leave at random times, a backend that fails in every way, and onehop between them.

    tests/chaos/chaos.py --seed 7 --seconds 120

Whatever happens, a client gets its own complete answer or a clear failure; a POST reaches the backend
once at most; and when it is over, everything is as it was before. `--backend several` plays the scenes of
upstreams and routes, of upstream_chaos.py.
"""
import argparse
import collections
import random
import struct
import sys
import threading
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1] / "integration")]

from faulty_backend import PATIENCE, FaultyBackend, content  # noqa: E402
from faulty_h2_backend import FaultyHttp2Backend  # noqa: E402
from h2_client import (CANCEL, DATA, END_STREAM, INITIAL_WINDOW_SIZE, RST_STREAM, WINDOW_UPDATE,  # noqa: E402
                       H2Client, frame)
from proxy_process import Proxy  # noqa: E402
from upstream_chaos import SCENE, UpstreamChaos  # noqa: E402
from wire import Malformed, Truncated, chunk, message  # noqa: E402

FLAGS = ("--access-log", "off", "--response-timeout", f"{PATIENCE}s", "--activity-timeout", f"{PATIENCE}s",
         "--connect-timeout", "2s", "--body-timeout", "2s", "--write-timeout", "5s", "--workers", "2")
BACKENDS = {"h1": FaultyBackend, "h2": FaultyHttp2Backend}


class Chaos:
    clients = ()  # kinds of Question; set below
    at_once = 16  # clients

    def __init__(self, seed, backend, requests=None, seconds=None, flags=()):
        self.seed = seed
        self.most = requests
        self.deadline = time.monotonic() + seconds if seconds else None
        self.backend = BACKENDS[backend](seed)
        self.proxy = Proxy(*FLAGS, *flags, self.backend.url)
        self.problems = self.backend.problems
        self.outcomes = collections.Counter()
        self.vanished = []  # connections of clients that neither read nor close
        self.next = 0
        self.connections = 0
        self.lock = threading.Lock()

    def run(self):
        """The problems found, one line each."""
        try:
            self.measure_rest()
            clients = [threading.Thread(target=self.be_client, args=(kind,))
                       for kind in self.clients for _ in range(self.at_once // len(self.clients))]
            for client in clients:
                client.start()
            self.interrupt_while(clients)
            self.backend.calm = True
            for connection in self.vanished:
                connection.close()
            self.check_health()
        finally:
            code = self.proxy.stop()
            self.backend.stop()
        if code != 0:
            self.problems.append(f"onehop ended with {code}: {self.proxy.stderr()[-2000:]}")
        return self.problems

    def measure_rest(self):
        self.ask_calmly()
        time.sleep(0.1)
        self.descriptors = self.proxy.descriptors()

    def interrupt_while(self, clients):
        """Refuses connections at random times."""
        dice = random.Random(f"{self.seed}/refusals")
        while any(client.is_alive() for client in clients):
            time.sleep(dice.uniform(0.05, 0.5))
            self.backend.refuse_for(dice.uniform(0.001, 0.05))

    def take_number(self):
        with self.lock:
            over = self.deadline and time.monotonic() > self.deadline
            if over or self.next == self.most:
                return None
            self.next += 1
            return self.next

    def be_client(self, kind):
        connection = None
        while (number := self.take_number()) is not None:
            name = f"r{number}"
            try:
                connection = connection or self.connect(kind, name)
                outcome, connection = kind(self, name, connection).run()
            except Malformed as problem:
                self.problems.append(f"{name} was answered {problem}")
                outcome, connection = "malformed", None
            except TimeoutError as problem:
                self.problems.append(f"{name} got neither an answer nor a failure: {problem}")
                outcome, connection = "hangs", None
            except (Truncated, OSError):
                outcome, connection = "cut", None
            with self.lock:
                self.outcomes[outcome] += 1
        if connection:
            connection.close()

    def connect(self, kind, name):
        connection = kind.connect(self.proxy, random.Random(f"{self.seed}/connection/{name}"))
        with self.lock:
            self.connections += 1
            connection.marker = f"c{self.connections}"
        return connection

    def ask_calmly(self):
        calm, self.backend.calm = self.backend.calm, True
        with self.proxy.client() as client:
            got = client.ask(message("GET / HTTP/1.1", "Host: h", "X-Id: calm"))
            if got.status not in (200, 204):
                self.problems.append(f"a clean request was answered {got!r}")
        self.backend.calm = calm

    def check_health(self):
        """Checks that no fault has left a trace."""
        time.sleep(0.5)
        for _ in range(50):
            self.ask_calmly()
        deadline = time.monotonic() + 8  # idle connections to the backend are closed after 4 s
        while self.proxy.descriptors() > self.descriptors + 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        if self.proxy.descriptors() > self.descriptors + 2:
            self.problems.append(f"{self.descriptors} descriptors have become {self.proxy.descriptors()}")


class Question:
    """One request of a client, and whether it stays for the response."""

    def __init__(self, chaos, name, connection):
        dice = random.Random(f"{chaos.seed}/client/{name}")
        self.chaos, self.name, self.connection = chaos, name, connection
        self.method = dice.choice(["GET", "GET", "HEAD", "POST", "POST", "PUT", "DELETE"])
        size = dice.choice(self.SIZES) if self.method in ("POST", "PUT") else 0
        self.body = content(name, size)
        self.is_chunked = dice.random() < 0.5
        self.leaves = dice.choice(["in request", "before answer", "in answer"]) if dice.random() < 0.08 else None
        self.leaves_rudely = dice.random() < 0.5
        self.where = dice.random()
        # Of this client's connection: credentials sent on it must serve no other client.
        self.credentials = dice.choice(["NTLM TlRMTVNTUAAB", "negotiate YII=", "nTLM TlRMTVNTUAAD",
                                        "Basic YTpi"]) if dice.random() < 0.15 else None
        self.stalls = dice.uniform(0.1, 0.5) if dice.random() < 0.05 else 0  # before it reads
        if not self.leaves and dice.random() < 0.01:
            self.leaves = "by vanishing"

    def vanish(self):
        """Stays connected but neither reads nor sends any more."""
        with self.chaos.lock:
            self.chaos.vanished.append(self.connection)
        return "vanished", None

    def judge(self, status, fields, body):
        """Checks a complete response: the expected one, or one of the proxy itself."""
        if "x-id" not in fields:
            if status not in (502, 503, 504):
                self.chaos.problems.append(f"{self.name} was answered {status} {fields} {body[:80]!r}")
            return f"{status} of the proxy"
        if fields["x-owner"] not in ("None", self.connection.marker):
            self.chaos.problems.append(f"{self.name} of {self.connection.marker} was served for {fields['x-owner']}")
        size = 0 if self.method == "HEAD" or status == 204 else int(fields["x-size"])
        if fields["x-id"] != self.name or body != content(self.name, size):
            self.chaos.problems.append(f"{self.name} got what is not its answer: {status} {fields} {body[:80]!r}")
        return "complete"


class Asking(Question):
    """Over HTTP/1."""

    SIZES = (0, 10, 5000, 100_000)

    @staticmethod
    def connect(proxy, _dice):
        return proxy.client()

    def bytes(self):
        fields = ["Host: h", f"X-Id: {self.name}", f"X-Client: {self.connection.marker}"]
        if self.credentials:
            fields.append(f"Authorization: {self.credentials}")
        body = self.body
        if body and self.is_chunked:
            fields.append("Transfer-Encoding: chunked")
            body = chunk(body) + b"0\r\n\r\n"
        elif self.method in ("POST", "PUT"):
            fields.append(f"Content-Length: {len(body)}")
        return message(f"{self.method} / HTTP/1.1", *fields, body=body)

    def run(self):
        """Returns how it ended, and the connection if it can be reused."""
        bytes = self.bytes()
        if self.leaves == "in request":
            self.connection.send_quietly(bytes[:int(len(bytes) * self.where)])
            return self.gone()
        self.connection.send_quietly(bytes)
        if self.leaves == "by vanishing":
            return self.vanish()
        if self.leaves == "before answer":
            return self.gone()
        time.sleep(self.stalls)
        if self.leaves == "in answer":
            self.connection.read_some()
            return self.gone()
        got = self.connection.read_final(self.method)
        goes_on = self.connection if "close" not in got.fields.tokens("connection") else None
        if not goes_on:
            self.connection.close()
        return self.judge(got.status, {name.lower(): value for name, value in got.fields}, got.body), goes_on

    def gone(self):
        if self.leaves_rudely:
            self.connection.reset()
        else:
            self.connection.close()
        return "left", None


class AskingHttp2(Question):
    """Over HTTP/2 a leaving client may also cancel only the request."""

    SIZES = (0, 10, 5000, 30_000)  # within any window

    @staticmethod
    def connect(proxy, dice):
        """Some clients have windows that allow no bytes until they are opened."""
        first = dice.choice([0, 1, 65_535, 65_535])
        connection = H2Client(proxy.address, [(INITIAL_WINDOW_SIZE, first)])
        connection.first_window = first
        return connection

    def open_window(self, stream):
        """Opens the window by single bytes first, and then fully."""
        if self.connection.first_window > 1:
            return
        for more in (1, 1, 65_535):
            self.connection.send(frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", more)))

    def run(self):
        fields = [("x-id", self.name), ("x-client", self.connection.marker)]
        if self.credentials:
            fields.append(("authorization", self.credentials))
        if not self.is_chunked and self.method in ("POST", "PUT"):
            fields.append(("content-length", str(len(self.body))))
        stream = self.connection.request(*fields, end=not self.body, method=self.method)
        sent = int(len(self.body) * self.where) if self.leaves == "in request" else len(self.body)
        for at in range(0, sent, 16_384):
            piece = self.body[at:min(sent, at + 16_384)]
            self.connection.send(frame(DATA, END_STREAM if at + len(piece) == len(self.body) else 0, stream, piece))
        if self.leaves == "by vanishing":
            return self.vanish()
        if self.leaves == "in answer":
            self.connection.read_frame()
        if self.leaves:
            return self.gone(stream)
        time.sleep(self.stalls)
        self.open_window(stream)
        got = self.connection.read_answer(stream)
        if got.reset is not None:
            return "reset", self.connection
        return self.judge(got.status, got.fields, got.body), self.connection

    def gone(self, stream):
        if self.leaves_rudely:
            self.connection.close()
            return "left", None
        self.connection.send(frame(RST_STREAM, 0, stream, struct.pack(">I", CANCEL)))
        return "left its stream", self.connection


Chaos.clients = (Asking, AskingHttp2)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--seconds", type=float, default=60, help="for each kind of backend")
    kinds = [*BACKENDS, "several"]
    parser.add_argument("--backend", choices=[*kinds, "all"], default="all", help="its version, or several backends")
    options = parser.parse_args()
    wanted = kinds if options.backend == "all" else [options.backend]
    return max([report(options.seed, backend, options.seconds) for backend in wanted])


def report(seed, backend, seconds):
    if backend == "several":
        return report_scenes(seed, seconds)
    print(f"chaos: seed {seed}, a backend of {backend}, {seconds:g} s", flush=True)
    chaos = Chaos(seed, backend, seconds=seconds)
    chaos.backend.may_be_early = True
    problems = chaos.run()
    for what, count in sorted((chaos.outcomes + chaos.backend.faults).items()):
        print(f"{count:8} {what}")
    print("\n".join(problems[:50]) or "everything held")
    return 1 if problems else 0


def report_scenes(seed, seconds):
    """Scenes of several backends, each with the next seed, until the time is over."""
    deadline = time.monotonic() + seconds
    failed = []
    while True:
        scene = UpstreamChaos(seed, min(seconds, SCENE))
        print(f"chaos: {scene}", flush=True)
        problems = scene.run()
        print(", ".join(f"{count} {what}" for what, count in sorted((scene.events + scene.outcomes).items())))
        print("\n".join(problems[:50]) or "everything held", flush=True)
        if problems:
            failed.append(seed)
            print(f"repeat it with: {scene.repetition}", flush=True)
        seed += 1
        if time.monotonic() > deadline:
            break
    print(f"{len(failed)} scenes failed: {failed}" if failed else "every scene held")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
