# SPDX-License-Identifier: Apache-2.0
"""One process drains while the next takes over its port, under load: no accepted request is lost."""
import itertools
import sys
import threading
import time
from pathlib import Path

import pytest

from h2_client import H2Client
from proxy_process import SANITIZED
from raw_client import Client, connect
from tls_peers import Certificates, TlsClient, trusting
from wire import PATIENCE, Malformed, Truncated, get

sys.path.append(str(Path(__file__).resolve().parents[1] / "chaos"))
from faulty_backend import FaultyBackend, content  # noqa: E402

RESTARTS = 2 if SANITIZED else 4
BETWEEN = 60  # requests, at least
STREAMS = 3
LOST = (Truncated, OSError)  # an ssl.SSLError is one, too


class SlowBackend(FaultyBackend):
    """Responds correctly, with a pause before the response or in its middle."""

    def plan_for(self, name, number):
        plan = super().plan_for(name, number)
        plan.way = "delay"
        plan.point = "before head" if plan.where < 0.5 else "in body"
        plan.pause /= 3
        return plan


class Load:
    """Sends named requests from many clients until it ends."""

    def __init__(self, address, context):
        self.address = address
        self.context = context
        self.numbers = itertools.count(1)
        self.over = threading.Event()
        # Guarded by lock.
        self.served = {}  # by kind of client
        self.unanswered = []
        self.problems = []
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.run, args=(kind,), daemon=True)
                        for kind in (self.keep_asking, self.ask_once, self.keep_asking_h2) for _ in range(3)]
        for thread in self.threads:
            thread.start()

    def run(self, kind):
        try:
            while not self.over.is_set():
                kind()
        except (AssertionError, Malformed) as problem:
            with self.lock:
                self.problems.append(f"{kind.__name__}: {problem}")

    def end(self):
        self.over.set()
        for thread in self.threads:
            thread.join(PATIENCE)

    def total(self):
        with self.lock:
            return sum(self.served.values())

    def note(self, kind, status, fields, body):
        name = fields["x-id"]
        size = int(fields.get("x-size", 0)) if status == 200 else 0
        assert status in (200, 204) and body == content(name, size), f"{name}: {status} {body[:80]!r}"
        with self.lock:
            self.served[kind] = self.served.get(kind, 0) + 1

    def record_unanswered(self, names, received=b""):
        """No other request may have seen these, and no byte of a response has arrived."""
        with self.lock:
            self.unanswered += names
            if received:
                self.problems.append(f"{names} were answered in part: {received[:200]!r}")

    def connect(self):
        """Returns None if no process listens."""
        try:
            return TlsClient(self.address, self.context("http/1.1")) if self.context else Client(self.address)
        except LOST:
            time.sleep(0.01)
            return None

    def ask(self, kind, client):
        """Returns true if the connection can be reused."""
        name = f"r{next(self.numbers)}"
        before = len(client.received)
        try:
            got = client.ask(get("/", f"X-Id: {name}"))
        except LOST:
            self.record_unanswered([name], client.received[before:])
            return False
        assert got.fields.get("x-id") == name, f"{name} got the answer to another: {got!r}"
        self.note(kind, got.status, {field.lower(): value for field, value in got.fields}, got.body)
        return "close" not in got.fields.tokens("connection")

    def keep_asking(self):
        client = self.connect()
        while client and not self.over.is_set() and self.ask("keep-alive", client):
            pass
        if client:
            client.close()

    def ask_once(self):
        client = self.connect()
        if client:
            self.ask("new", client)
            client.close()

    def keep_asking_h2(self):
        try:
            sock = connect(self.address)
            if self.context:
                sock = self.context("h2").wrap_socket(sock, server_hostname="localhost")
            client = H2Client(self.address, sock=sock)
        except LOST:
            time.sleep(0.01)
            return
        with client:
            while not self.over.is_set() and client.goaway is None and self.ask_h2(client):
                pass

    def ask_h2(self, client):
        waiting = {}
        try:
            for _ in range(STREAMS):
                name = f"r{next(self.numbers)}"
                waiting[client.next_stream] = name
                client.request(("x-id", name))
            for stream, name in list(waiting.items()):
                got = client.read_answer(stream)
                if got.reset is not None:
                    continue  # it was refused
                assert got.fields["x-id"] == name, f"{name} got the answer to another: {got.fields}"
                self.note("HTTP/2", got.status, got.fields, got.body)
                del waiting[stream]
        except LOST:
            answers = [client.answers.get(stream) for stream in waiting]
            waiting = {stream: name for stream, name in waiting.items() if not is_whole(client.answers.get(stream))}
            if any(answer and answer.heads and not is_whole(answer) for answer in answers):
                self.record_unanswered([], b"a head over HTTP/2")
        self.record_unanswered(waiting.values())
        return not waiting


def is_whole(answer):
    return bool(answer and answer.frames and answer.reset is None and answer.frames[-1][0] in (0, 1)
                and answer.frames[-1][1] & 1)


def wait_until_refused(address):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            connect(address).close()
        except OSError:
            return
    pytest.fail("the listener stays open")


@pytest.mark.parametrize("with_tls", [False, True], ids=["plain", "tls"])
def test_a_successor_takes_over_and_no_accepted_request_is_lost(start_proxy, tmp_path, with_tls):
    backend = SlowBackend(1)
    flags = ["--access-log", "off", "--workers", "2", backend.url]
    context = None
    if with_tls:
        certificates = Certificates(tmp_path / "tls")
        pair = certificates.sign("localhost", "localhost", "127.0.0.1")
        flags = ["--tls", pair[0], "--tls-key", pair[1], *flags]

        def context(protocol):
            made = trusting(certificates)
            made.set_alpn_protocols([protocol])
            return made

    proxy = start_proxy(*flags)
    load = Load(proxy.address, context)
    try:
        for _ in range(RESTARTS):
            enough = load.total() + BETWEEN
            deadline = time.monotonic() + PATIENCE
            while load.total() < enough and time.monotonic() < deadline and not load.problems:
                time.sleep(0.01)
            assert load.total() >= enough or load.problems, "there is no load"
            proxy.signal()
            wait_until_refused(proxy.address)
            successor = start_proxy(*flags, listen=proxy.address)
            assert proxy.wait() == 0
            proxy = successor
    finally:
        load.end()
        backend.stop()
    assert load.problems == []
    assert backend.problems == []
    lost = [name for name in load.unanswered if backend.tries[name]]
    assert lost == [], f"{len(lost)} of {load.total()} requests were accepted and not answered"
    assert sorted(load.served) == ["HTTP/2", "keep-alive", "new"]
