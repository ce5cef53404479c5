# SPDX-License-Identifier: Apache-2.0
"""Trailers are forwarded with a body, in both directions, except those that could change the message's meaning."""
import pytest

from wire import OK, answer, chunk, chunked, get, message, post_chunked

FORBIDDEN = ["Transfer-Encoding: chunked", "Content-Length: 5", "Connection: close", "Trailer: X",
             "TE: trailers", "Upgrade: websocket", "Keep-Alive: x", "Proxy-Connection: x"]
FORBIDDEN_IN_REQUESTS = FORBIDDEN + [
    "Host: evil.test", "Authorization: Basic dTpw", "Proxy-Authorization: x", "Cookie: a=b",
    "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil",
    "Forwarded: for=1.2.3.4", "Expect: 100-continue", "Content-Type: a/b",
]


def chunked_answer(*pieces, announced=None, trailers=(), fields=()):
    if announced is not None:
        fields = [*fields, f"Trailer: {announced}"]
    head = message("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", *fields)
    return head + chunked(*pieces, trailers=trailers)


def test_an_announced_response_trailer_is_announced_and_delivered(hop):
    got = hop.returned(chunked_answer(b"body", announced="X-T", trailers=["X-T: v"]))
    assert got.fields.tokens("trailer") == ["x-t"]
    assert not got.fields.has("x-t")
    assert got.trailers == [("X-T", "v")]
    assert got.body == b"body"


def test_an_unannounced_response_trailer_is_delivered(hop):
    assert hop.returned(chunked_answer(b"body", trailers=["X-T: v"])).trailers == [("X-T", "v")]


def test_a_trailer_after_an_empty_body_is_delivered(hop):
    got = hop.returned(chunked_answer(trailers=["grpc-status: 0", "grpc-message:"]))
    assert got.trailers == [("grpc-status", "0"), ("grpc-message", "")]
    assert got.body == b""


def test_announced_and_unannounced_trailers_are_both_delivered_in_order(hop):
    lines = ["X-B: 2", "x-a: 1", "X-B: 3"]
    got = hop.returned(chunked_answer(b"x", announced="X-A", trailers=lines))
    assert [f"{name}: {value}" for name, value in got.trailers] == lines


def test_request_trailers_are_announced_and_delivered(hop):
    seen = hop.seen(post_chunked(b"body", fields=["Trailer: X-T"], trailers=["X-T: v", "X-U: w"]))
    assert seen.fields.tokens("trailer") == ["x-t"]
    assert seen.trailers == [("X-T", "v"), ("X-U", "w")]
    assert seen.body == b"body"


@pytest.mark.parametrize("line", FORBIDDEN_IN_REQUESTS)
def test_a_request_trailer_that_could_change_meaning_is_dropped(hop, line):
    seen, got = hop.exchange(post_chunked(b"body", trailers=["X-T: v", line, "X-U: w"]))
    assert seen.trailers == [("X-T", "v"), ("X-U", "w")]
    assert got.status == 200


@pytest.mark.parametrize("line", FORBIDDEN)
def test_a_response_trailer_that_could_change_meaning_is_dropped(hop, line):
    got = hop.returned(chunked_answer(b"body", trailers=["X-T: v", line, "X-U: w"]))
    assert got.trailers == [("X-T", "v"), ("X-U", "w")]


@pytest.mark.parametrize("name", ["Transfer-Encoding", "Content-Length", "Trailer", "X-A, content-length"])
def test_announcing_a_framing_field_as_a_request_trailer_is_refused(hop, name):
    assert hop.refusal(post_chunked(b"x", fields=[f"Trailer: {name}"])).status == 400


@pytest.mark.parametrize("name", ["Transfer-Encoding", "Content-Length", "Trailer"])
def test_announcing_a_framing_field_as_a_response_trailer_is_a_backend_fault(hop, name):
    assert hop.returned(chunked_answer(b"x", announced=name)).status == 502


def test_a_trailer_announced_without_chunks_is_removed(hop):
    assert not hop.returned(answer(b"ok", "Trailer: X-T")).fields.has("trailer")


def test_an_old_client_gets_no_trailers(hop):
    hop.backend.answers(chunked_answer(b"body", announced="X-T", trailers=["X-T: v"]))
    client = hop.client()
    got = client.ask(message("GET / HTTP/1.0", "Host: h.test"))
    assert got.body == b"body"
    assert not got.fields.has("transfer-encoding")
    assert b"X-T: v" not in client.received


@pytest.mark.parametrize("rest", [b"0\r\nX-T: v\r\n", b"0\r\nX-T: ", b"0\r\n", b"0\r", b"0\r\nX-T: v\r\n\r"])
def test_a_response_that_ends_inside_its_trailers_is_not_complete(hop, rest):
    def script(peer):
        peer.read_request()
        peer.send(message("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + chunk(b"body") + rest)
        peer.close()

    hop.backend.play(script)
    hop.client().send(get()).expect_no_complete_answer()


@pytest.mark.parametrize("line", [b"A : v", b": v", b"no colon", b" folded: x", b"A: a\x00b", b"A: a\rb"])
def test_an_illegal_response_trailer_aborts_the_response(hop, line):
    head = message("HTTP/1.1 200 OK", "Transfer-Encoding: chunked")
    hop.backend.answers(head + chunk(b"body") + b"0\r\nX-T: v\r\n" + line + b"\r\n\r\n")
    hop.client().send(get()).expect_no_complete_answer()


def test_response_trailers_have_a_bound(hop):
    hop.backend.answers(chunked_answer(b"x", trailers=[f"X-{n}: {'v' * 1000}" for n in range(200)]))
    hop.client().send(get()).expect_no_complete_answer()


def test_ordinary_trailers_of_some_size_pass(hop):
    lines = [f"X-{n}: {'v' * 200}" for n in range(50)]
    got = hop.returned(chunked_answer(b"x", trailers=lines))
    assert [f"{name}: {value}" for name, value in got.trailers] == lines


def test_connections_are_reused_after_trailers(hop):
    hop.backend.answers(chunked_answer(b"x", trailers=["X-T: v"]), OK)
    client = hop.client()
    assert client.ask(post_chunked(b"y", trailers=["X-R: w"])).trailers == [("X-T", "v")]
    assert client.ask(get()).body == b"ok"
    assert len(hop.backend.connections) == 1
