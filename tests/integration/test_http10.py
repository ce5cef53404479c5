# SPDX-License-Identifier: Apache-2.0
"""Old clients and old backends."""
import pytest

from scripted_backend import reply_once
from wire import OK, Truncated, answer, chunk, chunked, get, message

CHUNKED = message("HTTP/1.1 200 OK", "Transfer-Encoding: chunked")


def old(target="/", *fields):
    return message(f"GET {target} HTTP/1.0", *fields)


def test_requests_to_the_backend_use_http_1_1(hop):
    assert hop.seen(old("/x", "Host: h.test")).version == "HTTP/1.1"


def test_a_request_without_host_gets_the_backends(hop):
    assert hop.seen(old()).fields.get_all("host") == ["%s:%d" % hop.backend.address]


def test_the_connection_closes_unless_keep_alive_was_asked(hop):
    client = hop.client()
    assert client.ask(old("/", "Host: h.test")).body == b"ok"
    assert client.how_it_ends() == "eof"


@pytest.mark.parametrize("token", ["keep-alive", "Keep-Alive"])
def test_keep_alive_is_granted_when_asked_and_the_length_is_known(hop, token):
    client = hop.client()
    for _ in range(3):
        got = client.ask(old("/", "Host: h.test", f"Connection: {token}"))
        assert got.fields.tokens("connection") == ["keep-alive"]
        assert got.body == b"ok"


def test_keep_alive_is_not_granted_when_the_length_is_unknown(hop):
    hop.backend.answers(CHUNKED + chunked(b"ab", b"c"))
    client = hop.client()
    got = client.ask(old("/", "Host: h.test", "Connection: keep-alive"))
    assert not got.fields.has("transfer-encoding")
    assert not got.fields.has("content-length")
    assert "keep-alive" not in got.fields.tokens("connection")
    assert got.body == b"abc"


def test_close_beats_keep_alive(hop):
    client = hop.client()
    client.ask(old("/", "Host: h.test", "Connection: keep-alive, close"))
    assert client.how_it_ends() == "eof"


@pytest.mark.parametrize("response", [CHUNKED + chunked(b"abc"), message("HTTP/1.1 200 OK", body=b"abc")])
def test_a_body_of_unknown_length_ends_with_the_connection(hop, response):
    hop.backend.play(reply_once(response))
    client = hop.client()
    got = client.ask(old("/", "Host: h.test"))
    assert got.body == b"abc"
    assert not got.fields.has("transfer-encoding")


def test_a_broken_body_of_unknown_length_ends_with_a_reset(hop):
    """Without chunks only a reset shows that content is missing."""
    def script(peer):
        peer.read_request()
        peer.send(CHUNKED + chunk(b"abc"))
        peer.close()

    hop.backend.play(script)
    with pytest.raises(Truncated):
        hop.client().ask(old("/", "Host: h.test"))


def test_keep_alive_after_204_and_head(hop):
    hop.backend.answers(message("HTTP/1.1 204 No Content"), OK)
    client = hop.client()
    keep = ("Host: h.test", "Connection: keep-alive")
    assert client.ask(old("/", *keep)).status == 204
    assert client.ask(message("HEAD / HTTP/1.0", *keep), "HEAD").status == 200
    assert client.ask(old("/", *keep)).body == b"ok"


def test_a_post_with_a_length_passes(hop):
    request = message("POST / HTTP/1.0", "Host: h.test", "Content-Length: 5", body=b"12345")
    assert hop.seen(request).body == b"12345"


def test_an_old_backend_is_not_reused_by_default(hop):
    hop.backend.answers(message("HTTP/1.0 200 OK", "Content-Length: 2", body=b"ok"))
    client = hop.client()
    assert client.get().version == "HTTP/1.1"
    assert client.get().body == b"ok"
    assert len(hop.backend.connections) == 2


def test_an_old_backend_that_offers_keep_alive_is_reused(hop):
    hop.backend.answers(message("HTTP/1.0 200 OK", "Connection: Keep-Alive", "Content-Length: 2", body=b"ok"))
    client = hop.client()
    for _ in range(3):
        got = client.get()
        assert not got.fields.has("connection")
        assert not got.fields.has("keep-alive")
    assert len(hop.backend.connections) == 1


def test_chunked_from_an_old_backend_is_a_502(hop):
    hop.backend.answers(message("HTTP/1.0 200 OK", "Transfer-Encoding: chunked") + chunked(b"abc"))
    assert hop.client().get().status == 502


def test_http_1_0_is_never_upgraded_in_place(hop):
    assert hop.exchange(get(), answer(b"x"))[1].version == "HTTP/1.1"
