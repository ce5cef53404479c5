# SPDX-License-Identifier: Apache-2.0
"""The output of a faulty backend never looks like a complete response, nor like another request's."""
import threading

import pytest

from scripted_backend import reply_once
from wire import OK, Truncated, answer, chunk, chunked, get, message, post

CHUNKED = message("HTTP/1.1 200 OK", "Transfer-Encoding: chunked")


def start(line):
    return message(line, "Content-Length: 6", body=b"secret")


def with_fields(*lines, body=b"secret"):
    return message("HTTP/1.1 200 OK", *lines, body=body)


def bad_gateway(hop, response):
    """Returns the response when a backend sends `response`: the proxy's own, without any of those bytes."""
    hop.backend.play(lambda peer: (peer.read_request(), peer.send(response), peer.wait_for_close()))
    client = hop.client()
    got = client.get()
    assert got.status == 502
    assert b"secret" not in client.received
    assert got.body
    assert hop.backend.wait_for_finish(0).ended_by_peer in ("eof", "reset")
    hop.assert_serves()


@pytest.mark.parametrize("line", [
    "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/1.1 +200 OK", "HTTP/1.1 -20 OK", "HTTP/1.1 0x2 OK",
    "HTTP/1.1 000 OK", "HTTP/1.1 099 OK", "HTTP/1.1 abc OK", "HTTP/1.1  200 OK", "HTTP/1.1\t200 OK",
    "HTTP/1.1 ", "HTTP/1.1", "HTTP/2.0 200 OK", "HTTP/0.9 200 OK", "http/1.1 200 OK", "HTTP/11 200 OK",
    "HTTP/1.1200 OK", " HTTP/1.1 200 OK", "200 OK", "ICY 200 OK", "SSH-2.0-OpenSSH_9.2", "<html>secret",
    "HTTP/1.1 600 X", "HTTP/1.1 799 X", "HTTP/1.1 999 X", "HTTP/1.1 200 O\x00K", "HTTP/1.1 200OK", "HTTP/1.1 200\x7fOK",
])
def test_a_malformed_status_line_is_a_502(hop, line):
    bad_gateway(hop, start(line))


@pytest.mark.parametrize("garbage", [
    b"\x16\x03\x01\x00\x2a\x01\x00\x00\x26secret" * 3, b"\x00" * 100, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"HTTP/1.1 200 OK\nContent-Length: 6\n\nsecret", b"GET / HTTP/1.1\r\nHost: secret\r\n\r\n",
])
def test_another_protocol_is_a_502(hop, garbage):
    bad_gateway(hop, garbage)


@pytest.mark.parametrize("lines", [
    ["Foo : bar"], [" Foo: bar"], ["A: b", " folded"], ["no colon"], [": empty"], ["A\x00: b"], ["A: b\x00c"],
    ["A: b\rc"], ["A: b\nC: d"], ["A B: c"], ["\xc4: b"], ["A: \x7f"],
])
def test_a_malformed_field_is_a_502(hop, lines):
    bad_gateway(hop, with_fields(*lines, "Content-Length: 6"))


@pytest.mark.parametrize("lines", [
    ["Content-Length: +6"], ["Content-Length: -1"], ["Content-Length: abc"], ["Content-Length:"],
    ["Content-Length: 6 6"], ["Content-Length: 6, 7"], ["Content-Length: 6", "Content-Length: 7"],
    ["Content-Length: 7", "Content-Length: 6"], ["Content-Length: 6", "Content-Length: 6", "Content-Length: 5"],
    ["Content-Length: 0x6"], ["Content-Length: 18446744073709551616"], ["Content-Length: 6.0"],
    ["Transfer-Encoding: gzip"], ["Transfer-Encoding: gzip, chunked"], ["Transfer-Encoding: identity"],
    ["Transfer-Encoding: chunked, chunked"], ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
    ["Transfer-Encoding:"], ["Transfer-Encoding: chunked", "Content-Length: 6"],
    ["Content-Length: 6", "Transfer-Encoding: chunked"], ["Transfer-Encoding: \"chunked\""],
])
def test_ambiguous_framing_is_a_502(hop, lines):
    bad_gateway(hop, with_fields(*lines, body=chunked(b"secret")))


def test_a_head_over_the_limit_is_a_502(hop):
    bad_gateway(hop, answer(b"secret", *(f"X-{n}: {'v' * 1000}" for n in range(80))))


def test_more_fields_than_the_limit_is_a_502(hop):
    bad_gateway(hop, answer(b"secret", *(f"X-{n}: v" for n in range(600))))


def test_an_endless_head_is_a_502(hop):
    def script(peer):
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\n")
        for number in range(1_000_000):
            peer.send(b"X-%d: %s\r\n" % (number, b"v" * 1000))

    hop.backend.play(script)
    assert hop.client().get().status == 502
    hop.backend.wait_for_finish(0)


def test_a_head_that_stops_in_the_middle_is_a_502(hop):
    hop.backend.play(reply_once(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nX-Half"))
    assert hop.client().get().status == 502


@pytest.mark.parametrize("ending", ["close", "half_close", "reset"])
@pytest.mark.parametrize("sent", [
    message("HTTP/1.1 200 OK", "Content-Length: 84", body=b"x" * 42),
    message("HTTP/1.1 200 OK", "Content-Length: 1000000", body=b"x" * 999_999),
    message("HTTP/1.1 200 OK", "Content-Length: 5"),
    CHUNKED, CHUNKED + chunk(b"abc"), CHUNKED + b"5\r\nabc", CHUNKED + b"5\r\nabcde", CHUNKED + b"5",
    CHUNKED + b"5\r\nabcde\r\n0", CHUNKED + b"5\r\nabcde\r\n0\r\n",
])
def test_a_body_cut_short_is_cut_short_for_the_client(hop, sent, ending):
    def script(peer):
        peer.read_request()
        peer.send(sent)
        getattr(peer, ending)()

    hop.backend.play(script)
    hop.client().send(get()).expect_no_complete_answer()


def test_a_reset_after_a_body_of_unknown_length_is_not_its_end(hop):
    def script(peer):
        peer.read_request()
        peer.send(message("HTTP/1.1 200 OK", body=b"part"))
        read_by_client.wait(5)
        peer.reset()

    read_by_client = threading.Event()
    hop.backend.play(script)
    client = hop.client().send(get())
    head = client.read_response_head()
    assert head.fields.get("transfer-encoding") == "chunked"
    assert client.read_chunk() == b"part"
    read_by_client.set()
    with pytest.raises(Truncated):
        client.read_chunk()


@pytest.mark.parametrize("bad", [
    b"g\r\nabc\r\n", b"\r\nabc\r\n", b"+3\r\nabc\r\n", b"-3\r\nabc\r\n", b"0x3\r\nabc\r\n", b"3\nabc\r\n",
    b"3\r\nabcd\r\n", b"3\r\nabc\n", b"ffffffffffffffff0\r\nabc\r\n", b"3 \r\nabc\r\n", b"3;a\nb\r\nabc\r\n",
    b"3;" + b"e" * 100_000 + b"\r\nabc\r\n", b"0\r\nX : y\r\n\r\n", b"0\r\n\n",
])
def test_a_bad_chunk_aborts_the_response(hop, bad):
    hop.backend.play(lambda peer: (peer.read_request(), peer.send(CHUNKED + chunk(b"good") + bad + b"0\r\n\r\n"),
                                   peer.wait_for_close()))
    hop.client().send(get()).expect_no_complete_answer()
    hop.backend.wait_for_finish(0)


def test_after_an_aborted_response_nothing_else_is_sent(hop):
    hop.backend.play(reply_once(message("HTTP/1.1 200 OK", "Content-Length: 84", body=b"x" * 42)))
    client = hop.client().send(get("/1") + get("/2"))
    with pytest.raises(Truncated):
        client.read_final()
    assert client.received.count(b"HTTP/1.1") == 1


def test_a_stall_inside_the_body_is_aborted_at_the_activity_timeout(hop_with):
    hop = hop_with("--activity-timeout", "300ms")
    hop.backend.play(lambda peer: (peer.read_request(),
                                   peer.send(message("HTTP/1.1 200 OK", "Content-Length: 9", body=b"part")),
                                   peer.wait_for_close()))
    with pytest.raises(Truncated):
        hop.client().get()
    hop.backend.wait_for_finish(0)


def test_an_event_stream_may_outlast_the_activity_timeout(hop_with):
    hop = hop_with("--activity-timeout", "300ms")
    go = threading.Event()
    head = message("HTTP/1.1 200 OK", "Content-Type: text/event-stream", "Transfer-Encoding: chunked")
    hop.backend.play(lambda peer: (peer.read_request(), peer.send(head), go.wait(0.9),
                                   peer.send(chunk(b"data: x\n\n") + b"0\r\n\r\n")))
    assert hop.client().get().body == b"data: x\n\n"


@pytest.mark.parametrize("surplus", [b"surplus", OK, b"\r\n"])
def test_surplus_bytes_end_the_connection_and_reach_no_client(hop, surplus):
    hop.backend.answers(answer(b"first") + surplus)
    client = hop.client()
    assert client.get("/1").body == b"first"
    hop.backend.answers(answer(b"second"))
    assert client.ask(post(b"x", "/2")).body == b"second"
    assert len(hop.backend.connections) == 2


def test_a_body_after_204_or_304_or_head_reaches_no_client(hop):
    for status, method in (("204 No Content", "GET"), ("304 Not Modified", "GET"), ("200 OK", "HEAD")):
        hop.backend.answers(message(f"HTTP/1.1 {status}", body=answer(b"forged")))
        client = hop.client()
        assert client.ask(message(f"{method} / HTTP/1.1", "Host: h"), method).status == int(status[:3])
        hop.backend.answers(answer(b"second"))
        assert client.ask(post(b"x")).body == b"second"
        assert b"forged" not in client.received
