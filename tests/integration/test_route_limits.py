# SPDX-License-Identifier: Apache-2.0
"""max-body at the top of a file and in its routes, which allow more and less."""
import pytest

from any_client import Http1, Http2
from h2_client import H2Client
from raw_client import Client
from wire import message, post, post_chunked

LIMITS = {"/large": 8192, "/small": 1024, "/other": 4096}


@pytest.fixture
def limited(configured, backend):
    return configured(backend=backend.url, max_body="4KiB",
                      route=[{"path": "/large", "max-body": "8KiB"}, {"path": "/small", "max-body": "1KiB"}])


def too_long(target, most, *fields):
    return message(f"POST {target} HTTP/1.1", "Host: h", f"Content-Length: {most + 1}", *fields)


@pytest.mark.parametrize("target", LIMITS)
def test_a_route_accepts_content_up_to_its_limit(limited, backend, target):
    content = b"x" * LIMITS[target]
    with Client(limited.address) as client:
        assert client.ask(post(content, target)).status == 200
        assert client.ask(post_chunked(content, target=target)).status == 200
    with H2Client(limited.address) as client:
        length = ("content-length", str(len(content)))
        assert client.ask(length, method="POST", path=target, body=content).status == 200
        assert client.ask(method="POST", path=target, body=content).status == 200
    assert [request.body for request in backend.requests] == [content] * 4


@pytest.mark.parametrize("target", LIMITS)
def test_content_with_a_length_over_the_limit_does_not_reach_the_backend(limited, backend, target):
    most = LIMITS[target]
    for version in ("1.0", "1.1"):
        with Client(limited.address) as client:
            request = too_long(target, most).replace(b"HTTP/1.1", f"HTTP/{version}".encode())
            assert client.send_quietly(request + b"x" * (most + 1)).read_final().status == 413
    with Client(limited.address) as client:
        client.send(too_long(target, most, "Expect: 100-continue"))
        assert client.read_response().status == 413, "without a 100"
    with H2Client(limited.address) as client:
        stream = client.request(("content-length", str(most + 1)), method="POST", path=target, end=False)
        assert client.read_answer(stream).status == 413
    backend.wait_for_accept_queue()
    assert backend.received == b""


@pytest.mark.parametrize("target", LIMITS)
@pytest.mark.parametrize("client", [Http1, Http2])
def test_content_that_exceeds_the_limit_of_its_route_is_cut(limited, backend, client, target):
    complete = []
    backend.play(lambda peer: (peer.read_request(), complete.append(1)))
    asking = client(limited.address)
    asking.begin(target, method="POST", end=False)
    asking.send(b"x" * LIMITS[target])
    backend.wait_for_requests(1)
    asking.send(b"x")
    assert asking.read_head() == [413]
    backend.wait_for_finish()
    asking.close()
    assert not complete


def test_a_reload_changes_the_limit_of_a_route(limited, backend):
    with Client(limited.address) as client:
        assert client.ask(post(b"x" * 2000, "/small")).status == 413
    line = limited.reload(route=[{"path": "/small", "max-body": "16KiB"}])
    assert "route /small: max-body" in line
    with Client(limited.address) as client:
        assert client.ask(post(b"x" * 16384, "/small")).status == 200
    assert len(backend.requests) == 1
