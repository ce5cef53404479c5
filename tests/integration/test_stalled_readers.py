# SPDX-License-Identifier: Apache-2.0
"""Clients that do not read, on a shared HTTP/2 connection: only their own requests wait."""
import socket
import struct
import threading
import time

from hpack import Decoder

from h2_client import (ACK, DATA, END_HEADERS, END_STREAM, HEADERS, INITIAL_WINDOW_SIZE, PREFACE, RST_STREAM, SETTINGS,
                       WINDOW_UPDATE, H2Client, block, frame)
from raw_client import Client
from wire import OK, PATIENCE, get

MIB = 1024 * 1024
# With 256 KiB each, more than the 16 MiB to which the window of a connection grows, and than twice that.
STALLED_DOWNLOADS, STALLED_UPLOADS = 80, 160


class Windows:
    """The windows of the other end of a connection."""

    def __init__(self):
        self.first = self.connection = 65_535
        self.streams = {}

    def note(self, kind, flags, stream, payload):
        if kind == SETTINGS and not flags & ACK:
            settings = dict(struct.unpack_from(">HI", payload, at) for at in range(0, len(payload), 6))
            change = settings.get(INITIAL_WINDOW_SIZE, self.first) - self.first
            self.first += change
            self.streams = {number: room + change for number, room in self.streams.items()}
        elif kind == WINDOW_UPDATE:
            room = struct.unpack(">I", payload)[0]
            if stream == 0:
                self.connection += room
            elif stream in self.streams:
                self.streams[stream] += room
        elif kind == RST_STREAM:
            self.streams.pop(stream, None)

    def frames_for(self, stream, most):
        """Endless DATA, as much as the windows allow."""
        size = max(0, min(most, self.connection, self.streams.get(stream, 0)))
        self.connection -= size
        self.streams[stream] = self.streams.get(stream, 0) - size
        pieces = [min(16_384, size - at) for at in range(0, size, 16_384)]
        return b"".join(frame(DATA, 0, stream, b"x" * piece) for piece in pieces)


class Backend:
    """A script: /endless has endless content, everything else two bytes; as the windows allow."""

    def __init__(self):
        self.connections = 0
        self.stalled_of = {}  # by connection: each worker of the proxy makes its own
        self.is_stuck = False

    @property
    def stalled(self):
        return sum(list(self.stalled_of.values()))

    def serve(self, peer):
        self.connections += 1
        windows, decoder, small = Windows(), Decoder(), []
        peer.read_exactly(len(PREFACE))
        peer.send(frame(SETTINGS, 0, 0))
        while True:
            head = peer.read_exactly(9)
            payload = peer.read_exactly(int.from_bytes(head[:3], "big"))
            kind, flags, stream = head[3], head[4], struct.unpack(">I", head[5:])[0]
            windows.note(kind, flags, stream, payload)
            if kind == SETTINGS and not flags & ACK:
                peer.send(frame(SETTINGS, ACK, 0))
            elif kind == HEADERS:
                path = dict(decoder.decode(payload))[":path"]
                peer.send(frame(HEADERS, END_HEADERS, stream, block((":status", "200"))))
                if path == "/endless":
                    windows.streams[stream] = windows.first
                else:
                    small.append(stream)
            peer.send(b"".join(windows.frames_for(each, MIB) for each in windows.streams))
            while small and windows.connection >= 2:
                windows.connection -= 2
                peer.send(frame(DATA, END_STREAM, small.pop(), b"ok"))
            self.stalled_of[peer] = sum(room <= 0 for room in windows.streams.values())
            self.is_stuck = windows.connection == 0


def wait_for(condition, what):
    deadline = time.monotonic() + 2 * PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.01)


def test_clients_that_read_nothing_do_not_stop_others_of_the_connection_to_the_backend(start_proxy, start_backend):
    backend = Backend()
    scripted = start_backend()
    scripted.play(backend.serve)
    proxy = start_proxy("--workers", "1", scripted.url.replace("http:", "h2c:"))
    stalled = []
    for _ in range(STALLED_DOWNLOADS):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(PATIENCE)
        sock.connect(proxy.address)
        sock.sendall(get("/endless"))
        stalled.append(sock)
    wait_for(lambda: backend.stalled >= STALLED_DOWNLOADS or backend.is_stuck, "every window to be used up")
    time.sleep(0.1)  # and those that come late
    for _ in range(3):
        with Client(proxy.address) as client:
            answer = client.get("/")
            assert (answer.status, answer.body) == (200, b"ok")
    assert backend.connections <= 2  # the probe at the start is one
    for sock in stalled:
        sock.close()


class Uploader(H2Client):
    """Sends what the windows allow; another thread reads."""

    def __init__(self, address):
        super().__init__(address)
        self.windows = Windows()
        self.lock = threading.Lock()
        self.answered = {}
        threading.Thread(target=self.read_for_ever, daemon=True).start()

    def read_for_ever(self):
        try:
            while True:
                kind, flags, stream, payload = self.read_one()
                with self.lock:
                    self.windows.note(kind, flags, stream, payload)
                    if kind == DATA:
                        self.answered[stream] = self.answered.get(stream, b"") + payload
        except (OSError, EOFError):
            pass

    def read_one(self):
        while len(self.buffer) < 9 or len(self.buffer) < 9 + self.length():
            try:
                data = self.sock.recv(65_536)
            except TimeoutError:
                continue
            if not data:
                raise EOFError
            self.buffer += data
        head, size = self.buffer[:9], self.length()
        payload, self.buffer = self.buffer[9:9 + size], self.buffer[9 + size:]
        return head[3], head[4], struct.unpack(">I", head[5:])[0], payload

    def begin(self, path):
        stream = self.request(method="POST", path=path, end=False)
        with self.lock:
            self.windows.streams[stream] = self.windows.first
        return stream

    def upload(self, stream, most=MIB):
        """Returns how much of it was sent."""
        with self.lock:
            frames = self.windows.frames_for(stream, most)
        if frames:
            self.send(frames)
        return len(frames)

    def upload_all(self, streams):
        """Waits until the proxy reads no more."""
        quiet_since = time.monotonic()
        while time.monotonic() < quiet_since + 1:
            if sum(self.upload(stream) for stream in streams):
                quiet_since = time.monotonic()
            else:
                time.sleep(0.01)


def test_uploads_that_nobody_reads_do_not_stop_others_of_the_clients_connection(start_proxy, start_backend, tmp_path):
    ended = threading.Event()

    def script(peer):
        head = peer.read_request_head()
        if head.target == "/stalled":
            ended.wait(4 * PATIENCE)
            return
        peer.read_body(head)
        peer.send(OK)

    backend = start_backend(path=str(tmp_path / "backend"))  # a unix socket buffers little
    backend.play(script)
    proxy = start_proxy("--workers", "1", "--max-streams", "256", backend.url)
    try:
        with Uploader(proxy.address) as client:
            streams = [client.begin("/stalled") for _ in range(STALLED_UPLOADS)]
            wait_for(lambda: client.windows.first > 65_535, "the settings")
            client.send(frame(SETTINGS, ACK, 0))
            client.upload_all(streams)
            assert set(client.windows.streams.values()) == {0}, "the connection's window was smaller"
            stream = client.begin("/")
            assert client.upload(stream, 1000) == 1009
            client.send(frame(DATA, END_STREAM, stream))
            wait_for(lambda: stream in client.answered, "the answer to another upload")
    finally:
        ended.set()
