# SPDX-License-Identifier: Apache-2.0
"""TERM, INT and QUIT: requests in flight finish, new ones are refused, and a second signal ends the process."""
import json
import signal
import threading
import time

import pytest

from raw_client import connect
from wire import OK, PATIENCE, SOON, Truncated, answer, chunk, get, message

SIGNALS = [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT]


@pytest.fixture
def go():
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def backend(start_backend, go):
    """Responds when the test says so."""
    backend = start_backend()

    def script(peer):
        while True:
            peer.read_request()
            assert go.wait(PATIENCE)
            peer.send(OK)

    backend.play(script)
    return backend


def wait_until_closed(proxy):
    """Waits until the listener is closed, that is, until the signal has been noticed."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            connect(proxy.address).close()
        except OSError:
            return
        time.sleep(0.002)
    pytest.fail("the listener stays open")


@pytest.mark.parametrize("number", SIGNALS)
def test_an_idle_proxy_ends_at_once_with_0(start_proxy, backend, number):
    proxy = start_proxy(backend.url)
    began = time.monotonic()
    proxy.signal(number)
    assert proxy.wait() == 0
    assert time.monotonic() - began < SOON


@pytest.mark.parametrize("number", SIGNALS)
def test_a_request_in_flight_finishes_with_connection_close(start_proxy, backend, go, number):
    proxy = start_proxy(backend.url)
    client = proxy.client().send(get())
    backend.wait_for_requests(1)
    proxy.signal(number)
    wait_until_closed(proxy)
    go.set()
    got = client.read_final()
    assert (got.body, got.fields.tokens("connection")) == (b"ok", ["close"])
    assert client.how_it_ends() == "eof"
    assert proxy.wait() == 0
    client.close()


def test_idle_connections_are_closed_at_once(start_proxy, backend, go):
    go.set()
    proxy = start_proxy(backend.url)
    clients = [proxy.client() for _ in range(10)]
    for client in clients:
        assert client.get().status == 200
    began = time.monotonic()
    proxy.signal()
    assert [client.how_it_ends() for client in clients] == ["eof"] * 10
    assert proxy.wait() == 0
    assert time.monotonic() - began < SOON
    for client in clients:
        client.close()


def test_a_download_in_flight_finishes(start_proxy, start_backend, go):
    backend = start_backend()
    body = b"x" * 5_000_000

    def script(peer):
        peer.read_request()
        peer.send(answer(body)[:1_000_000])
        assert go.wait(PATIENCE)
        peer.send(answer(body)[1_000_000:])

    backend.play(script)
    proxy = start_proxy(backend.url)
    client = proxy.client().send(get())
    head = client.read_response_head()
    proxy.signal()
    wait_until_closed(proxy)
    go.set()
    assert client.read_body(head).body == body
    assert proxy.wait() == 0
    client.close()


def test_after_the_deadline_responses_are_visibly_cut(start_proxy, start_backend):
    backend = start_backend()
    backend.play(lambda peer: (peer.read_request(), peer.send(
        message("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + chunk(b"part")), peer.wait_for_close()))
    proxy = start_proxy("--drain-timeout", "300ms", backend.url)
    client = proxy.client().send(get())
    client.read_response_head()
    assert client.read_chunk() == b"part"
    began = time.monotonic()
    proxy.signal()
    with pytest.raises(Truncated):
        client.read_chunk()
    assert proxy.wait() in (0, 1)
    assert 0.2 < time.monotonic() - began < SOON
    backend.wait_for_finish(0)
    client.close()


def test_a_cut_response_is_logged_as_aborted_with_the_reason(start_proxy, start_backend):
    backend = start_backend()
    backend.play(lambda peer: (peer.read_request(), peer.send(
        message("HTTP/1.1 200 OK", "Content-Type: text/event-stream", "Transfer-Encoding: chunked")
        + chunk(b"data: tick\n\n")), peer.wait_for_close()))
    proxy = start_proxy("--drain-timeout", "100ms", "--access-log", "json", backend.url)
    client = proxy.client().send(get("/events"))
    client.read_response_head()
    client.read_chunk()
    proxy.stop()
    entry = json.loads(proxy.stdout())
    assert (entry["status"], entry["outcome"]) == (200, "aborted")
    assert entry["failure"]["side"] == "proxy"
    assert "stopped" in entry["failure"]["reason"]
    assert proxy.stderr().splitlines()[-1].endswith("stopped; 1 connection with a request in progress was cut")
    client.close()


def test_tunnels_are_closed_at_the_deadline(start_proxy, start_backend):
    backend = start_backend()
    backend.play(lambda peer: (peer.read_request(), peer.send(message(
        "HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket")),
        peer.wait_for_close()))
    proxy = start_proxy("--drain-timeout", "300ms", backend.url)
    client = proxy.client().send(get("/", "Connection: Upgrade", "Upgrade: websocket"))
    assert client.read_response_head().status == 101
    began = time.monotonic()
    proxy.signal()
    assert client.how_it_ends() in ("eof", "reset")
    assert proxy.wait() in (0, 1)
    assert time.monotonic() - began < SOON
    assert proxy.stderr().splitlines()[-1].endswith("stopped; 1 connection with a request in progress was cut")
    backend.wait_for_finish(0)
    client.close()


def test_an_idle_websocket_does_not_hold_up_a_stop(start_proxy, start_backend):
    backend = start_backend()
    backend.play(lambda peer: (peer.read_request(), peer.send(message(
        "HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket")),
        peer.wait_for_close()))
    proxy = start_proxy("--drain-timeout", "1h", backend.url)
    client = proxy.client().send(get("/", "Connection: Upgrade", "Upgrade: websocket"))
    assert client.read_response_head().status == 101
    proxy.signal()
    assert client.how_it_ends() == "eof"
    assert proxy.wait() == 0
    backend.wait_for_finish(0)
    assert 'failure="proxy tunnel: ' in proxy.stdout()
    assert proxy.stderr().splitlines()[-1].endswith("info stopped")
    client.close()


def test_a_second_signal_stops_at_once(start_proxy, backend):
    proxy = start_proxy(backend.url)
    client = proxy.client().send(get())
    backend.wait_for_requests(1)
    proxy.signal()
    wait_until_closed(proxy)
    began = time.monotonic()
    proxy.signal()
    proxy.wait()
    assert time.monotonic() - began < SOON
    assert client.how_it_ends() in ("eof", "reset")
    client.close()


def test_a_successor_can_bind_the_port_during_a_drain(start_proxy, start_backend, backend, go):
    proxy = start_proxy(backend.url)
    client = proxy.client().send(get())
    backend.wait_for_requests(1)
    proxy.signal()
    wait_until_closed(proxy)
    successor = start_proxy(start_backend().url, listen=proxy.address)
    with successor.client() as other:
        assert other.get().body == b"ok"
    go.set()
    assert client.read_final().body == b"ok"
    assert proxy.wait() == 0
    client.close()


def test_no_request_is_lost_when_it_ends_under_load(start_proxy, start_backend):
    """Every request that was sent completely gets its response, or a connection that was closed idle."""
    backend = start_backend()
    proxy = start_proxy(backend.url)
    broken, served, stop = [], [], threading.Event()

    def visit():
        with proxy.client() as client:
            while not stop.is_set():
                try:
                    served.append(client.get().status)
                except (Truncated, ConnectionError) as error:
                    if client.buffer:
                        broken.append(error)
                    return

    threads = [threading.Thread(target=visit) for _ in range(8)]
    for thread in threads:
        thread.start()
    backend.wait_for_requests(200)
    proxy.signal()
    assert proxy.wait() == 0
    stop.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert not broken
    assert set(served) == {200}


class Drip(threading.Thread):
    """Sends a byte at intervals for as long as the peer reads."""

    def __init__(self, client):
        super().__init__(daemon=True)
        self.client = client

    def run(self):
        try:
            while True:
                self.client.send(b"x")
                time.sleep(0.2)
        except OSError:
            pass


@pytest.mark.parametrize("drips", [False, True])
def test_a_stop_does_not_wait_long_for_the_rest_of_a_head(start_proxy, backend, drips):
    proxy = start_proxy("--drain-timeout", "1h", "--header-timeout", "1h", backend.url)
    client = proxy.client().send(message("GET / HTTP/1.1", "X: ")[:-4])
    with proxy.client() as other:  # by then the proxy has the other's bytes
        assert other.get("*").status == 400
    if drips:
        Drip(client).start()
    proxy.signal()
    assert client.read_final().status == 408
    client.close()
    assert proxy.wait() == 0
    assert "were aborted" not in proxy.stderr()


def test_a_stop_waits_briefly_for_the_rest_of_a_head(start_proxy, backend, go):
    go.set()
    proxy = start_proxy(backend.url)
    client = proxy.client().send(get()[:10])
    with proxy.client() as other:
        assert other.get("*").status == 400
    proxy.signal()
    wait_until_closed(proxy)
    client.send(get()[10:])
    assert client.read_final().status == 200
    assert proxy.wait() == 0


@pytest.mark.parametrize("drips", [False, True])
@pytest.mark.parametrize("when", ["before", "during"])
def test_a_stop_does_not_wait_long_for_an_upload_that_was_refused(start_proxy, backend, drips, when):
    proxy = start_proxy("--drain-timeout", "1h", "--max-body", "1B", backend.url)
    client = proxy.client().send(message("POST / HTTP/1.1", "Host: h", "Content-Length: 1000000")[:10])
    with proxy.client() as other:
        assert other.get("*").status == 400
    if when == "during":
        proxy.signal()
        wait_until_closed(proxy)
    client.send(message("POST / HTTP/1.1", "Host: h", "Content-Length: 1000000")[10:])
    assert client.read_final().status == 413
    if drips:
        Drip(client).start()
    if when == "before":
        proxy.signal()
    assert proxy.wait() == 0
    assert "were aborted" not in proxy.stderr()
