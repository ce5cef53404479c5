# SPDX-License-Identifier: Apache-2.0
"""Upgrades: when a tunnel is made, and its content. WebSocket peers are in test_websocket.py."""
import os
import threading
import time

import pytest

from wire import OK, PATIENCE, SOON, answer, get, message, post

MIB = 1024 * 1024
WANTED = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")


def switching(*fields):
    return message("HTTP/1.1 101 Switching Protocols", *fields)


AGREED = switching("Connection: Upgrade", "Upgrade: websocket")


def accepting(then=None, response=AGREED):
    """A script: accepts the upgrade, then continues with `then`."""

    def script(peer):
        peer.read_request()
        peer.send(response)
        if then:
            then(peer)

    return script


def echo(peer):
    """Echoes until the other side half-closes, and then half-closes too."""
    try:
        while True:
            peer.send(peer.read_some())
    finally:
        peer.half_close()


def open_tunnel(hop, then=echo, early=b""):
    hop.backend.play(accepting(then))
    client = hop.client().send(get("/chat", *WANTED) + early)
    head = client.read_response_head()
    assert head.status == 101
    return client


def test_request_and_101_pass_and_bytes_flow_both_ways(hop):
    client = open_tunnel(hop)
    request = hop.backend.request
    assert request.fields.tokens("connection") == ["upgrade"]
    assert request.fields.get_all("upgrade") == ["websocket"]
    assert request.fields.get("sec-websocket-version") == "13"
    assert request.fields.get_all("x-forwarded-for") == ["127.0.0.1"]
    for word in (b"Hello", b"\x00\xff\r\n\r\nGET / HTTP/1.1\r\n\r\n", b"again"):
        assert client.send(word).read_exactly(len(word)) == word


def test_reason_and_fields_of_the_101_pass(hop):
    hop.backend.play(accepting(None, message("HTTP/1.1 101 Let Us Talk", "upgrade: WebSocket",
                                             "connection: upgrade", "Sec-WebSocket-Accept: x")))
    head = hop.client().send(get("/", *WANTED)).read_response_head()
    assert (head.status, head.reason) == (101, "Let Us Talk")
    assert head.fields.get("sec-websocket-accept") == "x"
    assert not head.fields.has("content-length")
    assert not head.fields.has("transfer-encoding")


@pytest.mark.parametrize("connection", ["upgrade", "keep-alive, Upgrade", "UPGRADE,close", ", upgrade ,"])
def test_the_connection_token_is_found_in_any_list(hop, connection):
    hop.backend.play(accepting(echo))
    client = hop.client().send(get("/", f"Connection: {connection}", "Upgrade: websocket"))
    assert client.read_response_head().status == 101
    assert client.send(b"hi").read_exactly(2) == b"hi"


def test_upper_case_tokens_agree_with_lower_case_ones(hop):
    hop.backend.play(accepting(echo, switching("Connection: UPGRADE", "Upgrade: WEBSOCKET")))
    client = hop.client().send(get("/", "Connection: upgrade", "Upgrade: WebSocket"))
    assert client.read_response_head().status == 101


def test_bytes_the_backend_sends_with_its_101_are_delivered(hop):
    hop.backend.play(accepting(None, AGREED + b"early bytes"))
    client = hop.client().send(get("/", *WANTED))
    assert client.read_response_head().status == 101
    assert client.read_exactly(11) == b"early bytes"


def test_bytes_the_client_sends_before_the_101_are_delivered(hop):
    client = open_tunnel(hop, early=b"early bytes")
    assert client.read_exactly(11) == b"early bytes"


def test_many_early_bytes_of_both_sides_are_delivered(hop):
    down, up, got = os.urandom(MIB), os.urandom(MIB), []

    def then(peer):
        peer.send(down)
        got.append(peer.read_exactly(len(up)))

    hop.backend.play(accepting(then))
    client = hop.client()
    sender = threading.Thread(target=client.send, args=(get("/", *WANTED) + up,))
    sender.start()
    assert client.read_response_head().status == 101
    assert client.read_exactly(len(down)) == down
    sender.join(PATIENCE)
    hop.backend.wait_for_finish(0)
    assert got == [up]


def test_early_bytes_do_not_reach_the_backend_before_its_101(hop):
    seen = []

    def script(peer):
        peer.read_request_head()
        with pytest.raises(TimeoutError):
            peer.fill(0.15)
        seen.append(peer.buffer)
        peer.send(AGREED)
        assert peer.read_exactly(5) == b"early"
        peer.send(b"done")

    hop.backend.play(script)
    client = hop.client().send(get("/", *WANTED) + b"early")
    assert client.read_response_head().status == 101
    assert client.read_exactly(4) == b"done"
    assert seen == [b""]


def test_large_data_flows_both_ways_at_once(hop):
    data = os.urandom(8 * MIB)
    client = open_tunnel(hop)
    sender = threading.Thread(target=client.send, args=(data,))
    sender.start()
    assert client.read_exactly(len(data)) == data
    sender.join(PATIENCE)


def test_half_close_of_the_client_is_passed_on_and_the_other_direction_lives(hop):
    def then(peer):
        assert peer.read_to_end() == b"question"
        peer.send(b"answer")
        peer.close()

    client = open_tunnel(hop, then)
    client.send(b"question").half_close()
    assert client.read_to_end() == b"answer"


def test_half_close_of_the_backend_is_passed_on_and_the_other_direction_lives(hop):
    got = []

    def then(peer):
        peer.send(b"question")
        peer.half_close()
        got.append(peer.read_to_end())

    client = open_tunnel(hop, then)
    assert client.read_to_end() == b"question"
    client.send(b"answer").close()
    hop.backend.wait_for_finish(0)
    assert got == [b"answer"]


def test_half_close_arriving_with_the_early_bytes_is_passed_on(hop):
    hop.backend.play(accepting(lambda peer: (peer.read_to_end(), peer.send(b"bye"), peer.close())))
    client = hop.client().send(get("/", *WANTED) + b"all there is")
    hop.backend.wait_for_requests(1)
    client.half_close()
    assert client.read_response_head().status == 101
    assert client.read_to_end() == b"bye"


def test_a_reset_by_the_client_ends_the_backends_side_at_once(hop):
    client = open_tunnel(hop, lambda peer: peer.wait_for_close())
    began = time.monotonic()
    client.reset()
    hop.backend.wait_for_finish(0)
    assert time.monotonic() - began < SOON


def test_a_reset_by_the_backend_ends_the_clients_side_at_once(hop):
    client = open_tunnel(hop, lambda peer: (peer.read_some(), peer.reset()))
    began = time.monotonic()
    assert client.send(b"x").how_it_ends() in ("eof", "reset")
    assert time.monotonic() - began < SOON


@pytest.mark.parametrize("response", [
    switching("Connection: Upgrade", "Upgrade: foo"),
    switching("Connection: Upgrade"),
    switching("Upgrade: websocket"),
    switching("Connection: close", "Upgrade: websocket"),
    switching("Connection: Upgrade", "Upgrade: websocket, foo"),
    switching("Connection: Upgrade", "Upgrade: web\x01socket"),
    switching("Connection: Upgrade", "Upgrade: websock\xe9t"),
    switching("Connection: Upgrade", "Upgrade: websocket", "Content-Length: 1", "Content-Length: 2"),
    switching("Connection: Upgrade", "Upgrade: websocket", "Transfer-Encoding: chunked, gzip"),
    switching(),
])
def test_a_wrong_101_is_a_502_and_ends_the_backends_connection(hop, response):
    hop.backend.play(accepting(lambda peer: peer.wait_for_close(), response))
    client = hop.client().send(get("/", *WANTED))
    assert client.read_final().status == 502
    assert hop.backend.wait_for_finish(0).ended_by_peer in ("eof", "reset")


@pytest.mark.parametrize("response", [AGREED, switching()])
def test_an_unsolicited_101_is_a_502(hop, response):
    hop.backend.play(accepting(lambda peer: peer.wait_for_close(), response + b"secret"))
    client = hop.client().send(get())
    assert client.read_final().status == 502
    assert b"secret" not in client.received
    hop.backend.wait_for_finish(0)


@pytest.mark.parametrize("framing, begun, rest", [
    ("Transfer-Encoding: chunked", b"5\r\nab", b"cde\r\n0\r\n\r\n"), ("Content-Length: 5", b"ab", b"cde"),
])
def test_a_101_before_the_end_of_the_request_is_a_502(hop, framing, begun, rest):
    def script(peer):
        peer.read_request_head()
        peer.send(AGREED)
        peer.wait_for_close()

    hop.backend.play(script)
    client = hop.client().send(message("POST /chat HTTP/1.1", "Host: h", *WANTED, framing) + begun)
    assert client.read_final("POST").status == 502
    client.send_quietly(rest + b"tunnelled")
    hop.backend.wait_for_finish(0)
    assert b"tunnelled" not in hop.backend.received


@pytest.mark.parametrize("status", ["200 OK", "401 Unauthorized", "403 Forbidden", "426 Upgrade Required"])
def test_a_refused_upgrade_stays_an_ordinary_exchange(hop, status):
    hop.backend.answers(answer(b"no", status=status), OK)
    client = hop.client()
    got = client.ask(get("/", *WANTED))
    assert (got.status, got.body) == (int(status[:3]), b"no")
    assert client.ask(get("/next")).body == b"ok", "the client's connection goes on"


def test_bytes_after_a_refused_upgrade_are_the_next_request(hop):
    hop.backend.answers(answer(b"no", status="403 Forbidden"), OK)
    client = hop.client().send(get("/", *WANTED) + get("/next"))
    assert client.read_final().status == 403
    assert client.read_final().status == 200
    assert [request.target for request in hop.backend.requests] == ["/", "/next"]


def test_interim_responses_may_come_before_the_101(hop):
    hop.backend.play(accepting(echo, message("HTTP/1.1 103 Early Hints", "Link: </a>") + AGREED))
    client = hop.client().send(get("/", *WANTED))
    assert [client.read_response_head().status for _ in range(2)] == [103, 101]
    assert client.send(b"hi").read_exactly(2) == b"hi"


@pytest.mark.parametrize("token", ["h2c", "H2C", "h2c, websocket", "foo", "TLS/1.0", "spdy/3.1", "tcp"])
def test_an_unknown_protocol_is_never_forwarded(hop, token):
    seen = hop.seen(get("/", "Connection: Upgrade, HTTP2-Settings", f"Upgrade: {token}", "HTTP2-Settings: A"))
    assert "h2c" not in seen.fields.tokens("upgrade")
    assert set(seen.fields.tokens("upgrade")) <= {"websocket"}


def test_a_known_protocol_beside_an_unknown_one_keeps_no_trace_of_it(hop):
    seen = hop.seen(get("/", "Connection: Upgrade", "Upgrade: h2c", "Upgrade: websocket"))
    assert b"h2c" not in seen.raw


@pytest.mark.parametrize("token", ["web\x01socket", "web\x80socket", "web socket\xff"])
def test_an_unprintable_upgrade_never_reaches_the_backend(hop, token):
    answered = hop.client().ask(get("/", "Connection: Upgrade", f"Upgrade: {token}"))
    assert answered.status in (200, 400, 502)
    assert token.encode("latin-1") not in hop.backend.received


def test_further_protocols_are_forwarded_when_allowed(hop_with):
    hop = hop_with("--allow-upgrade", "tcp", "--allow-upgrade", "spdy/3.1")
    hop.backend.play(accepting(echo, switching("Connection: Upgrade", "Upgrade: tcp")))
    client = hop.client().send(get("/", "Connection: Upgrade", "Upgrade: tcp"))
    assert client.read_response_head().status == 101
    assert client.send(b"hi").read_exactly(2) == b"hi"


def test_an_upgraded_connection_is_never_reused(hop):
    client = open_tunnel(hop, lambda peer: peer.wait_for_close())
    hop.assert_serves()
    client.close()
    hop.backend.wait_for_finish(0)
    hop.assert_serves()
    assert hop.backend.connections[0].received.count(b"HTTP/1.1") == 1


def test_the_body_of_an_upgrade_request_is_sent_before_the_tunnel_starts(hop):
    hop.backend.play(accepting(echo))
    client = hop.client().send(post(b"the body", "/attach", *WANTED) + b"tunnel")
    assert client.read_response_head().status == 101
    assert client.read_exactly(6) == b"tunnel"
    assert hop.backend.request.body == b"the body"


def test_a_silent_tunnel_is_not_cut_by_any_timeout_of_a_message(hop_with):
    hop = hop_with("--activity-timeout", "200ms", "--response-timeout", "200ms", "--idle-timeout", "200ms",
                   "--body-timeout", "200ms", "--write-timeout", "200ms", "--header-timeout", "200ms")
    client = open_tunnel(hop)
    with pytest.raises(TimeoutError):
        client.fill(0.8)
    assert client.send(b"still here").read_exactly(10) == b"still here"


def test_an_old_client_cannot_upgrade(hop):
    seen = hop.seen(message("GET / HTTP/1.0", "Host: h.test", *WANTED))
    assert not seen.fields.has("upgrade")


def test_many_tunnels_live_at_once(hop):
    tunnels = [open_tunnel(hop) for _ in range(50)]
    for number, client in enumerate(tunnels):
        client.send(b"%02d" % number)
    assert [client.read_exactly(2) for client in tunnels] == [b"%02d" % n for n in range(50)]
