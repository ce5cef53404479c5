# SPDX-License-Identifier: Apache-2.0
"""The effect of each limit and timeout on the client's side."""
import select
import socket
import threading
import time

import pytest

from scripted_backend import silent
from wire import OK, PATIENCE, SOON, Truncated, chunk, chunked, get, message, post, post_chunked


def long_head(size):
    return get("/", "X-Long: " + "x" * size)


@pytest.mark.parametrize("size, status", [(15_000, 200), (17_000, 414), (200_000, 414)])
def test_a_request_line_has_a_limit(hop, size, status):
    if status == 200:
        assert hop.client().get("/" + "x" * size).status == 200
    else:
        assert hop.refusal(get("/" + "x" * size)).status == status


@pytest.mark.parametrize("size", [70_000, 1_000_000])
def test_a_head_over_its_limit_is_431(hop, size):
    assert hop.refusal(long_head(size)).status == 431


def test_a_head_just_under_its_limit_passes(hop):
    assert hop.client().ask(long_head(64_000)).status == 200


def test_every_field_counts_32_bytes_more_than_its_text(hop_with):
    hop = hop_with("--max-header-bytes", "4KiB", "--max-header-fields", "1000")
    assert hop.client().ask(get("/", *["a: b"] * 100)).status == 200
    hop.backend.end_test()
    assert hop.refusal(get("/", *["a: b"] * 130)).status == 431


@pytest.mark.parametrize("count, status", [(255, 200), (256, 431), (5000, 431)])
def test_fields_are_counted(hop, count, status):
    request = get("/", *["a: b"] * count)  # Host is one more
    if status == 200:
        assert hop.client().ask(request).status == 200
    else:
        assert hop.refusal(request).status == status


def test_limits_can_be_set(hop_with):
    hop = hop_with("--max-request-line", "100B", "--max-header-bytes", "500B", "--max-header-fields", "3")
    assert hop.client().get("/").status == 200
    hop.backend.end_test()
    assert hop.refusal(get("/" + "x" * 100)).status == 414
    assert hop.refusal(long_head(600)).status == 431
    assert hop.refusal(get("/", "a: b", "a: b", "a: b")).status == 431


def test_a_body_over_max_body_is_413_before_it_reaches_the_backend(hop_with):
    hop = hop_with("--max-body", "1KiB")
    assert hop.client().ask(post(b"x" * 1024)).status == 200
    hop.backend.end_test()
    client = hop.client().send_quietly(post(b"x" * 1025))
    assert client.read_final().status == 413
    assert hop.backend.received == b""


def test_a_chunked_body_over_max_body_is_413_and_aborts_the_backends_request(hop_with):
    hop = hop_with("--max-body", "1KiB")
    assert hop.client().ask(post_chunked(b"x" * 1000)).status == 200
    hop.backend.end_test()
    complete = []
    hop.backend.play(lambda peer: (peer.read_request(), complete.append(1)))
    client = hop.client().send_quietly(post_chunked(b"x" * 1000, b"y" * 1000))
    assert client.read_final().status == 413
    assert client.how_it_ends() in ("eof", "reset")
    assert not complete


def test_an_expected_body_over_max_body_is_413_without_a_100(hop_with):
    hop = hop_with("--max-body", "1KiB")
    request = message("POST / HTTP/1.1", "Host: h", "Content-Length: 2000", "Expect: 100-continue")
    assert hop.client().send(request).read_response().status == 413


def test_a_slow_head_is_408(hop_with):
    hop = hop_with("--header-timeout", "300ms")
    client = hop.client().send(b"GET / HTTP/1.1\r\nHost: h")
    began = time.monotonic()
    got = client.read_final()
    assert 0.2 < time.monotonic() - began < SOON
    assert (got.status, got.fields.tokens("connection")) == (408, ["close"])
    assert client.how_it_ends() in ("eof", "reset")


def test_dripping_bytes_does_not_prolong_the_time_for_a_head(hop_with):
    hop = hop_with("--header-timeout", "300ms")
    client = hop.client()
    began = time.monotonic()
    stop = threading.Event()

    def drip():
        client.send_quietly(b"GET / HTTP/1.1\r\nX-Drip: ")
        while not stop.wait(0.03):
            client.send_quietly(b"x")

    dripping = threading.Thread(target=drip)
    dripping.start()
    try:
        assert client.read_final().status == 408
    finally:
        stop.set()
        dripping.join(PATIENCE)
    assert time.monotonic() - began < SOON


def test_the_time_for_a_head_starts_with_its_first_byte(hop_with):
    hop = hop_with("--header-timeout", "300ms")
    client = hop.client()
    assert client.get().status == 200
    with pytest.raises(TimeoutError):
        client.fill(0.6)
    assert client.get().status == 200


def test_a_body_that_stalls_is_408_and_aborts_the_backends_request(hop_with):
    hop = hop_with("--body-timeout", "300ms")
    hop.backend.play(silent)
    client = hop.client().send(message("POST / HTTP/1.1", "Host: h", "Content-Length: 100", body=b"some"))
    assert client.read_final().status == 408
    assert client.how_it_ends() in ("eof", "reset")
    hop.backend.wait_for_finish(0)


def test_a_body_that_makes_progress_may_take_longer_than_its_timeout(hop_with):
    hop = hop_with("--body-timeout", "600ms")
    client = hop.client().send(message("POST / HTTP/1.1", "Host: h", "Transfer-Encoding: chunked"))
    for _ in range(8):
        time.sleep(0.1)  # slower than the timeout in all, never without progress
        client.send(chunk(b"x"))
    assert client.send(chunked()).read_final().status == 200


def test_the_wait_for_a_response_does_not_count_as_a_stalled_body(hop_with):
    hop = hop_with("--body-timeout", "200ms", "--header-timeout", "200ms", "--idle-timeout", "200ms")
    hop.backend.play(lambda peer: (peer.read_request(), time.sleep(0.6), peer.send(OK)))
    assert hop.client().ask(post(b"x")).status == 200


def test_an_idle_connection_is_closed_without_a_response(hop_with):
    hop = hop_with("--idle-timeout", "300ms")
    client = hop.client()
    assert client.get().status == 200
    began = time.monotonic()
    assert client.how_it_ends() == "eof"
    assert 0.2 < time.monotonic() - began < SOON
    assert client.buffer == b""


def test_clients_that_never_send_anything_hold_no_descriptor_of_the_proxy(hop_with):
    """The kernel holds connections without data for one second, or three if the first attempt to hand them over fails.
    The idle timeout ends them then."""
    hop = hop_with("--idle-timeout", "300ms", "--header-timeout", "300ms")
    clients = [hop.client() for _ in range(50)]
    assert {client.how_it_ends(2 * PATIENCE) for client in clients} == {"eof"}
    assert all(client.received == b"" for client in clients)
    deadline = time.monotonic() + PATIENCE
    while hop.proxy.client_sockets() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert hop.proxy.client_sockets() == 0


def test_a_client_that_reads_nothing_is_cut_at_the_write_timeout(hop_with):
    hop = hop_with("--write-timeout", "300ms")

    def script(peer):
        peer.read_request()
        peer.send(message("HTTP/1.1 200 OK", "Content-Length: 1000000000"))
        while True:
            peer.send(b"x" * 1_000_000)

    hop.backend.play(script)
    hop.client().send(get())
    hop.backend.wait_for_finish(0, 10)


def test_a_client_that_reads_slowly_is_not_cut(hop_with):
    hop = hop_with("--write-timeout", "600ms")
    size = 12_000_000
    hop.backend.answers(message("HTTP/1.1 200 OK", f"Content-Length: {size}", body=b"x" * size))
    client = hop.client()
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    client.send(get()).read_response_head()
    left = size
    for _ in range(10):
        left -= len(client.read_exactly(500_000))
        time.sleep(0.1)
    assert len(client.read_exactly(left)) == left


def test_a_client_that_takes_a_little_now_and_then_is_not_cut(hop_with):
    """The kernel calls the socket writable only once much of the buffer is free, which takes longer than the timeout;
    the bytes that the client has acknowledged show that it reads."""
    hop = hop_with("--write-timeout", "1500ms")
    size = 12_000_000
    hop.backend.answers(message("HTTP/1.1 200 OK", f"Content-Length: {size}", body=b"x" * size))
    client = hop.client()
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
    client.send(get()).read_response_head()
    left = size
    for _ in range(40):
        left -= len(client.read_exactly(20_000))
        time.sleep(0.1)
    assert len(client.read_exactly(left)) == left


def test_a_client_that_waits_for_a_slow_backend_is_not_a_stalled_body(hop_with):
    """While the backend does not read, the client cannot send more."""
    hop = hop_with("--body-timeout", "300ms")
    go = threading.Event()

    def script(peer):
        head = peer.read_request_head()
        assert go.wait(PATIENCE)
        peer.read_body(head)
        peer.send(OK)

    hop.backend.play(script)
    client = hop.client()
    sender = threading.Thread(target=client.send_quietly, args=(post(b"x" * 30_000_000),))
    sender.start()
    assert not select.select([client.sock], [], [], 0.9)[0]
    go.set()
    assert client.read_final().status == 200
    sender.join(PATIENCE)


def test_a_backend_that_waits_for_a_slow_client_is_not_inactive(hop_with):
    """The activity timeout is for a silent backend, not for a slow client."""
    hop = hop_with("--activity-timeout", "300ms")
    size = 30_000_000
    hop.backend.answers(message("HTTP/1.1 200 OK", f"Content-Length: {size}", body=b"x" * size))
    client = hop.client().send(get())
    head = client.read_response_head()
    time.sleep(0.9)
    assert len(client.read_body(head).body) == size


def test_a_download_that_makes_progress_may_take_longer_than_the_activity_timeout(hop_with):
    hop = hop_with("--activity-timeout", "600ms")

    def script(peer):
        peer.read_request()
        peer.send(message("HTTP/1.1 200 OK", "Content-Length: 8"))
        for _ in range(8):
            time.sleep(0.1)
            peer.send(b"x")

    hop.backend.play(script)
    assert hop.client().get().body == b"x" * 8


def test_clean_requests_are_served_while_slow_ones_wait(hop):
    for _ in range(200):
        hop.client().send(b"GET / HTTP/1.1\r\nX-Slow: ")
    began = time.monotonic()
    for _ in range(20):
        assert hop.client().get().status == 200
    assert time.monotonic() - began < SOON


def test_connections_over_max_client_connections_wait(hop_with):
    hop = hop_with("--max-client-connections", "4")
    clients = [hop.client() for _ in range(4)]
    assert [client.get().status for client in clients] == [200] * 4
    waiting = hop.client().send(get())
    with pytest.raises(TimeoutError):
        waiting.fill(0.3)
    clients[0].close()
    assert waiting.read_final().status == 200


# Many clients write all they have before they read.
@pytest.mark.parametrize("megabytes", [20, 100])
def test_a_large_upload_that_is_refused_gets_its_response(hop_with, megabytes):
    hop = hop_with("--max-body", "1KiB")
    client = hop.client()
    head = message("POST / HTTP/1.1", "Host: h", "Content-Length: %d" % (megabytes << 20))
    refused = []
    reader = threading.Thread(target=lambda: refused.append(client.read_final()))
    client.send(head)
    piece = b"x" * (1 << 20)
    for sent in range(megabytes):
        if sent == 50:  # more than is taken in: it reads now
            reader.start()
            break
        client.send(piece)
    if megabytes == 20:
        reader.start()
    reader.join(PATIENCE)
    assert [got.status for got in refused] == [413]


def test_no_request_follows_a_refused_body(hop_with):
    hop = hop_with("--max-body", "1KiB")
    client = hop.client().send_quietly(post(b"x" * 100_000))
    assert client.read_final().status == 413
    with pytest.raises((Truncated, ConnectionError)):
        client.get()
