# SPDX-License-Identifier: Apache-2.0
"""The memory of an idle client connection, and of an endpoint: what each one adds to a proxy that has served some."""
import resource
import ssl
import time

import pytest

from proxy_process import SANITIZED
from raw_client import connect
from replicas import Replica
from wire import OK, get

pytestmark = pytest.mark.skipif(SANITIZED, reason="sanitizers change what memory means")

KIB = 1024
SOME = 200  # connections after which free lists and scratch memory have grown to their size


@pytest.fixture(autouse=True)
def descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 8000)), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def held_by_each(proxy, open_one, many):
    """The resident bytes that each of `many` connections adds. Each has had one response."""
    connections = [open_one() for _ in range(SOME)]
    before = settled_bytes(proxy)
    connections += [open_one() for _ in range(many)]
    return (settled_bytes(proxy) - before) / many


def settled_bytes(proxy):
    """Free memory returns to the system within two seconds."""
    time.sleep(2.5)
    return proxy.resident_bytes()


def asked(client):
    client.sendall(get())
    assert client.recv(4096).startswith(b"HTTP/1.1 200")
    return client


# 0.62 KiB in a release build; other compilers make larger coroutine frames.
def test_an_idle_connection_holds_less_than_a_kibibyte(start_proxy, start_backend):
    backend = start_backend()
    backend.play(answer_all)
    proxy = start_proxy("--workers", 1, "--access-log", "off", backend.url)
    assert held_by_each(proxy, lambda: asked(connect(proxy.address)), 2000) <= 0.7 * KIB


def test_connections_that_close_return_their_memory(start_proxy, start_backend):
    many = 4000
    backend = start_backend()
    backend.play(answer_all)
    proxy = start_proxy("--workers", 1, "--access-log", "off", backend.url)
    some = [asked(connect(proxy.address)) for _ in range(SOME)]
    before = settled_bytes(proxy)
    connections = [asked(connect(proxy.address)) for _ in range(many)]
    held = settled_bytes(proxy) - before
    # The remaining connections are spread over all the others, so that malloc itself returns nothing.
    some += connections[::100]
    del connections
    assert settled_bytes(proxy) - before < held / 3


# 15.1 KiB in a release build, 13.6 KiB of it OpenSSL's: see docs/decisions/tls_stream.md.
def test_an_idle_connection_over_tls_holds_16_kibibytes(start_proxy, start_backend):
    backend = start_backend()
    backend.play(answer_all)
    proxy = start_proxy("--workers", 1, "--access-log", "off", "--tls", "self", backend.url)
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE

    def open_one():
        return asked(context.wrap_socket(connect(proxy.address), server_hostname="localhost"))

    assert held_by_each(proxy, open_one, 500) <= 16 * KIB


FEW, MANY = 2, 500  # endpoints


def held_with_endpoints(start_proxy, port, count, requests):
    urls = [f"http://127.1.{number // 250}.{number % 250 + 1}:{port}" for number in range(count)]
    proxy = start_proxy("--workers", 1, "--access-log", "off", "--balance", "round-robin", *urls)
    with proxy.client() as client:
        for _ in range(requests):
            assert client.get().status == 200
    return settled_bytes(proxy)


# 3.8 KiB, and 7 KiB with one idle connection to it, in a release build: docs/several_backends.md has both.
@pytest.mark.parametrize("requests, most", [(0, 4.5 * KIB), (MANY, 8 * KIB)], ids=["unused", "used"])
def test_an_endpoint_holds_a_few_kibibytes(start_proxy, requests, most):
    everywhere = Replica("x", host="0.0.0.0")
    try:
        few, many = (held_with_endpoints(start_proxy, everywhere.address[1], count, requests) for count in (FEW, MANY))
        assert KIB <= (many - few) / (MANY - FEW) <= most
    finally:
        everywhere.kill()


def answer_all(peer):
    while True:
        peer.read_body(peer.read_request_head())
        peer.send(OK)
