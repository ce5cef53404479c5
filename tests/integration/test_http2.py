# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 clients without TLS: with prior knowledge, on the port that also serves HTTP/1.1."""
import os
import re
import shutil
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

import pytest

from h2_client import (CANCEL, CONTINUATION, DATA, ENABLE_CONNECT_PROTOCOL, END_HEADERS, END_STREAM,
                       ENHANCE_YOUR_CALM, HEADERS, INITIAL_WINDOW_SIZE, INTERNAL_ERROR, MAX_CONCURRENT_STREAMS,
                       MAX_HEADER_LIST_SIZE, NO_ERROR, PREFACE, PROTOCOL_ERROR, REFUSED_STREAM, RST_STREAM, WINDOW_UPDATE,
                       H2Client, block, frame, request_fields)
from proxy_process import IN_CI, ROOT, SANITIZED
from raw_client import connect
from scripted_backend import reply_once, silent
from wire import OK, PATIENCE, answer, chunk, message

H2SPEC = shutil.which("h2spec", path=os.pathsep.join(
    [str(ROOT / "build" / "tools"), os.environ.get("PATH", ""), str(Path.home() / "go" / "bin")]))


@pytest.fixture
def h2(hop):
    with H2Client(hop.address) as client:
        yield client


def run(*command, **options):
    return subprocess.run([str(part) for part in command], capture_output=True, timeout=60, check=True,
                          **options).stdout


# --- messages ------------------------------------------------------------------------------------

def test_a_request_arrives_as_http1(hop, h2):
    hop.backend.answers(answer(b"hello"))
    got = h2.ask(("user-agent", "t"), ("cookie", "a=1"), ("x-b", "2"), ("cookie", "b=2"),
                 path="/p?q", authority="example.test")
    assert (got.status, got.body) == (200, b"hello")
    assert got.fields["content-length"] == "5"
    seen = hop.backend.request
    assert seen.start_line == "GET /p?q HTTP/1.1"
    assert seen.fields.get_all("host") == ["example.test"]
    assert seen.fields.get_all("cookie") == ["a=1; b=2"]
    assert seen.fields.get_all("x-b") == ["2"]
    assert seen.fields.get_all("transfer-encoding") == []


def test_a_get_that_turns_out_malformed_while_its_end_is_awaited_is_reset(hop):
    """The reset waits for a client that does not read. It used to end the process after the wait."""
    hop.backend.answers(answer(b"x" * (32 << 20)), OK)
    with H2Client(hop.address, [(INITIAL_WINDOW_SIZE, (1 << 31) - 1)]) as client:
        client.send(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1 << 30)))
        client.request()
        time.sleep(0.3)  # until the socket is full
        stream = client.request(end=False)
        time.sleep(0.002)  # the server waits 10 ms for the end of the request
        client.send(frame(HEADERS, END_HEADERS, stream, block(("a", "b"))))  # trailers, and no end
        time.sleep(0.1)
        hop.assert_serves()
        assert client.read_answer(stream).reset == PROTOCOL_ERROR


def test_content_without_a_length_is_chunked(hop, h2):
    hop.backend.answers(OK)
    assert h2.ask(method="POST", body=b"content").status == 200
    assert hop.backend.request.body == b"content"
    assert hop.backend.request.fields.tokens("transfer-encoding") == ["chunked"]


def test_content_with_a_length_keeps_it(hop, h2):
    hop.backend.answers(OK)
    assert h2.ask(("content-length", "7"), method="POST", body=b"content").status == 200
    assert hop.backend.request.fields.get_all("content-length") == ["7"]


@pytest.mark.parametrize("length, body", [("3", b"four"), ("5", b"four")])
def test_content_that_disagrees_with_its_length_is_refused(hop, h2, length, body):
    hop.backend.answers(OK)
    got = h2.ask(("content-length", length), method="POST", body=body)
    assert got.reset == PROTOCOL_ERROR
    hop.assert_serves()


def test_connection_fields_of_the_backend_are_not_forwarded(hop, h2):
    hop.backend.answers(message("HTTP/1.1 200 OK", "Connection: X-Hop, keep-alive", "X-Hop: 1",
                                "Keep-Alive: timeout=5", "X-Kept: 2", "Content-Length: 2", body=b"ok"))
    fields = h2.ask().fields
    assert fields["x-kept"] == "2"
    assert not {"connection", "x-hop", "keep-alive"} & set(fields)


def test_trailers_go_both_ways(hop, h2):
    hop.backend.answers(message("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + chunk(b"x")
                        + b"0\r\nX-Sum: 5\r\n\r\n")
    stream = h2.request(method="POST", end=False)
    h2.send(frame(DATA, 0, stream, b"up"))
    h2.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, block(("x-up", "6"))))
    got = h2.read_answer(stream)
    assert (got.body, got.trailers) == (b"x", {"x-sum": "5"})
    assert hop.backend.request.trailers.get_all("x-up") == ["6"]


def test_early_hints_come_first(hop, h2):
    hop.backend.answers(message("HTTP/1.1 103 Early Hints", "Link: </a>") + OK)
    got = h2.ask()
    assert [dict(head)[":status"] for head in got.heads] == ["103", "200"]
    assert dict(got.heads[0])["link"] == "</a>"


def test_a_client_that_expects_100_continue_gets_it(hop, h2):
    hop.backend.answers(OK)
    stream = h2.request(("expect", "100-continue"), ("content-length", "2"), method="POST", end=False)
    h2.read_head(stream)
    h2.send(frame(DATA, END_STREAM, stream, b"up"))
    got = h2.read_answer(stream)
    assert [dict(head)[":status"] for head in got.heads] == ["100", "200"]
    assert hop.backend.request.body == b"up"


def test_a_response_to_head_has_no_content(hop, h2):
    hop.backend.answers(message("HTTP/1.1 200 OK", "Content-Length: 99"))
    got = h2.ask(method="HEAD")
    assert got.fields["content-length"] == "99"
    assert [kind for kind, *_ in got.frames] == [HEADERS]


@pytest.mark.parametrize("fields", [
    [("connection", "close")], [("te", "gzip")], [("X-Upper", "1")], [("a", "1\r\nb: 2")],
    [("transfer-encoding", "chunked")], [("host", "other")], [(":path", "/again")], [("upgrade", "h2c")],
], ids=str)
def test_a_malformed_request_does_not_reach_the_backend(hop, h2, fields):
    got = h2.ask(*fields)
    assert got.reset == PROTOCOL_ERROR or got.status == 400
    assert hop.backend.received == b""
    hop.backend.answers(OK)
    assert h2.ask().status == 200, "the connection goes on"


@pytest.mark.parametrize("path", ["/a b", "http://h/", "/%zz", "x"])
def test_a_malformed_path_is_refused(hop, h2, path):
    got = h2.ask(path=path)
    assert got.reset == PROTOCOL_ERROR or got.status == 400
    assert hop.backend.received == b""


def test_connect_is_not_served(h2):
    stream = h2.new_stream()
    h2.send(frame(HEADERS, END_HEADERS, stream, block((":method", "CONNECT"), (":authority", "h:1"))))
    assert h2.read_head(stream).status == 501


def test_a_head_past_the_limit_is_431(hop_with):
    hop = hop_with("--max-header-bytes", "2KiB")
    with H2Client(hop.address) as client:
        assert client.ask(("a", "x" * 3000)).status == 431
        hop.backend.answers(OK)
        assert client.ask(("a", "x" * 1000)).status == 200


def test_a_refused_head_request_gets_no_content(hop_with):
    hop = hop_with("--max-header-bytes", "2KiB")
    with H2Client(hop.address) as client:
        got = client.ask(("a", "x" * 3000), method="HEAD")
        assert got.status == 431
        assert [kind for kind, *_ in got.frames] == [HEADERS]


def test_a_body_past_the_limit_is_413(hop_with):
    hop = hop_with("--max-body", "10B")
    with H2Client(hop.address) as client:
        assert client.ask(("content-length", "11"), method="POST", body=b"x" * 11).status == 413
        assert client.ask(method="POST", body=b"x" * 11).status == 413


# --- streams -------------------------------------------------------------------------------------

def test_streams_do_not_wait_for_each_other(start_proxy, start_backend):
    backend = start_backend()
    go = threading.Event()

    def script(peer):
        slow = peer.read_request().start_line.startswith("GET /slow")
        assert not slow or go.wait(PATIENCE)
        peer.send(answer(b"slow" if slow else b"fast"))

    backend.play(script)
    proxy = start_proxy(backend.url)
    with H2Client(proxy.address) as client:
        slow = client.request(path="/slow")
        assert client.ask(path="/fast").body == b"fast"
        go.set()
        assert client.read_answer(slow).body == b"slow"


def test_an_unread_upload_does_not_stop_the_others(start_proxy, start_backend):
    backend = start_backend()
    released = threading.Event()

    def script(peer):
        while True:
            head = peer.read_request_head()
            if head.target == "/stuck":
                released.wait(PATIENCE)
                peer.close()
                return
            peer.read_body(head)
            peer.send(OK)

    backend.play(script)
    proxy = start_proxy(backend.url)
    with H2Client(proxy.address) as client:
        upload = client.request(method="POST", path="/stuck", end=False)
        for _ in range(25):
            client.send(frame(DATA, 0, upload, b"x" * 10_000))
        for _ in range(5):
            assert client.ask(method="POST", path="/other", body=b"y" * 16_000).status == 200
        released.set()


def test_a_reset_cancels_the_request_at_the_backend(start_proxy, start_backend):
    backend = start_backend()
    backend.play(lambda peer: (peer.read_request(), peer.wait_for_close()))
    proxy = start_proxy("--access-log", "text", backend.url)
    with H2Client(proxy.address) as client:
        stream = client.request()
        backend.wait_for_requests(1)
        client.send(frame(RST_STREAM, 0, stream, struct.pack(">I", CANCEL)))
        backend.wait_for_finish(0)
        line, = proxy.wait_for_log_lines(1)
        assert " 499 " in line or "client_gone" in line


def test_a_response_that_breaks_off_is_reset(hop, h2):
    hop.backend.play(reply_once(message("HTTP/1.1 200 OK", "Content-Length: 10", body=b"part")))
    got = h2.ask()
    assert (got.status, got.reset) == (200, INTERNAL_ERROR)


def test_an_early_response_ends_the_upload_without_an_error(hop, h2):
    refusal = message("HTTP/1.1 403 Forbidden", "Content-Length: 2", "Connection: close", body=b"no")
    # Until it closes, it may go on reading.
    hop.backend.play(lambda peer: (peer.read_request_head(), peer.send(refusal), peer.close()))
    stream = h2.request(method="POST", end=False)
    got = h2.read_answer(stream)
    assert (got.status, got.body) == (403, b"no")
    for _ in range(20):
        h2.send_quietly(frame(DATA, 0, stream, b"x" * 100))
        time.sleep(0.02)
    while got.reset is None:
        h2.read_frame()
    assert got.reset == NO_ERROR


def test_a_zero_window_gets_no_content_until_it_opens(hop):
    hop.backend.answers(answer(b"x" * 100))
    with H2Client(hop.address, settings=[(INITIAL_WINDOW_SIZE, 0)]) as client:
        stream = client.request()
        assert client.read_head(stream).status == 200
        client.send(frame(8, 0, stream, struct.pack(">I", 60)))
        while len(client.answers[stream].body) < 60:
            client.read_frame()
        assert client.answers[stream].body == b"x" * 60
        client.send(frame(8, 0, stream, struct.pack(">I", 60)))
        assert client.read_answer(stream).body == b"x" * 100


def test_a_stream_whose_window_stays_closed_is_reset(hop_with):
    hop = hop_with("--write-timeout", "300ms")
    hop.backend.answers(answer(b"x" * 100))
    with H2Client(hop.address, settings=[(INITIAL_WINDOW_SIZE, 0)]) as client:
        stream = client.request()
        assert client.read_answer(stream).reset == CANCEL


def test_a_client_that_takes_a_little_now_and_then_is_not_reset(hop_with):
    """The socket stays full for longer than the timeout, so that no stream could send: see the same test of HTTP/1."""
    hop = hop_with("--write-timeout", "1500ms")
    size = 12_000_000
    hop.backend.answers(answer(b"x" * size))
    sock = connect(hop.address)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
    with H2Client(hop.address, [(INITIAL_WINDOW_SIZE, (1 << 31) - 1)], sock=sock) as client:
        client.send(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1 << 30)))
        stream = client.request()
        for _ in range(40):
            client.buffer += sock.recv(20_000)
            time.sleep(0.1)
        got = client.read_answer(stream)
        assert (got.reset, len(got.body)) == (None, size)


def test_tiny_window_updates_do_not_count_as_progress(hop_with):
    hop = hop_with("--write-timeout", "300ms")
    hop.backend.answers(answer(b"x" * 100_000))
    with H2Client(hop.address, settings=[(INITIAL_WINDOW_SIZE, 0)]) as client:
        stream = client.request()
        client.read_head(stream)
        deadline = threading.Event()
        for _ in range(40):
            client.send_quietly(frame(8, 0, stream, struct.pack(">I", 1)))
            if deadline.wait(0.03):
                break
        assert client.read_answer(stream).reset == CANCEL


def test_a_stalled_upload_times_out(hop_with):
    hop = hop_with("--body-timeout", "300ms")
    with H2Client(hop.address) as client:
        stream = client.request(method="POST", end=False)
        got = client.read_answer(stream)
        assert got.heads == [] or got.status == 408


# --- the connection ------------------------------------------------------------------------------

def test_a_preface_in_pieces(hop):
    hop.backend.answers(OK)
    with H2Client.__new__(H2Client) as client:
        pieces(client, hop.address)
        assert client.ask().status == 200


def pieces(client, address):
    real = H2Client.send
    chunks = []
    H2Client.send = lambda self, data: chunks.append(data) or self
    try:
        client.__init__(address)
    finally:
        H2Client.send = real
    for byte in b"".join(chunks):
        client.send(bytes([byte]))


def test_the_settings_are_those_documented(hop, h2):
    hop.backend.answers(OK)
    assert h2.ask().status == 200
    assert h2.peer_settings == {MAX_CONCURRENT_STREAMS: 128, INITIAL_WINDOW_SIZE: 256 * 1024,
                                MAX_HEADER_LIST_SIZE: (64 + 16) * 1024 + 512, ENABLE_CONNECT_PROTOCOL: 1}


def test_a_preface_without_settings_times_out(hop_with):
    hop = hop_with("--header-timeout", "300ms")
    with hop.client() as client:
        client.send(PREFACE)
        client.how_it_ends()
    hop.assert_serves()


def test_an_incomplete_head_ends_the_connection(hop_with):
    hop = hop_with("--header-timeout", "300ms")
    with H2Client(hop.address) as client:
        client.read_frame()  # its acknowledgement would be in the middle of the head
        client.send(frame(HEADERS, END_STREAM, client.new_stream(), block(*request_fields())[:10]))
        assert client.read_until_closed() == ENHANCE_YOUR_CALM
    hop.assert_serves()


def test_streams_past_the_limit_are_refused(hop_with):
    hop = hop_with("--max-streams", "2")
    hop.backend.play(silent)
    with H2Client(hop.address) as client:  # has not acknowledged the limit: it could not know
        streams = [client.request() for _ in range(3)]
        assert client.read_answer(streams[2]).reset == REFUSED_STREAM
    with H2Client(hop.address) as client:
        client.read_frame()
        for _ in range(3):
            client.request()
        assert client.read_until_closed() == PROTOCOL_ERROR


def test_upgrade_to_h2c_is_not_honoured(hop):
    hop.backend.answers(OK)
    got = hop.client().get("/", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk")
    assert got.status == 200
    assert hop.backend.request.fields.get_all("upgrade") == []


def test_an_idle_connection_ends_in_two_phases(hop_with):
    hop = hop_with("--idle-timeout", "200ms")
    hop.backend.answers(OK)
    with H2Client(hop.address) as client:
        assert client.ask().status == 200
        while client.goaway is None:
            client.read_frame()
        assert client.goaway == (0x7fffffff, NO_ERROR)
        assert client.read_until_closed() == NO_ERROR
        assert client.goaway == (1, NO_ERROR)


def test_a_drain_lets_requests_finish(start_proxy, start_backend):
    backend = start_backend()
    go = threading.Event()
    backend.play(lambda peer: (peer.read_request(), go.wait(PATIENCE), peer.send(OK)))
    proxy = start_proxy(backend.url)
    with H2Client(proxy.address) as client:
        stream = client.request()
        backend.wait_for_requests(1)
        proxy.signal()
        while client.goaway is None or client.goaway[0] != 1:
            client.read_frame()
        go.set()
        assert client.read_answer(stream).status == 200
        assert client.read_until_closed() == NO_ERROR
    assert proxy.wait() == 0


def test_a_header_block_in_pieces(hop, h2):
    hop.backend.answers(OK)
    whole = block(*request_fields(("x-a", "1")))
    stream = h2.new_stream()
    h2.send(frame(HEADERS, END_STREAM, stream, whole[:10]))
    h2.send(frame(CONTINUATION, 0, stream, whole[10:20]))
    h2.send(frame(CONTINUATION, END_HEADERS, stream, whole[20:]))
    assert h2.read_answer(stream).status == 200


# --- WebSocket (RFC 8441) ------------------------------------------------------------------------

def websocket_fields():
    return [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":authority", "h"),
            (":path", "/ws"), ("sec-websocket-version", "13")]


def accept_for(key):
    import base64
    import hashlib
    guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    return base64.b64encode(hashlib.sha1((key + guid).encode()).digest()).decode()


def test_a_websocket_becomes_an_upgrade(hop, h2):
    def script(peer):
        request = peer.read_request()
        accept = accept_for(request.fields.get_all("sec-websocket-key")[0])
        peer.send(message("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket",
                          f"Sec-WebSocket-Accept: {accept}") + b"early")
        peer.send(peer.read_exactly(4).upper())
        peer.close()

    hop.backend.play(script)
    stream = h2.new_stream()
    h2.send(frame(HEADERS, END_HEADERS, stream, block(*websocket_fields())))
    head = h2.read_head(stream)
    assert head.status == 200
    assert "sec-websocket-accept" not in head.fields
    h2.send(frame(DATA, 0, stream, b"ping"))
    assert h2.read_answer(stream).body == b"earlyPING"
    assert hop.backend.request.start_line == "GET /ws HTTP/1.1"


def agrees(peer):
    accept = accept_for(peer.read_request().fields.get_all("sec-websocket-key")[0])
    peer.send(message("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket",
                      f"Sec-WebSocket-Accept: {accept}"))


def test_a_half_close_of_the_backend_leaves_the_other_direction_of_a_websocket(hop, h2):
    got = []
    hop.backend.play(lambda peer: (agrees(peer), peer.half_close(), got.append(peer.read_to_end())))
    stream = h2.new_stream()
    h2.send(frame(HEADERS, END_HEADERS, stream, block(*websocket_fields())))
    assert h2.read_answer(stream).status == 200
    h2.send(frame(DATA, 0, stream, b"still ") + frame(DATA, END_STREAM, stream, b"here"))
    hop.backend.wait_for_finish(0)
    assert got == [b"still here"]


def test_a_reset_after_the_backends_half_close_ends_a_websocket(hop, h2):
    seen = threading.Event()
    hop.backend.play(lambda peer: (agrees(peer), peer.half_close(), seen.wait(PATIENCE), peer.reset()))
    stream = h2.new_stream()
    h2.send(frame(HEADERS, END_HEADERS, stream, block(*websocket_fields())))
    got = h2.read_answer(stream)
    assert got.status == 200
    seen.set()
    while got.reset is None:
        h2.read_frame()
    assert got.reset == INTERNAL_ERROR


@pytest.mark.parametrize("reply, status", [
    (OK, 502),
    (message("HTTP/1.1 403 Forbidden", "Content-Length: 2", body=b"no"), 403),
    (message("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket",
             "Sec-WebSocket-Accept: wrong"), 502),
])
def test_a_refused_websocket_is_not_a_tunnel(hop, h2, reply, status):
    hop.backend.answers(reply)
    stream = h2.new_stream()
    h2.send(frame(HEADERS, END_HEADERS, stream, block(*websocket_fields())))
    assert h2.read_head(stream).status == status


# --- tools that people use -----------------------------------------------------------------------

def test_curl_with_prior_knowledge(hop):
    hop.backend.answers(answer(b"hello"))
    out = run("curl", "-sS", "--http2-prior-knowledge", "-w", "%{http_version} %{http_code}",
              "http://%s:%d/" % hop.address)
    assert out == b"hello2 200"


def test_curl_transfers_large_content_both_ways(start_proxy, tmp_path):
    content = os.urandom(20 * 1024 * 1024)
    (tmp_path / "up").write_bytes(content)
    echo = subprocess.Popen(["node", "-e", "require('http').createServer((q,r)=>q.pipe(r))"
                             ".listen(0,'127.0.0.1',function(){console.log(this.address().port)})"],
                            stdout=subprocess.PIPE, text=True)
    try:
        proxy = start_proxy(f"http://127.0.0.1:{int(echo.stdout.readline())}")
        out = run("curl", "-sS", "--http2-prior-knowledge", "--data-binary", f"@{tmp_path / 'up'}", proxy.url)
        assert out == content
    finally:
        echo.kill()
        echo.wait()
        echo.stdout.close()


def test_nghttp_fetches_several_urls_at_once(hop):
    hop.backend.answers(answer(b"hello"))
    urls = ["http://%s:%d/%d" % (*hop.address, i) for i in range(10)]
    assert run("nghttp", *urls) == b"hello" * 10


def test_h2load_sees_no_failures(hop):
    hop.backend.answers(answer(b"hello"))
    out = run("h2load", "-n", "2000", "-c", "4", "-m", "20", "http://%s:%d/" % hop.address).decode()
    assert "2000 succeeded, 0 failed, 0 errored" in out


SECTIONS = ["generic", "hpack", "http2"]
# A port that also speaks HTTP/1.1 responds 400 to bytes that are not a preface: section 3.5, case 2.
SECTIONS_IN_CLEAR = ["generic", "hpack", "http2/3.5/1", *(f"http2/{n}" for n in (4, 5, 6, 7, 8))]


@pytest.mark.skipif(not H2SPEC and not IN_CI, reason="needs h2spec (tools/install_dependencies test)")
@pytest.mark.parametrize("secure, sections, cases", [(False, SECTIONS_IN_CLEAR, 144), (True, SECTIONS, 145)],
                         ids=["in-clear", "tls"])
def test_h2spec(start_proxy, start_backend, secure, sections, cases):
    backend = start_backend()
    backend.answers(answer(b"x" * 5000))
    proxy = start_proxy(*(["--tls", "self"] if secure else []), backend.url)
    ended = subprocess.run([H2SPEC, "-h", proxy.address[0], "-p", str(proxy.address[1]), "-o",
                            "10" if SANITIZED else "3", *(["-t", "-k"] if secure else []), *sections],
                           capture_output=True, text=True, timeout=200, check=False)
    summary = re.search(r"(\d+) tests, (\d+) passed, 0 skipped, 0 failed", ended.stdout)
    assert summary and int(summary[1]) == int(summary[2]) == cases, ended.stdout[-4000:]
