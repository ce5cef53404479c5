#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""One of several identical backends, as a process that speaks HTTP/1.1 and, by prior knowledge, HTTP/2.

usage: chaos_replica.py HOST PORT NAME JOURNAL. Each response has X-Endpoint: NAME, the X-Id of its request, the target
in X-Path, and as much content as X-Want asks for. The id of a request is written to the JOURNAL before the request
is processed. Paths below /-/ are commands: /-/delay/MS, /-/health/STATUS, /-/status/STATUS, and /-/reset, which
ends all other connections by a reset.
"""
import asyncio
import base64
import hashlib
import os
import socket
import struct
import sys
from pathlib import Path

from hpack import Decoder

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1] / "integration")]

from faulty_backend import content  # noqa: E402
from h2_client import (ACK, DATA, ENABLE_CONNECT_PROTOCOL, END_HEADERS, END_STREAM, HEADERS,  # noqa: E402
                       INITIAL_WINDOW_SIZE, PING, PREFACE, RST_STREAM, SETTINGS, WINDOW_UPDATE, block, frame)
from wire import Malformed, Request, chunk, message  # noqa: E402

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
PIECE = 16_384
DRIP = 0.02  # seconds between two pieces of a response that drips


class State:
    """The settings that commands change, for all connections."""

    def __init__(self, name, journal):
        self.name = name
        self.journal = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self.delay = 0.0
        self.health = 200
        self.status = 200
        self.writers = set()

    def note(self, fields, method):
        if "x-id" in fields:
            os.write(self.journal, f"{fields['x-id']} {method}\n".encode())

    def obey(self, target, writer):
        """Executes a command."""
        _, _, command, *values = target.split("/")
        if command == "reset":
            for other in self.writers - {writer}:
                reset(other)
        else:
            setattr(self, command, int(values[0]) / 1000 if command == "delay" else int(values[0]))


def reset(writer):
    try:
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except OSError:
        pass  # it is closed already
    writer.transport.abort()


class Answer:
    """The response to one request."""

    def __init__(self, state, fields, target, body):
        self.fields = {"x-endpoint": state.name, "x-path": target}
        self.status, self.pieces, self.drips, self.kind = state.status, [], False, "length"
        if target == "/healthz":
            self.status = state.health
            if self.status == 503:
                self.fields["connection"] = "close"
        if "x-id" not in fields:
            return
        name = fields["x-id"]
        size, self.kind, drip = fields.get("x-want", "0 length steady").split()
        if body != content(name, len(body)):
            self.status = 400
        self.drips = drip == "drip"
        self.fields.update({"x-id": name, "x-size": size})
        data = content(name, int(size))
        self.pieces = [data[at:at + PIECE] for at in range(0, len(data), PIECE)]

    def size(self):
        return sum(map(len, self.pieces))


async def serve(state, reader, writer):
    state.writers.add(writer)
    try:
        first = await reader.readexactly(4)
        if first == PREFACE[:4]:
            await Http2(state, reader, writer).serve()
        else:
            await serve_http1(state, reader, writer, first)
    except (OSError, asyncio.IncompleteReadError):
        pass  # the proxy went away
    finally:
        state.writers.discard(writer)
        writer.transport.abort()


async def serve_http1(state, reader, writer, first):
    while True:
        request = Request(first + await reader.readuntil(b"\r\n\r\n"))
        first = b""
        fields = {name.lower(): value for name, value in request.fields}
        if request.target.startswith("/-/"):
            state.obey(request.target, writer)
        state.note(fields, request.method)
        if "upgrade" in fields:
            return await tunnel(state, reader, writer, request, fields)
        body = await read_body(reader, request)
        if not request.target.startswith(("/-/", "/healthz")):
            await asyncio.sleep(state.delay)
        answer = Answer(state, fields, request.target, body)
        is_bodyless = request.method == "HEAD"
        lines = [f"{name}: {value}" for name, value in answer.fields.items()]
        lines.append("Transfer-Encoding: chunked" if answer.kind == "chunked" else f"Content-Length: {answer.size()}")
        writer.write(message(f"HTTP/1.1 {answer.status} Status", *lines))
        for piece in [] if is_bodyless else answer.pieces:
            writer.write(chunk(piece) if answer.kind == "chunked" else piece)
            await writer.drain()
            if answer.drips:
                await asyncio.sleep(DRIP)
        if answer.kind == "chunked" and not is_bodyless:
            writer.write(b"0\r\n\r\n")
        await writer.drain()


async def read_body(reader, request):
    if not request.fields.has("transfer-encoding"):
        return await reader.readexactly(int(request.fields.get("content-length") or 0))
    body = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    if await reader.readuntil(b"\r\n") != b"\r\n":
        raise Malformed("trailers")
    return body


async def tunnel(state, reader, writer, request, fields):
    digest = hashlib.sha1((fields["sec-websocket-key"] + GUID).encode()).digest()
    writer.write(message("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
                         f"X-Endpoint: {state.name}", f"X-Path: {request.target}", f"X-Id: {fields['x-id']}",
                         f"Sec-WebSocket-Accept: {base64.b64encode(digest).decode()}"))
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()


class Http2:
    def __init__(self, state, reader, writer):
        self.state, self.reader, self.writer = state, reader, writer
        self.decoder = Decoder()
        self.first_window = self.window = 65_535
        self.windows = {}  # of the streams that were not cancelled
        self.requests = {}  # by stream: fields and content
        self.changed = asyncio.Condition()
        self.tasks = set()

    async def serve(self):
        await self.reader.readexactly(len(PREFACE) - 4)
        self.writer.write(frame(SETTINGS, 0, 0, struct.pack(">HI", ENABLE_CONNECT_PROTOCOL, 1))
                          + frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1 << 30)))
        try:
            while True:
                head = await self.reader.readexactly(9)
                payload = await self.reader.readexactly(int.from_bytes(head[:3], "big"))
                await self.take(head[3], head[4], struct.unpack(">I", head[5:])[0], payload)
        finally:
            for task in self.tasks:
                task.cancel()

    async def take(self, kind, flags, stream, payload):
        if kind == SETTINGS and not flags & ACK:
            settings = dict(struct.unpack_from(">HI", payload, at) for at in range(0, len(payload), 6))
            self.first_window = settings.get(INITIAL_WINDOW_SIZE, self.first_window)
            self.writer.write(frame(SETTINGS, ACK, 0))
        elif kind == PING and not flags & ACK:
            self.writer.write(frame(PING, ACK, 0, payload))
        elif kind == WINDOW_UPDATE:
            more = struct.unpack(">I", payload)[0]
            if stream == 0:
                self.window += more
            elif stream in self.windows:
                self.windows[stream] += more
        elif kind == RST_STREAM:
            self.windows.pop(stream, None)
        elif kind == HEADERS:
            self.begin(stream, dict(self.decoder.decode(payload)), flags & END_STREAM)
        elif kind == DATA and stream in self.requests:
            self.receive(stream, payload, flags & END_STREAM)
        async with self.changed:
            self.changed.notify_all()

    def begin(self, stream, fields, is_whole):
        self.windows[stream] = self.first_window
        self.requests[stream] = fields, bytearray()
        self.state.note(fields, fields[":method"])
        if ":protocol" in fields:
            self.writer.write(frame(HEADERS, END_HEADERS, stream, block(
                (":status", "200"), ("x-endpoint", self.state.name), ("x-path", fields[":path"]),
                ("x-id", fields["x-id"]))))
        elif is_whole:
            self.spawn(self.respond(stream))

    def receive(self, stream, payload, is_whole):
        fields, body = self.requests[stream]
        if payload:
            self.writer.write(frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", len(payload))))
        if ":protocol" in fields:
            self.writer.write(frame(DATA, END_STREAM if is_whole else 0, stream, payload))
            return
        body += payload
        if is_whole:
            self.spawn(self.respond(stream))

    def spawn(self, work):
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def respond(self, stream):
        fields, body = self.requests.pop(stream)
        if fields[":path"] != "/healthz":
            await asyncio.sleep(self.state.delay)
        answer = Answer(self.state, fields, fields[":path"], bytes(body))
        answer.fields.pop("connection", None)
        lines = [(":status", str(answer.status)), *answer.fields.items()]
        if answer.kind == "length":
            lines.append(("content-length", str(answer.size())))
        pieces = [] if fields[":method"] == "HEAD" else answer.pieces
        if stream not in self.windows:
            return
        self.writer.write(frame(HEADERS, END_HEADERS | (0 if pieces else END_STREAM), stream, block(*lines)))
        for number, piece in enumerate(pieces):
            if not await self.send(stream, piece, number + 1 == len(pieces)):
                return
            await asyncio.sleep(DRIP if answer.drips else 0)

    async def send(self, stream, data, is_last):
        """Returns false if the request was cancelled."""
        while True:
            async with self.changed:
                await self.changed.wait_for(lambda: stream not in self.windows
                                            or min(self.window, self.windows[stream]) > 0)
            if stream not in self.windows:
                return False
            room = min(self.window, self.windows[stream], len(data))
            piece, data = data[:room], data[room:]
            self.window -= room
            self.windows[stream] -= room
            self.writer.write(frame(DATA, END_STREAM if is_last and not data else 0, stream, piece))
            if not data:
                return True


async def main():
    host, port, name, journal = sys.argv[1:]
    state = State(name, journal)
    server = await asyncio.start_server(lambda *streams: serve(state, *streams), host, int(port), backlog=256,
                                        limit=1 << 20)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
