# SPDX-License-Identifier: Apache-2.0
"""Failures that would otherwise be silent are logged even without -v, and each only once."""
import socket

import pytest

from tls_peers import Certificates
from wire import OK, PATIENCE, get


@pytest.fixture
def backend(start_backend):
    backend = start_backend()
    backend.answers(OK)
    return backend


def test_a_dropped_upgrade_is_logged(start_proxy, backend):
    proxy = start_proxy(backend.url)
    with proxy.client() as client:
        client.send(get("/a", "Connection: Upgrade", 'Upgrade: spdy/3.1, "x" y=z'))
        assert client.read_final().status == 200
    line = proxy.wait_for_message("upgrade not allowed")
    assert line.endswith('peer=127.0.0.1 request="GET /a HTTP/1.1" upgrade="spdy/3.1, \\x22x\\x22 y=z"')
    assert " warning " in line
    assert b"upgrade" not in backend.received.lower()


@pytest.mark.parametrize("asked", ["h2c", "websocket"])
def test_no_line_for_an_offer_of_h2c_nor_for_an_upgrade_that_is_passed_on(start_proxy, backend, asked):
    proxy = start_proxy("-v", backend.url)
    with proxy.client() as client:
        client.send(get("/", "Connection: Upgrade", f"Upgrade: {asked}"))
        assert client.read_final().status == 200
    assert proxy.stop() == 0
    assert "upgrade" not in proxy.stderr()


def test_plain_http_and_noise_on_a_tls_port(start_proxy, backend, tmp_path):
    pair = Certificates(tmp_path / "tls").sign("localhost", "localhost")
    proxy = start_proxy("--tls", pair[0], "--tls-key", pair[1], backend.url)
    for said, words in ((get(), "spoke plain HTTP"), (b"\x16\x03\x01\0\5hello", "TLS failed")):
        with socket.create_connection(proxy.address, PATIENCE) as client:
            client.sendall(said)
            assert client.recv(4096)
        line = proxy.wait_for_message("warning TLS handshake failed: peer=127.0.0.1:", words)
        assert line.endswith('"')


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_502_is_only_in_the_access_log(start_proxy, form):
    proxy = start_proxy("--access-log", form, "http://127.0.0.1:1")
    proxy.wait_for_message("the backend does not accept connections yet")
    before = proxy.stderr()
    with proxy.client() as client:
        assert client.get().status == 502
    assert "Connection refused" in proxy.wait_for_log_lines(1)[0]
    assert proxy.stop() == 0
    assert "status=502" not in proxy.stderr()
    assert len(proxy.stderr().splitlines()) == len(before.splitlines()) + 2, "it stopped, and nothing else"


def test_without_an_access_log_a_502_is_on_standard_error(start_proxy):
    proxy = start_proxy("--access-log", "off", "http://127.0.0.1:1")
    with proxy.client() as client:
        assert client.get().status == 502
    line = proxy.wait_for_message("status=502")
    assert 'warning client=127.0.0.1 request="GET / HTTP/1.1" status=502 failure="upstream connect: ' in line
    assert proxy.stdout() == ""


def test_a_refused_host_cannot_forge_a_pair(start_proxy, backend):
    proxy = start_proxy(backend.url)
    forged = "a.test upstream=10.9.9.9:80 attempts=1 outcome=complete"
    with proxy.client() as client:
        assert client.ask(b"GET / HTTP/1.1\r\nHost: " + forged.encode() + b"\r\n\r\n").status == 400
    line = proxy.wait_for_log_lines(1)[0]
    assert f' host="{forged}" upstream=- attempts=0 ' in line


def test_suppressed_lines_are_counted_at_the_stop(start_proxy, backend, tmp_path):
    pair = Certificates(tmp_path / "tls").sign("localhost", "localhost")
    proxy = start_proxy("--tls", pair[0], "--tls-key", pair[1], "--workers", "2", backend.url)
    for _ in range(20):
        with socket.create_connection(proxy.address, PATIENCE) as client:
            client.sendall(b"\x16\x03\x01\0\5hello")
            assert client.recv(4096)
    assert proxy.stop() == 0
    told = [line for line in proxy.stderr().splitlines() if "TLS handshake failed" in line]
    assert told[0].endswith('"')
    more = [int(line.split("(")[-1].split()[0]) for line in told if line.endswith("more since the last such line)")]
    assert sum("peer=" in line for line in told) + sum(more) == 20
