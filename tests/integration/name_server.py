# SPDX-License-Identifier: Apache-2.0
"""A name server: dnsmasq, whose names and addresses change while it runs."""
import signal
import subprocess
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
