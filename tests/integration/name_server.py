# SPDX-License-Identifier: Apache-2.0
"""A name server: dnsmasq, whose names and addresses change while it runs; and one that fails."""
import signal
import socket
import struct
import subprocess
import threading
import time

from wire import PATIENCE


class NameServer:
    """Answers for *.test; `addresses` are those of app.test."""

    def __init__(self, folder, address="127.0.0.1", port=53):
        self.address = (address, port)
        self.hosts = folder / f"hosts-{port}"
        self.process = None

    def set(self, addresses):
        self.hosts.write_text("".join(f"{address} app.test\n" for address in addresses), encoding="utf-8")
        if self.process:
            self.process.send_signal(signal.SIGHUP)

    def start(self, *flags):
        """`flags` are more of dnsmasq, such as records."""
        self.process = subprocess.Popen(
            ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--pid-file=",
             f"--listen-address={self.address[0]}", "--bind-interfaces", f"--port={self.address[1]}", "--local=/test/",
             "--local-ttl=1", f"--addn-hosts={self.hosts}", "--user=root", "--log-facility=-", *flags],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + PATIENCE
        while "started" not in (line := self.process.stderr.readline()):
            assert self.process.poll() is None and time.monotonic() < deadline, f"dnsmasq: {line}"

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None


class FailingNameServer:
    """Responds to every query with SERVFAIL, at a UDP port of 127.0.0.1."""

    def __init__(self):
        self.queries = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while True:
            query, client = self._socket.recvfrom(4096)
            if not query:
                return
            end = query.index(b"\0", 12) + 5  # of the question, without the records after it
            header = query[:2] + struct.pack("!HHHHH", 0x8182, 1, 0, 0, 0)
            self.queries += 1
            self._socket.sendto(header + query[12:end], client)

    def stop(self):
        self._socket.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()
