# SPDX-License-Identifier: Apache-2.0
"""HTTP/1 messages as bytes: writes them by hand, and reads them strictly from a socket. Reading a message with this
file also checks its grammar."""
import re
import socket
import time

PATIENCE = 10.0  # seconds that any single wait may take
SOON = 3.0  # seconds for asynchronous effects: less than the default timeouts, more than a busy machine needs

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
BODYLESS = (204, 304)


class Truncated(Exception):
    """The connection ended before the message did."""


class Reset(Truncated):
    """The connection ended with a reset before the message did."""


class Malformed(Exception):
    """Bytes arrived that are not an HTTP/1 message."""


def message(start_line, *fields, body=b""):
    """The bytes of a message: a start line, field lines, an empty line, a body."""
    lines = [start_line, *fields, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def get(target="/", *fields, host="example.test"):
    return message(f"GET {target} HTTP/1.1", f"Host: {host}", *fields)


def post(body, target="/", *fields):
    length = f"Content-Length: {len(body)}"
    return message(f"POST {target} HTTP/1.1", "Host: example.test", length, *fields, body=body)


def post_chunked(*pieces, target="/", fields=(), trailers=()):
    head = message(f"POST {target} HTTP/1.1", "Host: example.test", "Transfer-Encoding: chunked",
                   *fields)
    return head + chunked(*pieces, trailers=trailers)


def answer(body=b"", *fields, status="200 OK"):
    """A response with a Content-Length."""
    return message(f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields, body=body)


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def chunked(*pieces, trailers=()):
    """A chunked body; every piece is a chunk of its own."""
    tail = "".join(line + "\r\n" for line in trailers).encode("latin-1")
    return b"".join(chunk(piece) for piece in pieces) + b"0\r\n" + tail + b"\r\n"


OK = answer(b"ok")


class Fields(list):
    """Field lines in the order received, names as written."""

    def get(self, name):
        values = self.get_all(name)
        return values[0] if values else None

    def get_all(self, name):
        return [value for key, value in self if key.lower() == name.lower()]

    def has(self, name):
        return bool(self.get_all(name))

    def names(self):
        return [key for key, _ in self]

    def tokens(self, name):
        joined = ",".join(self.get_all(name)).lower()
        return [token.strip() for token in joined.split(",") if token.strip()]


def parse_fields(lines):
    fields = Fields()
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not TOKEN.match(name):
            raise Malformed(f"field line {line!r}")
        if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value):
            raise Malformed(f"control character in {line!r}")
        fields.append((name, value.strip(" \t")))
    return fields


class Head:
    """A start line and its fields; `raw` is every byte of them."""

    def __init__(self, raw):
        self.raw = raw
        text = raw.decode("latin-1")
        if re.search(r"(?<!\r)\n|\r(?!\n)", text):
            raise Malformed(f"bare CR or LF in {raw!r}")
        lines = text[:-4].split("\r\n")
        self.start_line = lines[0]
        self.fields = parse_fields(lines[1:])
        self.body = b""
        self.trailers = Fields()
        self.chunks = []

    def __repr__(self):
        return f"<{self.raw!r} + {self.body[:200]!r}>"


class Request(Head):
    def __init__(self, raw):
        super().__init__(raw)
        parts = self.start_line.split(" ")
        if len(parts) != 3:
            raise Malformed(f"request line {self.start_line!r}")
        self.method, self.target, self.version = parts


class Response(Head):
    def __init__(self, raw):
        super().__init__(raw)
        match = re.match(r"(HTTP/1\.[01]) ([0-9]{3}) (.*)\Z", self.start_line)
        if not match:
            raise Malformed(f"status line {self.start_line!r}")
        self.version, self.status, self.reason = match[1], int(match[2]), match[3]

    @property
    def interim(self):
        return 100 <= self.status < 200 and self.status != 101


class Reader:
    """Reads messages from a socket. Every byte received stays in `received`."""

    def __init__(self, sock):
        self.sock = sock
        self.received = b""
        self.buffer = b""

    def fill(self, patience=PATIENCE):
        self.sock.settimeout(patience)
        try:
            data = self.sock.recv(256 * 1024)
        except ConnectionResetError:
            raise Reset(f"reset after {self.received[-200:]!r}") from None
        except socket.timeout:
            raise TimeoutError(f"nothing more within {patience} s after "
                               f"{self.received[-200:]!r}") from None
        if not data:
            raise Truncated(f"end of connection after {self.received[-200:]!r}")
        if len(self.received) < 4 * 1024 * 1024:
            self.received += data
        self.buffer += data

    def take(self, count):
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def read_until(self, mark, patience=PATIENCE):
        while mark not in self.buffer:
            self.fill(patience)
        return self.take(self.buffer.index(mark) + len(mark))

    def read_exactly(self, count):
        parts, missing = [], count
        while missing:
            if not self.buffer:
                self.fill()
            parts.append(self.take(missing))
            missing -= len(parts[-1])
        return b"".join(parts)

    def read_some(self, patience=PATIENCE):
        if not self.buffer:
            self.fill(patience)
        return self.take(len(self.buffer))

    def read_to_end(self):
        """Everything up to the end of the connection; a reset is an error."""
        parts = []
        while True:
            try:
                parts.append(self.read_some())
            except Reset:
                raise
            except Truncated:
                return b"".join(parts)

    def read_request_head(self):
        return Request(self.read_until(b"\r\n\r\n"))

    def read_response_head(self):
        return Response(self.read_until(b"\r\n\r\n"))

    def read_chunk(self):
        """The data of the next chunk; empty for the last one, whose trailers are still to come."""
        line = self.read_until(b"\r\n")[:-2]
        if not re.match(rb"[0-9A-Fa-f]+\Z", line):
            raise Malformed(f"chunk size {line!r}")
        size = int(line, 16)
        data = self.read_exactly(size)
        if size and self.read_exactly(2) != b"\r\n":
            raise Malformed("chunk data without its CRLF")
        return data

    def read_trailers(self):
        lines = []
        while True:
            line = self.read_until(b"\r\n")[:-2].decode("latin-1")
            if not line:
                return parse_fields(lines)
            lines.append(line)

    def read_body(self, head, ends_with_connection=False):
        fields = head.fields
        if fields.has("transfer-encoding"):
            if fields.get_all("transfer-encoding") != ["chunked"] or fields.has("content-length"):
                raise Malformed(f"ambiguous framing in {head.raw!r}")
            while data := self.read_chunk():
                head.chunks.append(data)
            head.body = b"".join(head.chunks)
            head.trailers = self.read_trailers()
        elif fields.has("content-length"):
            if len(fields.get_all("content-length")) != 1:
                raise Malformed(f"two lengths in {head.raw!r}")
            head.body = self.read_exactly(int(fields.get("content-length")))
        elif ends_with_connection:
            head.body = self.read_to_end()
        return head

    def read_request(self):
        return self.read_body(self.read_request_head())

    def read_response(self, method="GET"):
        """Returns the next whole response; an interim one has no body."""
        head = self.read_response_head()
        if method == "HEAD" or head.status < 200 or head.status in BODYLESS:
            return head
        return self.read_body(head, ends_with_connection=True)

    def how_it_ends(self, patience=PATIENCE):
        """Waits for the peer to close: "eof" or "reset". Bytes that arrive first stay in the buffer."""
        try:
            deadline = time.monotonic() + patience
            while time.monotonic() < deadline:
                self.fill(patience)
            raise TimeoutError("the peer keeps sending")
        except Reset:
            return "reset"
        except Truncated:
            return "eof"
