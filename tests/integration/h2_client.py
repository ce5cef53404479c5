# SPDX-License-Identifier: Apache-2.0
"""An HTTP/2 client that sends exactly the frames it is given, and reads responses frame by frame."""
import struct

from hpack import Decoder

from raw_client import connect
from wire import PATIENCE, Truncated

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS = 1, 1, 4
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM = 0, 1, 2, 7, 8, 11
MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE = 3, 4, 5, 6
ENABLE_CONNECT_PROTOCOL = 8


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def integer(value, prefix):
    limit = (1 << prefix) - 1
    if value < limit:
        return bytes([value])
    out = [limit]
    value -= limit
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    return bytes([*out, value])


def block(*fields):
    """A header block of literals without indexing, so that it contains exactly these lines."""
    out = b""
    for name, value in fields:
        name = name if isinstance(name, bytes) else name.encode("latin-1")
        value = value if isinstance(value, bytes) else value.encode("latin-1")
        out += b"\0" + integer(len(name), 7) + name + integer(len(value), 7) + value
    return out


def request_fields(*more, method="GET", path="/", authority="h", scheme="http"):
    return [(":method", method), (":scheme", scheme), (":authority", authority), (":path", path), *more]


class Answer:
    def __init__(self):
        self.heads = []
        self.body = b""
        self.trailers = None
        self.reset = None
        self.frames = []

    @property
    def status(self):
        return int(dict(self.heads[-1])[":status"])

    @property
    def fields(self):
        return dict(self.heads[-1])


class H2Client:
    def __init__(self, address, settings=(), sock=None):
        """`sock` is an existing connection, with TLS."""
        self.sock = sock or connect(address)
        self.buffer = b""
        self.unfinished = None  # a field block whose END_HEADERS is still to come
        self.decoder = Decoder()
        self.next_stream = 1
        self.goaway = None
        self.pings = 0
        self.peer_settings = {}
        self.answers = {}
        payload = b"".join(struct.pack(">HI", *pair) for pair in settings)
        self.send(PREFACE + frame(SETTINGS, 0, 0, payload))

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        self.sock.settimeout(PATIENCE)
        self.sock.sendall(data)
        return self

    def send_quietly(self, data):
        """Sends as much as the peer accepts; returns true if that was everything."""
        try:
            self.send(data)
            return True
        except OSError:
            return False

    def new_stream(self):
        stream = self.next_stream
        self.next_stream += 2
        return stream

    def request(self, *more, end=True, **pseudo):
        """Sends the head of a request and returns its stream number."""
        stream = self.new_stream()
        flags = END_HEADERS | (END_STREAM if end else 0)
        self.send(frame(HEADERS, flags, stream, block(*request_fields(*more, **pseudo))))
        return stream

    def read_frame(self):
        while len(self.buffer) < 9 or len(self.buffer) < 9 + self.length():
            self.sock.settimeout(PATIENCE)
            data = self.sock.recv(65536)
            if not data:
                raise Truncated(f"the connection ended; GOAWAY: {self.goaway}")
            self.buffer += data
        size = self.length()
        kind, flags = self.buffer[3:5]
        stream = struct.unpack(">I", self.buffer[5:9])[0]
        payload = self.buffer[9:9 + size]
        self.buffer = self.buffer[9 + size:]
        if kind == HEADERS and not flags & END_HEADERS:
            self.unfinished = (flags, payload)
        elif kind == CONTINUATION:
            first, so_far = self.unfinished
            self.unfinished = (first, so_far + payload)
            if flags & END_HEADERS:
                self.note(HEADERS, first | END_HEADERS, stream, so_far + payload)
        else:
            self.note(kind, flags, stream, payload)
        return kind, flags, stream, payload

    def length(self):
        return int.from_bytes(self.buffer[:3], "big")

    def note(self, kind, flags, stream, payload):
        answer = self.answers.setdefault(stream, Answer())
        answer.frames.append((kind, flags, payload))
        if kind == SETTINGS and not flags & ACK:
            for at in range(0, len(payload), 6):
                number, value = struct.unpack(">HI", payload[at:at + 6])
                self.peer_settings[number] = value
            self.send_quietly(frame(SETTINGS, ACK, 0))
        elif kind == PING and flags & ACK:
            self.pings += 1
        elif kind == PING:
            self.send_quietly(frame(PING, ACK, 0, payload))
        elif kind == GOAWAY:
            self.goaway = struct.unpack(">II", payload[:8])
        elif kind == HEADERS:
            fields = self.decoder.decode(payload)
            if answer.body or (answer.heads and int(dict(answer.heads[-1])[":status"]) >= 200):
                answer.trailers = dict(fields)
            else:
                answer.heads.append(fields)
        elif kind == DATA:
            answer.body += payload
            if payload:
                update = struct.pack(">I", len(payload))
                self.send_quietly(frame(WINDOW_UPDATE, 0, 0, update))
                if not flags & END_STREAM:
                    self.send_quietly(frame(WINDOW_UPDATE, 0, stream, update))
        elif kind == RST_STREAM:
            answer.reset = struct.unpack(">I", payload)[0]

    def read_answer(self, stream):
        """Reads until the stream has ended."""
        while True:
            answer = self.answers.get(stream)
            if answer and answer.frames:
                kind, flags, _ = answer.frames[-1]
                if kind == RST_STREAM or (kind in (HEADERS, DATA) and flags & END_STREAM):
                    return answer
            self.read_frame()

    def read_head(self, stream):
        while not self.answers.get(stream) or not self.answers[stream].heads:
            self.read_frame()
        return self.answers[stream]

    def ask(self, *more, body=None, **pseudo):
        stream = self.request(*more, end=body is None, **pseudo)
        if body is not None:
            self.send(frame(DATA, END_STREAM, stream, body))
        return self.read_answer(stream)

    def read_until_closed(self):
        """Reads to the end of the connection; returns the code of the GOAWAY, if there was one."""
        try:
            while True:
                self.read_frame()
        except (Truncated, ConnectionError):
            return self.goaway[1] if self.goaway else None
