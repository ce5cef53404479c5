# SPDX-License-Identifier: Apache-2.0
"""Real clients and servers: curl, Python's http.server, Node."""
import functools
import hashlib
import http.client
import http.server
import json
import os
import shutil
import subprocess
import threading
import time
from pathlib import Path

import pytest

from proxy_process import IN_CI, SANITIZED
from wire import OK, answer, message, post_chunked

HERE = Path(__file__).parent
MIB = 1024 * 1024
KEEP_ALIVE_MS = 40

needs_node = pytest.mark.skipif(not shutil.which("node") and not IN_CI, reason="needs Node")


def curl(*args, data=None):
    return subprocess.run(["curl", "-sS", "--max-time", "30", "--noproxy", "*", *map(str, args)],
                          input=data, capture_output=True, check=True).stdout


def start_node(*args):
    process = subprocess.Popen(["node", str(HERE / "node_backend.js"), *map(str, args)],
                               stdout=subprocess.PIPE, text=True)
    return process, int(process.stdout.readline())


@pytest.fixture(scope="module")
def node_port():
    process, port = start_node()
    yield port
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.fixture
def node(start_proxy, node_port):
    return start_proxy(f"http://127.0.0.1:{node_port}")


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):  # pylint: disable=invalid-name
        digest = hashlib.sha256(self.rfile.read(int(self.headers["Content-Length"]))).hexdigest()
        self.send_response(200)
        self.send_header("Content-Length", str(len(digest)))
        self.end_headers()
        self.wfile.write(digest.encode())


@pytest.fixture
def files(start_proxy, tmp_path):
    """http.server over a folder, behind a proxy: (proxy, folder)."""
    handler = functools.partial(QuietHandler, directory=str(tmp_path))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield start_proxy(f"http://127.0.0.1:{server.server_port}"), tmp_path
    server.shutdown()
    server.server_close()


def test_curl_downloads_a_file_from_http_server(files):
    proxy, folder = files
    (folder / "big.bin").write_bytes(os.urandom(20 * MIB))
    got = curl(proxy.url + "/big.bin")
    assert hashlib.sha256(got).digest() == hashlib.sha256((folder / "big.bin").read_bytes()).digest()


def test_curl_uploads_to_http_server(files):
    proxy, folder = files
    data = os.urandom(10 * MIB)
    (folder / "up.bin").write_bytes(data)
    got = curl("--data-binary", f"@{folder}/up.bin", proxy.url + "/up")
    assert got.decode() == hashlib.sha256(data).hexdigest()


def test_http_server_speaks_http_1_0_as_well(files):
    proxy, folder = files
    (folder / "a.txt").write_text("text")
    assert curl("--http1.0", proxy.url + "/a.txt") == b"text"
    assert curl("-I", proxy.url + "/a.txt").startswith(b"HTTP/1.1 200")
    assert curl("-o", "/dev/null", "-w", "%{http_code}", proxy.url + "/none") == b"404"


def test_conditional_requests_pass(files):
    proxy, folder = files
    (folder / "a.txt").write_text("text")
    stamp = curl("-sI", proxy.url + "/a.txt").decode().split("Last-Modified: ")[1].split("\r\n")[0]
    status = curl("-o", "/dev/null", "-w", "%{http_code}", "-H", f"If-Modified-Since: {stamp}",
                  proxy.url + "/a.txt")
    assert status == b"304"


@needs_node
@pytest.mark.parametrize("path, body", [
    ("/hello", b"hello from node"), ("/chunked", b"one,two"), ("/trailers", b"body"), ("/hints", b"hinted"),
    ("/none", b"nothing here"),
])
def test_curl_gets_the_responses_of_node(node, path, body):
    assert curl(node.url + path) == body


@needs_node
def test_nodes_trailers_and_early_hints_arrive(node):
    with node.client() as client:
        got = client.get("/trailers")
        assert (got.body, got.trailers) == (b"body", [("X-Checksum", "abc")])
        client.send(message("GET /hints HTTP/1.1", "Host: h"))
        interim, final = client.read_all()
        assert (interim.status, interim.fields.get("link")) == (103, "</style.css>; rel=preload")
        assert final.body == b"hinted"


@needs_node
def test_node_gets_request_trailers_and_fields_as_they_were_sent(node):
    with node.client() as client:
        got = client.ask(post_chunked(b"x", target="/request-trailers", trailers=["X-T: v"]))
        assert json.loads(got.body) == {"x-t": "v"}
        raw = json.loads(client.get("/headers", "x-oDD: Value").body)
    assert raw[raw.index("x-oDD") + 1] == "Value"


@needs_node
@pytest.mark.parametrize("args", [["--data-binary", "@-"], ["-H", "Transfer-Encoding: chunked", "-T", "-"],
                                  ["-H", "Expect: 100-continue", "--data-binary", "@-"]])
def test_curl_uploads_to_node(node, args):
    data = os.urandom(8 * MIB)
    assert curl(*args, node.url + "/hash", data=data).decode() == hashlib.sha256(data).hexdigest()
    assert curl(*args, node.url + "/echo", data=data) == data


@needs_node
def test_no_request_fails_at_the_edge_of_nodes_keep_alive_timeout(start_proxy):
    """The idle race: the backend closes just as the next request is sent."""
    process, port = start_node(KEEP_ALIVE_MS)
    try:
        proxy = start_proxy(f"http://127.0.0.1:{port}")
        with proxy.client() as client:
            for turn in range(40):
                assert client.ask(message("POST /echo HTTP/1.1", "Host: h", "Content-Length: 1",
                                          body=b"x")).status == 200
                time.sleep((KEEP_ALIVE_MS + (turn % 9) - 4) / 1000)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@needs_node
def test_concurrent_clients_get_their_own_bodies(node):
    wrong = []

    def visit(number):
        connection = http.client.HTTPConnection(*node.address, timeout=10)
        for turn in range(20):
            body = f"{number}.{turn}." * 500
            connection.request("POST", "/echo", body)
            if connection.getresponse().read().decode() != body:
                wrong.append((number, turn))
        connection.close()

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not wrong


@pytest.mark.skipif(SANITIZED, reason="sanitizers change what memory means")
@pytest.mark.parametrize("chunked_body", [False, True])
def test_a_gibibyte_for_a_slow_reader_leaves_the_proxys_memory_flat(hop_with, chunked_body):
    hop = hop_with("--workers", "1")
    size, block = 1024 * MIB, b"x" * MIB
    framing = "Transfer-Encoding: chunked" if chunked_body else f"Content-Length: {size}"

    def script(peer):
        while peer.read_request().target != "/big":
            peer.send(OK)
        peer.send(message("HTTP/1.1 200 OK", framing))
        piece = b"%x\r\n%s\r\n" % (MIB, block) if chunked_body else block
        for _ in range(size // MIB):
            peer.send(piece)
        peer.send(b"0\r\n\r\n" if chunked_body else b"")

    hop.backend.play(script)
    hop.client().get("/warm")
    before = hop.proxy.resident_bytes()
    client = hop.client().send(message("GET /big HTTP/1.1", "Host: h"))
    client.read_response_head()
    highest, left = 0, size
    buffer = bytearray(4 * MIB)
    received = len(client.take(len(client.buffer)))
    while received < left:
        got = client.sock.recv_into(buffer)
        assert got
        received += got
        if received % (64 * MIB) < got:
            time.sleep(0.02)  # a reader that pauses
            highest = max(highest, hop.proxy.resident_bytes())
    assert highest - before < 8 * MIB


def test_an_upload_of_256_mebibytes_leaves_the_proxys_memory_flat(hop_with):
    hop = hop_with("--workers", "1")
    size = 256 * MIB

    def script(peer):
        peer.read_request_head()
        left = size - len(peer.buffer)
        peer.buffer = b""
        while left:
            left -= len(peer.sock.recv(MIB))
        peer.send(answer(b"done"))

    hop.backend.play(script)
    before = hop.proxy.resident_bytes()
    client = hop.client().send(message("POST / HTTP/1.1", "Host: h", f"Content-Length: {size}"))
    for _ in range(size // MIB):
        client.send(b"x" * MIB)
    assert client.read_final().body == b"done"
    if not SANITIZED:
        assert hop.proxy.resident_bytes() - before < 8 * MIB
