# SPDX-License-Identifier: Apache-2.0
"""One client connection, many requests: in order, unmixed, and closed as agreed."""
import threading
import time

import pytest

from scripted_backend import reply_once
from wire import OK, PATIENCE, Truncated, answer, chunked, get, message, post, post_chunked


def by_target(peer):
    """A script that responds to each request with its own target."""
    while True:
        peer.send(answer(peer.read_request().target.encode()))


def test_pipelined_requests_are_answered_in_order(hop):
    hop.backend.play(by_target)
    client = hop.client().send(b"".join(get(f"/{n}") for n in range(100)))
    assert [client.read_final().body for _ in range(100)] == [b"/%d" % n for n in range(100)]


def test_pipelined_requests_with_bodies_are_answered_in_order(hop):
    hop.backend.play(by_target)
    client = hop.client().send(post(b"x" * 100, "/1") + get("/2") + post_chunked(b"ab", b"c", target="/3")
                               + get("/4"))
    assert [client.read_final().body for _ in range(4)] == [b"/1", b"/2", b"/3", b"/4"]
    assert [request.body for request in hop.backend.requests] == [b"x" * 100, b"", b"abc", b""]


def test_a_slow_first_response_does_not_let_the_second_overtake_it(hop):
    def script(peer):
        while True:
            target = peer.read_request().target
            time.sleep(0.1 if target == "/slow" else 0)
            peer.send(answer(target.encode()))

    hop.backend.play(script)
    client = hop.client().send(get("/slow") + get("/fast"))
    assert [client.read_final().body for _ in range(2)] == [b"/slow", b"/fast"]


def test_a_pipelined_request_does_not_cancel_the_one_before_it(hop):
    go = threading.Event()

    def script(peer):
        while True:
            peer.read_request()
            assert go.wait(PATIENCE)
            peer.send(OK)

    hop.backend.play(script)
    client = hop.client().send(get("/1"))
    hop.backend.wait_for_requests(1)
    client.send(get("/2"))
    go.set()
    assert [client.read_final().status for _ in range(2)] == [200, 200]


def test_bytes_after_a_request_with_connection_close_are_ignored(hop):
    client = hop.client().send(get("/1", "Connection: close") + get("/2"))
    assert client.read_final().status == 200
    assert client.how_it_ends() in ("eof", "reset")
    assert [request.target for request in hop.backend.requests] == ["/1"]


def test_requests_before_a_malformed_one_are_answered_first(hop):
    client = hop.client().send(get("/1") + b"BAD\r\n\r\n" + get("/2"))
    assert [client.read_final().status for _ in range(2)] == [200, 400]
    assert client.how_it_ends() in ("eof", "reset")
    assert client.buffer == b""
    assert [request.target for request in hop.backend.requests] == ["/1"]


def test_a_client_that_asks_to_close_gets_connection_close_and_the_end(hop):
    client = hop.client()
    got = client.get("/", "Connection: close")
    assert got.fields.tokens("connection") == ["close"]
    assert client.how_it_ends() == "eof"


def test_a_kept_connection_carries_no_connection_field(hop):
    client = hop.client()
    for _ in range(3):
        assert not client.get().fields.has("connection")
    assert not client.get("/", "Connection: keep-alive").fields.tokens("connection")[1:]


def test_a_client_that_half_closes_gets_whole_responses_or_none(hop):
    """The end of its requests may be the end of the client, which counts as gone, as in Go."""
    hop.backend.play(by_target)
    for _ in range(20):
        client = hop.client().send(get("/1") + get("/2")).half_close()
        bodies = []
        try:
            while len(bodies) < 2:
                bodies.append(client.read_final().body)
        except Truncated:
            assert client.buffer == b"", "half an answer"
        assert bodies == [b"/1", b"/2"][:len(bodies)]


def test_a_thousand_requests_on_one_connection_use_one_backend_connection(hop):
    client = hop.client()
    for _ in range(1000):
        assert client.get().body == b"ok"
    assert len(hop.backend.connections) == 1


@pytest.mark.parametrize("framed", [
    answer(b"abc"),
    message("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + chunked(b"abc"),
    message("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + chunked(b"abc", trailers=["X-T: v"]),
    message("HTTP/1.1 204 No Content"), message("HTTP/1.1 304 Not Modified"),
])
def test_both_connections_go_on_after_any_framing(hop, framed):
    hop.backend.answers(framed)
    client = hop.client()
    for method in ("GET", "POST", "GET"):
        assert client.ask(message(f"{method} / HTTP/1.1", "Host: h.test", "Content-Length: 0")).status < 400
    assert len(hop.backend.connections) == 1


def test_the_client_connection_survives_a_closing_backend(hop):
    hop.backend.play(reply_once(OK))
    client = hop.client()
    for number in range(20):
        assert client.ask(post(b"x")).status == 200
        hop.backend.wait_for_finish(number)
    assert len(hop.backend.requests) == 20


def test_an_error_response_with_an_unread_small_body_keeps_framing(hop):
    hop.backend.play(lambda peer: (peer.read_request_head(), peer.close()))
    client = hop.client().send(post(b"GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"))
    assert client.read_final().status == 502
    hop.backend.play(by_target)
    client.send_quietly(get("/next"))
    try:
        assert client.read_final().body == b"/next"
    except Truncated:
        pass  # closing is also right
    assert not any(request.target == "/smuggled" for request in hop.backend.requests)


def test_a_client_can_read_the_refusal_although_it_is_still_sending(hop_with):
    hop = hop_with("--max-body", "1KiB")
    for _ in range(10):
        client = hop.client()
        sender = threading.Thread(target=client.send_quietly, args=(post(b"x" * 3_000_000),))
        sender.start()
        assert client.read_final().status == 413
        sender.join(PATIENCE)


def test_many_clients_do_not_get_each_others_responses(hop):
    hop.backend.play(by_target)
    wrong = []

    def visit(name):
        with hop.proxy.client() as client:
            for turn in range(50):
                if client.get(f"/{name}/{turn}").body != b"/%d/%d" % (name, turn):
                    wrong.append((name, turn))

    threads = [threading.Thread(target=visit, args=(name,)) for name in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not wrong
