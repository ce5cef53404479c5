# SPDX-License-Identifier: Apache-2.0
"""The parts of a backend's response that reach the client, and their form."""
import pytest

from scripted_backend import reply_once
from wire import OK, answer, chunked, get, message, post

DATE = "Date: Sat, 29 Oct 1994 19:43:31 GMT"


def test_status_reason_names_and_order_are_kept(hop):
    fields = [DATE, "x-lower: 1", "SERVER: own/1.0", "X-Z: 2", "X-A: 3", "Content-Type: text/plain"]
    got = hop.returned(message("HTTP/1.1 200 Great Stuff", *fields, "Content-Length: 2", body=b"ok"))
    assert (got.status, got.reason) == (200, "Great Stuff")
    assert [f"{name}: {value}" for name, value in got.fields if name != "Content-Length"] == fields


@pytest.mark.parametrize("line, status, reason", [
    ("HTTP/1.1 200 ", 200, ""), ("HTTP/1.1 404 Not Found", 404, "Not Found"),
    ("HTTP/1.1 500 caf\xe9\ttab", 500, "caf\xe9\ttab"), ("HTTP/1.1 299 Odd", 299, "Odd"),
    ("HTTP/1.1 599 Late", 599, "Late"), ("HTTP/1.1 418 I'm a teapot", 418, "I'm a teapot"),
])
def test_any_status_up_to_599_passes_with_its_reason(hop, line, status, reason):
    got = hop.returned(message(line, "Content-Length: 0"))
    assert (got.status, got.reason) == (status, reason)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_backends_own_error_passes_untouched_and_is_not_retried(hop, status):
    got = hop.returned(answer(b"my own page", status=f"{status} Mine"))
    assert (got.status, got.body) == (status, b"my own page")


def test_repeated_fields_stay_separate_lines(hop):
    got = hop.returned(answer(b"", "Set-Cookie: a=1", "X-M: foo", "Set-Cookie: b=2; Path=/x", "X-M: bar"))
    assert got.fields.get_all("set-cookie") == ["a=1", "b=2; Path=/x"]
    assert got.fields.get_all("x-m") == ["foo", "bar"]


@pytest.mark.parametrize("line", [
    "Trailers: X-T", "Location: http://127.0.0.1:1/absolute", "Alt-Svc: h3=\":443\"",
    "Strict-Transport-Security: max-age=1", "Set-Cookie: a=b; Domain=d.test; Path=/p; HttpOnly",
    "Content-Encoding: gzip", "ETag: W/\"x\"", "Vary: *", "Age: 5", "Via: 1.0 x", "Warning: 110 - stale",
    "Server: s/1", "WWW-Authenticate: Basic realm=\"a\"", "Content-Location: /x", "Proxy-Status: x",
    "Accept-Ranges: bytes", "X-Empty:", "Content-Type: text/plain; charset=utf-8", "X-Powered-By: y",
    "Content-Range: bytes 0-1/9", "X-Forwarded-For: from the backend", "Refresh: 1",
])
def test_an_end_to_end_field_passes_unchanged(hop, line):
    name, value = line.split(":", 1)
    assert hop.returned(answer(b"", line)).fields.get_all(name) == [value.strip()]


def test_a_date_is_passed_on(hop):
    assert hop.returned(answer(b"", DATE)).fields.get_all("date") == [DATE[6:]]


def test_a_missing_date_is_added(hop):
    assert len(hop.returned(OK).fields.get_all("date")) == 1


@pytest.mark.parametrize("name", ["Content-Type", "Server", "Via", "Content-Encoding", "Connection",
                                  "Keep-Alive", "X-Powered-By", "Transfer-Encoding"])
def test_a_field_the_backend_did_not_send_is_not_invented(hop, name):
    got = hop.returned(answer(b"<html><body>text</body></html>"))
    assert not got.fields.has(name)


def test_a_known_length_stays_a_length(hop):
    got = hop.returned(answer(b"x" * 100_000))
    assert got.fields.get_all("content-length") == ["100000"]
    assert not got.fields.has("transfer-encoding")
    assert got.body == b"x" * 100_000


def test_an_empty_body_keeps_its_length_0(hop):
    got = hop.returned(answer(b""))
    assert got.fields.get_all("content-length") == ["0"]


def test_a_chunked_body_stays_chunked(hop):
    got = hop.returned(message("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + chunked(b"ab", b"c"))
    assert got.fields.get_all("transfer-encoding") == ["chunked"]
    assert not got.fields.has("content-length")
    assert got.body == b"abc"


def test_an_empty_chunked_body_is_empty(hop):
    got = hop.returned(message("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + chunked())
    assert got.body == b""


@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_a_body_that_ends_with_the_connection_becomes_chunked(hop, version):
    hop.backend.play(reply_once(message(f"HTTP/{version} 200 OK", "X-A: 1", body=b"until the end")))
    client = hop.client()
    got = client.get()
    assert got.version == "HTTP/1.1"
    assert got.fields.get_all("transfer-encoding") == ["chunked"]
    assert got.body == b"until the end"
    assert client.get().status == 200, "the client's connection goes on"
    assert len(hop.backend.connections) == 2


def test_an_empty_body_that_ends_with_the_connection_is_empty(hop):
    hop.backend.play(reply_once(message("HTTP/1.1 200 OK")))
    client = hop.client()
    assert client.get().body == b""
    assert client.get().status == 200


def test_identical_lengths_become_one(hop):
    got = hop.returned(message("HTTP/1.1 200 OK", "Content-Length: 2", "Content-Length: 2", body=b"ok"))
    assert got.fields.get_all("content-length") == ["2"]
    assert got.body == b"ok"


@pytest.mark.parametrize("fields", [
    ["Content-Length: 1234"], ["Transfer-Encoding: chunked"], [], ["Content-Length: 0"],
])
def test_the_response_to_head_has_fields_and_no_body(hop, fields):
    hop.backend.answers(message("HTTP/1.1 200 OK", *fields))
    client = hop.client()
    head = client.ask(message("HEAD / HTTP/1.1", "Host: h.test"), "HEAD")
    lengths = [line[16:] for line in fields if line.startswith("Content-Length")]
    assert head.fields.get_all("content-length") == lengths
    assert not head.fields.has("transfer-encoding")
    assert client.ask(message("HEAD /2 HTTP/1.1", "Host: h.test"), "HEAD").status == 200
    assert client.buffer == b""


def test_the_backends_connection_is_reused_after_head(hop):
    hop.backend.answers(message("HTTP/1.1 200 OK", "Transfer-Encoding: chunked"), OK)
    client = hop.client()
    client.ask(message("HEAD / HTTP/1.1", "Host: h.test"), "HEAD")
    assert client.get().body == b"ok"
    assert len(hop.backend.connections) == 1


@pytest.mark.parametrize("fields", [[], ["Content-Length: 0"], ["Content-Length: 5"]])
def test_204_has_neither_body_nor_framing(hop, fields):
    hop.backend.play(reply_once(message("HTTP/1.1 204 No Content", "Content-Type: a/b", *fields)))
    got = hop.client().get()
    assert got.status == 204
    assert not got.fields.has("content-length")
    assert not got.fields.has("transfer-encoding")
    assert got.fields.get("content-type") == "a/b"


def test_304_keeps_its_fields_and_has_no_body(hop):
    hop.backend.answers(message("HTTP/1.1 304 Not Modified", "Content-Length: 99", "ETag: \"x\"",
                                "Content-Type: text/html"), OK)
    client = hop.client()
    got = client.get()
    assert got.status == 304
    assert got.fields.get("content-length") == "99"
    assert got.fields.get("content-type") == "text/html"
    assert got.fields.get("etag") == "\"x\""
    assert client.get().body == b"ok"
    assert len(hop.backend.connections) == 1


def test_304_has_no_body_even_when_the_backend_says_chunked(hop):
    hop.backend.play(reply_once(message("HTTP/1.1 304 Not Modified", "Transfer-Encoding: chunked")))
    client = hop.client()
    got = client.get()
    assert got.status == 304
    assert not got.fields.has("transfer-encoding")
    assert client.get().status == 304


def test_connection_close_of_the_backend_does_not_reach_the_client(hop):
    hop.backend.play(reply_once(answer(b"ok", "Connection: close")))
    client = hop.client()
    assert not client.get().fields.has("connection")
    assert client.get().body == b"ok"
    assert len(hop.backend.connections) == 2


def test_content_codings_are_never_touched(hop):
    body = b"\x1f\x8bnot really gzip"
    seen, got = hop.exchange(get("/", "Accept-Encoding: gzip"), answer(body, "Content-Encoding: gzip"))
    assert seen.fields.get_all("accept-encoding") == ["gzip"]
    assert (got.fields.get("content-encoding"), got.body) == ("gzip", body)


def test_a_response_with_many_fields_arrives_whole(hop):
    fields = [f"X-Field-{n}: {'v' * 50}{n}" for n in range(400)]
    got = hop.returned(answer(b"ok", *fields))
    assert [f"{k}: {v}" for k, v in got.fields if k.startswith("X-Field-")] == fields


def test_the_response_to_post_may_have_any_framing(hop):
    for framed in (answer(b"abc"), message("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + chunked(b"abc")):
        hop.backend.answers(framed)
        assert hop.client().ask(post(b"x")).body == b"abc"
