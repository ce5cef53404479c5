# SPDX-License-Identifier: Apache-2.0
"""Connections to the backend: reuse, stale ones, and their limit."""
import threading
import time

import pytest

from scripted_backend import reply_once
from wire import OK, PATIENCE, SOON, answer, chunked, get, message, post, post_chunked

ONE_WORKER = ("--workers", "1")


def drop_after(count, how="close"):
    """A script for successive connections: the first `count` read a request and drop it without a response, all later
    ones respond."""
    dropped = threading.Semaphore(count)

    def script(peer):
        while True:
            peer.read_request()
            if dropped.acquire(blocking=False):
                getattr(peer, how)()
                return
            peer.send(OK)

    return script


def stale(hop, how="close"):
    """Leaves one pooled connection that will drop the next request it reads. Returns the client."""

    def first_then_drop(peer):
        peer.read_request()
        peer.send(OK)
        hop.backend.answers(OK)
        peer.read_request_head()
        if how == "close after the head":
            peer.close()
        else:
            peer.read_body(peer.requests[-1])
            getattr(peer, how)()

    hop.backend.play(first_then_drop)
    client = hop.client()
    assert client.get("/warm").status == 200
    return client


def sent_times(hop, target):
    return sum(request.target == target for request in hop.backend.requests)


def test_a_connection_is_reused_by_another_client(hop_with):
    hop = hop_with(*ONE_WORKER)
    for _ in range(5):
        assert hop.client().get().status == 200
    assert len(hop.backend.connections) == 1


def test_an_idle_connection_serves_every_worker(hop_with):
    hop = hop_with("--workers", "2")
    for _ in range(40):
        assert hop.client().get().status == 200
    assert len(hop.backend.connections) <= 2


def test_a_connection_that_the_backend_closed_while_idle_is_not_used(hop):
    hop.backend.play(reply_once(OK))
    client = hop.client()
    for number in range(50):
        assert client.ask(post(b"x")).status == 200
        hop.backend.wait_for_finish(number)  # its FIN has arrived
    assert len(hop.backend.requests) == 50


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("request_bytes", [
    get("/again"), message("HEAD /again HTTP/1.1", "Host: h"), message("OPTIONS /again HTTP/1.1", "Host: h"),
    message("PUT /again HTTP/1.1", "Host: h", "Content-Length: 5", body=b"12345"),
    message("DELETE /again HTTP/1.1", "Host: h"),
    message("PUT /again HTTP/1.1", "Host: h", "Transfer-Encoding: chunked", body=chunked(b"123", b"45")),
])
def test_an_idempotent_request_on_a_stale_connection_is_sent_again(hop, how, request_bytes):
    client = stale(hop, how)
    method = request_bytes.split(b" ")[0].decode()
    assert client.ask(request_bytes, method).status == 200
    assert sent_times(hop, "/again") == 2
    first, second = hop.backend.requests[-2:]
    assert second.body == first.body
    assert without_framing(second) == without_framing(first)


def without_framing(request):
    """A body that is complete by now may be sent with its length."""
    return [field for field in request.fields if field[0] not in ("Content-Length", "Transfer-Encoding")]


def test_trailers_are_sent_again_too(hop):
    client = stale(hop)
    assert client.ask(message("PUT /again HTTP/1.1", "Host: h", "Transfer-Encoding: chunked",
                              body=chunked(b"abc", trailers=["X-T: v"]))).status == 200
    assert hop.backend.requests[-1].body == b"abc"
    assert hop.backend.requests[-1].trailers == [("X-T", "v")]


@pytest.mark.parametrize("request_bytes", [
    post(b"12345", "/once"), post(b"", "/once"), post_chunked(b"abc", target="/once"),
    message("PATCH /once HTTP/1.1", "Host: h", "Content-Length: 5", body=b"12345"),
])
@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_post_is_never_sent_twice(hop, how, request_bytes):
    client = stale(hop, how)
    assert client.ask(request_bytes).status in (200, 502)
    assert sent_times(hop, "/once") == 1


def test_a_post_on_a_fresh_connection_is_never_sent_twice(hop):
    hop.backend.play(drop_after(1))
    assert hop.client().ask(post(b"x", "/once")).status == 502
    assert sent_times(hop, "/once") == 1


def test_a_get_that_fails_on_fresh_connections_is_not_repeated_for_ever(hop):
    hop.backend.play(drop_after(1000))
    assert hop.client().get("/x").status == 502
    assert sent_times(hop, "/x") <= 2


def test_no_request_is_repeated_once_a_response_has_begun(hop):
    def script(peer):
        peer.read_request()
        peer.send(b"HTTP/1.1 200")
        peer.close()

    hop.backend.play(script)
    assert hop.client().get("/x").status == 502
    assert sent_times(hop, "/x") == 1


def test_an_interim_response_counts_as_a_response(hop):
    hop.backend.play(reply_once(message("HTTP/1.1 103 Early Hints", "Link: </a>")))
    hop.client().get("/x")
    assert sent_times(hop, "/x") == 1


def test_a_body_larger_than_the_copy_kept_is_not_sent_again(hop_with):
    hop = hop_with("--replay-body", "1KiB")
    client = stale(hop)
    body = message("PUT /again HTTP/1.1", "Host: h", "Content-Length: 5000", body=b"x" * 5000)
    assert client.ask(body).status == 502
    assert sent_times(hop, "/again") == 1


def test_a_body_that_fits_the_copy_is_sent_again_whole(hop):
    client = stale(hop)
    body = bytes(range(256)) * 200
    request = message("PUT /again HTTP/1.1", "Host: h", f"Content-Length: {len(body)}", body=body)
    assert client.ask(request).status == 200
    assert hop.backend.requests[-1].body == body


def test_the_retry_budget_bounds_the_retries(hop_with):
    hop = hop_with("--retry-budget", "20%", *ONE_WORKER)

    def one_answer_then_drop(peer):
        peer.read_request()
        peer.send(OK)
        peer.read_request()
        peer.close()

    hop.backend.play(one_answer_then_drop)
    client = hop.client()
    statuses = [client.get(f"/{n}").status for n in range(100)]
    sent = len(hop.backend.requests)
    assert set(statuses) <= {200, 502}
    assert sent <= 100 + 40, "a retry storm"
    assert statuses.count(502) > 0


def test_an_idle_connection_is_closed_after_the_idle_timeout(hop_with):
    hop = hop_with("--pool-idle-timeout", "200ms")
    hop.backend.play(lambda peer: (peer.read_request(), peer.send(OK), peer.wait_for_close()))
    began = time.monotonic()
    assert hop.client().get().status == 200
    assert hop.backend.wait_for_finish(0).ended_by_peer == "eof"
    assert 0.15 < time.monotonic() - began < SOON


def test_a_backends_keep_alive_timeout_is_honoured(hop):
    hop.backend.play(lambda peer: (peer.read_request(), peer.send(answer(b"ok", "Keep-Alive: timeout=2")),
                                   peer.wait_for_close()))
    began = time.monotonic()
    assert hop.client().get().status == 200
    assert hop.backend.wait_for_finish(0).ended_by_peer == "eof"
    assert 0.7 < time.monotonic() - began < SOON, "sooner than without it"


def test_pool_size_0_keeps_no_connection(hop_with):
    hop = hop_with("--pool-size", "0")
    client = hop.client()
    assert [client.get().status for _ in range(3)] == [200] * 3
    assert len(hop.backend.connections) == 3


def test_the_pool_keeps_no_more_than_its_size(hop_with):
    hop = hop_with("--pool-size", "2", *ONE_WORKER)
    gate = threading.Barrier(6)

    def script(peer):
        peer.read_request()
        gate.wait(PATIENCE)
        peer.send(OK)
        peer.wait_for_close(1)

    hop.backend.play(script)
    clients = [hop.client().send(get(f"/{n}")) for n in range(6)]
    assert [client.read_final().status for client in clients] == [200] * 6
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline and closed(hop) < 4:
        time.sleep(0.005)
    assert closed(hop) == 4


def closed(hop):
    return sum(connection.ended_by_peer is not None for connection in hop.backend.connections)


def test_bytes_on_an_idle_connection_end_it_and_reach_no_client(hop):
    def script(peer):
        peer.read_request()
        peer.send(OK + answer(b"forged", status="200 Forged"))
        peer.wait_for_close()

    hop.backend.play(script)
    client = hop.client()
    assert client.get("/1").body == b"ok"
    hop.backend.answers(answer(b"second"))
    assert client.get("/2").body == b"second"
    assert b"forged" not in client.received


@pytest.mark.parametrize("late", [message("HTTP/1.1 408 Request Timeout", "Content-Length: 0"), b"garbage",
                                  answer(b"forged")])
def test_a_408_or_garbage_on_an_idle_connection_reaches_no_client(hop, late):
    go = threading.Event()

    def script(peer):
        peer.read_request()
        peer.send(OK)
        assert go.wait(PATIENCE)
        peer.send(late)
        peer.wait_for_close()

    hop.backend.play(script)
    client = hop.client()
    assert client.get("/1").body == b"ok"
    hop.backend.answers(answer(b"second"))
    go.set()
    hop.backend.wait_for_finish(0)
    assert client.ask(post(b"x", "/2")).body == b"second"


def blocked(go):
    def script(peer):
        while True:
            peer.read_request()
            assert go.wait(PATIENCE)
            peer.send(OK)

    return script


@pytest.mark.parametrize("workers", ["1", "2"])
def test_past_max_connections_a_request_waits_its_turn(hop_with, workers):
    hop = hop_with("--max-connections", "2", "--queue-timeout", "5s", "--workers", workers)
    busy, highest, lock = [0], [0], threading.Lock()

    def script(peer):
        while True:
            peer.read_request()
            with lock:
                busy[0] += 1
                highest[0] = max(highest[0], busy[0])
            time.sleep(0.01)
            with lock:
                busy[0] -= 1
            peer.send(OK)

    hop.backend.play(script)
    began = time.monotonic()
    clients = [hop.client().send(get(f"/{n}")) for n in range(20)]
    assert [client.read_final().status for client in clients] == [200] * 20
    assert highest[0] <= 2
    assert time.monotonic() - began < SOON, "an idle connection kept somebody waiting"


def test_an_idle_connection_of_one_worker_does_not_keep_another_waiting(hop_with):
    hop = hop_with("--max-connections", "1", "--queue-timeout", "200ms", "--workers", "2")
    assert [hop.client().get().status for _ in range(40)] == [200] * 40


def test_past_the_queue_timeout_a_request_gets_503_with_retry_after(hop_with):
    hop = hop_with("--max-connections", "1", "--queue-timeout", "200ms")
    go = threading.Event()
    hop.backend.play(blocked(go))
    first = hop.client().send(get("/first"))
    hop.backend.wait_for_requests(1)
    began = time.monotonic()
    got = hop.client().get("/second")
    assert 0.15 < time.monotonic() - began < SOON
    assert got.status == 503
    assert int(got.fields.get("retry-after")) >= 1
    assert got.body
    go.set()
    assert first.read_final().status == 200
    assert sent_times(hop, "/second") == 0
    assert hop.client().get("/third").status == 200


def test_failed_connections_give_their_slot_back(hop_with):
    hop = hop_with("--max-connections", "1", "--queue-timeout", "300ms")
    hop.backend.play(lambda peer: (peer.read_request(), peer.reset()))
    assert [hop.client().ask(post(b"x")).status for _ in range(5)] == [502] * 5
    hop.assert_serves()


def test_a_cut_response_gives_its_slot_back(hop_with):
    hop = hop_with("--max-connections", "1", "--queue-timeout", "300ms")
    hop.backend.play(reply_once(message("HTTP/1.1 200 OK", "Content-Length: 9", body=b"short")))
    for _ in range(5):
        with pytest.raises(Exception, match="end of connection|reset"):
            hop.client().get()
    hop.assert_serves()
