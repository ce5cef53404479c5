# SPDX-License-Identifier: Apache-2.0
"""A client and a backend in one thread, which take turns with the proxy between them.

Each side sends a whole message with one system call, and only while all threads of the proxy sleep. So the proxy makes
the same number of reads, writes and waits in each run, even on a busy machine.
"""

import pathlib
import selectors
import socket
import ssl
import struct
import time

import hpack

TIMEOUT = 60  # seconds for one step of the proxy, which valgrind slows down
LARGE_WINDOW = 2**31 - 1
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 4, 6, 7, 8
END_STREAM, END_HEADERS, ACK = 0x1, 0x4, 0x1


class Turn:
    """Waits for the proxy's turn to end: it lasts as long as one of the proxy's threads runs."""

    def __init__(self, pid):
        self.tasks = pathlib.Path(f"/proc/{pid}/task")

    def wait(self):
        """Waits until all threads of the proxy sleep."""
        deadline = time.monotonic() + TIMEOUT
        while not all(map(self._sleeps, self.tasks.iterdir())):
            if time.monotonic() > deadline:
                raise RuntimeError("the proxy does not come to rest")
            time.sleep(0)

    @staticmethod
    def _sleeps(task):
        try:
            # The name before the state may contain blanks and parentheses.
            return (task / "stat").read_text().rpartition(")")[2].split()[0] == "S"
        except (FileNotFoundError, ProcessLookupError):
            return True  # the thread has ended


class Plain:
    """A connection without TLS."""

    def __init__(self, connected, turn):
        self.turn = turn
        connected.settimeout(TIMEOUT)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = connected

    def send(self, content):
        self.turn.wait()
        self.socket.sendall(content)

    def receive(self):
        """Returns some bytes, or none at the end of the stream."""
        return self.socket.recv(1 << 20)

    def close(self):
        self.turn.wait()
        self.socket.close()


class Encrypted(Plain):
    """A client's connection with TLS. It sends the end of the handshake together with the first request."""

    def __init__(self, connected, turn, context, session=None):
        super().__init__(connected, turn)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost", session=session)
        while self.step(self.tls.do_handshake) is None:
            super().send(self.outgoing.read())
            self.incoming.write(super().receive())

    @staticmethod
    def step(call):
        """Returns the result of the call, or None if it needs more bytes from the peer."""
        try:
            return call() or True
        except ssl.SSLWantReadError:
            return None

    def send(self, content):
        self.tls.write(content)
        super().send(self.outgoing.read())

    def receive(self):
        while True:
            try:
                return self.tls.read(1 << 20)
            except ssl.SSLWantReadError:
                received = super().receive()
                if not received:
                    raise RuntimeError("the connection ended without close_notify") from None
                self.incoming.write(received)
            except ssl.SSLZeroReturnError:
                return b""


def client_context(certificate, protocol):
    context = ssl.create_default_context(cafile=certificate)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False  # the certificate is for 127.0.0.1
    context.set_alpn_protocols([protocol])
    return context


class Http1:
    """One end of an HTTP/1.1 connection. Each message has a Content-Length or no content."""

    def __init__(self, connection):
        self.connection = connection
        self.buffer = b""

    def send(self, content):
        self.connection.send(content)

    def receive(self):
        """Returns the next message."""
        while (size := self._message_size()) is None:
            self._more()
        return self._take(size)

    def receive_bytes(self, size):
        while len(self.buffer) < size:
            self._more()
        return self._take(size)

    def _more(self):
        received = self.connection.receive()
        if not received:
            raise RuntimeError(f"the proxy closed a connection after {self.buffer!r}")
        self.buffer += received

    def _take(self, size):
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    def _message_size(self):
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return None
        length = 0
        for line in self.buffer[:end].split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        size = end + 4 + length
        return size if size <= len(self.buffer) else None


def frame(kind, flags, stream, content=b""):
    return struct.pack(">I", len(content))[1:] + struct.pack(">BBI", kind, flags, stream) + content


class Http2:
    """One end of an HTTP/2 connection, with the largest flow-control window."""

    def __init__(self, connection, is_client):
        self.connection = connection
        self.encoder = hpack.Encoder()
        self.buffer = b""
        self.to_skip = 0 if is_client else len(PREFACE)
        self.greeting = (PREFACE if is_client else b"") + frame(SETTINGS, 0, 0, struct.pack(">HI", 4, LARGE_WINDOW)) + \
            frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", LARGE_WINDOW - 65535))

    def send(self, content):
        self.connection.send(self.greeting + content)
        self.greeting = b""

    def message(self, stream, fields, content=b""):
        """Returns the frames of a whole message."""
        flags = END_HEADERS | (0 if content else END_STREAM)
        head = frame(HEADERS, flags, stream, self.encoder.encode(fields))
        return head + (frame(DATA, END_STREAM, stream, content) if content else b"")

    def receive_ends(self, count):
        """Waits until the peer has ended `count` more streams, and returns their numbers."""
        ended = []
        while len(ended) < count:
            kind, flags, stream, content = self._frame()
            if kind in (HEADERS, DATA) and flags & END_STREAM:
                ended.append(stream)
            elif kind in (SETTINGS, PING) and not flags & ACK:
                self.send(frame(kind, ACK, 0, content if kind == PING else b""))
            elif kind not in (HEADERS, DATA, SETTINGS, PING, WINDOW_UPDATE):
                raise RuntimeError(f"an HTTP/2 frame of type {kind}: {content!r}")
        return ended

    def _frame(self):
        self._need(self.to_skip + 9)
        self.buffer, self.to_skip = self.buffer[self.to_skip:], 0
        size = int.from_bytes(self.buffer[:3], "big")
        kind, flags, stream = struct.unpack(">BBI", self.buffer[3:9])
        self._need(9 + size)
        content, self.buffer = self.buffer[9:9 + size], self.buffer[9 + size:]
        return kind, flags, stream, content

    def _need(self, size):
        while len(self.buffer) < size:
            received = self.connection.receive()
            if not received:
                raise RuntimeError("the proxy closed an HTTP/2 connection")
            self.buffer += received


class Backend:
    """The listeners that the proxy connects to: 127.0.0.1 and the next addresses, with the same port.

    The driver of the run writes the responses.
    """

    def __init__(self, count=1):
        self.turn = None  # set once the proxy runs
        self.connections = []
        self.listeners = []
        while len(self.listeners) < count:
            self.listeners = list(self._listen(count))
        for listener in self.listeners:
            listener.settimeout(TIMEOUT)

    def _listen(self, count):
        """Yields a listener for each address, with the port that the kernel chose for the first.

        Stops early if that port is not free at an address.
        """
        self.port = 0
        for number in range(1, count + 1):
            try:
                listener = socket.create_server((f"127.0.0.{number}", self.port))
            except OSError:
                return
            self.port = listener.getsockname()[1]
            yield listener

    def take_probes(self):
        """Accepts and closes the connections by which the program, at its start, checks that the backends are there."""
        for listener in self.listeners:
            probe = Plain(listener.accept()[0], self.turn)
            if probe.receive():
                raise RuntimeError("the proxy's first connection carries bytes")
            probe.close()

    def accept(self, listener=None):
        connection = Plain((listener or self.listeners[0]).accept()[0], self.turn)
        self.connections.append(connection)
        return connection

    def close(self):
        for connection in self.connections:
            connection.socket.close()
        for listener in self.listeners:
            listener.close()


class AnyBackend:
    """All connections of a backend, for a driver that cannot know which of them the proxy will use."""

    def __init__(self, backend):
        self.backend = backend
        self.waiting = selectors.DefaultSelector()
        for listener in backend.listeners:
            self.waiting.register(listener, selectors.EVENT_READ)

    def receive(self, count=1):
        """Waits for `count` messages, each on its own connection, and returns these connections."""
        asked = []
        while len(asked) < count:
            for key, _ in self.waiting.select(TIMEOUT):
                if key.data:
                    key.data.receive()
                    asked.append(key.data)
                else:
                    accepted = Http1(self.backend.accept(key.fileobj))
                    self.waiting.register(accepted.connection.socket, selectors.EVENT_READ, accepted)
        return sorted(asked, key=lambda one: one.connection.socket.fileno())


def connect(port):
    """Connects to the proxy. Waits for it if it is still starting."""
    deadline = time.monotonic() + TIMEOUT
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), TIMEOUT)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
