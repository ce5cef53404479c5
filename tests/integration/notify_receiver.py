# SPDX-License-Identifier: Apache-2.0
"""The service manager's end of sd_notify(3)."""
import os
import socket
import time

from wire import PATIENCE


class NotifyReceiver:
    """`name` is the path of a socket, or "@name" for an abstract one."""

    def __init__(self, name):
        self.name = str(name)
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.sock.bind("\0" + self.name[1:] if self.name.startswith("@") else self.name)

    def receive(self, patience=PATIENCE):
        """The next report, as a dictionary."""
        self.sock.settimeout(patience)
        text = self.sock.recv(4096).decode("utf-8")
        return dict(line.split("=", 1) for line in text.splitlines())

    def receive_with(self, name, patience=2 * PATIENCE):
        """The next report that has this variable."""
        deadline = time.monotonic() + patience
        while True:
            report = self.receive(max(0.01, deadline - time.monotonic()))
            if name in report:
                return report

    def is_silent_for(self, seconds):
        try:
            self.receive(seconds)
        except TimeoutError:
            return True
        return False

    def drop_all(self):
        while not self.is_silent_for(0.001):
            pass

    def close(self):
        self.sock.close()
        if not self.name.startswith("@"):
            os.unlink(self.name)
