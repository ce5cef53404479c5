#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clients that leave when they like, a backend that fails in every way, and onehop between them.

    tests/chaos/chaos.py --seed 7 --seconds 120

Whatever happens, a client gets its own complete answer or a clear failure; a POST reaches the backend
once at most; and when it is over, everything is as it was before.
"""
import argparse
import collections
import random
import sys
import threading
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1] / "integration")]

from faulty_backend import FaultyBackend, content  # noqa: E402
from proxy_process import Proxy  # noqa: E402
from wire import Malformed, Truncated, chunk, message  # noqa: E402

FLAGS = ("--access-log", "off", "--response-timeout", "400ms", "--activity-timeout", "400ms", "--connect-timeout",
         "2s", "--body-timeout", "2s", "--workers", "2")
CLIENTS = 16


class Chaos:
    def __init__(self, seed, requests=None, seconds=None):
        self.seed = seed
        self.most = requests
        self.deadline = time.monotonic() + seconds if seconds else None
        self.backend = FaultyBackend(seed)
        self.proxy = Proxy(*FLAGS, self.backend.url)
        self.problems = self.backend.problems
        self.outcomes = collections.Counter()
        self.next = 0
        self.lock = threading.Lock()

    def run(self):
        """What went wrong, one line each."""
        try:
            self.measure_rest()
            clients = [threading.Thread(target=self.be_client) for _ in range(CLIENTS)]
            for client in clients:
                client.start()
            self.interrupt_while(clients)
            self.backend.calm = True
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
        """Refuses connections now and then."""
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

    def be_client(self):
        connection = None
        while (number := self.take_number()) is not None:
            name = f"r{number}"
            try:
                connection = connection or self.proxy.client()
                outcome, connection = Asking(self, name, connection).run()
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

    def ask_calmly(self):
        calm, self.backend.calm = self.backend.calm, True
        with self.proxy.client() as client:
            got = client.ask(message("GET / HTTP/1.1", "Host: h", "X-Id: calm"))
            if got.status not in (200, 204):
                self.problems.append(f"a clean request was answered {got!r}")
        self.backend.calm = calm

    def check_health(self):
        """No fault has left anything behind."""
        time.sleep(0.5)
        for _ in range(50):
            self.ask_calmly()
        deadline = time.monotonic() + 8  # idle connections to the backend are closed after 4 s
        while self.proxy.descriptors() > self.descriptors + 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        if self.proxy.descriptors() > self.descriptors + 2:
            self.problems.append(f"{self.descriptors} descriptors have become {self.proxy.descriptors()}")


class Asking:
    """One request of a client: what it sends, and whether it stays for the answer."""

    def __init__(self, chaos, name, connection):
        dice = random.Random(f"{chaos.seed}/client/{name}")
        self.chaos, self.name, self.connection = chaos, name, connection
        self.method = dice.choice(["GET", "GET", "HEAD", "POST", "POST", "PUT", "DELETE"])
        size = dice.choice([0, 10, 5000, 100_000]) if self.method in ("POST", "PUT") else 0
        self.body = content(name, size)
        self.is_chunked = dice.random() < 0.5
        self.leaves = dice.choice(["in request", "before answer", "in answer"]) if dice.random() < 0.08 else None
        self.leave = connection.reset if dice.random() < 0.5 else connection.close
        self.where = dice.random()

    def octets(self):
        fields = ["Host: h", f"X-Id: {self.name}"]
        body = self.body
        if body and self.is_chunked:
            fields.append("Transfer-Encoding: chunked")
            body = chunk(body) + b"0\r\n\r\n"
        elif self.method in ("POST", "PUT"):
            fields.append(f"Content-Length: {len(body)}")
        return message(f"{self.method} / HTTP/1.1", *fields, body=body)

    def run(self):
        """How it ended, and the connection if that can go on."""
        octets = self.octets()
        if self.leaves == "in request":
            self.connection.send_quietly(octets[:int(len(octets) * self.where)])
            return self.gone()
        self.connection.send_quietly(octets)
        if self.leaves == "before answer":
            return self.gone()
        if self.leaves == "in answer":
            self.connection.read_some()
            return self.gone()
        return self.judge(self.connection.read_final(self.method))

    def gone(self):
        self.leave()
        return "left", None

    def judge(self, got):
        goes_on = self.connection if "close" not in got.fields.tokens("connection") else None
        if not goes_on:
            self.connection.close()
        if not got.fields.has("x-id"):
            if got.status not in (502, 503, 504):
                self.chaos.problems.append(f"{self.name} was answered {got!r}")
            return f"{got.status} of the proxy", goes_on
        size = 0 if self.method == "HEAD" or got.status == 204 else int(got.fields.get("x-size"))
        if got.fields.get("x-id") != self.name or got.body != content(self.name, size):
            self.chaos.problems.append(f"{self.name} got what is not its answer: {got!r}")
        return "complete", goes_on


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--seconds", type=float, default=120)
    options = parser.parse_args()
    print(f"chaos: seed {options.seed}, {options.seconds:g} s", flush=True)
    chaos = Chaos(options.seed, seconds=options.seconds)
    problems = chaos.run()
    for what, count in sorted((chaos.outcomes + chaos.backend.faults).items()):
        print(f"{count:8} {what}")
    print("\n".join(problems[:50]) or "everything held")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
