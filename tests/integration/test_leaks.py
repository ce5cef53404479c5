# SPDX-License-Identifier: Apache-2.0
"""After very many requests, connections and failures no resources have leaked."""
import asyncio
import threading
import time

import pytest

from proxy_process import SANITIZED
from scripted_backend import reply_once
from wire import OK, PATIENCE, answer, get, message

MIB = 1024 * 1024
SCALE = 20 if SANITIZED else 1
REQUEST = get("/leak", "User-Agent: leak/1.0", "Accept: */*")


class EchoLikeBackend(asyncio.Protocol):
    """Responds to each request head with two bytes; fast, and no other features."""

    def __init__(self):
        self.pending = b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        heads = (self.pending + data).split(b"\r\n\r\n")
        self.pending = heads.pop()
        self.transport.write(OK * len(heads))


class Visitor(asyncio.Protocol):
    """Sends `batch` requests at a time until `total` have their responses, and then closes."""

    def __init__(self, total, batch):
        self.left, self.batch = total, batch
        self.done = asyncio.get_running_loop().create_future()
        self.awaited = 0
        self.text = b""

    def connection_made(self, transport):
        self.transport = transport
        self.ask()

    def ask(self):
        self.awaited = min(self.batch, self.left)
        self.text = b""
        self.transport.write(REQUEST * self.awaited)

    def data_received(self, data):
        self.text += data
        if self.text.count(b"HTTP/1.1 200") < self.awaited or not self.text.endswith(b"ok"):
            return
        self.left -= self.awaited
        if self.left:
            self.ask()
        else:
            self.transport.close()

    def connection_lost(self, error):
        if not self.done.done():
            self.done.set_result(self.left == 0 and error is None)


async def visit(address, connections, requests_each, batch, at_once):
    loop = asyncio.get_running_loop()
    gate = asyncio.Semaphore(at_once)

    async def one():
        async with gate:
            _, visitor = await loop.create_connection(lambda: Visitor(requests_each, batch), *address)
            return await visitor.done

    results = await asyncio.gather(*(one() for _ in range(connections)))
    assert all(results), f"{results.count(False)} of {connections} visits failed"


@pytest.fixture
def measured(start_proxy):
    """measured(connections, requests_each, batch, at_once): runs visits and returns the growth of each round."""

    def run(*round_args, rounds=2):
        async def session():
            loop = asyncio.get_running_loop()
            server = await loop.create_server(EchoLikeBackend, "127.0.0.1", 0, backlog=512)
            port = server.sockets[0].getsockname()[1]
            proxy = start_proxy("--access-log", "off", "--pool-idle-timeout", "100ms",
                                f"http://127.0.0.1:{port}")
            found = []
            for _ in range(rounds + 1):
                await visit(proxy.address, *round_args)
                found.append(await settled(proxy))
            server.close()
            return found

        return asyncio.run(session())

    return run


async def settled(proxy):
    """Descriptors and memory once they have not changed for a second."""
    quiet_since, descriptors = time.monotonic(), proxy.descriptors()
    while time.monotonic() - quiet_since < 1:
        await asyncio.sleep(0.05)
        if proxy.descriptors() != descriptors:
            quiet_since, descriptors = time.monotonic(), proxy.descriptors()
    return descriptors, proxy.resident_bytes()


def assert_nothing_is_left(found):
    warm, *_, last = found
    assert last[0] <= warm[0], f"descriptors: {found}"
    if not SANITIZED:
        assert last[1] - warm[1] < 2 * MIB, f"memory: {found}"


def test_a_hundred_thousand_keep_alive_requests_leave_nothing_behind(measured):
    assert_nothing_is_left(measured(50, 1000 // SCALE, 10, 50))


def test_ten_thousand_connections_leave_nothing_behind(measured):
    assert_nothing_is_left(measured(5000 // SCALE, 1, 1, 100))


@pytest.mark.parametrize("script", [
    reply_once(message("HTTP/1.1 200 OK", "Content-Length: 84", body=b"x" * 42)),
    reply_once(b"garbage\r\n\r\n"),
    reply_once(message("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: foo")),
    lambda peer: (peer.read_request(), peer.reset()),
    reply_once(answer(b"ok", "Connection: close")),
], ids=["short body", "garbage", "wrong 101", "reset", "close"])
def test_failing_backends_leave_no_descriptor_behind(hop_with, script):
    hop = hop_with("--pool-idle-timeout", "100ms")
    hop.assert_serves()
    hop.end_test()
    before = hop.proxy.descriptors()
    hop.backend.play(script)
    for _ in range(100):
        with hop.proxy.client() as client:
            client.send(get("/", "Connection: Upgrade", "Upgrade: websocket"))
            read_quietly(client)
    hop.proxy.wait_for_descriptors(before)


def read_quietly(client):
    try:
        client.read_final()
    except Exception:  # pylint: disable=broad-except
        pass  # how it fails is the subject of other tests


def test_leaving_clients_and_tunnels_leave_no_descriptor_behind(hop_with):
    hop = hop_with("--pool-idle-timeout", "100ms")
    hop.assert_serves()
    hop.end_test()
    before = hop.proxy.descriptors()
    agreed = message("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket")
    hop.backend.play(lambda peer: (peer.read_request(), peer.send(agreed), peer.wait_for_close()))
    for number in range(100):
        client = hop.proxy.client().send(get("/", "Connection: Upgrade", "Upgrade: websocket"))
        if number % 2:
            client.read_final()
        client.reset()
    hop.proxy.wait_for_descriptors(before)


@pytest.mark.parametrize("who", ["client", "backend"])
def test_tunnels_whose_half_closed_side_was_reset_leave_no_descriptor_behind(hop_with, who):
    hop = hop_with("--pool-idle-timeout", "100ms")
    hop.assert_serves()
    hop.end_test()
    before = hop.proxy.descriptors()
    seen = threading.Event()

    def script(peer):
        peer.read_request()
        peer.send(message("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket"))
        if who == "backend":
            peer.half_close()
            seen.wait(PATIENCE)
            peer.reset()
        else:
            peer.read_to_end()
            seen.wait(PATIENCE)

    hop.backend.play(script)
    clients = []
    for _ in range(10):
        clients.append(hop.proxy.client().send(get("/", "Connection: Upgrade", "Upgrade: websocket")))
        assert clients[-1].read_response_head().status == 101
        if who == "client":
            clients[-1].half_close()
        else:
            assert clients[-1].read_to_end() == b""
    if who == "client":
        time.sleep(0.1)  # the half-close is forwarded first
        for client in clients:
            client.reset()
    else:
        seen.set()
    try:
        hop.proxy.wait_for_descriptors(before)
    finally:
        seen.set()
        for client in clients:
            client.close()
