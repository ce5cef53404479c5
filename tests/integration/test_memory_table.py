# SPDX-License-Identifier: Apache-2.0
"""The table under "Memory" in docs/operating.md, row by row: a proxy that is made to hold as much of a row as it can
stays within the row's figure; with --max-memory it never holds much more than that. The figures are read from the
document: a row with different text fails, and so does one without a test."""
import re
import socket
import ssl
import struct
import threading
import time

import pytest

from h2_client import (ACK, END_HEADERS, END_STREAM, HEADERS, INITIAL_WINDOW_SIZE, REFUSED_STREAM, SETTINGS, WINDOW_UPDATE,
                       H2Client, block, frame)
from proxy_header import SIGNATURE
from proxy_process import ROOT, SANITIZED
from siege import KIB, MIB, WORKERS, attacker, send_for_ever
from test_stalled_readers import Backend as H2Backend
from test_stalled_readers import Uploader
from wire import OK, PATIENCE, Reader, get, message

pytestmark = pytest.mark.skipif(SANITIZED, reason="sanitizers change what memory means")

UNITS = {"KiB": KIB, "MiB": MIB}


def read_table():
    text = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    rows = text.split("| What | Memory |\n| --- | --- |\n")[1].split("\n\n")[0].splitlines()
    return dict(re.fullmatch(r"\| (.*?) \| (.*) \|", row).groups() for row in rows)


TABLE = read_table()
TESTED = set()


def holds(*rows):
    """Marks the test of these rows."""

    def mark(test):
        TESTED.update(rows)
        return test

    return mark


def sizes(row):
    """The sizes that a row names, in its order."""
    return [int(number) * UNITS[unit] for number, unit in re.findall(r"(\d+) (KiB|MiB)", TABLE[row])]


CONNECTION, HTTP2, TLS, HANDSHAKE = sizes("an idle connection, of a client or to a backend")
HEAD, = sizes("a head that is being received")
PROXY_HEADER, = sizes("a PROXY header that is being received")
REQUEST, USUAL_HEAD, LARGE_HEAD = sizes("a request in progress")
TO_BACKEND_1, TO_BACKEND_2 = sizes("content that the backend does not take")
TO_CLIENT_1, TO_CLIENT_2 = sizes("content that the client does not take")
REPLAY, = sizes("content kept to send it again")
WINDOW, _, _, SESSION_WINDOW, _, _, BACKEND_CONNECTION = sizes("unread content of HTTP/2")
OUTPUT, = sizes("output of an HTTP/2 connection whose peer does not read")
_, TLS_OUTPUT = sizes("TLS records in transit")
TUNNEL, = sizes("a tunnel")
THREAD, = sizes("each thread")


# --- filling a proxy ---------------------------------------------------------------------------


class Gate:
    """A script: reads a request's head, waits until the gate opens, then sends endless content."""

    def __init__(self):
        self.waiting = 0
        self.lock = threading.Lock()
        self.opened = threading.Event()
        self.head = message("HTTP/1.1 200 OK", "Content-Length: 1000000000000")

    def __call__(self, peer):
        with self.lock:
            self.waiting += 1
        self.opened.wait(6 * PATIENCE)
        peer.sock.settimeout(4 * PATIENCE)
        try:
            peer.sock.sendall(self.head)
            while True:
                peer.sock.sendall(b"x" * 65_536)
        except OSError:
            pass  # the proxy has gone


def says_nothing(peer):
    peer.wait_for_close(6 * PATIENCE)


class Hoard:
    """Memory that clients hold, all over unix sockets, whose own buffers are small."""

    def __init__(self, siege, path, ended, *flags):
        self.ended = ended
        self.path = str(path / "hoard")
        self.siege = siege("-l", f"unix:{self.path}", *flags, path=str(path / "backend"))

    @property
    def proxy(self):
        return self.siege.proxy

    def stop_reading(self, _peer):
        """A script: leaves the content of a request unread."""
        self.ended.wait(6 * PATIENCE)

    def connect(self):
        """Returns None if the proxy accepts no more connections."""
        sock = socket.socket(socket.AF_UNIX)
        self.siege.sockets.append(sock)
        sock.settimeout(0.5)
        try:
            sock.connect(self.path)
        except OSError:
            return None
        sock.settimeout(PATIENCE)
        return sock

    def ask(self, request, count):
        """Connections that have sent it; fewer if the proxy accepts no more."""
        sockets = []
        while len(sockets) < count:
            sock = self.connect()
            if sock is None:
                break
            try:
                sock.sendall(request)
            except OSError:
                break
            sockets.append(sock)
        return sockets

    def push(self, sockets, most=MIB):
        """Sends as much content to each as the proxy reads."""
        for sock in sockets:
            sock.setblocking(False)
        left = dict.fromkeys(sockets, most)
        quiet_since = time.monotonic()
        while left and time.monotonic() < quiet_since + 0.5:
            for sock in list(left):
                try:
                    left[sock] -= sock.send(b"x" * min(left[sock], 65_536))
                    quiet_since = time.monotonic()
                    if left[sock] <= 0:
                        del left[sock]
                except BlockingIOError:
                    pass
                except OSError:
                    del left[sock]
            time.sleep(0.001)


@pytest.fixture
def hoard(siege, tmp_path):
    ended = threading.Event()
    yield lambda *flags: Hoard(siege, tmp_path, ended, *flags)
    ended.set()


def settled(siege):
    """Waits until the memory of the proxy stops growing, and returns its maximum."""
    most, quiet, deadline = 0, 0, time.monotonic() + PATIENCE
    while quiet < 20 and time.monotonic() < deadline:
        now = siege.proxy.resident_bytes() - siege.before
        quiet = quiet + 1 if now <= most + 64 * KIB else 0
        most = max(most, now)
        time.sleep(0.05)
    return most


def assert_within(siege, count, each, least):
    """The document allows `count` times `each`, and the proxy stays within it; it must hold at least `least` of that
    at some time, or the test proves nothing."""
    allowed = count * each + WORKERS * THREAD
    held = settled(siege)
    siege.wait_for_memory(allowed)
    for _ in range(20):
        now = siege.proxy.resident_bytes() - siege.before
        assert now <= allowed, f"{now / MIB:.1f} MiB again, and {allowed / MIB:.1f} are allowed"
        time.sleep(0.05)
    assert held >= least * count * each, f"only {held / MIB:.1f} MiB of {allowed / MIB:.1f}: nothing was tested"


# --- the rows --------------------------------------------------------------------------------------


@holds("an idle connection, of a client or to a backend")
def test_idle_connections(hoard):
    hoard = hoard()
    count = 1000
    for number in range(count):
        sock = hoard.connect()
        if number % 2:
            sock.sendall(get())
            assert sock.recv(4096)
    assert_within(hoard.siege, count, CONNECTION, 0.15)


def test_idle_http2_connections(hoard):
    hoard = hoard()
    count = 400
    for number in range(count):
        client = H2Client(None, sock=hoard.connect())
        if number % 2:
            assert client.ask().status == 200
    assert_within(hoard.siege, count, HTTP2, 0.35)


def unverified():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def over_tls(siege, count, receive_buffer=None):
    context = unverified()
    clients = [context.wrap_socket(sock, server_hostname="h") for sock in siege.attackers(count, receive_buffer)]
    siege.sockets += clients
    return clients


@pytest.fixture
def tls_siege(start_proxy, start_backend):
    """A siege whose clients speak TLS."""
    from siege import Siege  # pylint: disable=import-outside-toplevel

    class OverTls(Siege):
        def greet(self):
            with unverified().wrap_socket(attacker(self.proxy.address)) as client:
                client.sendall(get())
                assert client.recv(4096)

    sieges = []

    def begin(*flags):
        sieges.append(OverTls(start_proxy, start_backend(), "--tls", "self", *flags))
        return sieges[-1]

    yield begin
    for one in sieges:
        one.lift()


def test_idle_connections_over_tls(tls_siege):
    siege = tls_siege()
    count = 400
    for client in over_tls(siege, count)[::2]:
        client.sendall(get())
        assert client.recv(4096)
    assert_within(siege, count, CONNECTION + TLS, 0.4)


def test_handshakes_that_do_not_end(tls_siege):
    siege = tls_siege()
    count = 400
    context = unverified()
    for sock in siege.attackers(count):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        with pytest.raises(ssl.SSLWantReadError):
            context.wrap_bio(incoming, outgoing, server_hostname="h").do_handshake()
        sock.sendall(outgoing.read())
        assert sock.recv(1)
    assert_within(siege, count, CONNECTION + HANDSHAKE, 0.4)


@holds("a PROXY header that is being received")
def test_proxy_headers_being_received(hoard):
    hoard = hoard("--proxy-protocol", "unix")
    count = 400
    header = SIGNATURE + bytes([0x21, 0x11]) + struct.pack(">H", 4096) + b"\4" * 4000  # never ends
    assert len(hoard.ask(header, count)) == count
    assert_within(hoard.siege, count, CONNECTION + PROXY_HEADER, 0.3)


@holds("a head that is being received")
def test_heads_being_received(hoard):
    hoard = hoard()
    count = 200
    head = message("GET / HTTP/1.1", "Host: h", "X: " + "x" * 60_000)[:-2]  # never ends
    assert len(hoard.ask(head, count)) == count
    assert_within(hoard.siege, count, CONNECTION + HEAD, 0.5)


@pytest.mark.parametrize("large", [False, True], ids=["small heads", "large heads"])
def test_requests_in_progress(hoard, large):
    hoard = hoard()
    hoard.siege.answer(says_nothing)
    count = 100 if large else 400
    request = get("/slow", *(["X: " + "x" * 60_000] if large else []))
    hoard.ask(request, count)
    hoard.siege.wait_for_slow_requests(count)
    assert_within(hoard.siege, count, 2 * CONNECTION + REQUEST + (2 * HEAD if large else 0), 0.1)


@holds("a request in progress")
def test_requests_whose_responses_have_large_heads(hoard):
    hoard = hoard()

    def script(peer):
        peer.send(message("HTTP/1.1 200 OK", "X: " + "x" * 60_000, "Content-Length: 5"))
        peer.wait_for_close(6 * PATIENCE)

    hoard.siege.answer(script)
    count = 100
    hoard.ask(get("/slow"), count)
    hoard.siege.wait_for_slow_requests(count)
    assert_within(hoard.siege, count, 2 * CONNECTION + REQUEST + 2 * LARGE_HEAD, 0.2)


@holds("content that the backend does not take")
def test_content_that_an_http1_backend_does_not_read(hoard):
    hoard = hoard()
    hoard.siege.answer(hoard.stop_reading)
    count = 30
    request = message("POST /slow HTTP/1.1", "Host: h", "Content-Length: 1000000000")
    hoard.push(hoard.ask(request, count))
    assert_within(hoard.siege, count, 2 * CONNECTION + REQUEST + TO_BACKEND_1, 0.05)


@pytest.fixture
def h2_siege(siege, start_backend, start_proxy):
    """A proxy before an HTTP/2 backend that passes its connections to `script`."""
    from siege import Siege  # pylint: disable=import-outside-toplevel
    sieges = []

    class OverHttp2(Siege):
        def greet(self):
            pass  # the backend has a script of its own

    def begin(script, *flags):
        backend = start_backend()
        sieges.append(OverHttp2(start_proxy, backend, *flags, url=backend.url.replace("http:", "h2c:")))
        backend.play(script)
        return sieges[-1]

    yield begin
    for one in sieges:
        one.lift()


def takes_no_content(peer):
    """A script over HTTP/2: with the initial windows only."""
    peer.read_until(b"SM\r\n\r\n")
    peer.send(frame(SETTINGS, 0, 0) + frame(SETTINGS, ACK, 0) + frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1 << 30)))
    peer.wait_for_close(6 * PATIENCE)


def test_content_that_an_http2_backend_does_not_read(h2_siege):
    siege = h2_siege(takes_no_content)
    count = 40
    sockets = siege.attackers(count)
    for sock in sockets:
        sock.sendall(message("POST / HTTP/1.1", "Host: h", "Content-Length: 1000000000"))
    for sock in sockets:
        sock.settimeout(0.05)
        try:
            while True:
                sock.send(b"x" * 65_536)
        except OSError:
            pass
    assert_within(siege, 1, count * (CONNECTION + REQUEST + TO_BACKEND_2) + HTTP2 + OUTPUT, 0.3)


@holds("content that the client does not take")
def test_content_that_an_http1_client_does_not_read(hoard):
    hoard = hoard()
    gate = Gate()
    hoard.siege.answer(gate)
    gate.opened.set()
    count = 60
    hoard.ask(get("/slow"), count)
    assert_within(hoard.siege, count, 2 * CONNECTION + REQUEST + TO_CLIENT_1, 0.05)


def test_content_that_http2_clients_do_not_read(hoard):
    hoard = hoard()
    gate = Gate()
    hoard.siege.answer(gate)
    gate.opened.set()
    count, streams = 4, 25
    for _ in range(count):
        client = H2Client(None, [(INITIAL_WINDOW_SIZE, 1)], sock=hoard.connect())
        for _ in range(streams):
            client.request(path="/slow")
    each = HTTP2 + streams * (CONNECTION + REQUEST + TO_CLIENT_2)
    assert_within(hoard.siege, count, each, 0.2)


@holds("content kept to send it again")
def test_content_kept_for_a_retry(hoard):
    hoard = hoard()

    count = 200
    all_here = threading.Barrier(count)

    def warm(peer):
        all_here.wait(PATIENCE)
        peer.send(OK)

    arrived = []

    def script(peer):
        peer.read_exactly(60 * KIB)
        arrived.append(peer)
        peer.wait_for_close(6 * PATIENCE)

    hoard.siege.answer(warm, "/warm")
    hoard.siege.answer(script)
    sockets = hoard.ask(get("/warm"), count)  # only what goes over a used connection is kept
    for sock in sockets:
        sock.settimeout(PATIENCE)
        assert sock.recv(4096)
    request = message("POST /slow HTTP/1.1", "Host: h", "Content-Length: 65536", body=b"x" * (60 * KIB))
    for sock in sockets:
        sock.sendall(request)
    hoard.siege.wait_for(lambda: len(arrived) == count, "all content")
    assert_within(hoard.siege, count, 2 * CONNECTION + REQUEST + 2 * REPLAY, 0.2)


def test_unread_content_of_http2_clients(hoard):
    hoard = hoard()
    hoard.siege.answer(hoard.stop_reading)
    streams = 100
    client = Uploader(hoard.proxy.address)
    hoard.siege.sockets.append(client.sock)
    numbers = [client.begin("/slow") for _ in range(streams)]
    hoard.siege.wait_for(lambda: client.windows.first > 65_535, "the settings")
    client.send(frame(SETTINGS, ACK, 0))
    client.upload_all(numbers)
    assert WINDOW * streams <= SESSION_WINDOW
    assert_within(hoard.siege, 1, HTTP2 + streams * (CONNECTION + REQUEST + TO_BACKEND_1 + WINDOW), 0.3)


@holds("unread content of HTTP/2")
def test_unread_content_of_http2_backends(h2_siege):
    backend = H2Backend()
    siege = h2_siege(backend.serve)
    count = 40
    for sock in siege.attackers(count, receive_buffer=4096):
        sock.sendall(get("/endless"))
    siege.wait_for(lambda: backend.stalled >= count, "every window to be used up", 4 * PATIENCE)
    # Windows grow while the first bytes are read fast; those of all streams share the connection's bound.
    assert_within(siege, 1, count * (CONNECTION + REQUEST + TO_CLIENT_1) + BACKEND_CONNECTION + HTTP2, 0.2)


@holds("output of an HTTP/2 connection whose peer does not read")
def test_http2_connections_that_do_not_read(hoard):
    hoard = hoard()
    gate = Gate()
    hoard.siege.answer(gate)
    gate.opened.set()
    count = 60
    for _ in range(count):
        client = H2Client(None, [(INITIAL_WINDOW_SIZE, (1 << 31) - 1)], sock=hoard.connect())
        client.send(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1 << 30)))
        client.request(path="/slow")
    each = HTTP2 + OUTPUT + 2 * CONNECTION + REQUEST + TO_CLIENT_2
    assert_within(hoard.siege, count, each, 0.2)


@holds("TLS records in transit")
def test_clients_over_tls_that_do_not_read(tls_siege):
    siege = tls_siege()
    gate = Gate()
    siege.answer(gate)
    gate.opened.set()
    count = 40
    for client in over_tls(siege, count, receive_buffer=4096):
        client.sendall(get("/slow"))
    siege.wait_for_slow_requests(count)
    assert_within(siege, count, 2 * CONNECTION + TLS + REQUEST + TO_CLIENT_1 + TLS_OUTPUT, 0.15)


def test_a_handshake_may_end_while_memory_is_short(tls_siege):
    """The connection's needs were promised. Requests on it are refused then."""
    siege = tls_siege("--max-memory", "2MiB")
    siege.answer(send_for_ever)
    early = siege.attackers(2)
    context = unverified()
    readers = over_tls(siege, 16, receive_buffer=4096)
    for reader in readers:
        reader.sendall(get("/slow"))
    siege.wait_for(lambda: "(max_memory)" in siege.proxy.stderr(), "memory to be short")
    with context.wrap_socket(early[0]) as client:
        client.sendall(get())
        assert Reader(client).read_response().status == 503
    context.set_alpn_protocols(["h2"])
    with H2Client(None, sock=context.wrap_socket(early[1])) as client:
        assert client.ask().reset == REFUSED_STREAM


def upgrading(peer):
    """A script: a WebSocket that writes and does not read."""
    peer.send(message("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
                      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
    peer.sock.settimeout(4 * PATIENCE)
    try:
        while True:
            peer.sock.sendall(b"x" * 65_536)
    except OSError:
        pass


UPGRADE = get("/slow", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")


@holds("a tunnel")
def test_tunnels(hoard):
    hoard = hoard()
    hoard.siege.answer(upgrading)
    count = 60
    sockets = hoard.ask(UPGRADE, count)
    hoard.siege.wait_for_slow_requests(count)
    hoard.push(sockets)
    assert_within(hoard.siege, count, 2 * CONNECTION + REQUEST + TUNNEL, 0.3)


@holds("each thread")
def test_threads(hoard):
    """The proxy does much work, and then releases all memory."""
    hoard = hoard()
    hoard.siege.answer(lambda peer: peer.send(message("HTTP/1.1 200 OK", "Content-Length: 8388608", body=b"x" * 8 * MIB)))
    for _ in range(16):
        sock = hoard.connect()
        sock.sendall(get("/slow"))
        left = 8 * MIB
        while left > 0:
            piece = sock.recv(MIB)
            assert piece
            left -= len(piece)
        sock.close()
    assert_within(hoard.siege, 0, 0, 0)


# --- the ceiling -----------------------------------------------------------------------------------

CEILING = 32 * MIB
MOST = CEILING * 5 // 4


@pytest.fixture
def full(hoard):
    return hoard("--max-memory", f"{CEILING // MIB}MiB")


def assert_within_the_ceiling(hoard, least=0.2):
    held = settled(hoard.siege)
    assert held <= MOST, f"{held / MIB:.1f} MiB with a ceiling of {CEILING // MIB}"
    assert held >= least * CEILING, f"only {held / MIB:.1f} MiB: nothing was tested"


def test_heads_within_the_ceiling(full):
    head = message("GET / HTTP/1.1", "Host: h", "X: " + "x" * 60_000)[:-2]
    for sock in full.ask(head[:1000], 1500):
        try:
            sock.sendall(head[1000:])
        except OSError:
            pass
    assert_within_the_ceiling(full)


def test_unread_responses_within_the_ceiling(full):
    """All are admitted while the backend is silent; then it responds."""
    gate = Gate()
    full.siege.answer(gate)
    full.ask(get("/slow"), 1500)
    settled(full.siege)
    gate.opened.set()
    assert_within_the_ceiling(full)
    assert gate.waiting > 100


def test_large_heads_of_responses_within_the_ceiling(full):
    gate = Gate()
    gate.head = message("HTTP/1.1 200 OK", "X: " + "x" * 60_000, "Content-Length: 1000000000")
    full.siege.answer(gate)
    full.ask(get("/slow"), 1500)
    settled(full.siege)
    gate.opened.set()
    assert_within_the_ceiling(full)


def test_unread_streams_within_the_ceiling(full):
    gate = Gate()
    full.siege.answer(gate)
    head = block((":method", "GET"), (":scheme", "http"), (":authority", "h"), (":path", "/slow"))
    clients = [full.connect() for _ in range(15)]
    for sock in clients:
        client = H2Client(None, [(INITIAL_WINDOW_SIZE, 1)], sock=sock)
        requests = [frame(HEADERS, END_HEADERS | END_STREAM, client.new_stream(), head) for _ in range(100)]
        sock.settimeout(0.5)
        sock.sendall(b"".join(requests))
    settled(full.siege)
    gate.opened.set()
    assert_within_the_ceiling(full)
    assert gate.waiting > 100


def test_unread_uploads_within_the_ceiling(full):
    full.siege.answer(full.stop_reading)
    request = message("POST /slow HTTP/1.1", "Host: h", "Content-Length: 1000000000")
    full.push(full.ask(request, 600))
    assert_within_the_ceiling(full)


def test_uploads_over_http2_within_the_ceiling(full):
    full.siege.answer(full.stop_reading)
    clients = [Uploader(full.proxy.address) for _ in range(4)]
    for client in clients:
        full.siege.sockets.append(client.sock)
        full.siege.wait_for(lambda client=client: client.windows.first > 65_535, "the settings")
        client.send(frame(SETTINGS, ACK, 0))
    for client in clients:
        client.upload_all([client.begin("/slow") for _ in range(100)])
    assert_within_the_ceiling(full)


def test_tunnels_within_the_ceiling(full):
    full.siege.answer(upgrading)
    full.push(full.ask(UPGRADE, 600))
    assert_within_the_ceiling(full)


def test_every_row_has_a_test():
    assert TESTED == set(TABLE)
