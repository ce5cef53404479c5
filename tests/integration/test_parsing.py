# SPDX-License-Identifier: Apache-2.0
"""Requests with more than one meaning, or none, are refused, and no byte of them reaches the backend."""
import pytest

from wire import chunked, get, message, post

HOST = "Host: h.test"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: h.test\r\n\r\n"


def fields(*lines, body=b"", start="POST / HTTP/1.1"):
    """A POST with exactly these field lines, and a request hidden after it."""
    return message(start, HOST, *lines, body=body) + SMUGGLED


@pytest.mark.parametrize("lines", [
    ["Content-Length: 5", "Transfer-Encoding: chunked"],
    ["Transfer-Encoding: chunked", "Content-Length: 5"],
    ["Transfer-Encoding: chunked", "Content-Length: 0"],
    ["Transfer-Encoding: identity", "Content-Length: 5"],
    ["Transfer-Encoding:", "Content-Length: 5"],
])
def test_both_framings_together_are_refused(hop, lines):
    assert hop.refusal(fields(*lines, body=chunked(b"x"))).status in (400, 501)


@pytest.mark.parametrize("lines", [
    ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
    ["Transfer-Encoding: chunked, chunked"],
    ["Transfer-Encoding: chunked, identity"],
    ["Transfer-Encoding: identity, chunked"],
    ["Transfer-Encoding: chunked,"],
    ["Transfer-Encoding: ,chunked"],
    ["Transfer-Encoding: \"chunked\""],
    ["Transfer-Encoding: 'chunked'"],
    ["Transfer-Encoding: chunked;q=1"],
    ["Transfer-Encoding: chunked x"],
    ["Transfer-Encoding: x chunked"],
    ["Transfer-Encoding:"],
    ["Transfer-Encoding: \x0bchunked"],
    ["Transfer-Encoding: chunked\x0c"],
    ["Transfer-Encoding: \xa0chunked"],
    ["Transfer-Encoding: \rchunked"],
    ["Transfer-Encoding : chunked"],
    ["Transfer-Encoding: chun\x00ked"],
    [" Transfer-Encoding: chunked"],
    ["X-A: b", " Transfer-Encoding: chunked"],
])
def test_a_transfer_encoding_that_is_not_plainly_chunked_is_refused(hop, lines):
    assert hop.refusal(fields(*lines, body=chunked(b"x"))).status in (400, 501)


@pytest.mark.parametrize("coding", ["gzip, chunked", "gzip", "fugazi", "xchunked", "chunkedx"])
def test_an_honest_unknown_transfer_coding_is_not_implemented(hop, coding):
    assert hop.refusal(fields(f"Transfer-Encoding: {coding}", body=chunked(b"x"))).status == 501


def test_transfer_encoding_from_an_old_client_is_refused(hop):
    request = fields("Transfer-Encoding: chunked", start="POST / HTTP/1.0", body=chunked(b"x"))
    assert hop.refusal(request).status == 400


@pytest.mark.parametrize("coding", ["chunked", "Chunked", "CHUNKED", "  chunked\t"])
def test_chunked_in_any_case_is_understood_and_sent_plainly(hop, coding):
    seen = hop.seen(message("POST / HTTP/1.1", HOST, f"Transfer-Encoding: {coding}", body=chunked(b"x")))
    assert seen.fields.get_all("transfer-encoding") == ["chunked"]
    assert seen.body == b"x"


@pytest.mark.parametrize("lengths", [
    [""], ["+5"], ["-5"], ["0x5"], ["5 5"], ["5,6"], ["5, 5"], ["5, "], [",5"], ["5;"], ["5.0"], ["5e0"], ["five"],
    ["18446744073709551616"], ["99999999999999999999999"], ["5", "6"], ["6", "5"], ["5", "5", "4"], ["5", ""], ["", "5"], ["5\x0b"], ["\"5\""],
    ["5_0"], ["\xb2"], ["5\x00"],
])
def test_a_bad_content_length_is_refused(hop, lengths):
    lines = [f"Content-Length: {length}" for length in lengths]
    assert hop.refusal(fields(*lines, body=b"12345")).status == 400


def test_identical_lengths_become_one(hop):
    lines = ["Content-Length: 5", "Content-Length: 5"]
    seen = hop.seen(message("POST / HTTP/1.1", HOST, *lines, body=b"12345"))
    assert seen.fields.get_all("content-length") == ["5"]
    assert seen.body == b"12345"


@pytest.mark.parametrize("raw", [
    b"GET / HTTP/1.1\nHost: h\n\n",
    b"GET / HTTP/1.1\nHost: h\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: h\n\r\n",
    b"GET / HTTP/1.1\r\nHost: h\r\nX-A: b\nX-B: c\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: h\r\n\n",
    b"GET / HTTP/1.1\r\nHost: h\r\nX-A: b\r\n\n",
    b"GET / HTTP/1.1\rHost: h\r\r",
    b"GET / HTTP/1.1\r\nHost: h\rX-A: b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: h\r\nX-A: a\rb\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: h\r\nX-A: b\r\r\n\r\n",
    b"\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
    b"\rGET / HTTP/1.1\r\nHost: h\r\n\r\n",
])
def test_a_bare_cr_or_lf_is_refused(hop, raw):
    assert hop.refusal(raw + SMUGGLED).status == 400


@pytest.mark.parametrize("byte", [b"\x00", b"\x01", b"\x08", b"\x0b", b"\x0c", b"\x1f", b"\x7f"])
@pytest.mark.parametrize("place", [b"X-A: a%sb", b"X-A: %s", b"X-A:%s b", b"X-A: b%s", b"X%sA: b"])
def test_a_control_character_is_refused(hop, byte, place):
    raw = b"GET / HTTP/1.1\r\nHost: h\r\n" + place % byte + b"\r\n\r\n"
    assert hop.refusal(raw).status == 400


@pytest.mark.parametrize("line", [
    " X-A: b", "\tX-A: b", "X-A : b", "X-A\t: b", "X A: b", ": b", "no colon", "X-\xe4: b", "X(: b",
    "X\": b", "X{}: b", "X@Y: b", "X/Y: b", "[X]: b", ":", "X-A\x00: b",
])
def test_a_malformed_field_line_is_refused_wherever_it_stands(hop, line):
    for lines in ([line, HOST], [HOST, line], [HOST, "X-B: c", line, "X-D: e"]):
        assert hop.refusal(message("GET / HTTP/1.1", *lines)).status == 400


@pytest.mark.parametrize("lines", [["X-A: b", " folded"], ["X-A: b", "\tfolded"], ["X-A: b", "  "]])
def test_obsolete_folding_is_refused(hop, lines):
    assert hop.refusal(message("GET / HTTP/1.1", HOST, *lines)).status == 400


@pytest.mark.parametrize("start, status", [
    ("GET /", 400), ("GET", 400), ("GET / ", 400), ("GET /  HTTP/1.1", 400), ("GET  / HTTP/1.1", 400),
    (" GET / HTTP/1.1", 400), ("GET / HTTP/1.1 ", 400), ("GET\t/\tHTTP/1.1", 400), ("GET /a b HTTP/1.1", 400),
    ("GET / http/1.1", 400), ("GET / HTTP/1", 400), ("GET / HTTP/1.", 400), ("GET / HTTP/11", 400),
    ("GET / HTTP/1.1x", 400), ("GET / HTTP/01.1", 400), ("GET / HTTP/1.01", 400), ("GET / HTTP /1.1", 400),
    ("GET / HTTPS/1.1", 400), ("GET / ICY/1.1", 400), ("GE(T / HTTP/1.1", 400), ("GE\x00T / HTTP/1.1", 400),
    ("G\xc4T / HTTP/1.1", 400), ("GET /\x00 HTTP/1.1", 400), ("GET /\x1f HTTP/1.1", 400),
    ("GET /\xe4 HTTP/1.1", 400), ("/ HTTP/1.1", 400), ("GET HTTP/1.1", 400), ("{} / HTTP/1.1", 400),
    ("GET / HTTP/2.0", 505), ("GET / HTTP/3.0", 505), ("GET / HTTP/0.9", 505), ("GET / HTTP/9.9", 505),
])
def test_a_malformed_request_line_is_refused(hop, start, status):
    assert hop.refusal(message(start, HOST) + SMUGGLED).status == status


@pytest.mark.parametrize("lines", [
    [], ["X-A: b"], ["Host: a", "Host: b"], ["Host: a", "Host: a"], ["Host: a, b"], ["Host: a b"],
    ["Host: a/b"], ["Host: u@a"], ["Host: u:p@a"], ["Host: a:x"], ["Host: a:-1"], ["Host: a:99999"],
    ["Host: a:80:80"], ["Host: a\x01"], ["Host: \xff"], ["Host: a{b"], ["Host: a}"], ["Host: [::1"],
    ["Host: a?b"], ["Host: a#b"], ["Host: a\\b"], ["Host: a,b"], ["Host: [::1]x"], ["Host: http://a"],
])
def test_a_bad_or_missing_host_is_refused(hop, lines):
    assert hop.refusal(message("GET / HTTP/1.1", *lines)).status == 400


def test_an_old_client_may_leave_out_host_but_not_send_two(hop):
    assert hop.client().ask(message("GET / HTTP/1.0")).status == 200
    hop.backend.end_test()
    assert hop.refusal(message("GET / HTTP/1.0", "Host: a", "Host: b")).status == 400


@pytest.mark.parametrize("count", [1, 2, 4])
def test_empty_lines_before_a_request_are_tolerated(hop, count):
    assert hop.seen(b"\r\n" * count + get("/x")).target == "/x"


def test_more_empty_lines_are_refused(hop):
    assert hop.refusal(b"\r\n" * 5 + get("/x")).status == 400


def test_an_empty_line_after_a_post_is_tolerated(hop):
    client = hop.client()
    assert client.ask(post(b"x")).status == 200
    assert client.ask(b"\r\n" + get("/next")).status == 200


def test_a_flood_of_empty_lines_is_cut_off(hop):
    client = hop.client().send_quietly(b"\r\n" * 100_000)
    assert client.how_it_ends() in ("eof", "reset")
    assert hop.backend.received == b""


@pytest.mark.parametrize("body", [
    b"\r\nx\r\n0\r\n\r\n",
    b"+1\r\nx\r\n0\r\n\r\n",
    b"-1\r\nx\r\n0\r\n\r\n",
    b"0x1\r\nx\r\n0\r\n\r\n",
    b"1 \r\nx\r\n0\r\n\r\n",
    b" 1\r\nx\r\n0\r\n\r\n",
    b"\t1\r\nx\r\n0\r\n\r\n",
    b"1\x00\r\nx\r\n0\r\n\r\n",
    b"g\r\nx\r\n0\r\n\r\n",
    b"1g\r\nx\r\n0\r\n\r\n",
    b"ffffffffffffffff1\r\nx\r\n0\r\n\r\n",
    b"10000000000000000\r\nx\r\n0\r\n\r\n",
    b"0000000000000000000000000000001\r\nx\r\n0\r\n\r\n",
    b"1\nx\r\n0\r\n\r\n",
    b"1\r\nx\n0\r\n\r\n",
    b"1\r\nx0\r\n\r\n",
    b"1\r\nxy\r\n0\r\n\r\n",
    b"1\r\nx\r0\r\n\r\n",
    b"1\rx\r\n0\r\n\r\n",
    b"1\r\nx\r\n0\n\r\n",
    b"1\r\nx\r\n0\r\n\n",
    b"1;a\x00b\r\nx\r\n0\r\n\r\n",
    b"1;a\nb\r\nx\r\n0\r\n\r\n",
    b"1;a\rb\r\nx\r\n0\r\n\r\n",
    b"1;\nx\r\n0\r\n\r\n",
    b"1" + b";a=b" * 20_000 + b"\r\nx\r\n0\r\n\r\n",
    b"1\r\nx\r\n0\r\nX-A : b\r\n\r\n",
    b"1\r\nx\r\n0\r\nX-A: a\x00b\r\n\r\n",
    b"1\r\nx\r\n0\r\n: b\r\n\r\n",
    b"1\r\nx\r\n0\r\nno colon\r\n\r\n",
    b"1\r\nx\r\n0\r\n folded: b\r\n\r\n",
    b"1\r\nx\r\n0\r\nX-A: b\n\r\n",
    b"1\r\nx\r\n0\r\n" + b"".join(b"X-%d: %s\r\n" % (n, b"v" * 1000) for n in range(200)) + b"\r\n",
])
def test_a_bad_chunk_is_refused_and_aborts_the_backends_request(hop, body):
    endings = []

    def script(peer):
        try:
            peer.read_request()
            endings.append("complete")
        finally:
            endings.append("cut")

    hop.backend.play(script)
    client = hop.client()
    client.send_quietly(message("POST / HTTP/1.1", HOST, "Transfer-Encoding: chunked") + body + SMUGGLED)
    got = client.read_final()
    assert got.status in ((400,) if len(body) < 10_000 else (400, 431))
    client.how_it_ends()
    assert client.buffer == b"", "bytes behind the refused request were answered"
    for connection in hop.backend.connections:
        assert connection.finished.wait(5)
    assert "complete" not in endings
    assert b"smuggled" not in hop.backend.received


def test_chunk_extensions_are_dropped(hop):
    body = b"3;a=b;c=\"d\"\r\nabc\r\n0;last\r\n\r\n"
    seen = hop.seen(message("POST / HTTP/1.1", HOST, "Transfer-Encoding: chunked", body=body))
    assert seen.body == b"abc"
    assert b"c=" not in hop.backend.received


def test_a_flood_of_small_chunks_with_extensions_is_cut_off(hop):
    hop.backend.play(lambda peer: peer.wait_for_close())
    client = hop.client()
    flood = (b"1;" + b"e" * 4000 + b"\r\nx\r\n") * 2000
    client.send_quietly(message("POST / HTTP/1.1", HOST, "Transfer-Encoding: chunked") + flood)
    assert client.read_final().status == 400


@pytest.mark.parametrize("size", [b"003", b"0003", b"00000003"])
def test_some_leading_zeros_in_a_chunk_size_are_fine(hop, size):
    body = size + b"\r\nabc\r\n0\r\n\r\n"
    assert hop.seen(message("POST / HTTP/1.1", HOST, "Transfer-Encoding: chunked", body=body)).body == b"abc"


@pytest.mark.parametrize("request_bytes", [
    get("/x", "X-A: 1", "Cookie: a=b"), post(b"12345", "/x"),
    message("POST /x HTTP/1.1", HOST, "Transfer-Encoding: chunked", body=chunked(b"ab", b"c", trailers=["T: v"])),
])
def test_a_request_means_the_same_however_it_is_split(hop, request_bytes):
    whole = hop.seen(request_bytes)
    client = hop.client()
    for byte in request_bytes:
        client.send(bytes([byte]))
    assert client.read_final().status == 200
    pieces = hop.backend.wait_for_requests(2)
    assert (pieces.raw, pieces.body, pieces.trailers) == (whole.raw, whole.body, whole.trailers)
