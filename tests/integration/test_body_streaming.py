# SPDX-License-Identifier: Apache-2.0
"""Bodies are forwarded as they arrive, in both directions at once, without waiting for more."""
import os
import threading
import time

import pytest

from scripted_backend import reply_once
from wire import OK, PATIENCE, SOON, Truncated, answer, chunk, chunked, get, message, post, post_chunked

MIB = 1024 * 1024
LAST_CHUNK = b"0\r\n\r\n"


def post_head(*fields):
    return message("POST /up HTTP/1.1", "Host: h.test", *fields)


@pytest.mark.parametrize("size", [1, 16 * 1024, 64 * 1024 + 1, MIB, 5 * MIB + 3])
def test_an_upload_arrives_identical(hop, size):
    body = os.urandom(size)
    seen, got = hop.exchange(post(body))
    assert seen.body == body
    assert got.status == 200


@pytest.mark.parametrize("size", [1, 16 * 1024, 64 * 1024 + 1, MIB, 5 * MIB + 3])
def test_a_download_arrives_identical(hop, size):
    body = os.urandom(size)
    assert hop.returned(answer(body)).body == body


def test_a_chunked_upload_stays_chunked_and_identical(hop):
    pieces = [os.urandom(size) for size in (1, 2, 1000, 16384, 100_000, 3)]
    seen = hop.seen(post_chunked(*pieces))
    assert seen.fields.get_all("transfer-encoding") == ["chunked"]
    assert not seen.fields.has("content-length")
    assert seen.body == b"".join(pieces)


def test_ten_thousand_tiny_chunks_arrive_identical(hop):
    pieces = [b"%d," % n for n in range(10_000)]
    seen = hop.seen(post_chunked(*pieces))
    assert seen.body == b"".join(pieces)
    head = message("HTTP/1.1 200 OK", "Transfer-Encoding: chunked")
    hop.backend.answers(head + chunked(*pieces))
    assert hop.client().get().body == b"".join(pieces)


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS", "PUT", "PROPFIND"])
@pytest.mark.parametrize("framing", ["Content-Length: 5", "Transfer-Encoding: chunked"])
def test_a_body_passes_with_its_framing_whatever_the_method(hop, method, framing):
    body = b"12345" if "Length" in framing else chunked(b"12345")
    request = message(f"{method} / HTTP/1.1", "Host: h.test", framing, body=body)
    seen, _ = hop.exchange(request, message("HTTP/1.1 204 No Content"), method)
    name, value = framing.split(": ")
    assert (seen.fields.get_all(name), seen.body) == ([value], b"12345")


def test_an_empty_chunked_upload_ends(hop):
    seen, got = hop.exchange(post_chunked())
    assert (seen.body, got.status) == (b"", 200)


@pytest.mark.parametrize("framing", ["Content-Length: 5", "Transfer-Encoding: chunked"])
def test_the_request_head_reaches_the_backend_before_the_first_body_byte(hop, framing):
    client = hop.client().send(post_head(framing))
    hop.backend.wait_for_requests(1)
    client.send(b"12345" if "Length" in framing else chunked(b"12345"))
    assert client.read_final().status == 200


def test_each_piece_of_an_upload_reaches_the_backend_without_waiting_for_more(hop):
    arrived = [threading.Event() for _ in range(5)]

    def script(peer):
        peer.read_request_head()
        for event in arrived:
            assert peer.read_chunk() == b"piece"
            event.set()
        assert peer.read_chunk() == b""
        peer.read_trailers()
        peer.send(OK)

    hop.backend.play(script)
    client = hop.client().send(post_head("Transfer-Encoding: chunked"))
    for event in arrived:
        client.send(chunk(b"piece"))
        assert event.wait(PATIENCE)
    assert client.send(LAST_CHUNK).read_final().status == 200


def test_each_piece_of_an_upload_of_known_length_reaches_the_backend_without_waiting(hop):
    arrived = [threading.Event() for _ in range(5)]

    def script(peer):
        peer.read_request_head()
        for event in arrived:
            assert peer.read_exactly(5) == b"piece"
            event.set()
        peer.send(OK)

    hop.backend.play(script)
    client = hop.client().send(post_head("Content-Length: 25"))
    for event in arrived:
        client.send(b"piece")
        assert event.wait(PATIENCE)
    assert client.read_final().status == 200


def piecewise(head, pieces, wrap):
    """A script that sends the next piece on a signal, and that signal."""
    go = threading.Semaphore(0)

    def script(peer):
        peer.read_request()
        peer.send(head)
        for piece in pieces:
            assert go.acquire(timeout=PATIENCE)
            peer.send(wrap(piece))
        assert go.acquire(timeout=PATIENCE)
        if wrap is chunk:
            peer.send(LAST_CHUNK)
        peer.close()

    return script, go


@pytest.mark.parametrize("fields, wrap", [
    (["Content-Length: 15"], bytes),
    (["Transfer-Encoding: chunked"], chunk),
    ([], bytes),
    (["Transfer-Encoding: chunked", "Content-Type: text/event-stream; charset=utf-8"], chunk),
    (["Content-Type: text/event-stream"], bytes),
])
def test_head_and_each_piece_of_a_response_reach_the_client_at_once(hop, fields, wrap):
    script, go = piecewise(message("HTTP/1.1 200 OK", *fields), [b"piece"] * 3, wrap)
    hop.backend.play(script)
    client = hop.client().send(get())
    head = client.read_response_head()  # though the backend has sent no byte of the body yet
    for _ in range(3):
        go.release()
        if head.fields.has("content-length"):
            assert client.read_exactly(5) == b"piece"
        else:
            assert client.read_chunk() == b"piece"
    go.release()
    if not head.fields.has("content-length"):
        assert client.read_chunk() == b""


def test_an_echo_runs_while_the_upload_goes_on(hop):
    def echo(peer):
        peer.read_request_head()
        peer.send(message("HTTP/1.1 200 OK", "Transfer-Encoding: chunked"))
        while data := peer.read_chunk():
            peer.send(chunk(data))
        peer.read_trailers()
        peer.send(LAST_CHUNK)

    hop.backend.play(echo)
    client = hop.client().send(post_head("Transfer-Encoding: chunked"))
    assert client.read_response_head().status == 200
    for number in range(50):
        piece = b"%d" % number * 100
        client.send(chunk(piece))
        assert client.read_exactly(len(chunk(piece))) == chunk(piece)
    client.send(LAST_CHUNK)
    assert client.read_chunk() == b""


def echo_whole(peer):
    """Responds to each request with its own body, as it arrives, and begins before the body is complete."""
    while True:
        head = peer.read_request_head()
        left = int(head.fields.get("content-length") or 0)
        peer.send(message("HTTP/1.1 200 OK", f"Content-Length: {left}"))
        while left:
            data = peer.read_some()
            left -= len(data)
            peer.send(data)


@pytest.mark.parametrize("times", [1, 20], ids=["fresh connection", "reused connection"])
def test_four_mebibytes_are_echoed_while_they_are_sent(hop, times):
    hop.backend.play(echo_whole)
    body = os.urandom(4 * MIB)
    client = hop.client()
    for _ in range(times):
        upload = threading.Thread(target=client.send, args=(post(body),))
        upload.start()
        assert client.read_final().body == body
        upload.join(PATIENCE)


def test_an_early_final_response_arrives_while_the_upload_goes_on(hop):
    def script(peer):
        head = peer.read_request_head()
        peer.send(answer(b"early"))
        peer.read_body(head)

    hop.backend.play(script)
    body = os.urandom(2 * MIB)
    client = hop.client().send(post_head(f"Content-Length: {len(body)}"))
    got = client.read_final()
    assert (got.status, got.body) == (200, b"early")
    client.send(body)
    hop.backend.wait_for_finish(0)
    assert hop.backend.request.body == body


def test_an_upload_continues_after_the_response_on_a_reused_connection(hop):
    """The copy kept for a retry is useless once the response has begun, and must not be written to."""
    def script(peer):
        while True:
            head = peer.read_request_head()
            peer.send(answer(b"early"))
            peer.read_body(head)

    hop.backend.play(script)
    client = hop.client()
    for _ in range(20):
        client.send(post_head("Content-Length: 60010") + b"0123456789")
        head = client.read_response_head()
        for _ in range(60):
            client.send(b"x" * 1000)
        assert client.read_body(head).body == b"early"
    hop.backend.wait_for_requests(20)
    assert {len(request.body) for request in hop.backend.requests[:-1]} == {60010}


def test_an_early_refusal_reaches_the_client_although_the_backend_closes(hop):
    def script(peer):
        peer.read_request_head()
        peer.send(answer(b"too much", "Connection: close", status="413 Content Too Large"))
        peer.half_close()

    hop.backend.play(script)
    for _ in range(20):
        client = hop.client()
        upload = threading.Thread(target=client.send_quietly, args=(post(b"x" * 2 * MIB),))
        upload.start()
        got = client.read_final()
        assert (got.status, got.body) == (413, b"too much")
        client.close()
        upload.join(PATIENCE)


def test_a_backend_connection_with_an_unfinished_upload_is_not_reused(hop):
    def script(peer):
        peer.read_request_head()
        peer.send(OK)
        peer.wait_for_close()

    hop.backend.play(script)
    client = hop.client().send(post_head("Content-Length: 10") + b"12345")
    assert client.read_final().status == 200
    client.close()
    hop.assert_serves()
    assert len(hop.backend.connections) == 2
    assert b"/health" not in hop.backend.connections[0].received


def fill(send, limit):
    """Sends until the other side stops reading; returns the number of bytes accepted."""
    taken, block = 0, b"x" * 64 * 1024
    try:
        while taken < limit:
            send(block)
            taken += len(block)
    except TimeoutError:
        pass
    return taken


def test_a_slow_reader_applies_backpressure_to_the_backend(hop):
    taken = []

    def script(peer):
        peer.read_request()
        peer.sock.settimeout(0.3)
        peer.sock.sendall(message("HTTP/1.1 200 OK", f"Content-Length: {256 * MIB}"))
        taken.append(fill(peer.sock.sendall, 256 * MIB))

    hop.backend.play(script)
    client = hop.client().send(get())
    client.read_response_head()
    hop.backend.wait_for_finish(0, 20)
    assert taken[0] < 64 * MIB, "the proxy swallowed what nobody reads"


def test_a_slow_backend_applies_backpressure_to_the_uploading_client(hop):
    hop.backend.play(lambda peer: peer.read_request_head())
    client = hop.client().send(post_head(f"Content-Length: {256 * MIB}"))
    hop.backend.wait_for_requests(1)
    client.sock.settimeout(0.3)
    assert fill(client.sock.sendall, 256 * MIB) < 64 * MIB


def test_a_slow_reader_does_not_delay_others(hop):
    def script(peer):
        if peer.read_request().target == "/big":
            peer.sock.settimeout(0.2)
            peer.sock.sendall(message("HTTP/1.1 200 OK", f"Content-Length: {64 * MIB}"))
            fill(peer.sock.sendall, 64 * MIB)
        else:
            peer.send(OK)
            peer.serve()

    hop.backend.play(script)
    slow = [hop.client().send(get("/big")) for _ in range(8)]
    for client in slow:
        client.read_response_head()
    began = time.monotonic()
    for _ in range(20):
        assert hop.client().get().status == 200
    assert time.monotonic() - began < SOON


def test_surplus_bytes_after_a_known_length_do_not_reach_the_client(hop):
    hop.backend.play(reply_once(answer(b"ok") + b"surplus"))
    client = hop.client()
    assert client.get().body == b"ok"
    hop.backend.play(reply_once(answer(b"next")))
    assert client.get().body == b"next"
    assert b"surplus" not in client.received


def test_a_response_without_length_that_ends_at_once_is_empty(hop):
    hop.backend.play(reply_once(message("HTTP/1.1 200 OK", "Content-Type: a/b")))
    client = hop.client().send(get())
    head = client.read_response_head()
    assert client.read_body(head, ends_with_connection=True).body == b""


def test_an_upload_cut_by_the_client_closes_the_backends_connection(hop):
    def script(peer):
        with pytest.raises(Truncated):
            peer.read_request()

    hop.backend.play(script)
    client = hop.client().send(post_head("Content-Length: 100") + b"only this")
    hop.backend.wait_for_requests(1)
    client.close()
    hop.backend.wait_for_finish(0)
    hop.assert_serves()
