# SPDX-License-Identifier: Apache-2.0
"""Long exchanges with reload_backend.js, which echoes what the client sends until either side ends the exchange."""
import base64
import os

from any_client import Http2
from h2_client import DATA, END_HEADERS, END_STREAM, HEADERS, H2Client, block, frame
from raw_client import Client
from wire import Truncated, message


class Exchange:
    """`send` and `receive` take and return 8 bytes."""

    def echo(self, number):
        self.send(b"%08d" % number)
        assert self.receive() == b"%08d" % number


class Tunnel(Exchange):
    """A WebSocket over HTTP/1.1."""

    def __init__(self, address):
        self.client = Client(address)
        key = base64.b64encode(os.urandom(16)).decode("ascii")
        self.client.send(message("GET /tunnel HTTP/1.1", "Host: h", "Connection: Upgrade", "Upgrade: websocket",
                                 "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}"))
        assert self.client.read_response_head().status == 101

    def send(self, data):
        self.client.send(data)

    def receive(self):
        return self.client.read_exactly(8)

    def end(self):
        self.client.half_close()
        assert self.client.how_it_ends() == "eof" and self.client.buffer == b""

    def close(self):
        self.client.close()


class Http2Tunnel(Exchange):
    """The same over HTTP/2 (RFC 8441)."""

    def __init__(self, address):
        self.client = H2Client(address)
        self.stream = self.client.new_stream()
        self.client.send(frame(HEADERS, END_HEADERS, self.stream, block(
            (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":authority", "h"),
            (":path", "/tunnel"), ("sec-websocket-version", "13"))))
        self.answer = self.client.read_head(self.stream)
        assert self.answer.status == 200

    def send(self, data):
        self.client.send(frame(DATA, 0, self.stream, data))

    def receive(self):
        while len(self.answer.body) < 8:
            if self.answer.reset is not None:
                raise Truncated(f"reset with {self.answer.reset}")
            self.client.read_frame()
        data, self.answer.body = self.answer.body, b""
        return data

    def end(self):
        self.client.send(frame(DATA, END_STREAM, self.stream))
        answer = self.client.read_answer(self.stream)
        assert answer.reset in (None, 0) and answer.body == b""

    def close(self):
        self.client.close()


class Http2Stream(Exchange):
    """One request with content in both directions at once, like a gRPC stream."""

    def __init__(self, address):
        self.client = Http2(address)
        self.client.begin("/echo", ("content-type", "application/grpc"), method="POST", end=False)
        self.received = b""

    def send(self, data):
        self.client.send(data)

    def receive(self):
        assert self.client.read_head() == [200]
        while len(self.received) < 8:
            self.received += self.client.read_piece()
        data, self.received = self.received, b""
        return data

    def end(self):
        self.client.finish()
        assert self.client.read_rest() == b""

    def close(self):
        self.client.close()
