# SPDX-License-Identifier: Apache-2.0
"""--max-connections-per-client: one client does not take every place."""
import socket
import ssl
import time

from raw_client import Client
from tls_peers import Certificates, TlsClient, trusting
from h2_client import H2Client
from wire import PATIENCE, Truncated, get

LIMIT = ("--max-connections-per-client", "3", "--defer-accept", "off")


def client_from(address, proxy):
    """A client whose address is another one of the loopback network."""
    client = Client.__new__(Client)
    sock = socket.create_connection(proxy.address, timeout=PATIENCE, source_address=(address, 0))
    super(Client, client).__init__(sock)
    return client


def is_closed(client):
    try:
        client.send(get()).read_final()
        return False
    except (Truncated, ConnectionError):
        return True


def wait_until_served(connect):
    """A place becomes free a moment after its connection has ended."""
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


def test_what_one_client_has_too_many_of_is_closed_and_others_are_served(hop_with):
    hop = hop_with(*LIMIT)
    first = [wait_until_served(lambda: client_from("127.0.0.2", hop.proxy)) for _ in range(3)]
    for _ in range(20):
        assert is_closed(client_from("127.0.0.2", hop.proxy))
    others = [client_from(f"127.0.0.{n}", hop.proxy) for n in range(3, 9)]
    assert all(client.get().status == 200 for client in others + first)
    first[0].close()
    wait_until_served(lambda: client_from("127.0.0.2", hop.proxy)).close()
    told = [line for line in hop.proxy.stderr().splitlines() if "that have 3 open already" in line]
    assert len(told) == 1, "the log is flooded"
    assert "closed 1 connection of clients" in told[0] and told[0].endswith("127.0.0.2")
    for client in others + first:
        client.close()


def test_a_place_is_held_through_the_handshake_and_the_change_to_http2(start_proxy, start_backend, tmp_path):
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


def test_a_connection_of_http2_is_one(hop_with):
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


def test_a_socket_file_has_no_such_limit(start_proxy, start_backend, tmp_path):
    proxy = start_proxy(*LIMIT, start_backend().url, listen=str(tmp_path / "s"))
    clients = [proxy.client() for _ in range(10)]
    assert all(client.get().status == 200 for client in clients)
    for client in clients:
        client.close()
