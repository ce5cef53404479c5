# SPDX-License-Identifier: Apache-2.0
"""https:// backends that speak HTTP/2, HTTP/1.1 or both: ALPN decides."""
import hashlib
import json
import shutil
import signal
import socket
import ssl
import subprocess
import threading
from pathlib import Path

import pytest

from h2_client import HEADERS
from proxy_process import IN_CI
from raw_client import Client
from test_h2_backend_faults import H2Peer, head
from tls_peers import Certificates, TlsBackend
from wire import PATIENCE, message, post

HERE = Path(__file__).parent
pytestmark = pytest.mark.skipif(not shutil.which("node") and not IN_CI, reason="needs Node")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("h2_authority"))


@pytest.fixture(scope="module")
def node_url(certificates):
    files = certificates.sign("localhost", "localhost", "127.0.0.1")
    command = ["node", str(HERE / "node_h2_backend.js"), *files]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield f"https://localhost:{int(process.stdout.readline())}"
        process.kill()


@pytest.fixture
def proxy(start_proxy, node_url, certificates):
    return start_proxy("--backend-ca", certificates.ca, node_url)


def curl(proxy, version, path, *args):
    command = ["curl", "-sS", "--max-time", "20", version, *map(str, args), proxy.url + path]
    return subprocess.run(command, capture_output=True, check=True).stdout


versions = pytest.mark.parametrize("version", ["--http1.1", "--http2-prior-knowledge"])


@versions
def test_http2_is_chosen_if_the_backend_offers_it(proxy, version):
    headers = json.loads(curl(proxy, version, "/x?y"))
    assert headers[":path"] == "/x?y"
    assert headers[":scheme"] == "https"


@versions
def test_large_content_goes_both_ways(proxy, version, tmp_path):
    content = bytes(range(256)) * 20_000
    (tmp_path / "up").write_bytes(content)
    assert curl(proxy, version, "/echo", "--data-binary", f"@{tmp_path / 'up'}") == content


def test_requests_share_a_connection(start_proxy, node_url, certificates):
    proxy = start_proxy("--workers", "1", "--backend-ca", certificates.ca, node_url)
    before = int(curl(proxy, "--http1.1", "/connections"))
    for _ in range(5):
        assert int(curl(proxy, "--http1.1", "/connections")) == before


def test_an_upgrade_uses_http1(proxy):
    assert json.loads(curl(proxy, "--http1.1", "/first"))[":path"] == "/first"
    with Client(proxy.address) as client:
        client.send(message("GET /ws HTTP/1.1", "Host: a", "Connection: Upgrade", "Upgrade: websocket",
                            "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="))
        assert client.read_response_head().status == 101
        client.send(b"and back")
        assert client.read_exactly(8) == b"and back"
    assert json.loads(curl(proxy, "--http1.1", "/last"))[":path"] == "/last"


def test_an_http1_backend_is_served_on_the_connection_already_made(start_proxy, certificates):
    backend = TlsBackend(certificates.sign("one", "localhost"))
    proxy = start_proxy("--workers", "1", "--backend-ca", certificates.ca, backend.url())
    with Client(proxy.address) as client:
        for number in range(4):
            assert client.get(f"/{number}").status == 200
    assert [request.target for request in backend.requests] == ["/0", "/1", "/2", "/3"]
    used = [connection for connection in backend.connections if connection.received]
    assert len(used) == 1
    backend.close()


def test_a_request_refused_with_http_1_1_required_is_sent_over_http1(proxy):
    digest = hashlib.md5(b"content").hexdigest().encode()
    got = curl(proxy, "--http2-prior-knowledge", "/not-over-http2", "--data-binary", "content")
    assert got == b"POST /not-over-http2 " + digest
    assert json.loads(curl(proxy, "--http1.1", "/next"))[":path"] == "/next"


def test_a_backend_that_drops_http2_gets_http1(start_proxy, node_url, certificates):
    proxy = start_proxy("--workers", "1", "--backend-ca", certificates.ca, node_url)
    digest = hashlib.md5(b"content").hexdigest().encode()
    assert json.loads(curl(proxy, "--http1.1", "/first"))[":path"] == "/first"
    got = curl(proxy, "--http1.1", "/no-more-http2", "--data-binary", "content")
    assert got == b"POST /no-more-http2 " + digest
    assert curl(proxy, "--http1.1", "/next", "--data-binary", "content") == b"POST /next " + digest


def test_a_fault_over_http2_is_never_a_complete_response(proxy):
    command = ["curl", "-sS", "--max-time", "20", "--http1.1", proxy.url + "/reset-inside"]
    ended = subprocess.run(command, capture_output=True, check=False)
    assert ended.stdout == b"part"
    assert ended.returncode != 0


class LeavingBackend(TlsBackend):
    """Responds to one request per connection, and ends the connection on a signal."""

    def __init__(self, pair):
        self.leave, self.has_left = threading.Event(), threading.Event()
        super().__init__(pair, script=self.answer_once)
        self.context.set_alpn_protocols(["h2"])

    def answer_once(self, connection):
        peer = H2Peer(connection)
        peer.read(HEADERS)
        peer.send(head((":status", "200"), end=True))
        if not self.leave.wait(PATIENCE):
            return
        connection.sock.settimeout(0)
        try:
            connection.sock.unwrap()
        except ssl.SSLError:
            pass  # close_notify is sent, and that of the proxy is not awaited
        connection.sock.shutdown(socket.SHUT_WR)
        self.has_left.set()


@pytest.mark.parametrize("first", ["the end", "the request"])
def test_a_post_that_races_with_a_close_uses_another_connection(start_proxy, certificates, first):
    """The proxy sees both events in one poll of the kernel."""
    backend = LeavingBackend(certificates.sign("leaving", "localhost"))
    proxy = start_proxy("--workers", "1", "--backend-ca", certificates.ca, backend.url())
    with Client(proxy.address) as client:
        assert client.ask(post(b"one")).status == 200
        proxy.signal(signal.SIGSTOP)
        if first == "the request":
            client.send(post(b"two"))
        backend.leave.set()
        assert backend.has_left.wait(PATIENCE)
        backend.leave.clear()
        if first == "the end":
            client.send(post(b"two"))
        proxy.signal(signal.SIGCONT)
        assert client.read_final().status == 200
    assert len(backend.connections) == 2
    backend.close()
