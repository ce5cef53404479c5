# SPDX-License-Identifier: Apache-2.0
"""Either side of an upgrade, played by a test: the process that hands over, or the one that takes over."""
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile

from configured_proxy import toml, write
from proxy_process import PROGRAM, SANITIZED
from wire import PATIENCE

MAX_MESSAGE, MAX_DESCRIPTORS = 64 * 1024, 100


class Channel:
    """Messages over a socket that preserves their boundaries."""

    def __init__(self, end):
        self.socket = end
        self.socket.settimeout(2 * PATIENCE)

    def send(self, descriptors=(), **message):
        socket.send_fds(self.socket, [json.dumps(message).encode()], list(descriptors))

    def receive(self):
        """Returns the message and its descriptors; None at the end of the other process."""
        try:
            text, descriptors, _, _ = socket.recv_fds(self.socket, MAX_MESSAGE, MAX_DESCRIPTORS)
        except ConnectionResetError:
            return None
        return (json.loads(text), descriptors) if text else None

    def expect(self, key):
        received = self.receive()
        assert received is not None, f"the process has ended instead of sending {key!r}"
        message, descriptors = received
        assert key in message, message
        for descriptor in descriptors:
            os.close(descriptor)
        return message

    def close(self):
        self.socket.close()


class PlayedParent(Channel):
    """Starts the program to take the place of the test. `sockets`: (use, listening socket) for each."""

    def __init__(self, folder, settings, sockets=()):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        super().__init__(ours)
        self.sockets = list(sockets)
        file = folder / "onehop.toml"
        write(file, toml({"admin-socket": "off", "landlock": "off" if SANITIZED else "auto", **settings}))
        self.messages = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([PROGRAM, "--config", file], stdin=subprocess.DEVNULL, stderr=self.messages,
                                        pass_fds=[theirs.fileno()],
                                        env={**os.environ, "ONEHOP_UPGRADE_FD": str(theirs.fileno())})
        theirs.close()

    def hand_over(self, keys=b"", **changes):
        assert self.expect("hello")["hello"] == 1
        self.send(descriptors=[one.fileno() for _, one in self.sockets],
                  **{"generation": 2, "ticket_keys": bool(keys), "draining": 0, "more": False,
                     "sockets": [{"use": use, "name": "", "requested": ""} for use, _ in self.sockets], **changes})
        if keys:
            self.socket.send(keys)

    def stderr(self):
        self.messages.seek(0)
        return self.messages.read()

    def end(self):
        """The exit code of a process that has a reason to end."""
        return self.process.wait(4 * PATIENCE)

    def stop(self):
        self.close()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(4 * PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
        print(self.stderr())


# Started in place of the program: it gives its end of the channel to the test, and stays.
STAND_IN = """
import os, socket, sys
channel = int(os.environ["ONEHOP_UPGRADE_FD"])
test = socket.socket(socket.AF_UNIX)
test.connect(sys.argv[1])
socket.send_fds(test, [str(os.getpid()).encode()], [channel])
os.close(channel)
test.recv(1)
"""


class PlayedChild(Channel):
    """Takes the place of `proxy`, an UpgradedProxy without Landlock, in the upgrade that begins here."""

    def __init__(self, proxy):
        place = str(proxy.folder / "stand-in.sock")
        script = proxy.folder / "stand_in.py"
        script.write_text(STAND_IN, encoding="utf-8")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(place)
            listener.listen()
            listener.settimeout(4 * PATIENCE)
            proxy.install(f'test "$1" = check && exit 0\nexec {sys.executable} {script} {place}')
            self.command = subprocess.Popen([PROGRAM, "upgrade", "--admin-socket", proxy.socket], text=True,
                                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            self.test, _ = listener.accept()
        os.unlink(place)
        pid, descriptors, _, _ = socket.recv_fds(self.test, 100, 1)
        self.pid = int(pid)
        super().__init__(socket.socket(fileno=descriptors[0]))

    def say_hello(self):
        self.send(hello=1, version="1.2.3")

    def take_handover(self):
        """Returns the ticket keys, or nothing without TLS."""
        message = self.expect("sockets")
        keys = self.socket.recv(MAX_MESSAGE) if message["ticket_keys"] else b""
        for _ in range(message["counts"]):
            self.socket.recv(MAX_MESSAGE)
        return keys

    def die(self):
        self.close()
        self.test.close()
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # the proxy has done it

    def answer_of_command(self):
        """Returns its exit code, and what it has printed."""
        output, errors = self.command.communicate(timeout=8 * PATIENCE)
        return self.command.returncode, output + errors
