# SPDX-License-Identifier: Apache-2.0
"""The duties of the old process of an upgrade, and the limits of the new one."""
import os
import socket
import struct
import threading
import time
from collections import Counter

from wire import OK, PATIENCE, message


class CountingNameServer:
    """Every name has the address 127.0.0.1, for a second."""

    def __init__(self):
        self.queries = Counter()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    @property
    def address(self):
        return "%s:%d" % self.socket.getsockname()

    def serve(self):
        while True:
            query, peer = self.socket.recvfrom(512)
            if not query:
                return
            question = query[12:query.index(b"\0", 12) + 5]
            self.queries[question[1:1 + question[0]].decode()] += 1
            is_ipv4 = question[-4:-2] == b"\0\1"
            record = b"\xc0\x0c\0\1\0\1" + struct.pack(">IH", 1, 4) + socket.inet_aton("127.0.0.1") if is_ipv4 else b""
            counts = struct.pack(">HHHH", 1, is_ipv4, 0, 0)
            self.socket.sendto(query[:2] + b"\x81\x80" + counts + question + record, peer)

    def close(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self.socket.getsockname())
        self.thread.join(PATIENCE)
        self.socket.close()


def echo_or_be_healthy(peer):
    while peer.read_request().target == "/healthz":
        peer.send(OK)
    peer.send(message("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket"))
    while data := peer.sock.recv(100):
        peer.send(data)


def open_tunnel(client):
    client.send(message("GET / HTTP/1.1", "Host: h", "Connection: Upgrade", "Upgrade: websocket",
                        "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="))
    assert client.read_response_head().status == 101


def test_one_that_drains_checks_no_backend_and_looks_up_no_name(upgraded, backend):
    """Each process has a name of its own for the backend, and for the checks."""
    names = CountingNameServer()

    def checks(host):
        return sum(head.fields.get("Host") == host for head in list(backend.requests))

    def wait_until(condition, what):
        deadline = time.monotonic() + 2 * PATIENCE
        while not condition():
            assert time.monotonic() < deadline, f"no {what}: {names.queries}, {proxy.stderr()}"
            time.sleep(0.01)

    def wait_for_more(host, name):
        """Waits for two queries more, whose responses count for a second each, and as many checks."""
        seen_checks, seen_queries = checks(host), names.queries[name]
        wait_until(lambda: checks(host) >= seen_checks + 2, f"checks of {host}")
        wait_until(lambda: names.queries[name] >= seen_queries + 4, f"queries for {name}")

    try:
        proxy = upgraded(backend="http://before.test:%d" % backend.address[1], resolve="each", dns_servers=[names.address],
                         health_check="/healthz", health_check_host="before", health_check_interval="100ms",
                         drain_timeout="1m")
        backend.play(echo_or_be_healthy)
        first = proxy.pid
        wait_for_more("before", "before")
        with proxy.client() as client:
            open_tunnel(client)
            proxy.configure(backend="http://after.test:%d" % backend.address[1], health_check_host="after")
            proxy.upgrade()
            proxy.wait_for_message("draining: waiting for 1 request")
            wait_for_more("after", "after")
            before = checks("before"), names.queries["before"]
            wait_for_more("after", "after")
            assert (checks("before"), names.queries["before"]) == before
            client.send(b"echo")
            assert client.read_exactly(4) == b"echo"
            os.kill(first, 0)
        proxy.wait_for_end(first)
    finally:
        names.close()
