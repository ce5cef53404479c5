# SPDX-License-Identifier: Apache-2.0
"""Fields of one connection are not forwarded, and a peer cannot abuse the rule."""
import pytest

from wire import OK, answer, get, message, post

FIXED = {
    "Proxy-Connection": "keep-alive", "Keep-Alive": "timeout=5", "Proxy-Authenticate": "Basic",
    "Proxy-Authorization": "Basic dTpw", "TE": "gzip", "Trailer": "X-T", "Upgrade": "foo",
}


@pytest.mark.parametrize("name", FIXED)
def test_the_fixed_list_is_removed_from_requests(hop, name):
    assert not hop.seen(get("/", f"{name}: {FIXED[name]}", "X-Kept: 1")).fields.has(name)


@pytest.mark.parametrize("name", [name for name in FIXED if name != "Upgrade"])
def test_the_fixed_list_is_removed_from_responses(hop, name):
    got = hop.returned(answer(b"ok", f"{name}: {FIXED[name]}", "X-Kept: 1"))
    assert not got.fields.has(name)
    assert got.fields.get("x-kept") == "1"


@pytest.mark.parametrize("connection", ["keep-alive", "close", "Keep-Alive, X-A"])
def test_the_clients_connection_field_does_not_reach_the_backend(hop, connection):
    seen = hop.seen(get("/", f"Connection: {connection}"))
    assert not seen.fields.has("connection")


def test_connection_close_of_a_client_does_not_close_the_backends_connection(hop):
    for _ in range(2):
        client = hop.client()
        got = client.get("/", "Connection: close")
        assert got.fields.tokens("connection") == ["close"]
        assert client.how_it_ends() == "eof"
    assert not any(request.fields.has("connection") for request in hop.backend.requests)


@pytest.mark.parametrize("lines", [
    ["Connection: X-A, x-b"],
    ["Connection: X-A", "Connection: X-B"],
    ["Connection: , X-A ,, X-B,"],
    ["Connection:", "Connection: X-A,X-B"],
    ["Connection: close, X-A", "connection: x-b, close"],
    ["Connection: \tX-A\t,  X-B  "],
    ["CONNECTION: X-A, X-B, keep-alive"],
])
def test_fields_named_in_connection_are_removed_from_requests(hop, lines):
    seen = hop.seen(get("/", *lines, "X-A: 1", "x-B: 2", "X-A: 3", "X-C: 4"))
    assert not seen.fields.has("x-a")
    assert not seen.fields.has("x-b")
    assert not seen.fields.has("connection")
    assert seen.fields.get("x-c") == "4"


@pytest.mark.parametrize("lines", [
    ["Connection: X-Hop"],
    ["Connection: X-Hop, close"],
    ["Connection: close, X-Hop"],
    ["Connection: CLOSE, x-hOP"],
    ["Connection: X-Hop", "Connection: close"],
    ["Connection: close", "Connection: X-Hop"],
    ["Connection:", "Connection: X-Hop"],
])
def test_fields_named_in_connection_are_removed_from_responses(hop, lines):
    got = hop.returned(answer(b"ok", *lines, "X-Hop: v", "X-Kept: 1"))
    assert not got.fields.has("x-hop")
    assert not got.fields.has("connection")
    assert (got.fields.get("x-kept"), got.body) == ("1", b"ok")


@pytest.mark.parametrize("token", ["close", "Close", "X-Hop, close", "keep-alive, close"])
def test_a_backend_that_says_close_is_not_used_again(hop, token):
    hop.backend.answers(answer(b"ok", f"Connection: {token}"))
    client = hop.client()
    assert client.get().status == client.get().status == 200
    assert len(hop.backend.connections) == 2


@pytest.mark.parametrize("name, value", [
    ("Cookie", "a=1"), ("Authorization", "Basic dTpw"), ("Content-Type", "a/b"),
    ("Content-Encoding", "br"), ("Content-Language", "de"),
])
def test_client_cannot_strip_an_end_to_end_field_by_naming_it_in_connection(hop, name, value):
    seen = hop.seen(get("/", f"Connection: {name}", f"{name}: {value}"))
    assert seen.fields.get_all(name) == [value]


def test_client_cannot_strip_host_by_naming_it_in_connection(hop):
    assert hop.seen(get("/", "Connection: Host")).fields.get_all("host") == ["example.test"]


@pytest.mark.parametrize("name", ["X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"])
def test_client_cannot_strip_x_forwarded_by_naming_it_in_connection(hop, name):
    assert len(hop.seen(get("/", f"Connection: {name}", f"{name}: x")).fields.get_all(name)) == 1


@pytest.mark.parametrize("name", ["Content-Length", "content-length, Transfer-Encoding"])
def test_naming_the_length_in_connection_does_not_change_framing(hop, name):
    seen = hop.seen(post(b"12345", "/", f"Connection: {name}"))
    assert seen.fields.get_all("content-length") == ["5"]
    assert seen.body == b"12345"


def test_backend_cannot_strip_framing_by_naming_it_in_connection(hop):
    got = hop.returned(answer(b"12345", "Connection: Content-Length, Content-Type", "Content-Type: a/b"))
    assert got.fields.get_all("content-length") == ["5"]
    assert got.fields.get("content-type") == "a/b"


@pytest.mark.parametrize("sent, passed", [
    ("trailers", ["trailers"]),
    ("Trailers", ["trailers"]),
    ("gzip", []),
    ("trailers, deflate;q=0.5", ["trailers"]),
    ("deflate, trailers", ["trailers"]),
    ("trailersx", []),
    ("", []),
])
@pytest.mark.parametrize("connection", ["TE", "keep-alive"])
def test_only_trailers_passes_in_te(hop, connection, sent, passed):
    seen = hop.seen(get("/", f"Connection: {connection}", f"TE: {sent}"))
    assert [value.lower() for value in seen.fields.get_all("te")] == passed
    assert set(seen.fields.tokens("connection")) <= {"te"}


def test_upgrade_without_its_connection_token_is_an_ordinary_request(hop):
    client = hop.client()
    assert client.get("/", "Upgrade: websocket", "Sec-WebSocket-Key: x").status == 200
    assert not hop.backend.request.fields.has("upgrade")
    assert not hop.backend.request.fields.has("connection")
    assert client.get().status == 200


def test_http2_settings_is_removed_when_named_in_connection(hop):
    seen = hop.seen(get("/", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAM"))
    assert not seen.fields.has("http2-settings")
    assert not seen.fields.has("upgrade")


def hints(*fields):
    return message("HTTP/1.1 103 Early Hints", *fields)


@pytest.mark.parametrize("lines", [
    ["Connection: X-Hop", "X-Hop: v"], ["Keep-Alive: timeout=5"], ["Proxy-Authenticate: Basic"],
    ["Connection: close"], ["TE: trailers"], ["Trailer: X-T"],
])
def test_interim_responses_lose_their_hop_by_hop_fields(hop, lines):
    hop.backend.answers(hints(*lines, "Link: </a>") + OK)
    interim, final = hop.client().send(get()).read_all()
    assert [name for name in interim.fields.names() if name.lower() != "date"] == ["Link"]
    assert final.status == 200


def test_a_101_loses_its_hop_by_hop_fields_and_keeps_the_upgrade(hop):
    fields = ["Connection: Upgrade, X-Hop", "Upgrade: websocket", "X-Hop: v", "Keep-Alive: timeout=5",
              "Proxy-Authenticate: Basic", "Sec-WebSocket-Accept: y", "X-Kept: 1"]
    hop.backend.answers(message("HTTP/1.1 101 Switching Protocols", *fields))
    got = hop.client().get("/", "Connection: Upgrade", "Upgrade: websocket")
    assert got.status == 101
    assert got.fields.tokens("connection") == ["upgrade"]
    assert got.fields.get_all("upgrade") == ["websocket"]
    for name in ("x-hop", "keep-alive", "proxy-authenticate"):
        assert not got.fields.has(name)
    assert (got.fields.get("x-kept"), got.fields.get("sec-websocket-accept")) == ("1", "y")


def test_an_upgrade_request_loses_its_other_hop_by_hop_fields(hop):
    seen = hop.seen(get("/", "Connection: keep-alive, X-Hop, Upgrade", "Upgrade: websocket", "X-Hop: v",
                        "Keep-Alive: timeout=5", "Proxy-Authorization: Basic dTpw"))
    assert seen.fields.tokens("connection") == ["upgrade"]
    for name in ("x-hop", "keep-alive", "proxy-authorization"):
        assert not seen.fields.has(name)
