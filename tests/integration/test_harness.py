# SPDX-License-Identifier: Apache-2.0
"""The test tools, run against each other without a proxy."""
import pytest

from raw_client import Client
from scripted_backend import reply_once, silent
from wire import OK, Malformed, Reset, Truncated, answer, chunked, get, message, post, post_chunked


def test_a_request_and_its_response_arrive_byte_for_byte(backend):
    with Client(backend.address) as client:
        response = client.ask(post(b"body", "/x", "X-A: 1"))
    assert response.body == b"ok"
    assert response.raw + response.body == OK
    backend.wait_for_requests(1)
    assert backend.request.target == "/x"
    assert backend.request.fields.get("x-a") == "1"
    assert backend.request.body == b"body"


def test_responses_follow_each_other_on_one_connection(backend):
    backend.answers(answer(b"1"), answer(b"2"))
    with Client(backend.address) as client:
        assert [client.get().body for _ in range(3)] == [b"1", b"2", b"2"]
    assert len(backend.connections) == 1


def test_chunks_and_trailers_are_read_in_both_directions(backend):
    head = message("HTTP/1.1 200 OK", "Transfer-Encoding: chunked")
    backend.answers(head + chunked(b"abc", b"d" * 1000, trailers=["X-T: v"]))
    with Client(backend.address) as client:
        response = client.ask(post_chunked(b"x", b"yz", trailers=["X-R: w"]))
    assert response.chunks == [b"abc", b"d" * 1000]
    assert response.trailers == [("X-T", "v")]
    assert backend.request.chunks == [b"x", b"yz"]
    assert backend.request.trailers == [("X-R", "w")]


def test_a_short_body_and_a_reset_are_distinguished(backend):
    short = message("HTTP/1.1 200 OK", "Content-Length: 10", body=b"short")
    backend.play(reply_once(short))
    with Client(backend.address) as client, pytest.raises(Truncated) as caught:
        client.get()
    assert not isinstance(caught.value, Reset)

    def cut(peer):
        peer.read_request()
        peer.send(short)
        peer.read_some()  # the client has read the data before the reset overtakes it
        peer.reset()

    backend.play(cut)
    with Client(backend.address) as client, pytest.raises(Reset):
        client.send(get()).read_until(b"short")
        client.send(b"now").read_to_end()


def test_a_script_learns_how_its_peer_left(backend):
    backend.play(silent)
    Client(backend.address).send(get()).close()
    assert backend.wait_for_finish(0).ended_by_peer == "eof"
    Client(backend.address).send(get()).reset()
    assert backend.wait_for_finish(1).ended_by_peer == "reset"


@pytest.mark.parametrize("garbage", [
    b"HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n",
    b"HTTP/1.1 2000 OK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
])
def test_the_reader_is_strict(backend, garbage):
    backend.play(reply_once(garbage))
    with Client(backend.address) as client, pytest.raises(Malformed):
        client.get()


def test_a_failing_script_fails_its_test(backend):
    def script(peer):
        peer.read_request()
        assert False, "on purpose"

    backend.play(script)
    with Client(backend.address) as client, pytest.raises(Truncated):
        client.get()
    backend.wait_for_finish(0)
    assert "on purpose" in str(backend.failures[0])
    backend.failures.clear()


def test_a_late_response_does_not_leak_into_the_next_test(backend):
    backend.play(silent)
    client = Client(backend.address).send(get())
    backend.wait_for_connections(1)
    backend.end_test()
    assert client.how_it_ends() in ("eof", "reset")
    client.close()
    backend.answers(OK)
    with Client(backend.address) as client:
        assert client.get().body == b"ok"
    assert len(backend.requests) == 1
