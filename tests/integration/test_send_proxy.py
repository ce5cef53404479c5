# SPDX-License-Identifier: Apache-2.0
"""--send-proxy: each connection to the backend begins with a header that names the client that it serves."""
import socket
import struct
from pathlib import Path

import pytest

from proxy_header import LOCAL, SIGNATURE, HAProxy, ProxiedClient, line, needs_haproxy
from raw_client import Client
from tls_peers import Certificates
from wire import OK, PATIENCE

CLIENT = "203.0.113.7"
# The addresses of the connection, and its number.
PAGE = ' http-request return status 200 content-type text/plain lf-string "%ci %cp %fi %fp %rt"'


@pytest.fixture
def haproxy(tmp_path):
    started = []

    def start(configuration):
        started.append(HAProxy(tmp_path, configuration, mode="http"))
        return started[-1]

    yield start
    for one in started:
        one.stop()


class NamedBackend:
    """Serves connections that begin with headers, and remembers these."""

    def __init__(self, backend):
        self.headers = []
        backend.play(self.serve)

    def serve(self, peer):
        start = self.read(peer, 16)
        assert start.startswith(SIGNATURE), start
        rest = self.read(peer, struct.unpack(">H", start[14:])[0])
        self.headers.append((start[12:14], rest))
        peer.serve()

    @staticmethod
    def read(peer, size):
        data = b""
        while len(data) < size:
            got = peer.sock.recv(size - len(data))
            assert got, "the header is cut short"
            data += got
        return data

    def named(self):
        """The client and the server of each header over IPv4."""
        return [tuple(f"{socket.inet_ntoa(rest[at:at + 4])}:{struct.unpack('>H', rest[port:port + 2])[0]}"
                      for at, port in ((0, 8), (4, 10))) for start, rest in self.headers if start == b"\x21\x11"]


def test_a_connection_names_its_client(start_proxy, backend):
    named = NamedBackend(backend)
    proxy = start_proxy("--send-proxy", "--access-log", "off", backend.url)
    with Client(proxy.address, "127.0.0.5") as first, Client(proxy.address, "127.0.0.6") as second:
        for _ in range(3):
            assert first.get().status == 200
            assert second.get().status == 200
        server = "%s:%d" % proxy.address
        expected = {(f"127.0.0.{n}:{client.sock.getsockname()[1]}", server) for n, client in ((5, first), (6, second))}
    assert len(named.headers) == 2, "each client reuses its own connection"
    assert set(named.named()) == expected


def test_the_backend_connection_ends_with_the_client(start_proxy, backend):
    named = NamedBackend(backend)
    proxy = start_proxy("--send-proxy", "--access-log", "off", "--pool-idle-timeout", "1h", backend.url)
    with Client(proxy.address) as client:
        assert client.get().status == 200
    connection = backend.connections[-1]
    assert connection.how_it_ends(2 * PATIENCE) == "eof"
    with Client(proxy.address) as client:
        assert client.get().status == 200
    assert len(named.headers) == 2


def test_the_client_in_a_received_header_is_passed_on(start_proxy, backend):
    named = NamedBackend(backend)
    proxy = start_proxy("--send-proxy", "--proxy-protocol", "127.0.0.1", backend.url)
    with ProxiedClient(proxy.address, line(CLIENT, 7)) as client:
        assert client.get().status == 200
    assert named.named()[0][0] == f"{CLIENT}:7"


def test_a_unix_socket_has_a_client_without_an_address(start_proxy, backend, tmp_path):
    named = NamedBackend(backend)
    path = str(tmp_path / "app.sock")
    proxy = start_proxy("--send-proxy", backend.url, listen=path)
    with Client(proxy.address) as client:
        assert client.get().status == 200
    start, rest = named.headers[0]
    assert start == b"\x21\x31" and rest == bytes(108) + path.encode().ljust(108, b"\0")


def test_memory_and_connections_do_not_grow_with_clients_that_left(start_proxy, backend):
    NamedBackend(backend)
    proxy = start_proxy("--send-proxy", "--access-log", "off", "--workers", "1", backend.url)
    before = proxy.descriptors()
    for _ in range(200):
        with Client(proxy.address) as client:
            assert client.get().status == 200
    proxy.wait_for_descriptors(before + 2)  # more would be connections of clients that left


@needs_haproxy
def test_haproxy_sees_the_client(start_proxy, haproxy):
    upstream = haproxy("listen web\n bind 127.0.0.1:{port} accept-proxy\n" + PAGE)
    proxy = start_proxy("--send-proxy", "--access-log", "off", "http://%s:%d" % upstream.address)
    with Client(proxy.address, "127.0.0.5") as client:
        own = client.sock.getsockname()
        for _ in range(2):
            seen = client.get().body.decode().split()
            assert seen[:4] == [own[0], str(own[1]), proxy.address[0], str(proxy.address[1])]


@needs_haproxy
@pytest.mark.parametrize("protocols", ["h2,http/1.1", "http/1.1"])
def test_tls_to_the_backend_begins_after_the_header(start_proxy, haproxy, tmp_path, protocols):
    own = Certificates(tmp_path / "own")
    chain, key = own.sign("localhost")
    both = tmp_path / "both.pem"
    both.write_text(Path(chain).read_text(encoding="ascii") + Path(key).read_text(encoding="ascii"), encoding="ascii")
    upstream = haproxy(f"listen web\n bind 127.0.0.1:{{port}} accept-proxy ssl crt {both} alpn {protocols}\n"
                       ' http-request return status 200 content-type text/plain lf-string "%ci %cp %HV"')
    proxy = start_proxy("--send-proxy", "--access-log", "off", "--backend-ca", own.ca,
                        f"https://localhost:{upstream.address[1]}")
    for source in ("127.0.0.5", "127.0.0.6"):
        with Client(proxy.address, source) as client:
            port = client.sock.getsockname()[1]
            for _ in range(2):
                version = "HTTP/2.0" if protocols.startswith("h2") else "HTTP/1.1"
                assert client.get().body.decode() == f"{source} {port} {version}"


def test_without_the_flag_nothing_is_sent(start_proxy, backend):
    proxy = start_proxy("--access-log", "off", backend.url)
    with Client(proxy.address) as client:
        backend.answers(OK)
        assert client.get().status == 200
    assert backend.requests[-1].method == "GET" and LOCAL not in backend.received
