# SPDX-License-Identifier: Apache-2.0
"""A proxy under siege: clients that only consume, a scripted backend for them, and a well-behaved client."""
import socket
import struct
import time

from h2_client import DATA, WINDOW_UPDATE, H2Client, frame
from proxy_process import SANITIZED
from raw_client import Client
from wire import OK, PATIENCE, Truncated, message

KIB, MIB = 1024, 1024 * 1024
WORKERS = 2
THREAD = 4 * MIB  # scratch memory and free lists of each, as docs/operating.md says

ATTACKER, OTHER = "127.0.0.2", "127.0.0.3"


def attacker(address, receive_buffer=None):
    sock = socket.socket()
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.settimeout(PATIENCE)
    sock.bind((ATTACKER, 0))
    sock.connect(address)
    return sock


class Siege:
    """A proxy, its attackers, and a client that is not involved."""

    def __init__(self, start_proxy, backend, *flags, url=None):
        self.backend = backend
        self.proxy = start_proxy("--workers", WORKERS, "--defer-accept", "off", "--access-log", "off",
                                 *flags, url or backend.url)
        self.sockets = []
        self.scripts = {}
        backend.play(self.script)
        self.greet()
        self.before = self.proxy.resident_bytes()

    def greet(self):
        with Client(self.proxy.address, OTHER) as client:
            assert client.get().status == 200

    def attackers(self, count, receive_buffer=None):
        new = [attacker(self.proxy.address, receive_buffer) for _ in range(count)]
        self.sockets += new
        return new

    def answer(self, slow, target="/slow"):
        """The backend runs that script for `target`, and responds to other requests immediately."""
        self.scripts[target] = slow

    def script(self, peer):
        while True:
            head = peer.read_request_head()
            if head.target in self.scripts:
                self.scripts[head.target](peer)
                continue
            peer.read_body(head)
            peer.send(OK)

    def wait_for_slow_requests(self, count):
        seen = self.backend.requests
        self.wait_for(lambda: sum(head.target == "/slow" for head in seen) >= count, f"{count} requests")

    def wait_for(self, condition, what, patience=2 * PATIENCE):
        deadline = time.monotonic() + patience
        while not condition():
            assert time.monotonic() < deadline, f"waited in vain for {what}"
            time.sleep(0.01)

    def assert_others_are_served(self, times=5):
        with Client(self.proxy.address, OTHER) as keep_alive:
            for _ in range(times):
                assert keep_alive.get().status == 200
                with Client(self.proxy.address, OTHER) as new:
                    assert new.get().status == 200

    def assert_memory_within(self, allowed):
        """`allowed` is the memory for all that is going on, in addition to the workers' own."""
        if SANITIZED:
            return
        most, allowed = 0, allowed + WORKERS * THREAD
        for _ in range(10):  # it may still be reading what was sent
            most = max(most, self.proxy.resident_bytes() - self.before)
            time.sleep(0.02)
        assert most <= allowed, f"{most / MIB:.1f} MiB, and {allowed / MIB:.1f} are allowed"

    def wait_for_memory(self, allowed):
        """Waits until the proxy holds no more than that; ended connections may be released a second or two later."""
        held = []

        def is_within():
            held.append(self.proxy.resident_bytes() - self.before)
            return held[-1] <= allowed

        try:
            self.wait_for(is_within, "memory to be given back", PATIENCE)
        except AssertionError as error:
            raise AssertionError(f"{held[-1] / MIB:.1f} MiB, and {allowed / MIB:.1f} are allowed") from error

    def lift(self):
        for sock in self.sockets:
            sock.close()
        self.sockets = []

    def lift_and_wait_for_memory(self):
        """Above max_memory the proxy may refuse others until it has noticed that the attackers left, some of whom it
        accepts only then."""
        self.lift()

        def is_served():
            try:
                with Client(self.proxy.address, OTHER) as client:
                    return client.get().status == 200
            except (Truncated, ConnectionError):
                return False

        self.wait_for(lambda: all(is_served() for _ in range(10)), "memory to be free again")


class Reluctant(H2Client):
    """Opens its windows only when the test says so."""

    def note(self, kind, flags, stream, payload):
        if kind == DATA:
            self.answers[stream].body += payload
        else:
            super().note(kind, flags, stream, payload)

    def open_window(self, stream, bytes):
        return self.send_quietly(frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", bytes)))


def send_for_ever(peer):
    peer.send(message("HTTP/1.1 200 OK", "Content-Length: 1000000000000"))
    while True:
        peer.send(b"x" * MIB)
