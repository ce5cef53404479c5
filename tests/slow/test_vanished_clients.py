# SPDX-License-Identifier: Apache-2.0
"""Clients that vanish without FIN or reset, as a phone behind a NAT that has dropped its state. Their requests are
silent on the other side as well, so that only keep-alive and PING can notice."""
import json
import socket
import sys
import time
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "integration"))
from h2_client import H2Client  # noqa: E402
from proxy_process import Proxy  # noqa: E402
from raw_client import Client  # noqa: E402
from scripted_backend import ScriptedBackend  # noqa: E402
from wire import get, message  # noqa: E402

TCP_REPAIR = 19  # a socket in this state is closed silently; needs CAP_NET_ADMIN
# TCP keep-alive: 60 s, and three probes 20 s apart; PINGs over HTTP/2 no later.
NOTICED_WITHIN = 150


def script(peer):
    head = peer.read_request_head()
    if head.target == "/ws":
        peer.send(message("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
                          "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
    else:
        peer.send(message("HTTP/1.1 200 OK", "Content-Type: text/event-stream", "Transfer-Encoding: chunked"))
    peer.sock.settimeout(2 * NOTICED_WITHIN)
    peer.wait_for_close()


def vanish(sock):
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    sock.close()


def open_event_stream(proxy):
    client = Client(proxy.address).send(get("/events"))
    assert client.read_response_head().status == 200
    return client.sock


def open_tunnel(proxy):
    client = Client(proxy.address)
    client.send(get("/ws", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="))
    assert client.read_response_head().status == 101
    return client.sock


def open_stream(proxy):
    client = H2Client(proxy.address)
    client.read_head(client.request(path="/events"))
    return client.sock


@pytest.mark.parametrize("begin", [open_event_stream, open_tunnel, open_stream])
def test_a_client_that_vanished_is_noticed(begin):
    backend = ScriptedBackend()
    backend.play(script)
    proxy = Proxy("--access-log", "json", backend.url)
    sock = begin(proxy)
    time.sleep(1)  # until all data in flight has arrived
    vanish(sock)
    deadline = time.monotonic() + NOTICED_WITHIN
    while not proxy.stdout().strip():
        assert time.monotonic() < deadline, "nothing has noticed"
        time.sleep(0.5)
    assert json.loads(proxy.stdout().splitlines()[0])["outcome"] == "client_gone"
    assert proxy.stop() == 0
    backend.close()
