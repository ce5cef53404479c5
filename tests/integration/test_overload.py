# SPDX-License-Identifier: Apache-2.0
"""Many clients that do not read, and backends that send: the proxy's memory stays within docs/operating.md, and a
well-behaved client is served meanwhile."""
import resource
import socket
import threading

import pytest

from h2_client import INITIAL_WINDOW_SIZE, NO_ERROR, REFUSED_STREAM, H2Client
from proxy_process import SANITIZED
from raw_client import Client
from siege import KIB, MIB, OTHER, Reluctant, attacker, send_for_ever
from wire import PATIENCE, Reader, Truncated, get, message

SCALE = 5 if SANITIZED else 1

# The figures under "Memory" in docs/operating.md.
CONNECTION = 4 * KIB  # idle
HEAD = (16 + 64) * KIB      # --max-request-line and --max-header-bytes
REQUEST = 48 * KIB          # in progress: small messages, buffers and frames of both sides
PIECE = 512 * KIB  # of a body that a peer over HTTP/1 does not read
SESSION = 128 * KIB  # more for one of HTTP/2, with unsent bytes
STREAM_PIECE = 384 * KIB  # of a body that the reader of a stream does not read
SHORT_PIECE = 64 * KIB      # of a body, while memory is short

# --- clients ---------------------------------------------------------------------------------------


def test_slow_heads(siege):
    siege = siege()
    count = 200 // SCALE
    sockets = siege.attackers(count)
    head = message("GET / HTTP/1.1", "Host: h", "X: " + "x" * 60_000)[:-2]  # never ends
    for part in (head[:20_000], head[20_000:40_000], head[40_000:]):
        for sock in sockets:
            sock.sendall(part)
        siege.assert_others_are_served(1)
    siege.assert_others_are_served()
    siege.assert_memory_within(count * (CONNECTION + HEAD))


def test_slow_bodies(siege):
    siege = siege()
    siege.answer(lambda peer: peer.wait_for_close())
    count = 100 // SCALE
    sockets = siege.attackers(count)
    for sock in sockets:
        sock.sendall(message("POST /slow HTTP/1.1", "Host: h", "Content-Length: 1000000"))
    siege.wait_for_slow_requests(count)
    for _ in range(5):
        for sock in sockets:
            sock.sendall(b"x")
        siege.assert_others_are_served(1)
    siege.assert_memory_within(count * (CONNECTION + REQUEST))


def test_slow_readers(siege):
    siege = siege()
    siege.answer(send_for_ever)
    count = 40 // SCALE
    sockets = siege.attackers(count, receive_buffer=4096)
    for sock in sockets:
        sock.sendall(get("/slow"))
    siege.wait_for_slow_requests(count)
    for _ in range(5):
        for sock in sockets:
            assert sock.recv(100)
        siege.assert_others_are_served(1)
    siege.assert_memory_within(count * (CONNECTION + REQUEST + PIECE))


def test_slow_uploads_to_a_backend_that_does_not_read(siege):
    siege = siege()
    stop = threading.Event()
    siege.answer(lambda peer: (stop.wait(2 * PATIENCE), peer.reset()))
    count = 20 // SCALE
    sockets = siege.attackers(count)
    for sock in sockets:
        sock.sendall(message("POST /slow HTTP/1.1", "Host: h", "Content-Length: 1000000000000"))
        sock.setblocking(False)
    siege.wait_for_slow_requests(count)
    for _ in range(40):
        for sock in sockets:
            try:
                sock.send(b"x" * MIB)
            except BlockingIOError:
                pass
    siege.assert_others_are_served()
    siege.assert_memory_within(count * (CONNECTION + REQUEST + PIECE))
    stop.set()


def test_window_drips(siege):
    """Readers that open their windows byte by byte are slow readers."""
    siege = siege()
    siege.answer(send_for_ever)
    clients, streams = [], 5
    for _ in range(8 // SCALE + 1):
        client = Reluctant(siege.proxy.address, [(INITIAL_WINDOW_SIZE, 1)], sock=siege.attackers(1)[0])
        client.streams = [client.request(path="/slow") for _ in range(streams)]
        clients.append(client)
    for client in clients:
        for stream in client.streams:
            client.read_head(stream)
    for _ in range(10):
        for client in clients:
            for stream in client.streams:
                client.open_window(stream, 1)
        siege.assert_others_are_served(1)
    siege.assert_memory_within(len(clients) * (SESSION + streams * (REQUEST + STREAM_PIECE)))


def test_thousands_of_idle_connections(siege):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(3000, hard // 2) // SCALE
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, count + 500)), hard))
    siege = siege()
    sockets = siege.attackers(count)
    for sock in sockets[::3]:  # these have served requests before
        sock.sendall(get())
        assert Reader(sock).read_response().status == 200
    siege.wait_for(lambda: siege.proxy.client_sockets() >= count, "all to be accepted")
    siege.assert_others_are_served()
    siege.assert_memory_within(count * CONNECTION)
    siege.lift()
    siege.wait_for(lambda: siege.proxy.client_sockets() == 0, "all to be closed")


@pytest.mark.parametrize("sent", [b"", b"GET / HT", get("/slow")],
                         ids=["nothing", "part of a head", "a request"])
def test_half_open_connections(siege, sent):
    """Clients that have closed their half count as gone."""
    siege = siege()
    siege.answer(lambda peer: peer.wait_for_close())
    count = 200 // SCALE
    sockets = siege.attackers(count)
    for sock in sockets:
        sock.sendall(sent)
        sock.shutdown(socket.SHUT_WR)
    siege.assert_others_are_served()
    siege.assert_memory_within(count * (CONNECTION + REQUEST))
    assert {sock.recv(1) for sock in sockets} == {b""}
    siege.wait_for(lambda: siege.proxy.client_sockets() == 0, "all to be closed")


def test_a_storm_of_connections(siege):
    siege = siege()
    each, threads, failures = 400 // SCALE, 4, []

    def storm():
        for number in range(each):
            try:
                sock = attacker(siege.proxy.address)
                sock.sendall(get())
                if number % 3 == 0:
                    assert Reader(sock).read_response().status == 200
                sock.close()
            except (OSError, Truncated) as error:
                failures.append(error)

    storms = [threading.Thread(target=storm) for _ in range(threads)]
    for one in storms:
        one.start()
    while any(one.is_alive() for one in storms):
        siege.assert_others_are_served(1)
    assert not failures
    siege.assert_memory_within(threads * 10 * (CONNECTION + REQUEST))
    siege.wait_for(lambda: siege.proxy.client_sockets() == 0, "all to be closed")


# --- descriptors -----------------------------------------------------------------------------------


def test_without_descriptors_accepting_pauses_and_what_is_in_progress_goes_on(siege):
    siege = siege("--pool-idle-timeout", "1m", "--max-client-connections", "10000")
    steps = threading.Semaphore(0)

    def download(peer):
        peer.send(message("HTTP/1.1 200 OK", "Content-Length: 1000"))
        for _ in range(10):
            assert steps.acquire(timeout=2 * PATIENCE)  # pylint: disable=consider-using-with
            peer.send(b"x" * 100)

    siege.answer(download)
    running = Client(siege.proxy.address, OTHER).send(get("/slow"))
    running.read_response_head()
    idle = Client(siege.proxy.address, OTHER)
    assert idle.get().status == 200  # and one connection to the backend is idle
    limit = siege.proxy.descriptors() + 10
    hard = resource.prlimit(siege.proxy.pid, resource.RLIMIT_NOFILE)[1]
    resource.prlimit(siege.proxy.pid, resource.RLIMIT_NOFILE, (limit, hard))
    siege.attackers(100)
    siege.wait_for(lambda: "accepting pauses: Too many open files" in siege.proxy.stderr(), "a line in the log")
    for _ in range(10):
        steps.release()
        assert running.read_exactly(100) == b"x" * 100
        assert idle.get().status == 200
    assert siege.proxy.descriptors() <= limit
    siege.lift()
    siege.assert_others_are_served()
    running.close()
    idle.close()


# --- backends --------------------------------------------------------------------------------------


def test_a_silent_backend(siege):
    siege = siege("--response-timeout", "3s")
    siege.answer(lambda peer: peer.wait_for_close())
    count = 50 // SCALE
    sockets = siege.attackers(count)
    for sock in sockets:
        sock.sendall(get("/slow"))
    siege.assert_others_are_served()
    siege.assert_memory_within(count * (CONNECTION + REQUEST))
    assert {Reader(sock).read_response().status for sock in sockets} == {504}


def test_a_backend_that_sends_a_byte_a_second(siege):
    siege = siege()
    stop = threading.Event()

    def drip(peer):
        peer.send(message("HTTP/1.1 200 OK", "Content-Length: 1000"))
        while not stop.wait(1):
            peer.send(b"x")

    siege.answer(drip)
    count = 100 // SCALE
    sockets = siege.attackers(count)
    for sock in sockets:
        sock.sendall(get("/slow"))
    for sock in sockets:
        reader = Reader(sock)
        reader.read_response_head()
        assert reader.read_exactly(1) == b"x"
        assert reader.buffer == b"" or len(reader.buffer) < 5
    siege.assert_others_are_served()
    siege.assert_memory_within(count * (CONNECTION + REQUEST))
    stop.set()


# --- the ceiling -----------------------------------------------------------------------------------

CEILING = 2 * MIB


@pytest.fixture
def full(siege):
    """A proxy that slow readers have filled to its ceiling, and clients that came before."""
    yield from fill(siege, send_for_ever)


@pytest.fixture
def promised(siege):
    """A proxy that has promised all of its memory to requests with a silent backend."""
    yield from fill(siege, lambda peer: peer.wait_for_close())


def fill(siege, slow):
    siege = siege("--max-memory", f"{CEILING // MIB}MiB")
    siege.more = threading.Semaphore(0)

    def steps(peer):
        peer.send(message("HTTP/1.1 200 OK", "Content-Length: 200"))
        for _ in range(2):
            if siege.more.acquire(timeout=2 * PATIENCE):  # pylint: disable=consider-using-with
                peer.send(b"x" * 100)

    siege.answer(slow)
    siege.answer(steps, "/running")
    siege.running = Client(siege.proxy.address, OTHER).send(get("/running"))
    siege.running.read_response_head()
    siege.idle = [Client(siege.proxy.address, OTHER) for _ in range(4)]
    siege.over_http2 = H2Client(siege.proxy.address)
    assert siege.over_http2.ask().status == 200
    siege.readers = [Reluctant(siege.proxy.address, [(INITIAL_WINDOW_SIZE, 1)], sock=sock)
                     for sock in siege.attackers(10)]
    for reader in siege.readers:
        for _ in range(10):
            reader.request(path="/slow")
    siege.wait_for(lambda: "(max_memory)" in siege.proxy.stderr(), "a line in the log")
    yield siege
    siege.more.release(2)
    siege.running.close()
    siege.over_http2.close()
    for client in siege.idle:
        client.close()


def test_past_max_memory_requests_are_refused_and_what_is_in_progress_goes_on(full):
    answer = full.idle[0].get("/", "Accept: application/json")
    assert answer.status == 503
    assert answer.fields.get("retry-after") == "1"
    assert answer.fields.tokens("connection") == ["close"]
    assert b'"status":503' in answer.body
    assert full.idle[1].ask(message("POST / HTTP/1.1", "Host: h", "Content-Length: 99")).status == 503
    assert full.over_http2.ask().reset == REFUSED_STREAM
    for reader in full.readers:
        for _ in range(100):
            reader.request(path="/slow")
    full.attackers(50)
    full.more.release(2)
    assert full.running.read_exactly(200) == b"x" * 200
    begun = 10 * (CONNECTION + SESSION + 10 * (REQUEST + SHORT_PIECE))
    full.assert_memory_within(CEILING + begun)
    told = [line for line in full.proxy.stderr().splitlines() if "(max_memory)" in line]
    assert len(told) == 1 and "of 2.0 MiB (max_memory)" in told[0], told


def test_past_max_memory_an_http2_connection_gets_goaway(full):
    """The connection was accepted before and has been silent. None of its streams is processed."""
    with H2Client(full.proxy.address, sock=full.idle[3].sock) as late:
        late.request()
        late.read_until_closed()
        assert late.goaway == (0, NO_ERROR)
        assert 1 not in late.answers
        full.lift_and_wait_for_memory()
        full.assert_others_are_served()


def test_past_max_memory_no_client_is_accepted_until_some_is_free(promised):
    waiting = Client(promised.proxy.address, OTHER).send(get())
    with pytest.raises(TimeoutError):
        waiting.fill(0.3)
    promised.lift()
    assert waiting.read_final().status == 200, promised.proxy.stderr()
    waiting.close()
    promised.assert_others_are_served()
    assert promised.over_http2.ask().status == 200


def test_past_max_memory_a_slow_head_gets_no_larger_buffer(full):
    """It may keep its buffer, but not get a larger one."""
    slow = full.idle[2]
    slow.send(message("GET / HTTP/1.1", "Host: h", "X: " + "x" * 100)[:-2])
    assert slow.read_final().status == 503
    full.lift_and_wait_for_memory()
    full.assert_others_are_served()


def test_past_max_memory_heads_do_not_grow(siege):
    siege = siege("--max-memory", "4MiB")
    count = 300 // SCALE
    sockets = siege.attackers(count)
    head = message("GET / HTTP/1.1", "Host: h", "X: " + "x" * 60_000)[:-2]
    for sock in sockets:
        sock.sendall(head[:1000])
    siege.wait_for(lambda: SANITIZED or siege.proxy.client_sockets() >= count // 2, "them to be accepted")
    for sock in sockets:
        try:
            sock.sendall(head[1000:])
        except ConnectionError:
            pass  # refused already
    siege.assert_memory_within(4 * MIB + count * (CONNECTION + 16 * KIB))
    siege.lift_and_wait_for_memory()
    siege.assert_others_are_served()
