# SPDX-License-Identifier: Apache-2.0
"""The rows of docs/message_framing.md that no other file proves: the exact bytes that reach the backend, and the state
of the connections."""
import struct

import pytest

from h2_client import (DATA, END_HEADERS, END_STREAM, HEADERS, PREFACE, PROTOCOL_ERROR, SETTINGS, WINDOW_UPDATE,
                       H2Client, block, frame, request_fields)
from wire import OK, answer, chunked, get, message, post

FORWARDED = ("X-Forwarded-For: 127.0.0.1", "X-Forwarded-Host: h.test", "X-Forwarded-Proto: http")
HOST = "Host: h.test"
CHUNKED = "Transfer-Encoding: chunked"
WANTED = ("Connection: Upgrade", "Upgrade: websocket")
SMUGGLED = get("/smuggled", host="h.test")


def forwarded(start_line, *fields, body=b""):
    """The bytes of an HTTP/1 request as onehop writes them."""
    return message(start_line, *fields, *FORWARDED, body=body)


@pytest.fixture
def h2(hop):
    with H2Client(hop.address) as client:
        yield client


# --- rewritten from scratch ----------------------------------------------------------------------

@pytest.mark.parametrize("sent, reaches", [
    (message("GET /a?b HTTP/1.1", HOST), forwarded("GET /a?b HTTP/1.1", HOST)),
    (message("GET /a HTTP/1.1", "Host:h.test"), forwarded("GET /a HTTP/1.1", HOST)),
    (message("GET /a HTTP/1.1", "hOST: \t h.test\t "), forwarded("GET /a HTTP/1.1", "hOST: h.test")),
    (message("GET /a HTTP/1.1", HOST, "X-A:  b \t"), forwarded("GET /a HTTP/1.1", HOST, "X-A: b")),
    (message("GET http://h.test/a HTTP/1.1", "Host: other.test"), forwarded("GET /a HTTP/1.1", HOST)),
    (message("GET http://h.test?x HTTP/1.1", "X-A: b", "Host: other.test"),
     forwarded("GET /?x HTTP/1.1", HOST, "X-A: b")),
    (message("POST / HTTP/1.1", HOST, "Content-Length: 003", body=b"abc"),
     forwarded("POST / HTTP/1.1", HOST, "Content-Length: 3", body=b"abc")),
    (message("POST / HTTP/1.1", "Content-Length: 3", HOST, "content-length: 3", body=b"abc"),
     forwarded("POST / HTTP/1.1", HOST, "Content-Length: 3", body=b"abc")),
    (message("POST / HTTP/1.1", HOST, "transfer-ENCODING:\tChunked ", body=chunked(b"abc")),
     forwarded("POST / HTTP/1.1", HOST, CHUNKED, body=chunked(b"abc"))),
    (message("POST / HTTP/1.1", HOST, CHUNKED, body=b"0003;x=y\r\nabc\r\n000;last\r\n\r\n"),
     forwarded("POST / HTTP/1.1", HOST, CHUNKED, body=chunked(b"abc"))),
    (message("HEAD / HTTP/1.1", HOST, "Content-Length: 3", body=b"abc"),
     forwarded("HEAD / HTTP/1.1", HOST, "Content-Length: 3", body=b"abc")),
    (message("GET / HTTP/1.1", HOST, CHUNKED, body=chunked(b"abc")),
     forwarded("GET / HTTP/1.1", HOST, CHUNKED, body=chunked(b"abc"))),
    (message("GET / HTTP/1.1", HOST, "Content-Length: 0"), forwarded("GET / HTTP/1.1", HOST)),
    (message("POST / HTTP/1.1", HOST), forwarded("POST / HTTP/1.1", HOST, "Content-Length: 0")),
], ids=repr)
def test_requests_are_rewritten_from_scratch(hop, sent, reaches):
    client = hop.client()
    method = sent.split(b" ")[0].decode()
    assert client.ask(sent, method).status == 200
    assert sorted(hop.backend.received.split(b"\r\n")) == sorted(reaches.split(b"\r\n"))
    assert hop.backend.request.body == (b"abc" if b"abc" in sent else b"")
    assert hop.backend.received.endswith(b"\r\n\r\n" + reaches.partition(b"\r\n\r\n")[2])
    assert client.ask(get("/next")).status == 200, "the connection goes on at the right byte"
    assert [request.target for request in hop.backend.requests][1:] == ["/next"]


@pytest.mark.parametrize("framed", [
    message("GET / HTTP/1.1", HOST, f"Content-Length: {len(SMUGGLED)}", body=SMUGGLED),
    message("DELETE / HTTP/1.1", HOST, CHUNKED, body=chunked(SMUGGLED)),
    message("OPTIONS / HTTP/1.1", HOST, CHUNKED, body=chunked(SMUGGLED[:9], SMUGGLED[9:])),
    message("GET / HTTP/1.1", HOST, *WANTED, f"Content-Length: {len(SMUGGLED)}", body=SMUGGLED),
    message("GET / HTTP/1.1", HOST, *WANTED, CHUNKED, body=chunked(SMUGGLED)),
    message("GET / HTTP/1.1", HOST, "Connection: content-length", f"Content-Length: {len(SMUGGLED)}", body=SMUGGLED),
    message("GET / HTTP/1.1", HOST, "Connection: transfer-encoding", CHUNKED, body=chunked(SMUGGLED)),
], ids=repr)
def test_a_request_inside_a_body_stays_a_body(hop, framed):
    client = hop.client().send(framed + get("/next"))
    assert [client.read_final().status for _ in range(2)] == [200, 200]
    assert [request.target for request in hop.backend.requests] == ["/", "/next"]
    assert hop.backend.requests[0].body == SMUGGLED


@pytest.mark.parametrize("lines", [
    [HOST, f"Content-Length: {len(SMUGGLED)}"], [HOST, CHUNKED], [HOST], ["Host: h.test:443", *WANTED],
])
def test_nothing_after_connect_is_read(hop, lines):
    body = chunked(SMUGGLED) if CHUNKED in lines else SMUGGLED
    assert hop.refusal(message("CONNECT h.test:443 HTTP/1.1", *lines, body=body)).status in (400, 501)


# --- refused ------------------------------------------------------------------------------------

@pytest.mark.parametrize("lines", [
    ["Transfer_Encoding: chunked", "Transfer-Encoding: chunked", "Content-Length: 4"],
    ["Transfer-Encoding: chunked", "Connection: Transfer-Encoding", "Content-Length: 4"],
    ["Transfer-Encoding: chunked", "Connection: Content-Length", "Content-Length: 4"],
    ["Content-Length: 4", "X-A: b", "transfer-encoding: CHUNKED"],
    ["Transfer-Encoding: chunked\t\x00"], ["Transfer-Encoding: chunked\x85"], ["Transfer-Encoding: chu nked"],
    ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"], ["Transfer-Encoding: identity"],
    ["Transfer-Encoding: x", "Transfer-Encoding: chunked"], ["Transfer-Encoding: chunked", "Transfer-Encoding: x"],
    ["Transfer-Encoding: chunked", "Transfer-Encoding:"], ["Transfer-Encoding\t: chunked"],
    ["Transfer-Encoding: ch\xfcnked"], ["Transfer-Encoding: chunked,,"], ["Transfer-Encoding: chunked; a"],
    ["Content-Length: 4 ", "Content-Length: 04 4"], ["Content-Length: 4\x00"], ["Content-Length: \xa04"],
    ["Content-Length : 4"], ["Content-Length\x00: 4"], [" Content-Length: 4"],
    ["Content-Length: 4", "Content-Length: 4, 4"], ["Content-Length: -0"], ["Content-Length: 4\r5"],
], ids=repr)
def test_framing_in_disguise_is_refused(hop, lines):
    for method in ("GET", "POST"):
        request = message(f"{method} / HTTP/1.1", HOST, *lines, body=b"0\r\n\r\n" + SMUGGLED)
        assert hop.refusal(request).status in (400, 501)


def test_a_field_name_with_an_underscore_is_another_name(hop):
    """Content_Length is not Content-Length here; a gateway that confuses them gets no second request."""
    client = hop.client().send(get("/", "Content_Length: 5", "Transfer_Encoding: chunked") + get("/next"))
    assert [client.read_final().status for _ in range(2)] == [200, 200]
    assert [request.target for request in hop.backend.requests] == ["/", "/next"]


@pytest.mark.parametrize("name", ["Content-Length", "Transfer-Encoding", "Host", "Connection", "X-A"])
def test_a_folded_line_is_refused_whatever_its_field(hop, name):
    for fold in (" ", "\t", "\t \t"):
        request = message("POST / HTTP/1.1", HOST, f"{name}:", f"{fold}chunked", body=SMUGGLED)
        assert hop.refusal(request).status == 400


@pytest.mark.parametrize("target", ["http://a.test@h.test/", "http://h.test:0x50/", "http://h.test /", "http:///x",
                                    "https//h.test/", "//h.test/x y", "http://h.test\\@other.test/"])
def test_an_ambiguous_absolute_target_is_refused(hop, target):
    assert hop.refusal(message(f"GET {target} HTTP/1.1", HOST) + SMUGGLED).status == 400


# --- HTTP/2 -------------------------------------------------------------------------------------

def refused(client, stream):
    got = client.read_answer(stream)
    return got.reset == PROTOCOL_ERROR if not got.heads else got.status in (400, 501)


def assert_reaches_nobody(hop, client, stream):
    assert refused(client, stream), client.answers[stream].heads
    assert hop.backend.received == b""
    assert client.goaway is None
    hop.backend.answers(OK)
    assert client.ask().status == 200, "the connection goes on"


@pytest.mark.parametrize("pseudo", [
    {"method": "GET /x HTTP/1.1\r\nHost: h\r\n\r\nGET"}, {"method": "G T"}, {"method": ""}, {"method": "G\0T"},
    {"path": "/ HTTP/1.1\r\nHost: h\r\n\r\nGET /x"}, {"path": "/\r\nX-A: b"}, {"path": "/\n"}, {"path": "/\0"},
    {"path": "/a b"}, {"path": " /a"}, {"path": "/a "}, {"path": ""}, {"path": "a"}, {"path": "*"},
    {"path": "/\t"}, {"path": "/\x7f"}, {"path": "/\xe4"},
    {"authority": "h\r\nX-A: b"}, {"authority": "h b"}, {"authority": " h"}, {"authority": "u@h"},
    {"authority": "h/x"}, {"authority": "h?x"}, {"authority": "h#x"}, {"authority": "h:x"}, {"authority": "h\0"},
    {"authority": "a,b"}, {"authority": "h\\x"},
], ids=repr)
def test_an_invalid_pseudo_field_does_not_reach_the_backend(hop, h2, pseudo):
    assert_reaches_nobody(hop, h2, h2.request(**pseudo))


@pytest.mark.parametrize("fields", [
    [("a", "b\r\nc: d")], [("a", "b\nc")], [("a", "b\rc")], [("a", "b\0c")], [("a\r\nb", "c")], [("a: b", "c")], [("a b", "c")], [("", "c")], [("a:", "c")],
    [("a\0", "c")], [("A", "c")], [("\xe4", "c")],
    [("host", "h"), ("host", "h")], [("host", "g")], [("host", "")], [("host", "h\r\nx: y")],
    [("transfer-encoding", "chunked")], [("connection", "x")], [("keep-alive", "x")], [("proxy-connection", "x")],
    [("upgrade", "websocket")], [("te", "trailers, gzip")], [("te", "gzip")],
    [(":status", "200")], [(":new", "x")], [(":path", "/x")], [("a", "b"), (":method", "GET")],
    [(":protocol", "websocket")],
], ids=repr)
def test_a_field_that_http2_forbids_does_not_reach_the_backend(hop, h2, fields):
    assert_reaches_nobody(hop, h2, h2.request(*fields))


@pytest.mark.parametrize("value", [" b", "b ", "\tb", "b\t", " \t b \t"], ids=repr)
def test_blanks_around_a_value_are_removed(hop, h2, value):
    hop.backend.answers(OK)
    assert h2.ask(("x-a", value)).status == 200
    assert hop.backend.request.fields.get_all("x-a") == ["b"]


@pytest.mark.parametrize("left_out", [":method", ":scheme", ":path"])
def test_a_request_without_a_pseudo_field_does_not_reach_the_backend(hop, h2, left_out):
    stream = h2.new_stream()
    fields = [pair for pair in request_fields() if pair[0] != left_out]
    h2.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, block(*fields)))
    assert_reaches_nobody(hop, h2, stream)


@pytest.mark.parametrize("lengths, body", [
    (["3"], b""), (["3"], b"ab"), (["3"], b"abcd"), (["3", "3x"], b"abc"), (["3", "4"], b"abc"),
    (["+3"], b"abc"), (["-3"], b"abc"), (["3,3"], b"abc"), (["3 3"], b"abc"), ([""], b""), (["0x3"], b"abc"),
    (["18446744073709551619"], b"abc"),
], ids=repr)
def test_a_length_that_disagrees_with_the_frames_is_a_stream_error(hop, h2, lengths, body):
    seen = []
    hop.backend.play(lambda peer: seen.append(peer.read_request()))
    fields = [("content-length", length) for length in lengths]
    stream = h2.request(*fields, method="POST", end=not body)
    if body:
        h2.send(frame(DATA, END_STREAM, stream, body))
    assert refused(h2, stream)
    for connection in hop.backend.connections:
        assert connection.finished.wait(5)
    assert seen == [], "a whole request reached the backend"
    hop.backend.answers(OK)
    assert h2.ask(path="/next").status == 200, "the connection goes on"


def test_content_after_a_length_of_zero_does_not_reach_the_backend(hop, h2):
    """By its head the request is complete, so it was forwarded; the rest only fails the stream."""
    stream = h2.new_stream()
    head = block(*request_fields(("content-length", "0"), method="POST"))
    # Sent together, since the response may come first otherwise.
    h2.send(frame(HEADERS, END_HEADERS, stream, head) + frame(DATA, END_STREAM, stream, b"abc"))
    assert refused(h2, stream)
    assert not hop.backend.received.endswith(b"abc")
    assert h2.ask(path="/next").status == 200, "the connection goes on"


@pytest.mark.parametrize("trailers", [
    [(":path", "/x")], [(":status", "200")], [("A", "b")], [("a", "b\r\nc: d")], [("connection", "close")],
    [("transfer-encoding", "chunked")],
], ids=repr)
def test_malformed_trailers_break_their_stream_alone(hop, h2, trailers):
    seen = []
    hop.backend.play(lambda peer: seen.append(peer.read_request()))
    stream = h2.request(method="POST", end=False)
    h2.send(frame(DATA, 0, stream, b"abc"))
    h2.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, block(*trailers)))
    assert refused(h2, stream)
    for connection in hop.backend.connections:
        assert connection.finished.wait(5)
    assert seen == [], "a whole request reached the backend"
    hop.backend.answers(OK)
    assert h2.ask().status == 200, "the connection goes on"


def test_an_http2_request_is_written_in_http1_as_it_was_understood(hop, h2):
    got = h2.ask(("content-length", "3"), ("host", "h.test"), ("te", "trailers"), ("x-a", "b  c"), ("cookie", "a=1"),
                 ("cookie", "b=2"), method="POST", path="/a?b", authority="h.test", body=b"abc")
    assert got.status == 200
    seen = hop.backend.request
    assert seen.start_line == "POST /a?b HTTP/1.1"
    assert seen.fields.get_all("host") == ["h.test"]
    assert seen.fields.get_all("content-length") == ["3"] and not seen.fields.has("transfer-encoding")
    assert seen.fields.get_all("cookie") == ["a=1; b=2"]
    assert seen.fields.get_all("x-a") == ["b  c"]
    assert hop.backend.received.endswith(b"\r\n\r\nabc")


# --- responses ----------------------------------------------------------------------------------

def served_behind(hop, response, request=None, method="GET"):
    """The client's connection after `response` to its first request, and the next response."""
    hop.backend.answers(response)
    client = hop.client()
    first = client.ask(request or get("/first"), method)
    hop.backend.answers(answer(b"second"))
    return first, client.ask(post(b"x", "/second"))


FORGED = answer(b"forged")


@pytest.mark.parametrize("response, status, body", [
    (answer(b"first", "X-A:  b ") + FORGED, 200, b"first"),
    (message("HTTP/1.1 200 OK", "Content-Length: 5", "Content-Length: 5", body=b"first") + FORGED, 200, b"first"),
    (message("HTTP/1.1 200 OK", "transfer-encoding: CHUNKED",
             body=b"5;a=b\r\nfirst\r\n0;c\r\n\r\n") + FORGED, 200, b"first"),
    (message("HTTP/1.1 204 No Content", "Content-Length: 5") + FORGED, 204, b""),
    (message("HTTP/1.1 304 Not Modified", CHUNKED) + FORGED, 304, b""),
    (message("HTTP/1.1 103 Early Hints", f"Content-Length: {len(FORGED)}") + answer(b"first"), 200, b"first"),
], ids=repr)
def test_bytes_after_a_complete_response_reach_no_client(hop, response, status, body):
    first, second = served_behind(hop, response)
    assert (first.status, first.body) == (status, body)
    assert (second.status, second.body) == (200, b"second")
    assert b"forged" not in first.raw + first.body


def test_an_unsolicited_response_reaches_no_client(hop):
    """A backend that sends a second response later, when its connection is in the pool."""
    hop.backend.play(lambda peer: (peer.read_request(), peer.send(answer(b"first")), peer.send(FORGED),
                                   peer.wait_for_close()))
    client = hop.client()
    assert client.get("/1").body == b"first"
    assert hop.backend.wait_for_finish(0).ended_by_peer in ("eof", "reset")
    hop.backend.answers(answer(b"second"))
    assert client.get("/2").body == b"second"


@pytest.mark.parametrize("size", [
    b"", b"+6", b"-6", b"0x6", b" 6", b"6 ", b"\t6", b"6\x00", b"g", b"6g", b"10000000000000006", b"6\n",
    b"6;\x00", b"6;a\nb", b"6;a\rb", b"00000000000000000000000000006",
], ids=repr)
def test_an_ambiguous_chunk_size_of_a_backend_ends_the_response(hop, size):
    response = message("HTTP/1.1 200 OK", CHUNKED, body=size + b"\r\nforged\r\n0\r\n\r\n")
    hop.backend.play(lambda peer: (peer.read_request(), peer.send(response), peer.wait_for_close()))
    client = hop.client().send(get())
    client.expect_no_complete_answer()
    assert b"forged" not in client.received
    assert hop.backend.wait_for_finish(0).ended_by_peer in ("eof", "reset")


@pytest.mark.parametrize("lines", [
    [CHUNKED, "Content-Length: 6"], ["Content-Length: 6", "Content-Length: 7"], ["Content-Length: 7", "Content-Length: 6"],
    ["Content-Length: 6", "Content-Length: 6", "Content-Length: 5"], ["Content-Length: 6, 6x"],
    ["Transfer-Encoding: chunked\x0b"], ["Transfer-Encoding: chunked;x"], ["Transfer-Encoding: xchunked"],
    ["Transfer-Encoding : chunked"], ["X-A: b", " Transfer-Encoding: chunked"], ["Content-Length: \xa06"],
    ["Transfer-Encoding: chunked", "Connection: Transfer-Encoding", "Content-Length: 6"],
], ids=repr)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_response_framed_in_two_ways_is_a_502_even_where_it_has_no_body(hop, lines, method):
    response = message("HTTP/1.1 200 OK", *lines, body=b"forged")
    hop.backend.play(lambda peer: (peer.read_request(), peer.send(response), peer.wait_for_close()))
    client = hop.client()
    assert client.ask(message(f"{method} / HTTP/1.1", HOST), method).status == 502
    assert b"forged" not in client.received
    assert hop.backend.wait_for_finish(0).ended_by_peer in ("eof", "reset")


def test_an_unsolicited_101_is_a_502_over_http2_too(hop, h2):
    response = message("HTTP/1.1 101 Switching Protocols", *WANTED) + b"forged"
    hop.backend.play(lambda peer: (peer.read_request(), peer.send(response), peer.wait_for_close()))
    got = h2.ask()
    assert got.status == 502 and b"forged" not in got.body
    hop.backend.wait_for_finish(0)


# --- responses of a backend that speaks HTTP/2 --------------------------------------------------

def h2_answering(*frames):
    """A script: an HTTP/2 backend that sends these frames for the first request, given as (kind, flags, payload), and
    stays silent."""

    def script(peer):
        assert peer.read_exactly(len(PREFACE)) == PREFACE
        peer.send(frame(SETTINGS, 0, 0))
        kind = None
        while kind != HEADERS:
            head = peer.read_exactly(9)
            kind, stream = head[3], struct.unpack(">I", head[5:])[0]
            peer.read_exactly(int.from_bytes(head[:3], "big"))
        peer.send(b"".join(frame(kind, flags, stream, payload) for kind, flags, payload in frames))
        peer.wait_for_close()

    return script


@pytest.fixture
def h2c(start_proxy, start_backend):
    """(a backend scripted frame by frame, a proxy in front of it)"""
    backend = start_backend()
    return backend, start_proxy(backend.url.replace("http:", "h2c:"))


@pytest.mark.parametrize("fields", [
    [(":status", "2000")], [(":status", "20")], [(":status", "+20")], [(":status", "101")], [],
    [(":status", "200"), (":status", "200")], [("a", "b"), (":status", "200")], [(":status", "200"), (":path", "/")],
    [(":status", "200"), ("A", "b")], [(":status", "200"), ("a", "b\r\nc: d")], [(":status", "200"), ("a b", "c")],
    [(":status", "200"), ("connection", "close")], [(":status", "200"), ("transfer-encoding", "chunked")],
    [(":status", "200"), ("content-length", "3"), ("content-length", "4")], [(":status", "200"), ("a", "b\0")],
    [(":status", "200"), ("content-length", "+6")], [(":status", "200"), ("content-length", "6,6")],
], ids=repr)
def test_a_malformed_head_of_an_http2_backend_is_a_502(h2c, fields):
    backend, proxy = h2c
    backend.play(h2_answering((HEADERS, END_HEADERS, block(*fields)), (DATA, END_STREAM, b"forged")))
    with proxy.client() as client:
        assert client.get().status == 502
        assert b"forged" not in client.received


@pytest.mark.parametrize("length, body", [("3", b"ab"), ("3", b"abcd"), ("3", b"")])
def test_a_wrong_length_of_an_http2_backend_is_not_a_complete_response(h2c, length, body):
    backend, proxy = h2c
    head = block((":status", "200"), ("content-length", length))
    backend.play(h2_answering((HEADERS, END_HEADERS, head), (DATA, END_STREAM, body)))
    with proxy.client() as client:
        client.send(get()).expect_no_complete_answer()


def test_content_after_a_length_of_zero_does_not_reach_the_client(h2c):
    backend, proxy = h2c
    head = block((":status", "200"), ("content-length", "0"))
    backend.play(h2_answering((HEADERS, END_HEADERS, head), (DATA, END_STREAM, b"forged")))
    with proxy.client() as client:
        got = client.get()
        assert (got.status, got.body) in ((200, b""), (502, got.body))
        assert b"forged" not in client.received


def test_frames_before_the_head_are_not_a_response(h2c):
    """WINDOW_UPDATE and unknown frames before the head change nothing; HEADERS and DATA are the response."""
    backend, proxy = h2c
    backend.play(h2_answering((WINDOW_UPDATE, 0, struct.pack(">I", 1)), (0xfa, 0, b"forged"),
                              (HEADERS, END_HEADERS, block((":status", "200"), ("content-length", "2"))),
                              (DATA, END_STREAM, b"ok")))
    with proxy.client() as client:
        got = client.get()
        assert (got.status, got.body) == (200, b"ok")
        assert b"forged" not in client.received
