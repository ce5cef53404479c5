# SPDX-License-Identifier: Apache-2.0
"""--proxy-protocol: load balancers name the client of a connection before it begins."""
import json
import subprocess
import time

import pytest

from proxy_header import (LOCAL, SIGNATURE, HAProxy, ProxiedClient, ProxiedTlsClient, binary, line,
                          needs_haproxy)
from proxy_process import free_port
from raw_client import Client
from test_systemd import GivenSocket
from tls_peers import Certificates, trusting
from upgraded_proxy import UpgradedProxy
from wire import PATIENCE, Truncated, get

CLIENT = "203.0.113.7"
OF_ALL = ("--proxy-protocol", "127.0.0.0/8")
JSON = ("--access-log", "json")


def seen_client(hop_or_backend):
    """The client that the last request to the backend named."""
    return hop_or_backend.requests[-1].fields.get("x-forwarded-for")


def is_refused(client, request=get()):
    try:
        client.send(request).read_final()
        return False
    except (Truncated, ConnectionError):
        return True


@pytest.fixture
def haproxy(tmp_path):
    started = []

    def start(configuration, **options):
        started.append(HAProxy(tmp_path, configuration, **options))
        return started[-1]

    yield start
    for one in started:
        one.stop()


# --- headers ---


@pytest.mark.parametrize("header, client, port", [
    (line(CLIENT), CLIENT, 50001), (line("2001:db8::1", server="::2"), "2001:db8::1", 50001),
    (binary(CLIENT), CLIENT, 50001), (binary("2001:db8::1"), "2001:db8::1", 50001),
    (binary(CLIENT, extensions=b"\xea\0\x03\x01vp" + b"\4\0\2\0\0"), CLIENT, 50001)])
def test_the_client_in_the_header_is_used_everywhere(start_proxy, backend, header, client, port):
    proxy = start_proxy(*OF_ALL, *JSON, "--header-up", "X-Peer: {peer} {peer_port} {client}", backend.url)
    with ProxiedClient(proxy.address, header) as balancer:
        assert balancer.get().status == 200
    assert seen_client(backend) == client
    assert backend.requests[-1].fields.get("x-peer") == f"{client} {port} {client}"
    record = json.loads(proxy.wait_for_log_lines(1)[0])
    assert record["client"] == client


def test_a_header_may_come_byte_by_byte_or_with_the_request(hop_with):
    hop = hop_with(*OF_ALL)
    for header in (line(CLIENT), binary(CLIENT)):
        client = hop.client()
        for place in range(len(header)):
            client.send(header[place:place + 1])
            time.sleep(0.001)
        assert client.get().status == 200
        assert seen_client(hop.backend) == CLIENT
        assert hop.client().send(header + get()).read_final().status == 200


@pytest.mark.parametrize("local", [LOCAL, b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN ff ff 1 2\r\n",
                                   SIGNATURE + b"\x20\x11\0\x02xx"])
def test_headers_without_a_client_keep_the_address_of_the_balancer(hop_with, local):
    hop = hop_with(*OF_ALL)
    with ProxiedClient(hop.address, local, "127.0.0.9") as client:
        assert client.get().status == 200
    assert seen_client(hop.backend) == "127.0.0.9"


# --- required, or refused ---


def test_a_header_is_required_from_a_balancer_and_refused_elsewhere(admin, backend):
    proxy = admin.start("--proxy-protocol", "127.0.0.9/32,::1", "--defer-accept", "off", backend.url)
    for begin in (get(), b"\x16\x03\x01\2\0\1\0\1\xfc\3\3", b"PROXY TCP4 1.1.1.1\r\n", SIGNATURE + b"\x21\x11\x10\1"):
        assert is_refused(Client(proxy.address, "127.0.0.9"), begin)
    with ProxiedClient(proxy.address, line(CLIENT), "127.0.0.9") as balancer:
        assert balancer.get().status == 200
    for header in (line(CLIENT), binary(CLIENT)):
        with ProxiedClient(proxy.address, header, "127.0.0.8") as stranger:
            assert stranger.send_quietly(get()).read_final().status == 400
    with Client(proxy.address, "127.0.0.8") as other:
        assert other.get().status == 200
    assert seen_client(backend) == "127.0.0.8"
    told = [row for row in proxy.stderr().splitlines() if "no PROXY header: peer=127.0.0.9:" in row]
    assert len(told) == 1 and " warning " in told[0], "the log is flooded"
    assert 'failure="PROXY header: the connection begins with something else"' in told[0]
    refused = "onehop_client_connections_refused_total"
    admin.wait_for(lambda scrape: scrape.value(refused, reason="proxy_header") == 4)


def test_a_header_of_4_kib_is_accepted_and_no_larger_one(hop_with):
    hop = hop_with(*OF_ALL)
    largest = binary(CLIENT, extensions=b"\xe0" + (4096 - 12 - 3).to_bytes(2, "big") + bytes(4096 - 12 - 3))
    assert len(largest) == 16 + 4096
    with ProxiedClient(hop.address, largest) as client:
        assert client.get().status == 200
    larger = binary(CLIENT, extensions=b"\xe0" + (4096 - 12 - 2).to_bytes(2, "big") + bytes(4096 - 12 - 2))
    client = Client(hop.address)
    client.send_quietly(larger)
    assert is_refused(client)


def test_a_slow_header_hits_the_header_timeout(start_proxy, backend):
    proxy = start_proxy(*OF_ALL, "--header-timeout", "400ms", "--defer-accept", "off", backend.url)
    began = time.monotonic()
    silent, slow = Client(proxy.address), Client(proxy.address)
    with pytest.raises(ConnectionError):
        for byte in line(CLIENT) * 3:
            slow.send(bytes([byte]))
            time.sleep(0.02)
    assert silent.how_it_ends() == "eof"
    assert 0.35 < time.monotonic() - began < PATIENCE
    proxy.wait_for_message("it did not arrive in time")


def test_trust_applies_to_the_client_in_the_header(start_proxy, backend):
    proxy = start_proxy(*OF_ALL, "--trust", "203.0.113.0/24", backend.url)
    forwarded = get("/", "X-Forwarded-For: 198.51.100.9")
    with ProxiedClient(proxy.address, line(CLIENT)) as client:
        assert client.ask(forwarded).status == 200
    assert seen_client(backend) == f"198.51.100.9, {CLIENT}"
    with ProxiedClient(proxy.address, line("192.0.2.1")) as client:
        assert client.ask(forwarded).status == 200
    assert seen_client(backend) == "192.0.2.1", "the balancer itself is not trusted, nor is its client"


def test_connections_count_for_the_client_in_the_header(start_proxy, backend):
    proxy = start_proxy(*OF_ALL, "--max-connections-per-client", "2", backend.url)
    first = [ProxiedClient(proxy.address, line(CLIENT)) for _ in range(2)]
    assert all(client.get().status == 200 for client in first)
    assert is_refused(ProxiedClient(proxy.address, line(CLIENT)))
    others = [ProxiedClient(proxy.address, line(f"192.0.2.{n}")) for n in range(1, 9)]
    assert all(client.get().status == 200 for client in others + first)
    proxy.wait_for_message(f"the last from {CLIENT}")
    for client in others + first:
        client.close()


# --- kinds of listeners ---


def test_tls_begins_after_the_header(start_proxy, backend, tmp_path):
    own = Certificates(tmp_path / "own")
    chain, key = own.sign("localhost")
    proxy = start_proxy(*OF_ALL, "--tls", chain, "--tls-key", key, backend.url)
    with ProxiedTlsClient(proxy.address, line(CLIENT), trusting(own)) as client:
        assert client.get().status == 200
    assert seen_client(backend) == CLIENT
    assert is_refused(ProxiedClient(proxy.address, b"\x16\x03\x01\2\0\1\0\1\xfc\3\3"))


def test_a_unix_socket_may_require_headers(start_proxy, backend, tmp_path):
    path = str(tmp_path / "app.sock")
    proxy = start_proxy("--proxy-protocol", "unix", "--header-up", "X-Peer: <{peer}>", backend.url, listen=path)
    with ProxiedClient(proxy.address, line(CLIENT)) as client:
        assert client.get().status == 200
    assert backend.requests[-1].fields.get("x-peer") == f"<{CLIENT}>"
    unix = SIGNATURE + b"\x21\x31\0\xd8" + b"/run/client".ljust(108, b"\0") + bytes(108)
    with ProxiedClient(proxy.address, unix) as client:
        assert client.get().status == 200
    assert backend.requests[-1].fields.get("x-peer") == "<>"
    assert is_refused(Client(proxy.address))


def test_one_listener_alone_may_require_headers(start_proxy, backend):
    proxied, plain = free_port(), free_port()
    proxy = start_proxy("--listen", f"127.0.0.1:{proxied}", "--listen", f"http://127.0.0.1:{plain}", *OF_ALL,
                        "--proxy-protocol-listen", f"127.0.0.1:{proxied}", backend.url,
                        configured=("127.0.0.1", plain))
    with Client(proxy.address) as client:
        assert client.get().status == 200
    assert ProxiedClient(proxy.address, line(CLIENT)).send_quietly(get()).read_final().status == 400
    with ProxiedClient(("127.0.0.1", proxied), line(CLIENT)) as client:
        assert client.get().status == 200
    assert is_refused(Client(("127.0.0.1", proxied)))


def test_a_socket_of_the_service_manager_may_require_headers(backend):
    given = GivenSocket()
    process = given.start("-l", "fd:web", *OF_ALL, "--proxy-protocol-listen", "fd:web", backend.url)
    try:
        with ProxiedClient(given.address, binary(CLIENT)) as client:
            assert client.get().status == 200
        assert seen_client(backend) == CLIENT
        assert is_refused(Client(given.address))
    finally:
        process.terminate()
        assert process.wait(2 * PATIENCE) == 0


# --- while it runs ---


def test_a_reload_changes_the_setting_for_new_connections(configured, backend):
    proxy = configured(backend=backend.url)
    with Client(proxy.address) as before:
        assert before.get().status == 200
        proxy.reload(proxy_protocol=["127.0.0.1"])
        assert before.get().status == 200
        assert is_refused(Client(proxy.address))
        with ProxiedClient(proxy.address, line(CLIENT)) as client:
            assert client.get().status == 200
            proxy.reload(proxy_protocol=["127.0.0.2"])
            assert client.get().status == 200
            assert seen_client(backend) == CLIENT
    with Client(proxy.address) as client:
        assert client.get().status == 200
    assert "balancer" in proxy.fail_to_reload(proxy_protocol=["balancer"])


def test_an_upgrade_keeps_the_setting(tmp_path, backend):
    proxy = UpgradedProxy(tmp_path, {"backend": backend.url, "access-log": "off", "proxy-protocol": ["127.0.0.1"]})
    try:
        first = proxy.pid
        with ProxiedClient(proxy.address, line(CLIENT)) as before:
            assert before.get().status == 200
            half = Client(proxy.address)
            half.send(line(CLIENT)[:20])
            assert proxy.command("upgrade").returncode == 0
            proxy.wait_for_successor()
            assert half.send(line(CLIENT)[20:]).get().status == 200, "a header that had begun"
            half.close()
        proxy.wait_for_end(first)
        assert is_refused(Client(proxy.address))
        with ProxiedClient(proxy.address, line(CLIENT)) as client:
            assert client.get().status == 200
    finally:
        proxy.stop()


# --- HAProxy in front ---

TO_ONEHOP = "listen front\n bind 127.0.0.1:{port}\n server s %s:%d %s"


@needs_haproxy
@pytest.mark.parametrize("how", ["send-proxy", "send-proxy-v2",
                                 "send-proxy-v2 proxy-v2-options crc32c,unique-id,authority"])
def test_haproxy_names_its_clients(start_proxy, haproxy, backend, tmp_path, how):
    own = Certificates(tmp_path / "own")
    chain, key = own.sign("localhost")
    plain, secure = ("127.0.0.1", free_port()), ("127.0.0.1", free_port())
    proxy = start_proxy("--listen", "http://%s:%d" % plain, "--listen", "https://%s:%d" % secure, *OF_ALL, *JSON,
                        "--tls", chain, "--tls-key", key, backend.url, configured=plain)
    front = haproxy(TO_ONEHOP % (*proxy.address, how))
    with Client(front.address, "127.0.0.5") as client:
        assert client.get().status == 200
        assert client.get().status == 200
    assert seen_client(backend) == "127.0.0.5"
    assert json.loads(proxy.wait_for_log_lines(1)[0])["client"] == "127.0.0.5"
    front = haproxy(TO_ONEHOP % (*secure, how))
    for version in ("--http1.1", "--http2"):
        url = f"https://localhost:{front.address[1]}/"
        told = subprocess.run(["curl", "-s", "--cacert", own.ca, "--interface", "127.0.0.6", version, "-o", "/dev/null",
                               "-w", "%{http_code} %{http_version}", url], capture_output=True, text=True,
                              timeout=4 * PATIENCE, check=True).stdout
        assert told == ("200 2" if version == "--http2" else "200 1.1")
        assert seen_client(backend) == "127.0.0.6"
        backend.requests.clear()


@needs_haproxy
def test_checks_of_haproxy_keep_its_address(start_proxy, haproxy, backend):
    proxy = start_proxy(*OF_ALL, *JSON, "--health-path", "/up", backend.url)
    front = haproxy(TO_ONEHOP % (*proxy.address, "send-proxy-v2 check-send-proxy check inter 50ms")
                    + "\n option httpchk GET /checked")
    proxy.wait_for_log_lines(3)
    with Client(front.address, "127.0.0.5") as client:
        assert client.get("/asked").status == 200
    records = [json.loads(row) for row in proxy.stdout().splitlines()]
    clients = {(record["path"] if "path" in record else record["target"], record["client"]) for record in records}
    assert clients <= {("/checked", "127.0.0.1"), ("/asked", "127.0.0.5")}
    assert ("/checked", "127.0.0.1") in clients
