# SPDX-License-Identifier: Apache-2.0
"""The fields of a request that reach the backend, and their form."""
import pytest

from wire import get, message, post

OWN = ("x-forwarded-for", "x-forwarded-host", "x-forwarded-proto")


def relayed(request):
    """The field lines that came from the client."""
    return [field for field in request.fields if field[0].lower() not in OWN]


def test_names_keep_their_case_and_lines_their_order(hop):
    sent = [("Host", "h.test"), ("x-fOO", "1"), ("ACCEPT", "*/*"), ("b", "2"), ("A", "3"),
            ("User-Agent", "mine/1.0"), ("cookie", "c=d")]
    seen = hop.seen(message("GET / HTTP/1.1", *(f"{name}: {value}" for name, value in sent)))
    assert sorted(relayed(seen)) == sorted(sent)
    without_host = [field for field in sent if field[0] != "Host"]
    assert [field for field in relayed(seen) if field[0] != "Host"] == without_host


def test_repeated_fields_stay_separate_lines_in_order(hop):
    seen = hop.seen(get("/", "X-M: a", "X-N: n", "X-M: b", "Cookie: a=1", "Cookie: b=2"))
    assert seen.fields.get_all("x-m") == ["a", "b"]
    assert seen.fields.get_all("cookie") == ["a=1", "b=2"]


def test_nothing_is_added_but_x_forwarded(hop):
    seen = hop.seen(message("GET / HTTP/1.1", "Host: h.test"))
    assert relayed(seen) == [("Host", "h.test")]


@pytest.mark.parametrize("name", ["User-Agent", "Accept-Encoding", "Via", "Accept", "Content-Length",
                                  "Content-Type", "Forwarded", "Connection"])
def test_a_field_the_client_did_not_send_is_not_invented(hop, name):
    assert not hop.seen(get()).fields.has(name)


@pytest.mark.parametrize("line", [
    "Authorization: Basic dTpw", "Cookie: a=1; b=\"2\"", "Origin: null", "Referer: http://r.test/?x#y",
    "If-None-Match: W/\"x\", \"y\"", "If-Modified-Since: Sat, 29 Oct 1994 19:43:31 GMT",
    "If-Range: \"x\"", "Cache-Control: no-cache, max-age=0", "Accept-Encoding: gzip, br;q=0.5",
    "Range: bytes=0-1", "Max-Forwards: 3", "Via: 1.1 other", "Pragma: no-cache", "Warning: 199 - x",
    "Accept-Language: de, *;q=0.1", "X-Request-ID: 1.2.3.4", "From: a@b.test", "DNT: 1",
    "Sec-Fetch-Mode: navigate", "Priority: u=1", "grpc-timeout: 1S",
])
def test_an_end_to_end_field_passes_unchanged(hop, line):
    name, value = line.split(": ", 1)
    assert hop.seen(get("/", line)).fields.get_all(name) == [value]


@pytest.mark.parametrize("name", ["User-Agent", "X-Empty", "Accept-Encoding", "Cookie"])
def test_an_empty_value_passes(hop, name):
    assert hop.seen(get("/", f"{name}:")).fields.get_all(name) == [""]


def test_blanks_around_a_value_are_trimmed_and_those_inside_kept(hop):
    seen = hop.seen(get("/", "X-A:  \t v \t w\t ", "X-B:none", "X-C:   "))
    assert b": v \t w\r\n" in seen.raw
    assert seen.fields.get("x-b") == "none"
    assert seen.fields.get("x-c") == ""


def test_high_bytes_and_tabs_inside_a_value_pass(hop):
    assert hop.seen(get("/", "X-A: caf\xe9 \xff\x80\tend")).fields.get("x-a") == "caf\xe9 \xff\x80\tend"


def test_odd_but_legal_names_pass(hop):
    name = "!#$%&'*+-.^_`|~09azAZ"
    assert hop.seen(get("/", f"{name}: v")).fields.get(name) == "v"


def test_two_user_agents_are_both_relayed(hop):
    seen = hop.seen(get("/", "User-Agent: one", "User-Agent: two"))
    assert seen.fields.get_all("user-agent") == ["one", "two"]


def test_a_request_with_many_fields_arrives_whole(hop):
    sent = [f"X-Field-{n}: value {n}" for n in range(200)]
    seen = hop.seen(get("/", *sent))
    assert [f"{k}: {v}" for k, v in seen.fields if k.startswith("X-Field-")] == sent


def test_a_large_cookie_arrives_whole(hop):
    value = "c=" + "x" * 30_000
    assert hop.seen(get("/", f"Cookie: {value}")).fields.get("cookie") == value


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "PATCH", "OPTIONS", "TRACE", "PROPFIND",
                                    "get", "M-SEARCH", "!#$%&'*+.^_`|~"])
def test_a_method_passes_with_its_case(hop, method):
    assert hop.seen(message(f"{method} / HTTP/1.1", "Host: h.test")).method == method


def test_the_clients_host_is_kept(hop):
    assert hop.seen(get(host="Some-Name:8080")).fields.get_all("host") == ["Some-Name:8080"]


def test_host_header_backend_sends_the_backends_authority(hop_with):
    hop = hop_with("--host-header", "backend")
    assert hop.seen(get()).fields.get_all("host") == ["%s:%d" % hop.backend.address]


def test_host_header_with_a_name_sends_that_name(hop_with):
    hop = hop_with("--host-header", "inner.test:81")
    assert hop.seen(get()).fields.get_all("host") == ["inner.test:81"]


def test_host_header_backend_keeps_the_clients_host_in_x_forwarded_host(hop_with):
    hop = hop_with("--host-header", "backend")
    assert hop.seen(get(host="public.test")).fields.get("x-forwarded-host") == "public.test"


@pytest.mark.parametrize("host", ["", "::1", "[::1]", "[::1]:80", "foo-bar_baz.com", "a:80", "a:",
                                  "1.2.3.4:5"])
def test_an_odd_but_acceptable_host_reaches_the_backend_unchanged(hop, host):
    assert hop.seen(get(host=host)).fields.get_all("host") == [host]


def test_options_asterisk_keeps_its_fields(hop):
    seen = hop.seen(message("OPTIONS * HTTP/1.1", "Host: h.test", "X-A: 1"))
    assert seen.fields.get("x-a") == "1"


def test_the_length_of_a_body_stays_a_length(hop):
    seen = hop.seen(post(b"12345", "/", "Content-Type: text/plain"))
    assert seen.fields.get_all("content-length") == ["5"]
    assert not seen.fields.has("transfer-encoding")
    assert seen.body == b"12345"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_a_post_without_a_body_is_sent_with_content_length_0(hop, method):
    seen = hop.seen(message(f"{method} / HTTP/1.1", "Host: h.test"))
    assert seen.fields.get_all("content-length") == ["0"]
    assert not seen.fields.has("transfer-encoding")


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS"])
def test_a_method_without_a_body_gets_no_framing_field(hop, method):
    request = message(f"{method} / HTTP/1.1", "Host: h.test")
    seen, _ = hop.exchange(request, b"HTTP/1.1 204 No Content\r\n\r\n", method)
    assert not seen.fields.has("content-length")
    assert not seen.fields.has("transfer-encoding")
