# SPDX-License-Identifier: Apache-2.0
"""The proxy's own responses: the right status, promptly, with content, and without internal details."""
import json
import socket
import time

import pytest

from proxy_process import free_port
from scripted_backend import silent
from wire import SOON, answer, get, message, post

ADDRESS_WORDS = (b"127.0.0.1", b"localhost", b"::1")


@pytest.fixture
def dead(start_proxy):
    """A proxy whose backend's port has no listener."""
    return start_proxy(f"http://127.0.0.1:{free_port()}")


def assert_own_answer(got, status):
    """Short, never empty, without addresses, with a length and a type."""
    assert got.status == status
    assert 0 < len(got.body) < 4096
    assert not any(word in got.body for word in ADDRESS_WORDS)
    assert got.fields.get("content-length") == str(len(got.body))
    assert got.fields.has("content-type")
    assert len(got.fields.get_all("date")) == 1


def test_a_backend_that_refuses_is_a_502_at_once(dead):
    with dead.client() as client:
        began = time.monotonic()
        assert_own_answer(client.get(), 502)
        assert time.monotonic() - began < SOON
        assert client.get().status == 502, "the client's connection goes on"


def test_a_post_to_a_backend_that_refuses_is_a_502(dead):
    with dead.client() as client:
        assert_own_answer(client.ask(post(b"x" * 100_000)), 502)


def test_the_error_body_reveals_nothing_about_the_backend(dead):
    with dead.client() as client:
        got = client.get()
    port = dead.process.args[-1].rsplit(":", 1)[1].encode()
    assert port not in got.body
    assert port not in got.raw


def test_a_name_that_does_not_resolve_is_a_502(start_proxy):
    proxy = start_proxy("http://no-such-host.invalid:80")
    with proxy.client() as client:
        assert_own_answer(client.get(), 502)


@pytest.mark.parametrize("accept, content_type", [
    (None, "text/plain"), ("*/*", "text/plain"), ("application/json", "application/json"),
    ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
    ("text/plain", "text/plain"), ("application/json, text/plain;q=0.5", "application/json"),
    ("text/html;q=0, application/json", "application/json"), ("image/png", "text/plain"),
])
def test_the_error_body_follows_accept(dead, accept, content_type):
    with dead.client() as client:
        got = client.get("/", *([f"Accept: {accept}"] if accept else []))
    assert_own_answer(got, 502)
    assert got.fields.get("content-type").split(";")[0] == content_type
    if content_type == "application/json":
        assert isinstance(json.loads(got.body), dict)
    if content_type == "text/html":
        assert b"<h1>This site cannot be reached right now</h1>" in got.body
        assert b"502 Bad Gateway" in got.body


def test_an_error_page_shows_the_escaped_request_id(dead):
    with dead.client() as client:
        got = client.get("/", "Accept: text/html", "X-Request-ID: a<script>&1")
    assert b"request ID:<br><code>a&lt;script&gt;&amp;1</code>" in got.body
    assert b"<script" not in got.body


def test_an_error_response_to_head_has_no_body(dead):
    with dead.client() as client:
        got = client.ask(message("HEAD / HTTP/1.1", "Host: h.test"), "HEAD")
        assert got.status == 502
        assert client.get().status == 502, "nothing was left over"


def test_a_target_is_not_reflected_into_an_error_page(dead):
    with dead.client() as client:
        got = client.get("/<script>alert(1)</script>", "Accept: text/html")
    assert b"<script>" not in got.body


def test_a_backend_that_closes_without_a_response_is_a_502(hop):
    hop.backend.play(lambda peer: (peer.read_request(), peer.close()))
    assert_own_answer(hop.client().ask(post(b"x")), 502)


def test_a_backend_that_closes_every_connection_at_once_is_a_502(hop):
    hop.backend.play(lambda peer: peer.close(), at_once=True)
    assert_own_answer(hop.client().get(), 502)


def test_a_backend_that_resets_without_a_response_is_a_502(hop):
    hop.backend.play(lambda peer: (peer.read_request(), peer.reset()))
    assert_own_answer(hop.client().ask(post(b"x")), 502)


def test_a_silent_backend_is_a_504(hop_with):
    hop = hop_with("--response-timeout", "300ms")
    hop.backend.play(silent)
    began = time.monotonic()
    assert_own_answer(hop.client().get(), 504)
    assert 0.25 < time.monotonic() - began < SOON
    assert hop.backend.wait_for_finish(0).ended_by_peer in ("eof", "reset")


def test_a_post_to_a_silent_backend_is_a_504_and_sent_once(hop_with):
    hop = hop_with("--response-timeout", "300ms")
    hop.backend.play(lambda peer: (peer.read_request(), peer.wait_for_close()))
    assert_own_answer(hop.client().ask(post(b"x")), 504)
    assert len(hop.backend.requests) == 1


def test_a_backend_that_does_not_complete_the_handshake_is_a_504(start_proxy):
    """A listener whose queue is full: the kernel drops further SYNs."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        queued = [connect_without_waiting(address) for _ in range(4)]
        proxy = start_proxy("--connect-timeout", "400ms", "http://%s:%d" % address)
        with proxy.client() as client:
            began = time.monotonic()
            assert_own_answer(client.get(), 504)
            assert time.monotonic() - began < SOON
        for sock in queued:
            sock.close()


def connect_without_waiting(address):
    sock = socket.socket()
    sock.setblocking(False)
    sock.connect_ex(address)
    return sock


def test_only_the_proxys_own_errors_are_rewritten(hop):
    got = hop.exchange(get("/", "Accept: application/json"), answer(b"", status="502 Mine"))[1]
    assert (got.status, got.reason, got.body) == (502, "Mine", b"")


@pytest.mark.parametrize("request_bytes, status", [
    (b"GET / HTTP/1.1\r\n\r\n", 400),
    (b"CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n", 501),
    (b"GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505),
    (b"GET / HTTP/1.1\r\nHost: h\r\nExpect: tea\r\n\r\n", 417),
    (b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", 414),
    (b"GET / HTTP/1.1\r\nHost: h\r\nX-A: " + b"x" * 70_000 + b"\r\n\r\n", 431),
    (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: foo\r\n\r\n", 501),
])
def test_a_refusal_has_a_body_too(hop, request_bytes, status):
    assert_own_answer(hop.refusal(request_bytes), status)


def test_a_refusal_does_not_echo_what_was_wrong(hop):
    got = hop.refusal(message("GET / HTTP/1.1", "Host: h", "Transfer-Encoding: <fugazi>"))
    assert b"fugazi" not in got.body + got.raw
