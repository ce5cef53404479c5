# SPDX-License-Identifier: Apache-2.0
"""Interim responses: 100-continue end to end, 103 and others as they arrive."""
import threading

import pytest

from wire import OK, PATIENCE, Truncated, answer, chunked, get, message

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LINK = "Link: </style.css>; rel=preload"


def hints(*fields, status="103 Early Hints"):
    return message(f"HTTP/1.1 {status}", *fields)


def expecting(length=5, version="1.1", *fields):
    return message(f"POST / HTTP/{version}", "Host: h.test", f"Content-Length: {length}",
                   "Expect: 100-continue", *fields)


def without_date(fields):
    return [(name, value) for name, value in fields if name.lower() != "date"]


def test_early_hints_reach_the_client_before_the_final_response(hop):
    seen_by_client = threading.Event()

    def script(peer):
        peer.read_request()
        peer.send(hints(LINK))
        assert seen_by_client.wait(PATIENCE)
        peer.send(OK)

    hop.backend.play(script)
    client = hop.client().send(get())
    interim = client.read_response_head()
    assert (interim.status, interim.reason) == (103, "Early Hints")
    assert without_date(interim.fields) == [("Link", "</style.css>; rel=preload")]
    seen_by_client.set()
    assert client.read_final().body == b"ok"


def test_several_interim_responses_pass_in_order(hop):
    hop.backend.answers(b"".join(hints(f"X-N: {n}") for n in range(10)) + OK)
    *interim, final = hop.client().send(get()).read_all()
    assert [head.fields.get("x-n") for head in interim] == [str(n) for n in range(10)]
    assert final.body == b"ok"


@pytest.mark.parametrize("status", ["102 Processing", "104 Upload Resumption", "150 Whatever", "199 X"])
def test_any_interim_status_passes(hop, status):
    hop.backend.answers(hints("X-A: 1", status=status) + OK)
    interim, final = hop.client().send(get()).read_all()
    assert f"{interim.status} {interim.reason}" == status
    assert interim.fields.get("x-a") == "1"
    assert final.status == 200


def test_fields_of_an_interim_response_do_not_leak_into_the_final_one(hop):
    hop.backend.answers(hints(LINK, "X-A: 1") + OK)
    final = hop.client().get()
    assert not final.fields.has("link")
    assert not final.fields.has("x-a")


def test_an_interim_response_has_no_framing_fields(hop):
    hop.backend.answers(hints(LINK, "Content-Length: 0") + OK)
    interim, final = hop.client().send(get()).read_all()
    assert not interim.fields.has("content-length")
    assert final.body == b"ok"


def test_a_chunked_interim_response_has_no_body_and_no_transfer_encoding(hop):
    hop.backend.answers(hints(LINK, "Transfer-Encoding: chunked") + OK)
    responses = hop.client().send(get()).read_all()
    assert not responses[0].fields.has("transfer-encoding")
    assert responses[-1].status in (200, 502)


def test_old_clients_get_no_interim_responses(hop):
    hop.backend.answers(hints(LINK) + hints(status="102 Processing") + OK)
    client = hop.client().send(message("GET / HTTP/1.0", "Host: h.test"))
    assert client.read_response_head().status == 200


def test_a_flood_of_interim_responses_is_cut_off(hop):
    def script(peer):
        peer.read_request()
        for _ in range(10_000):
            peer.send(hints(LINK))
        peer.send(OK)

    hop.backend.play(script)
    *interim, final = hop.client().send(get()).read_all()
    assert final.status == 502
    assert len(interim) <= 100
    hop.assert_serves()


def test_an_unsolicited_100_is_harmless(hop):
    hop.backend.answers(CONTINUE + OK)
    responses = hop.client().send(get()).read_all()
    assert [head.status for head in responses] in ([200], [100, 200])


def test_100_continue_goes_end_to_end(hop):
    go, head_arrived = threading.Event(), threading.Event()

    def script(peer):
        head = peer.read_request_head()
        head_arrived.set()
        assert go.wait(PATIENCE)
        assert peer.buffer == b"", "the body came before the 100"
        peer.send(CONTINUE)
        peer.read_body(head)
        peer.send(OK)
        peer.serve()

    hop.backend.play(script)
    client = hop.client().send(expecting())
    assert head_arrived.wait(PATIENCE)
    assert hop.backend.request.fields.get_all("expect") == ["100-continue"]
    go.set()
    assert client.read_response_head().status == 100
    client.send(b"12345")
    assert client.read_response().body == b"ok", "one 100 only"
    assert hop.backend.request.body == b"12345"
    assert client.get().status == 200, "both connections go on"
    assert len(hop.backend.connections) == 1


def test_100_continue_goes_end_to_end_for_a_chunked_body(hop):
    def script(peer):
        head = peer.read_request_head()
        peer.send(CONTINUE)
        peer.read_body(head)
        peer.send(OK)

    hop.backend.play(script)
    client = hop.client().send(message("PUT / HTTP/1.1", "Host: h.test", "Transfer-Encoding: chunked",
                                       "expect: 100-Continue"))
    assert client.read_response_head().status == 100
    assert client.send(chunked(b"abc")).read_response().body == b"ok"
    assert hop.backend.request.body == b"abc"


def test_fields_of_a_100_pass(hop):
    def script(peer):
        head = peer.read_request_head()
        peer.send(message("HTTP/1.1 100 Continue", "X-A: 1"))
        peer.read_body(head)
        peer.send(OK)

    hop.backend.play(script)
    client = hop.client().send(expecting())
    assert without_date(client.read_response_head().fields) == [("X-A", "1")]
    assert client.send(b"12345").read_response().status == 200


def test_early_hints_may_come_before_the_100(hop):
    def script(peer):
        head = peer.read_request_head()
        peer.send(hints(LINK) + CONTINUE)
        peer.read_body(head)
        peer.send(OK)

    hop.backend.play(script)
    client = hop.client().send(expecting())
    assert [client.read_response_head().status for _ in range(2)] == [103, 100]
    assert client.send(b"12345").read_response().status == 200


@pytest.mark.parametrize("status", ["417 Expectation Failed", "401 Unauthorized", "413 Too Large",
                                    "200 OK"])
def test_a_final_response_instead_of_a_100_reaches_the_client_alone(hop, status):
    def script(peer):
        peer.read_request_head()
        peer.send(answer(b"no", status=status))
        peer.wait_for_close()

    hop.backend.play(script)
    client = hop.client().send(expecting(1000))
    responses = client.read_all()
    assert [head.status for head in responses] == [int(status[:3])]
    assert responses[0].body == b"no"
    # The client may or may not send its body now, which cannot be known, so the connection ends.
    assert responses[0].fields.tokens("connection") == ["close"]
    client.half_close()
    assert client.how_it_ends() in ("eof", "reset")


def test_a_backend_connection_is_not_reused_when_the_expected_body_was_never_sent(hop):
    hop.backend.play(lambda peer: (peer.read_request_head(), peer.send(answer(b"no", status="403 No")),
                                   peer.wait_for_close()))
    assert hop.client().send(expecting(1000)).read_final().status == 403
    hop.backend.wait_for_finish(0)
    hop.assert_serves()
    assert len(hop.backend.connections) == 2
    assert b"/health" not in hop.backend.connections[0].received


def test_a_client_that_does_not_wait_for_the_100_is_served(hop):
    def script(peer):
        head = peer.read_request_head()
        peer.send(CONTINUE)
        peer.read_body(head)
        peer.send(OK)

    hop.backend.play(script)
    responses = hop.client().send(expecting() + b"12345").read_all()
    assert [head.status for head in responses] in ([100, 200], [200])
    assert hop.backend.request.body == b"12345"


def test_a_backend_that_never_sends_100_gets_the_body_after_a_second(hop):
    """As in Go: many backends ignore Expect."""
    client = hop.client().send(expecting())
    assert client.read_response_head().status == 100
    assert client.send(b"12345").read_response().body == b"ok"
    assert hop.backend.request.body == b"12345"


def test_a_late_100_of_the_backend_is_not_sent_twice(hop):
    def script(peer):
        head = peer.read_request_head()
        peer.read_body(head)
        peer.send(CONTINUE + OK)

    hop.backend.play(script)
    client = hop.client().send(expecting())
    assert client.read_response_head().status == 100
    client.send(b"12345")
    assert client.read_response().status == 200


@pytest.mark.parametrize("value", ["200-ok", "100-continue, x", "x", "100-continuex"])
def test_an_unknown_expectation_is_refused(hop, value):
    request = message("POST / HTTP/1.1", "Host: h.test", "Content-Length: 5", f"Expect: {value}")
    assert hop.refusal(request).status == 417


def test_an_old_client_with_expect_gets_no_100(hop):
    client = hop.client().send(expecting(5, "1.0") + b"12345")
    assert client.read_response_head().status == 200
    assert hop.backend.request.body == b"12345"


def test_a_client_that_leaves_while_waiting_for_the_100_cancels_the_request(hop):
    hop.backend.play(lambda peer: (peer.read_request_head(), peer.wait_for_close()))
    client = hop.client().send(expecting())
    hop.backend.wait_for_requests(1)
    client.close()
    assert hop.backend.wait_for_finish(0).ended_by_peer in ("eof", "reset")
    assert b"12345" not in hop.backend.received


def test_a_backend_that_resets_after_its_100_is_a_502(hop):
    def script(peer):
        peer.read_request_head()
        peer.send(CONTINUE)
        peer.reset()

    hop.backend.play(script)
    client = hop.client().send(expecting())
    try:
        assert client.read_response_head().status == 100
        client.send_quietly(b"12345")
        assert client.read_final().status == 502
    except Truncated:
        pytest.fail("the client got no answer")
