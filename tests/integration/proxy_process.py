# SPDX-License-Identifier: Apache-2.0
"""The program under test, started as a user starts it."""
import itertools
import os
import random
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from process_files import of_threads, state_in
from raw_client import Client, connect
from wire import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("ONEHOP", str(ROOT / "build" / "release" / "onehop"))
# For a program that runs as another user, who may not be able to read the suppressions.
ENVIRONMENT_OF_OTHERS = {**os.environ, "TSAN_OPTIONS": ""}
# Where a test fails, instead of being skipped, if a program that it needs is missing.
IN_CI = bool(os.environ.get("CI"))
SANITIZED = bool(os.environ.get("ONEHOP_SANITIZE"))
# UndefinedBehaviorSanitizer looks at the type of an object through a pipe: without descriptors it sees none.
NEEDS_DESCRIPTORS = "undefined" in os.environ.get("ONEHOP_SANITIZE", "")


def ports_of_this_process(first, share):
    """Endless, from a range of the four processes that run tests side by side: each has its own `share` ports, and
    gives none of them twice before it has given all."""
    first += share * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 4)
    at = first + random.randrange(share)
    return itertools.cycle([*range(at, first + share), *range(first, at)])


# Below those the kernel gives to outgoing connections.
PORTS = ports_of_this_process(20000, 3000)
PRIVILEGED_PORTS = ports_of_this_process(624, 100)


def first_free(ports, host):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in itertools.islice(ports, 200):
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            try:
                probe.bind((host, port))
                return port
            except OSError:
                continue
    raise RuntimeError("no free port")


def free_port(host="127.0.0.1"):
    return first_free(PORTS, host)


def free_privileged_port():
    return first_free(PRIVILEGED_PORTS, "127.0.0.1")


def open_to_all(folder):
    """Other users reach the folder of a test, and may not write to it."""
    for one in (folder, *folder.parents):
        if str(one).startswith("/tmp/"):
            os.chmod(one, 0o755)


def run_onehop(*args, patience=2 * PATIENCE):
    """Runs the program to its end."""
    return subprocess.run([PROGRAM, *map(str, args)], capture_output=True, text=True,
                          timeout=patience, stdin=subprocess.DEVNULL, check=False)


class Proxy:
    """A running `onehop`. Its output goes to files, so that it never waits for a reader."""

    def __init__(self, *args, listen=None, configured=None, ready=True):
        """`listen` is the address to listen on; `configured` one that the arguments or a file have."""
        self.address = configured or listen or ("127.0.0.1", free_port())
        self.output = tempfile.TemporaryFile("w+")
        self.messages = tempfile.TemporaryFile("w+")
        place = f"unix:{listen}" if isinstance(listen, str) else "%s:%d" % (
            f"[{self.address[0]}]" if ":" in self.address[0] else self.address[0], self.address[1])
        listener = [] if configured else ["-l", place]
        self.process = subprocess.Popen([PROGRAM, *listener, *map(str, args)],
                                        stdin=subprocess.DEVNULL, stdout=self.output,
                                        stderr=self.messages)
        if ready:
            self.wait_until_ready()

    @property
    def pid(self):
        return self.process.pid

    @property
    def url(self):
        return "http://%s:%d" % self.address

    def wait_until_ready(self):
        """Waits until it serves. It logs that it listens once all its threads run; connections succeed a little
        earlier, and a count of descriptors would then miss those of the threads."""
        deadline = time.monotonic() + 2 * PATIENCE
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"onehop ended with {self.process.returncode} at its start: "
                                   f"{self.stderr()}")
            if "listening on" in self.stderr() or "Ctrl-C ends it" in self.stdout():  # the demo
                connect(self.address).close()
                return
            time.sleep(0.002)
        raise TimeoutError(f"onehop does not listen: {self.stderr()}")

    def client(self):
        return Client(self.address)

    def stdout(self):
        return text_of(self.output)

    def stderr(self):
        return text_of(self.messages)

    def wait_for_log_lines(self, count, patience=PATIENCE):
        """Returns the access log once it has this many lines."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            lines = self.stdout().splitlines()
            if len(lines) >= count:
                return lines
            time.sleep(0.005)
        raise TimeoutError(f"no {count} lines in the access log: {self.stdout()!r}")

    def wait_for_message(self, *words, patience=PATIENCE):
        """Returns the first line of its messages that has all these words. It logs some things after a peer has seen
        their effect."""
        deadline = time.monotonic() + patience
        while True:
            messages = self.stderr()
            for line in messages.splitlines():
                if all(word in line for word in words):
                    return line
            assert time.monotonic() < deadline, f"no message with {words}: {messages}"
            time.sleep(0.005)

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        while number == signal.SIGSTOP and not self.is_stopped():  # kill(2) does not wait for it
            time.sleep(0.001)

    def is_stopped(self):
        return all(state_in(stat) == "T" for stat in of_threads(self.pid, "stat").values())

    def wait(self, patience=2 * PATIENCE):
        return self.process.wait(patience)

    def stop(self):
        """Ends the program with TERM and returns its exit code."""
        if self.process.poll() is None:
            self.signal()
            try:
                self.wait()
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.returncode

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def wait_for_descriptors(self, at_most, patience=2 * PATIENCE):
        """Waits until it has noticed which connections have ended."""
        deadline = time.monotonic() + patience
        while (count := self.descriptors()) > at_most:
            assert time.monotonic() < deadline, f"{count} descriptors instead of {at_most}"
            time.sleep(0.005)

    def client_sockets(self):
        """Counts its descriptors that are client connections over IPv4."""
        table = Path(f"/proc/{self.pid}/net/tcp").read_text(encoding="ascii").splitlines()[1:]
        rows = [line.split() for line in table]
        port, listens = f":{self.address[1]:04X}", "0A"
        clients = {f"socket:[{row[9]}]" for row in rows if row[1].endswith(port) and row[3] != listens}
        return sum(target in clients for target in self.descriptor_targets())

    def descriptor_targets(self):
        folder = f"/proc/{self.pid}/fd"
        for name in os.listdir(folder):
            try:
                yield os.readlink(f"{folder}/{name}")
            except FileNotFoundError:
                pass  # closed meanwhile

    def resident_bytes(self):
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) * 1024


def text_of(file):
    # The program writes at its own position of the same file: read without moving it.
    size = os.fstat(file.fileno()).st_size
    return os.pread(file.fileno(), size, 0).decode("utf-8", "replace")
