# SPDX-License-Identifier: Apache-2.0
"""Backends that speak HTTP/2 without TLS, with h2c://: Node's http2, for every version of client."""
import hashlib
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from h2_client import (CANCEL, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, HEADERS, INTERNAL_ERROR,
                       NO_ERROR, PROTOCOL_ERROR, RST_STREAM, H2Client, block, frame)
from proxy_process import IN_CI
from raw_client import Client
from wire import message

HERE = Path(__file__).parent
pytestmark = pytest.mark.skipif(not shutil.which("node") and not IN_CI, reason="needs Node")


@pytest.fixture(scope="module")
def node_port():
    process = subprocess.Popen(["node", str(HERE / "node_h2_backend.js")], stdout=subprocess.PIPE, text=True)
    yield int(process.stdout.readline())
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.fixture
def proxy(start_proxy, node_port):
    return start_proxy("--access-log", "text", f"h2c://127.0.0.1:{node_port}")


@pytest.fixture
def h1(proxy):
    with Client(proxy.address) as client:
        yield client


@pytest.fixture
def h2(proxy):
    with H2Client(proxy.address) as client:
        yield client


def curl(proxy, version, path, *args):
    return subprocess.run(["curl", "-sS", "--max-time", "20", version, *map(str, args), proxy.url + path],
                          capture_output=True, check=True).stdout


versions = pytest.mark.parametrize("version", ["--http1.1", "--http2-prior-knowledge"])


@versions
def test_requests_and_responses_pass(proxy, version):
    assert b'":path":"/x?y"' in curl(proxy, version, "/x?y")
    assert b'":authority":"name.test"' in curl(proxy, version, "/", "-H", "Host: name.test")


@versions
def test_large_content_goes_both_ways(proxy, version, tmp_path):
    content = os.urandom(20 * 1024 * 1024)
    (tmp_path / "up").write_bytes(content)
    assert curl(proxy, version, "/echo", "--data-binary", f"@{tmp_path / 'up'}") == content
    digest = curl(proxy, version, "/digest", "--data-binary", f"@{tmp_path / 'up'}")
    assert digest.decode() == hashlib.md5(content).hexdigest()


def test_trailers_after_a_known_length_reach_an_http1_client(h1):
    got = h1.get("/trailers", "TE: trailers", "Connection: TE")
    assert got.body == b"hello"
    assert got.trailers.get_all("x-t") == ["v"]
    assert got.fields.get_all("content-length") == []


def test_trailers_after_a_known_length_reach_an_http2_client(h2):
    got = h2.ask(("te", "trailers"), path="/trailers")
    assert (got.body, got.trailers, got.fields["content-length"]) == (b"hello", {"x-t": "v"}, "5")


def test_a_trailers_only_response_is_one_frame(h2):
    got = h2.ask(("te", "trailers"), ("content-type", "application/grpc"), method="POST", path="/trailers-only",
                 body=b"")
    assert [(kind, flags) for kind, flags, _ in got.frames if kind != RST_STREAM] == \
        [(HEADERS, END_HEADERS | END_STREAM)]
    assert got.fields["grpc-status"] == "5"


def test_early_hints(h1, h2):
    assert [response.status for response in h1.send(message("GET /hints HTTP/1.1", "Host: h")).read_all()] == \
        [103, 200]
    assert [dict(head)[":status"] for head in h2.ask(path="/hints").heads] == ["103", "200"]


def test_a_reset_before_the_head_is_502(h1, h2, proxy):
    assert h1.get("/reset").status == 502
    assert h2.ask(path="/reset").status == 502
    assert "ENHANCE_YOUR_CALM" in "".join(proxy.wait_for_log_lines(2))


def test_a_reset_for_a_grpc_request_is_a_grpc_status(h2):
    got = h2.ask(("content-type", "application/grpc"), path="/reset")
    assert (got.status, got.fields["grpc-status"]) == (200, "14")
    assert got.frames[-1][0] == HEADERS


def test_a_reset_inside_the_content_is_passed_on(h2):
    got = h2.ask(path="/reset-inside")
    assert (got.status, got.body, got.reset) == (200, b"part", INTERNAL_ERROR)


def wait_for(client, path, body):
    for _ in range(100):
        if client.ask(path=path).body == body:
            return
        time.sleep(0.01)
    assert client.ask(path=path).body == body


# Fields about the client's connection to the proxy, and fields that could be the proxy's own,
# are not forwarded.
@pytest.mark.parametrize("code, passed_on", [
    (CANCEL, CANCEL), (NO_ERROR, CANCEL), (PROTOCOL_ERROR, CANCEL), (INTERNAL_ERROR, INTERNAL_ERROR),
    (ENHANCE_YOUR_CALM, ENHANCE_YOUR_CALM)])
def test_a_reset_of_the_client_is_passed_on(h2, code, passed_on):
    stream = h2.request(path="/hold")
    other = h2.request(path="/hold")
    wait_for(h2, "/held", b"2")
    h2.send(frame(RST_STREAM, 0, stream, code.to_bytes(4, "big")))
    wait_for(h2, "/held", b"1")
    assert h2.ask(path="/last-reset").body == b"%d" % passed_on
    h2.send(frame(RST_STREAM, 0, other, CANCEL.to_bytes(4, "big")))
    wait_for(h2, "/held", b"0")


def test_a_plaintext_backend_that_requires_http1_is_502(h2):
    assert h2.ask(path="/not-over-http2").status == 502
    assert h2.ask(path="/x").status == 200


def test_streams_share_a_connection(proxy):
    before = int(curl(proxy, "--http1.1", "/connections"))
    out = subprocess.run(["h2load", "-n", "2000", "-c", "4", "-m", "50", proxy.url + "/"],
                         capture_output=True, text=True, check=True).stdout
    assert "2000 succeeded, 0 failed, 0 errored" in out
    assert int(curl(proxy, "--http1.1", "/connections")) - before <= 2 * (os.cpu_count() or 1)


def test_a_websocket_over_http2_reaches_an_http2_backend(h2):
    stream = h2.new_stream()
    h2.send(frame(HEADERS, END_HEADERS, stream, block(
        (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":authority", "h"),
        (":path", "/ws"), ("sec-websocket-version", "13"))))
    assert h2.read_head(stream).status == 200
    h2.send(frame(DATA, END_STREAM, stream, b"ping"))
    assert h2.read_answer(stream).body == b"ping"


def test_a_websocket_over_http1_reaches_an_http2_backend(h1):
    h1.send(message("GET /ws HTTP/1.1", "Host: h", "Connection: Upgrade", "Upgrade: websocket",
                    "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="))
    head = h1.read_response_head()
    assert head.status == 101
    assert head.fields.get_all("sec-websocket-accept") == ["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]
    h1.send(b"ping")
    assert h1.read_exactly(4) == b"ping"


def test_a_goaway_leaves_no_request_without_a_response(proxy, h2):
    for _ in range(3):
        assert h2.ask(path="/goaway").status in (200, 502)
        assert h2.ask(path="/").status == 200


def test_an_unreachable_backend_is_502(start_proxy):
    proxy = start_proxy("h2c://127.0.0.1:1")
    with H2Client(proxy.address) as client:
        assert client.ask().status == 502


def test_an_http1_backend_is_502(start_proxy, start_backend):
    backend = start_backend()
    refusal = message("HTTP/1.1 400 Bad Request", "Content-Length: 0", "Connection: close")
    backend.play(lambda peer: (peer.read_until(b"SM\r\n\r\n"), peer.send(refusal), peer.close()))
    proxy = start_proxy("--access-log", "json", backend.url.replace("http:", "h2c:"))
    with H2Client(proxy.address) as client:
        assert client.ask().status == 502
    assert "before the upstream spoke HTTP/2" in proxy.wait_for_log_lines(1)[0]
