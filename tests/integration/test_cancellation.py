# SPDX-License-Identifier: Apache-2.0
"""When a client leaves, its backend exchange ends at once; others are not affected."""
import threading
import time

import pytest

from scripted_backend import silent
from wire import OK, PATIENCE, SOON, chunk, get, message, post


def waiting(peer):
    peer.read_request()
    peer.wait_for_close()


@pytest.mark.parametrize("leave", ["close", "reset"])
def test_a_client_that_leaves_before_the_response_ends_the_backends_exchange(hop, leave):
    hop.backend.play(waiting)
    client = hop.client().send(get())
    hop.backend.wait_for_requests(1)
    began = time.monotonic()
    getattr(client, leave)()
    assert hop.backend.wait_for_finish(0).ended_by_peer in ("eof", "reset")
    assert time.monotonic() - began < SOON


def test_a_client_that_leaves_during_the_response_ends_the_backends_exchange(hop):
    def script(peer):
        peer.read_request()
        peer.send(message("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + chunk(b"first"))
        peer.wait_for_close()

    hop.backend.play(script)
    client = hop.client().send(get())
    client.read_response_head()
    assert client.read_chunk() == b"first"
    client.close()
    hop.backend.wait_for_finish(0)


def test_a_client_that_leaves_a_download_stops_it(hop):
    def script(peer):
        peer.read_request()
        peer.send(message("HTTP/1.1 200 OK", "Transfer-Encoding: chunked"))
        while True:
            peer.send(chunk(b"x" * 65536))

    hop.backend.play(script)
    client = hop.client().send(get())
    client.read_response_head()
    client.read_exactly(1_000_000)
    client.reset()
    hop.backend.wait_for_finish(0)


def test_a_client_that_leaves_during_its_upload_ends_the_backends_exchange(hop):
    hop.backend.play(silent)
    client = hop.client().send(message("POST / HTTP/1.1", "Host: h.test", "Content-Length: 1000000")
                               + b"x" * 1000)
    hop.backend.wait_for_connections(1)
    client.reset()
    hop.backend.wait_for_finish(0)


def test_a_client_that_leaves_after_pipelined_requests_ends_the_backends_exchange(hop):
    hop.backend.play(waiting)
    client = hop.client().send(get("/1") + get("/2"))
    hop.backend.wait_for_requests(1)
    client.reset()
    hop.backend.wait_for_finish(0)
    hop.assert_serves()
    assert not any(request.target == "/2" for request in hop.backend.requests)


def test_a_cancelled_connection_is_never_reused(hop):
    hop.backend.play(waiting)
    client = hop.client().send(get("/1"))
    hop.backend.wait_for_requests(1)
    client.reset()
    hop.assert_serves()
    assert b"/health" not in hop.backend.connections[0].received


def test_a_cancelled_request_does_not_disturb_others(hop):
    go = threading.Event()

    def script(peer):
        peer.read_request()
        assert go.wait(PATIENCE)
        peer.send(OK)
        peer.wait_for_close()

    hop.backend.play(script)
    clients = [hop.client().send(get(f"/{n}")) for n in range(20)]
    hop.backend.wait_for_requests(20)
    for client in clients[::2]:
        client.reset()
    go.set()
    assert [client.read_final().status for client in clients[1::2]] == [200] * 10


def settled_descriptors(proxy):
    """Returns their number once what the start has opened for a moment is closed."""
    seen = []
    while len(seen) < 10 or len(set(seen[-10:])) > 1:
        seen.append(proxy.descriptors())
        time.sleep(0.02)
    return seen[-1]


def wait_for_descriptors(proxy, count):
    """Waits until the proxy has noticed all arrivals and departures."""
    deadline = time.monotonic() + PATIENCE
    while proxy.descriptors() != count:
        assert time.monotonic() < deadline, f"{proxy.descriptors()} descriptors, not {count}"
        time.sleep(0.002)


def test_clients_that_leave_the_queue_give_up_their_places(start_proxy, start_backend):
    backend, go = start_backend(), threading.Event()
    proxy = start_proxy("--max-connections", "1", "--queue-timeout", "5s", backend.url)

    def script(peer):
        while True:
            peer.read_request()
            assert go.wait(PATIENCE)
            peer.send(OK)

    backend.play(script)
    with proxy.client() as first:
        first.send(get("/first"))
        backend.wait_for_requests(1)
        before = settled_descriptors(proxy)
        gone = [proxy.client().send(get(f"/gone/{number}")) for number in range(5)]
        wait_for_descriptors(proxy, before + 5)
        for client in gone:
            client.reset()
        wait_for_descriptors(proxy, before)
        last = proxy.client().send(get("/last"))
        go.set()
        assert first.read_final().status == 200
        assert last.read_final().status == 200
    assert [request.target for request in backend.requests] == ["/first", "/last"]


def test_a_post_that_was_cancelled_is_not_sent_again(hop):
    hop.backend.play(waiting)
    client = hop.client().send(post(b"once"))
    hop.backend.wait_for_requests(1)
    client.reset()
    hop.backend.wait_for_finish(0)
    hop.assert_serves()
    assert [request.method for request in hop.backend.requests] == ["POST", "GET"]
