# SPDX-License-Identifier: Apache-2.0
"""Identical backends, each a process, and clients that send requests without a pause."""
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

from proxy_process import free_port
from raw_client import Client, connect
from wire import PATIENCE, Truncated, get


class Replica:
    PROGRAM = Path(__file__).with_name("replica.py")

    def __init__(self, name, host="127.0.0.1", port=None):
        self.name = name
        self.address = (host, port or free_port(host))
        self.process = None
        self.start()

    @property
    def url(self):
        return "http://%s:%d" % self.address

    def arguments(self):
        return self.address[0], str(self.address[1]), self.name

    def start(self):
        self.process = subprocess.Popen([sys.executable, "-B", self.PROGRAM, *self.arguments()],
                                        stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 4 * PATIENCE
        while True:
            try:
                return connect(self.address).close()
            except OSError:
                assert self.process.poll() is None and time.monotonic() < deadline, f"{self.name} does not start"
                time.sleep(0.01)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def tell(self, path):
        """Sends a command directly to the replica, not through the proxy."""
        with Client(self.address) as client:
            assert client.ask(get(path)).body == self.name.encode()

    def slow_down(self, milliseconds):
        self.tell(f"/-/delay/{milliseconds}")

    def report_health(self, status):
        self.tell(f"/-/health/{status}")


class Load:
    """Clients that ask one after the other; `answers` counts (status, name of the replica)."""

    def __init__(self, address, request=get("/"), clients=6):
        self.answers = Counter()
        self.slowest = 0.0
        self._address, self._request = address, request
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(clients)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self):
        client = Client(self._address)
        while not self._over.is_set():
            began = time.monotonic()
            try:
                answer = client.ask(self._request)
                result = (answer.status, answer.body.decode(errors="replace"))
            except (OSError, AssertionError, Truncated) as error:
                result = (0, repr(error))
            took = time.monotonic() - began
            with self._lock:
                self.answers[result] += 1
                self.slowest = max(self.slowest, took)
            if result[0] != 200:
                client.close()
                client = Client(self._address)
        client.close()

    def since(self, before):
        """The responses after a copy of `answers` was taken."""
        with self._lock:
            return self.answers - before

    def snapshot(self):
        with self._lock:
            return Counter(self.answers)

    def wait_until(self, holds, patience=4 * PATIENCE):
        """Waits until holds(answers since now) is true."""
        before = self.snapshot()
        deadline = time.monotonic() + patience
        while not holds(self.since(before)):
            assert time.monotonic() < deadline, f"still {self.since(before)}"
            time.sleep(0.02)
