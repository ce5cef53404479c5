# SPDX-License-Identifier: Apache-2.0
"""gRPC through the proxy, with a real client and server (grpc-js)."""
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from h2_client import END_HEADERS, END_STREAM, HEADERS, RST_STREAM, H2Client
from proxy_process import IN_CI, ROOT, free_port
from raw_client import connect
from tls_peers import Certificates
from wire import PATIENCE

HERE = Path(__file__).parent
MODULES = ROOT / "build" / "tools" / "node_modules"

needs_grpc = pytest.mark.skipif((not shutil.which("node") or not (MODULES / "@grpc").exists()) and not IN_CI,
                                reason="needs grpc-js (tools/install_dependencies test)")


def node(*args):
    return ["node", str(HERE / "grpc_backend.js"), *args]


ENVIRONMENT = {**os.environ, "NODE_PATH": str(MODULES)}


@pytest.fixture(scope="module")
def grpc_port():
    process = subprocess.Popen(node(), stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)
    yield int(process.stdout.readline())
    process.kill()
    process.wait()
    process.stdout.close()


def passes_every_check(*args):
    ended = subprocess.run(node(*args), capture_output=True, text=True, timeout=50, env=ENVIRONMENT, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@needs_grpc
def test_every_kind_of_call(start_proxy, grpc_port):
    proxy = start_proxy(f"h2c://127.0.0.1:{grpc_port}")
    passes_every_check("%s:%d" % proxy.address)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("grpc"))


@needs_grpc
def test_every_kind_of_call_over_tls(start_proxy, grpc_port, certificates):
    chain, key = certificates.sign("127.0.0.1", "127.0.0.1")
    proxy = start_proxy("--tls", chain, "--tls-key", key, f"h2c://127.0.0.1:{grpc_port}")
    passes_every_check("%s:%d" % proxy.address, certificates.ca)


def wait_until_it_listens(address):
    host, port = address.split(":")
    deadline = time.monotonic() + 2 * PATIENCE
    while True:
        try:
            connect((host, int(port))).close()
            return
        except OSError:
            assert time.monotonic() < deadline, "in vain"
            time.sleep(0.005)


@needs_grpc
@pytest.mark.skipif("ONEHOP_EXAMPLES" not in os.environ, reason="the examples were not built")
@pytest.mark.parametrize("secure", [False, True], ids=["in-clear", "tls"])
def test_the_example_proxies_every_kind_of_call(grpc_port, certificates, secure):
    address = f"127.0.0.1:{free_port()}"
    files = certificates.sign("127.0.0.1", "127.0.0.1") if secure else []
    program = os.path.join(os.environ["ONEHOP_EXAMPLES"], "grpc_proxy")
    with subprocess.Popen([program, address, f"h2c://127.0.0.1:{grpc_port}", *files],
                          stderr=subprocess.DEVNULL) as process:
        try:
            wait_until_it_listens(address)
            passes_every_check(address, *([certificates.ca] if secure else []))
        finally:
            process.terminate()


@needs_grpc
def test_a_dead_backend_is_unavailable(start_proxy):
    proxy = start_proxy("h2c://127.0.0.1:1")
    ended = subprocess.run(node("%s:%d" % proxy.address, "dead"), capture_output=True, text=True, timeout=50,
                           env=ENVIRONMENT, check=True)
    assert ended.stdout.strip() == "14 502 Bad Gateway"


def grpc_answer(address):
    with H2Client(address) as client:
        return client.ask(("content-type", "application/grpc+proto"), ("te", "trailers"), method="POST", body=b"")


@pytest.mark.parametrize("flags, script, status", [
    ([], lambda peer: peer.close(), "14"),
    (["--response-timeout", "200ms"], lambda peer: peer.wait_for_close(), "4"),
], ids=["lost", "slow"])
def test_errors_of_the_proxy_are_trailers_only_responses(hop_with, flags, script, status):
    hop = hop_with(*flags)
    hop.backend.play(lambda peer: (peer.read_request(), script(peer)))
    got = grpc_answer(hop.address)
    assert (got.status, got.fields["grpc-status"]) == (200, status)
    assert got.fields["content-type"] == "application/grpc+proto"
    assert [(kind, flags) for kind, flags, _ in got.frames if kind != RST_STREAM] == \
        [(HEADERS, END_HEADERS | END_STREAM)]


def test_a_broken_response_is_an_internal_error(hop):
    hop.backend.play(lambda peer: (peer.read_request(), peer.send(b"HTTP/1.1 2000 Broken\r\n\r\n"), peer.close()))
    assert grpc_answer(hop.address).fields["grpc-status"] == "13"


def test_grpc_web_is_like_any_other_content(hop):
    hop.backend.play(lambda peer: (peer.read_request(), peer.close()))
    with H2Client(hop.address) as client:
        got = client.ask(("content-type", "application/grpc-web+proto"), method="POST", body=b"x")
    assert got.status == 502
