# SPDX-License-Identifier: Apache-2.0
"""A WebSocket client and server, neither of which knows about the proxy."""
import asyncio
import os

import pytest
import websockets

from proxy_process import free_port


@pytest.fixture
def websocket_port():
    return free_port()


def through_proxy(start_proxy, port, visit, handler=None):
    """Runs `visit(url)` against a server that echoes, or runs `handler`."""

    async def echo(socket):
        async for text in socket:
            await socket.send(text)

    async def run():
        async with websockets.serve(handler or echo, "127.0.0.1", port, max_size=None):
            proxy = start_proxy(f"http://127.0.0.1:{port}")
            address = "ws://%s:%d/chat" % proxy.address
            await asyncio.wait_for(visit(address), 20)

    asyncio.run(run())


def test_texts_and_binaries_of_all_sizes_are_echoed(start_proxy, websocket_port):
    async def visit(url):
        async with websockets.connect(url, max_size=None) as socket:
            for size in (0, 1, 125, 126, 65_535, 65_536, 1_000_000):
                data = os.urandom(size)
                await socket.send(data)
                assert await socket.recv() == data
            await socket.send("gr\u00fc\u00dfe")
            assert await socket.recv() == "gr\u00fc\u00dfe"

    through_proxy(start_proxy, websocket_port, visit)


def test_pings_and_the_closing_code_pass(start_proxy, websocket_port):
    async def visit(url):
        async with websockets.connect(url) as socket:
            await asyncio.wait_for(await socket.ping(), 5)
            await socket.close(4321, "enough")
            assert socket.close_code == 4321

    through_proxy(start_proxy, websocket_port, visit)


def test_the_servers_closing_code_reaches_the_client(start_proxy, websocket_port):
    async def close(socket):
        await socket.recv()
        await socket.close(4000, "go away")

    async def visit(url):
        async with websockets.connect(url) as socket:
            await socket.send("x")
            with pytest.raises(websockets.ConnectionClosed) as caught:
                await socket.recv()
            assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (4000, "go away")

    through_proxy(start_proxy, websocket_port, visit, close)


def test_subprotocol_and_compression_are_negotiated_end_to_end(start_proxy, websocket_port):
    async def visit(url):
        async with websockets.connect(url, compression="deflate") as socket:
            assert "permessage-deflate" in socket.response_headers["Sec-WebSocket-Extensions"]
            await socket.send("a" * 100_000)
            assert await socket.recv() == "a" * 100_000

    through_proxy(start_proxy, websocket_port, visit)


def test_a_hundred_sockets_talk_at_once(start_proxy, websocket_port):
    async def talk(url, number):
        async with websockets.connect(url) as socket:
            for turn in range(10):
                await socket.send(f"{number}.{turn}")
                assert await socket.recv() == f"{number}.{turn}"

    async def visit(url):
        await asyncio.gather(*(talk(url, number) for number in range(100)))

    through_proxy(start_proxy, websocket_port, visit)
