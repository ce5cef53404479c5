# SPDX-License-Identifier: Apache-2.0
"""A client that closes its sending side after its request, as `nc -N` does."""
import socket
import ssl
import threading

import pytest

from raw_client import connect
from tls_peers import Certificates, trusting
from wire import PATIENCE, Truncated, answer, get


def late(go):
    """A backend's script: responds once `go` is set."""

    def script(peer):
        while True:
            peer.read_request()
            assert go.wait(PATIENCE)
            peer.send(answer(b"late"))

    return script


def test_a_client_that_half_closes_is_served_if_configured(hop_with):
    hop, go = hop_with("--half-close", "serve"), threading.Event()
    hop.backend.play(late(go))
    client = hop.client().send(get("/a")).half_close()
    hop.backend.wait_for_requests(1)
    go.set()
    assert client.read_final().body == b"late"
    assert client.read_to_end() == b""
    hop.assert_serves()


def test_over_tls_the_end_is_a_close_notify(start_proxy, start_backend, tmp_path):
    own = Certificates(tmp_path / "own")
    chain, key = own.sign("localhost")
    go, backend = threading.Event(), start_backend()
    backend.play(late(go))
    proxy = start_proxy("--half-close", "serve", "--tls", chain, "--tls-key", key, backend.url)
    sock = connect(proxy.address)
    received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = trusting(own).wrap_bio(received, sent, server_hostname="localhost")

    def until_done(step):
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                if sent.pending:
                    sock.sendall(sent.read())
                received.write(sock.recv(65536))

    until_done(tls.do_handshake)
    tls.write(get("/a"))
    with pytest.raises(ssl.SSLWantReadError):
        tls.unwrap()
    sock.sendall(sent.read())
    sock.shutdown(socket.SHUT_WR)
    backend.wait_for_requests(1)
    go.set()
    assert until_done(lambda: tls.read(65536)).endswith(b"late")
    sock.close()


def test_a_client_that_half_closes_is_cancelled_by_default_and_the_log_names_the_flag(start_proxy, start_backend):
    backend = start_backend()
    backend.play(lambda peer: (peer.read_request(), peer.wait_for_close()))
    proxy = start_proxy(backend.url)
    with proxy.client() as client:
        client.send(get("/a")).half_close()
        backend.wait_for_finish(0)
        with pytest.raises(Truncated):
            client.read_final()
    assert proxy.stop() == 0
    line = proxy.stdout()
    assert line.count("\n") == 1
    assert " 499 " in line and "half-close=serve" in line


def test_a_client_that_resets_is_cancelled_whatever_the_flag_says(hop_with):
    hop = hop_with("--half-close=serve")
    hop.backend.play(lambda peer: (peer.read_request(), peer.wait_for_close()))
    client = hop.client().send(get("/a"))
    hop.backend.wait_for_requests(1)
    client.half_close()
    client.reset()
    hop.backend.wait_for_finish(0)
