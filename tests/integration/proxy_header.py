# SPDX-License-Identifier: Apache-2.0
"""Headers of the PROXY protocol, and HAProxy, which sends and receives them."""
import shutil
import socket
import struct
import subprocess
import time

import pytest

from proxy_process import IN_CI, free_port
from raw_client import Client
from tls_peers import TlsClient
from wire import PATIENCE

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
HAPROXY = shutil.which("haproxy", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
needs_haproxy = pytest.mark.skipif(HAPROXY is None and not IN_CI, reason="no haproxy")


def line(client, port=50001, server="198.51.100.2", server_port=443):
    family = "TCP6" if ":" in client else "TCP4"
    return f"PROXY {family} {client} {server} {port} {server_port}\r\n".encode()


def binary(client, port=50001, extensions=b""):
    kind = socket.AF_INET6 if ":" in client else socket.AF_INET
    ends = socket.inet_pton(kind, client) + socket.inet_pton(kind, "::2" if ":" in client else "198.51.100.2")
    rest = ends + struct.pack(">HH", port, 443) + extensions
    return SIGNATURE + bytes([0x21, 0x21 if ":" in client else 0x11]) + struct.pack(">H", len(rest)) + rest


LOCAL = SIGNATURE + b"\x20\0\0\0"


class ProxiedClient(Client):
    """A client whose connection begins with a header."""

    def __init__(self, address, header, source=None):
        super().__init__(address, source)
        self.send(header)


class ProxiedTlsClient(TlsClient):
    """The same, and then TLS."""

    def __init__(self, address, header, context):  # pylint: disable=super-init-not-called
        plain = ProxiedClient(address, header)
        TlsClient.__bases__[0].__init__(self, context.wrap_socket(plain.sock, server_hostname="localhost",
                                                                  suppress_ragged_eofs=False))


class HAProxy:
    """A running HAProxy with one frontend and what else its configuration says; `{port}` is the frontend's port."""

    def __init__(self, folder, configuration, mode="tcp"):
        self.address = ("127.0.0.1", free_port())
        file = folder / f"haproxy-{self.address[1]}.cfg"
        file.write_text(f"defaults\n mode {mode}\n timeout connect 5s\n timeout client 30s\n timeout server 30s\n"
                        + configuration.replace("{port}", str(self.address[1])) + "\n", encoding="ascii")
        self.process = subprocess.Popen([HAPROXY, "-db", "-f", str(file)], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 2 * PATIENCE
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.process.stderr.read()
            try:
                socket.create_connection(self.address, timeout=PATIENCE).close()
                return
            except ConnectionRefusedError:
                time.sleep(0.01)
        raise TimeoutError("haproxy does not listen")

    def stop(self):
        self.process.kill()
        self.process.communicate()
