# SPDX-License-Identifier: Apache-2.0
"""--max-connections-per-client: one client does not use every place."""
import socket
import ssl
import threading
import time

import pytest

from raw_client import Client
from tls_peers import Certificates, TlsClient, trusting
from h2_client import CANCEL, RST_STREAM, H2Client, frame
from wire import OK, PATIENCE, Truncated, get, post

LIMIT = ("--max-connections-per-client", "3", "--defer-accept", "off")


def is_closed(client):
    try:
        client.send(get()).read_final()
        return False
    except (Truncated, ConnectionError):
        return True


def wait_until_served(connect):
    """A place becomes free shortly after its connection has ended."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            client = connect()
            if not is_closed(client):
                return client
        except (ssl.SSLError, ConnectionError):
            pass  # closed inside its TLS handshake
        assert time.monotonic() < deadline, "no place became free"
        time.sleep(0.01)


def test_excess_connections_of_one_client_are_closed_and_others_are_served(hop_with):
    hop = hop_with(*LIMIT)
    first = [wait_until_served(lambda: Client(hop.address, "127.0.0.2")) for _ in range(3)]
    for _ in range(20):
        assert is_closed(Client(hop.address, "127.0.0.2"))
    others = [Client(hop.address, f"127.0.0.{n}") for n in range(3, 9)]
    assert all(client.get().status == 200 for client in others + first)
    first[0].close()
    wait_until_served(lambda: Client(hop.address, "127.0.0.2")).close()
    told = [line for line in hop.proxy.stderr().splitlines() if "that already have 3 open" in line]
    assert len(told) == 1, "the log is flooded"
    assert "closed 1 connection of clients" in told[0] and told[0].endswith("127.0.0.2")
    for client in others + first:
        client.close()


def test_tls_connections_count_until_they_are_closed(start_proxy, start_backend, tmp_path):
    own = Certificates(tmp_path / "own")
    chain, key = own.sign("localhost")
    backend = start_backend()
    proxy = start_proxy(*LIMIT, "--tls", chain, "--tls-key", key, backend.url)
    clients = [wait_until_served(lambda: TlsClient(proxy.address, trusting(own))) for _ in range(3)]
    refused = socket.create_connection(proxy.address, timeout=PATIENCE)
    assert refused.recv(1) == b""
    refused.close()
    for client in clients:
        client.close()
    wait_until_served(lambda: TlsClient(proxy.address, trusting(own))).close()


def test_an_http2_connection_counts_as_one(hop_with):
    hop = hop_with(*LIMIT, "--max-streams", "50")
    wait_until_served(hop.client).close()
    clients = []
    for _ in range(3):
        clients.append(h2_served(hop))
    assert is_closed(hop.client())
    assert all(client.ask().status == 200 for client in clients for _ in range(4))
    for client in clients:
        client.close()
    wait_until_served(hop.client)


def h2_served(hop):
    deadline = time.monotonic() + PATIENCE
    while True:
        client = H2Client(hop.address)
        try:
            assert client.ask().status == 200
            return client
        except (Truncated, ConnectionError):
            client.close()
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_a_unix_socket_is_not_limited(start_proxy, start_backend, tmp_path):
    proxy = start_proxy(*LIMIT, start_backend().url, listen=str(tmp_path / "s"))
    clients = [proxy.client() for _ in range(10)]
    assert all(client.get().status == 200 for client in clients)
    for client in clients:
        client.close()


def test_a_trusted_peer_is_not_limited_and_others_are(hop_with):
    hop = hop_with(*LIMIT, "--trust", "127.0.0.2")
    balancer = [Client(hop.address, "127.0.0.2") for _ in range(10)]
    assert all(client.get("/", "X-Forwarded-For: 203.0.113.9").status == 200 for client in balancer)
    others = [wait_until_served(lambda: Client(hop.address, "127.0.0.3")) for _ in range(3)]
    assert is_closed(Client(hop.address, "127.0.0.3"))
    for client in balancer + others:
        client.close()


@pytest.fixture
def hold(request, hop_with):
    """A hop that allows each client 3 requests in progress, and whose backend holds those for /hold until they are
    released."""
    hop = hop_with("--max-requests-per-client", "3", *getattr(request, "param", ()))
    hop.go = threading.Event()

    def script(peer):
        while True:
            if peer.read_request().target == "/hold":
                hop.go.wait(PATIENCE)
            peer.send(OK)

    hop.backend.play(script)
    yield hop
    hop.go.set()


def hold_three(hop):
    """Three requests of the client 127.0.0.2 that wait for the backend."""
    clients = [Client(hop.address, "127.0.0.2").send(get("/hold")) for _ in range(3)]
    hop.backend.wait_for_requests(3)
    return clients


def assert_too_many(answer):
    assert answer.status == 429
    assert answer.fields.get("retry-after") == "1"
    assert answer.body == b"429 Too Many Requests\n"


def test_a_client_with_too_many_requests_in_progress_gets_429_and_others_are_served(hold):
    clients = hold_three(hold)
    fourth = Client(hold.address, "127.0.0.2")
    for _ in range(5):  # over one connection, which stays usable
        assert_too_many(fourth.get())
        assert_too_many(fourth.ask(post(b"content that nobody will read")))
    assert Client(hold.address, "127.0.0.3").get().status == 200
    hold.go.set()
    assert [client.read_final().status for client in clients] == [200] * 3
    assert fourth.get().status == 200
    assert len(hold.backend.requests) == 5, "a refused request reached the backend"
    for client in [*clients, fourth]:
        client.close()


def test_a_request_whose_client_left_no_longer_counts(hold):
    clients = hold_three(hold)
    clients[0].reset()
    deadline = time.monotonic() + PATIENCE
    with Client(hold.address, "127.0.0.2") as client:
        while client.get().status == 429 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert client.get().status == 200
    for client in clients[1:]:
        client.close()


def test_http2_streams_count_until_their_work_ends(hold):
    with H2Client(hold.address) as client:
        streams = [client.request(path="/hold") for _ in range(5)]
        for stream in streams[3:]:
            refused = client.read_answer(stream)
            assert refused.status == 429
            assert refused.fields["retry-after"] == "1"
        with hold.client() as elsewhere:  # the same client over HTTP/1
            assert_too_many(elsewhere.get())
        client.send(frame(RST_STREAM, 0, streams[0], CANCEL.to_bytes(4, "big")))
        assert client.ask().status == 200
        hold.go.set()
        assert [client.read_answer(stream).status for stream in streams[1:3]] == [200, 200]


def test_an_excess_grpc_call_gets_a_grpc_status(hold):
    clients = hold_three(hold)
    raw = Client(hold.address, "127.0.0.2").sock
    with H2Client(hold.address, sock=raw) as client:
        answer = client.ask(("content-type", "application/grpc"), ("te", "trailers"), method="POST", body=b"")
        assert answer.status == 200
        assert answer.fields["grpc-status"] == "14"
        assert answer.fields["grpc-message"] == "429 Too Many Requests"
    hold.go.set()
    for client in clients:
        assert client.read_final().status == 200
        client.close()


behind_a_balancer = pytest.mark.parametrize("hold", [("--trust", "127.0.0.2")], indirect=True)


@behind_a_balancer
def test_behind_a_trusted_peer_each_client_has_its_own_count(hold):
    """The balancer may use one connection or several, and may write addresses in any form."""
    forms = ["203.0.113.9", "203.0.113.9:4711", "198.51.100.1, [::ffff:203.0.113.9]:1, 127.0.0.2"]
    clients = [Client(hold.address, "127.0.0.2").send(get("/hold", f"X-Forwarded-For: {form}")) for form in forms]
    hold.backend.wait_for_requests(3)
    balancer = Client(hold.address, "127.0.0.2")
    for _ in range(3):
        assert_too_many(balancer.get("/", "X-Forwarded-For: 203.0.113.9"))
        assert balancer.get("/", "X-Forwarded-For: 203.0.113.8").status == 200
        assert balancer.get("/", "X-Forwarded-For: 203.0.113.9, 203.0.113.7").status == 200
    assert Client(hold.address, "127.0.0.3").get("/", "X-Forwarded-For: 203.0.113.9").status == 200
    hold.go.set()
    assert [client.read_final().status for client in clients] == [200] * 3
    assert balancer.get("/", "X-Forwarded-For: 203.0.113.9").status == 200
    for client in [*clients, balancer]:
        client.close()


@behind_a_balancer
def test_behind_a_trusted_peer_that_speaks_http2_each_client_has_its_own_count(hold):
    with H2Client(hold.address, sock=Client(hold.address, "127.0.0.2").sock) as balancer:
        one, other = ("x-forwarded-for", "2001:db8:1:2::1"), ("x-forwarded-for", "2001:db8:1:3::1")
        streams = [balancer.request(one, path="/hold") for _ in range(3)]
        hold.backend.wait_for_requests(3)
        assert balancer.ask(("x-forwarded-for", "[2001:db8:1:2::ffff]:80")).status == 429
        assert balancer.ask(other).status == 200
        balancer.send(frame(RST_STREAM, 0, streams[0], CANCEL.to_bytes(4, "big")))
        assert balancer.ask(one).status == 200
        hold.go.set()
        assert [balancer.read_answer(stream).status for stream in streams[1:]] == [200, 200]
