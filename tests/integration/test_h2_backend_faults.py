# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 backends that break or stretch the rules, as seen by clients of either version."""
import socket
import struct
import time

import pytest
from hpack import Decoder

from h2_client import (ACK, DATA, ENABLE_CONNECT_PROTOCOL, END_HEADERS, END_STREAM, GOAWAY, HEADERS,
                       INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE, NO_ERROR, PUSH_PROMISE, RST_STREAM, SETTINGS,
                       WINDOW_UPDATE, H2Client, block, frame)
from raw_client import Client
from wire import PATIENCE, get, message, post

OK = block((":status", "200"))


class H2Peer:
    """Frames on a connection of the scripted backend."""

    def __init__(self, connection, settings=b""):
        self.connection = connection
        connection.read_until(b"SM\r\n\r\n")
        connection.send(frame(SETTINGS, 0, 0, settings) + frame(SETTINGS, ACK, 0))

    def read(self, kind):
        """Returns the payload of the next frame of this kind; others are skipped."""
        while True:
            head = self.connection.read_exactly(9)
            payload = self.connection.read_exactly(int.from_bytes(head[:3], "big"))
            if head[3] == kind:
                return payload

    def send(self, *frames):
        self.connection.send(b"".join(frames))

    def wait_for_close(self):
        self.connection.wait_for_close()


def head(*fields, end=False, stream=1):
    return frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, block(*fields))


def data(bytes, end=False, stream=1):
    return frame(DATA, END_STREAM if end else 0, stream, bytes)


@pytest.fixture
def behind(start_proxy, start_backend):
    """A proxy before a backend that gives each connection to `script`."""

    def start(script, *flags, settings=b""):
        backend = start_backend()
        backend.play(lambda connection: script(H2Peer(connection, settings)))
        return start_proxy("--workers", "1", *flags, backend.url.replace("http:", "h2c:"))

    return start


def answering(*frames):
    def script(peer):
        peer.read(HEADERS)
        peer.send(*frames)
        peer.wait_for_close()

    return script


versions = pytest.mark.parametrize("version", [Client, H2Client], ids=["h1", "h2"])


@versions
@pytest.mark.parametrize("frames", [
    [head(("content-length", "0"), end=True)],
    [head((":status", "abc"), end=True)],
    [head((":status", "99"), end=True)],
    [head((":status", "200"), (":status", "200"), end=True)],
    [head((":status", "200"), (":path", "/"), end=True)],
    [head((":status", "200"), ("content-length", "1"), ("content-length", "2")), data(b"x", end=True)],
    [head((":status", "200"), ("content-length", "+1")), data(b"x", end=True)],
    [head((":status", "200"), ("content-length", "5"), end=True)],
    [head((":status", "200"), ("connection", "close"), end=True)],
    [head((":status", "200"), ("transfer-encoding", "chunked"), end=True)],
    [head((":status", "200"), ("a", "1\r\nb: 2"), end=True)],
    [head((":status", "200"), ("A", "1"), end=True)],
    [head((":status", "103"), end=True)],
    [head((":status", "101"))],
    [data(b"content without a head", end=True)],
    [frame(PUSH_PROMISE, END_HEADERS, 1, struct.pack(">I", 2) + block((":method", "GET"), (":path", "/")))],
    [frame(DATA, 0, 0, b"on no stream")],
    [frame(SETTINGS, 0, 0, struct.pack(">HI", MAX_FRAME_SIZE, 0))],
    [frame(SETTINGS, 0, 0, struct.pack(">HI", INITIAL_WINDOW_SIZE, 1 << 31))],
    [frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\xff\xff\xff\xff\xff\xff")],
])
def test_a_malformed_response_is_a_502(behind, version, frames):
    proxy = behind(answering(*frames))
    with version(proxy.address) as client:
        if version is Client:
            assert client.ask(post(b"x")).status == 502
        else:
            assert client.ask(method="POST", body=b"x").status == 502


def test_a_response_head_past_its_limit_is_a_502(behind):
    large = [("x-%d" % number, "v" * 900) for number in range(17)]
    proxy = behind(answering(head((":status", "200"), *large, end=True)), "--max-response-header-bytes", "8KiB")
    with H2Client(proxy.address) as client:
        assert client.ask().status == 502


@versions
@pytest.mark.parametrize("frames", [
    [head((":status", "200"), ("content-length", "5")), data(b"part", end=True)],
    [head((":status", "200"), ("content-length", "5")), data(b"part"), data(b"and more", end=True)],
    [frame(HEADERS, END_HEADERS, 1, OK), data(b"part"), head((":status", "200"), end=True)],
    [frame(HEADERS, END_HEADERS, 1, OK), data(b"part"), head(("x-sum", "5"))],
    [frame(HEADERS, END_HEADERS, 1, OK), data(b"part"), head(("connection", "close"), end=True)],
    [frame(HEADERS, END_HEADERS, 1, OK), data(b"part"), frame(RST_STREAM, 0, 1, struct.pack(">I", NO_ERROR))],
    [frame(HEADERS, END_HEADERS, 1, OK), data(b"part"), frame(GOAWAY, 0, 0, struct.pack(">II", 0, 1))],
], ids=["short", "long", "pseudo-field", "no-end", "connection", "reset", "goaway"])
def test_a_fault_in_the_content_is_not_a_complete_response(behind, version, frames):
    def script(peer):
        peer.read(HEADERS)
        peer.send(*frames[:2])
        time.sleep(0.05)  # the head is sent
        peer.send(*frames[2:])
        peer.wait_for_close()

    proxy = behind(script)
    with version(proxy.address) as client:
        if version is Client:
            client.send(get()).expect_no_complete_answer()
        else:
            got = client.ask()
            assert got.reset or got.status == 502


# RFC 9113 8.1: the response is complete, and the backend discards the rest of the request.
@versions
def test_a_complete_response_may_end_the_upload(behind, version):
    proxy = behind(answering(head((":status", "413"), ("content-length", "2")), data(b"no", end=True),
                             frame(RST_STREAM, 0, 1, struct.pack(">I", NO_ERROR))))
    with version(proxy.address) as client:
        if version is Client:
            got = client.send(message("POST / HTTP/1.1", "Host: h", "Content-Length: 9", body=b"x")).read_final("POST")
        else:
            stream = client.request(method="POST", end=False)
            got = client.send(data(b"x", stream=stream)).read_answer(stream)
        assert (got.status, got.body) == (413, b"no")


def test_only_content_without_a_length_may_pause(behind):
    def script(peer):
        peer.read(HEADERS)
        peer.send(head((":status", "200"), ("content-type", "application/grpc")), data(b"first"))
        peer.read(HEADERS)
        peer.send(head((":status", "200"), ("content-length", "9"), stream=3), data(b"first", stream=3))
        peer.read(HEADERS)
        peer.send(head((":status", "200"), ("content-type", "application/json"), stream=5), data(b"first", stream=5))
        time.sleep(1)
        peer.send(data(b"last", stream=5, end=True))
        peer.send(data(b"last", end=True))
        peer.wait_for_close()

    proxy = behind(script, "--activity-timeout", "300ms")
    with H2Client(proxy.address) as client:
        patient = client.request(("content-type", "application/grpc"), method="POST")
        client.read_head(patient)
        other = client.request()
        client.read_head(other)
        watch = client.request()
        assert client.read_answer(other).reset
        assert client.read_answer(watch).body == b"firstlast"
        assert client.read_answer(patient).body == b"firstlast"


def test_a_request_arrives_in_http2_form(behind):
    seen = []

    def script(peer):
        seen.append(Decoder().decode(peer.read(HEADERS)))
        peer.send(head((":status", "200"), end=True))
        peer.wait_for_close()

    proxy = behind(script)
    with Client(proxy.address) as client:
        assert client.ask(get("/p?q", "Cookie: a=1; b=2", "Connection: close, X-Hop", "X-Hop: 1", "Keep-Alive: 5",
                              "Upgrade: spdy/3", host="name.test")).status == 200
    fields = seen[0]
    assert fields[:4] == [(":method", "GET"), (":scheme", "http"), (":authority", "name.test"), (":path", "/p?q")]
    assert [value for name, value in fields if name == "cookie"] == ["a=1; b=2"]
    assert not {"host", "connection", "x-hop", "keep-alive", "upgrade", "content-length"} & {name for name, _ in fields}


def test_a_post_that_follows_on_a_connection_just_closed_is_served(behind):
    """GOAWAY and the next request cross: a request that was never sent is sent on a new connection."""

    def one_each(peer):
        peer.read(HEADERS)
        peer.send(head((":status", "200"), end=True), frame(GOAWAY, 0, 0, struct.pack(">II", 1, NO_ERROR)))
        peer.connection.close()

    proxy = behind(one_each)
    with Client(proxy.address) as client:
        for _ in range(40):
            assert client.ask(post(b"")).status == 200


UPGRADE = get("/", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")


def test_the_end_of_a_tunnel_arrives_after_a_goaway_of_the_backend(behind):
    """Its last stream ends the connection. Closing it with unread backend data, such as a WINDOW_UPDATE, would send a
    reset, and data in the kernel's buffer would be lost."""
    size = 3_000_000
    arrived = []

    def script(peer):
        connection = peer.connection
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
        peer.send(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1 << 30)))
        peer.read(HEADERS)
        peer.send(head((":status", "200")), frame(GOAWAY, 0, 0, struct.pack(">II", 1, NO_ERROR)), data(b"bye", end=True))
        while True:
            start = connection.read_exactly(9)
            payload = connection.read_exactly(int.from_bytes(start[:3], "big"))
            if start[3] != DATA:
                continue
            arrived.append(len(payload))
            if start[4] & END_STREAM:
                break
            try:
                peer.send(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1)))
            except OSError:
                pass  # earlier data must still arrive

    proxy = behind(script, settings=struct.pack(">HIHI", ENABLE_CONNECT_PROTOCOL, 1, INITIAL_WINDOW_SIZE, 1 << 30))
    with Client(proxy.address) as client:
        client.send(UPGRADE)
        assert client.read_response().status == 101
        client.send(b"x" * size)
        client.half_close()
        assert client.read_to_end() == b"bye"
        deadline = time.monotonic() + PATIENCE
        while sum(arrived) < size and time.monotonic() < deadline:
            time.sleep(0.01)
    assert sum(arrived) == size
