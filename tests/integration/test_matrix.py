# SPDX-License-Identifier: Apache-2.0
"""Every kind of client, with and without TLS, before every kind of backend, with and without TLS."""
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from any_client import Http1, Http2, context_for
from proxy_process import IN_CI, Proxy, free_port
from tls_peers import Certificates
from wire import Truncated

HERE = Path(__file__).parent
pytestmark = pytest.mark.skipif(not shutil.which("node") and not IN_CI, reason="needs Node")

CLIENTS = {"h1": (Http1, False, ["--http1.1"]), "h1-tls": (Http1, True, ["--http1.1"]),
           "h2-tls": (Http2, True, ["--http2"]), "h2c": (Http2, False, ["--http2-prior-knowledge"])}
BACKENDS = {"h1": "http", "h1-tls": "https", "h2-tls": "https", "h2c": "h2c"}
VERSIONS = {"h1": "1.1", "h1-tls": "1.1", "h2-tls": "2.0", "h2c": "2.0"}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("matrix"))


@pytest.fixture(scope="module")
def pair(certificates):
    return certificates.sign("localhost", "localhost", "127.0.0.1")


@pytest.fixture(scope="module")
def ports(pair):
    command = ["node", str(HERE / "matrix_backend.js"), *pair]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield dict(zip(BACKENDS, process.stdout.readline().split()))
        process.kill()


class Entrance:
    """A proxy before one kind of backend, with a plaintext and a TLS address."""

    def __init__(self, url, certificates, pair):
        self.certificates = certificates
        self.in_clear = ("127.0.0.1", free_port())
        flags = ["--backend-ca", certificates.ca] if url.startswith("https:") else []
        self.proxy = Proxy("--tls", pair[0], "--tls-key", pair[1], "-l", "http://%s:%d" % self.in_clear, *flags, url)

    def address(self, secure):
        return self.proxy.address if secure else self.in_clear

    def url(self, secure):
        scheme = "https" if secure else "http"
        return f"{scheme}://localhost:{self.address(secure)[1]}"


@pytest.fixture(scope="module", params=BACKENDS)
def backend(request):
    return request.param


@pytest.fixture(scope="module")
def entrance(backend, ports, certificates, pair):
    made = Entrance(f"{BACKENDS[backend]}://localhost:{ports[backend]}", certificates, pair)
    yield made
    assert made.proxy.stop() == 0, made.proxy.stderr()


@pytest.fixture(params=CLIENTS)
def kind(request):
    return request.param


@pytest.fixture
def connected(entrance, kind):
    """Makes clients of this kind; each has its own connection."""
    made = []

    def connect():
        client, secure, _ = CLIENTS[kind]
        context = context_for(client, entrance.certificates) if secure else None
        made.append(client(entrance.address(secure), context))
        return made[-1]

    yield connect
    for client in made:
        client.close()


@pytest.fixture
def client(connected):
    return connected()


def test_get(client, backend):
    client.begin("/get")
    assert client.read_head() == [200]
    assert client.read_rest() == b"got it"
    assert client.fields["x-version"] == VERSIONS[backend]


def test_content_goes_both_ways(entrance, kind, tmp_path):
    content = os.urandom(1024 * 1024)
    (tmp_path / "up").write_bytes(content)
    _, secure, flags = CLIENTS[kind]
    command = ["curl", "-sS", "--noproxy", "*", "--max-time", "20", "--cacert", entrance.certificates.ca, *flags,
               "--data-binary", f"@{tmp_path / 'up'}", "-w", "%{stderr}%{http_version}",
               entrance.url(secure) + "/echo"]
    ended = subprocess.run(command, capture_output=True, timeout=30, check=True)
    assert ended.stdout == content
    assert ended.stderr.decode() == CLIENTS[kind][0].version


def test_content_streams_both_ways_at_once(client):
    client.begin("/echo", method="POST", end=False)
    client.send(b"first")
    assert client.read_head() == [200]
    assert client.read_piece() == b"first"
    client.send(b"second")
    assert client.read_piece() == b"second"
    client.finish()
    assert client.read_rest() == b""


def test_trailers_go_both_ways(client):
    client.begin("/trailers", method="POST", end=False)
    client.send(b"up")
    client.finish(("x-there", "and back"))
    assert client.read_head() == [200]
    assert client.read_rest() == b"content"
    assert client.trailers == {"x-back": "and back"}


def test_early_hints_come_first(client):
    client.begin("/hints")
    assert client.read_head() == [103, 200]
    assert client.read_rest() == b"hinted"


def test_the_backend_sees_that_the_client_left(connected, backend, kind):
    name = f"{kind}-{backend}"
    client, other = connected(), connected()
    client.begin(f"/hold?{name}")
    assert client.read_head() == [200]
    assert client.read_piece() == b"begun"
    client.leave()
    other.begin(f"/gone?{name}")
    assert other.read_head() == [200]
    assert other.read_rest() == b"gone"


def test_a_fault_inside_the_content_is_not_a_complete_response(client):
    client.begin("/break")
    assert client.read_head() == [200]
    with pytest.raises(Truncated):
        client.read_rest()


def test_large_fields_go_both_ways(client):
    large = {f"x-large-{number}": str(number) * 10 * 1024 for number in range(3)}
    client.begin("/fields", *large.items())
    assert client.read_head() == [200]
    assert client.read_rest() == b"large"
    assert {name: value for name, value in client.fields.items() if name in large} == large
