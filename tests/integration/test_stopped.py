# SPDX-License-Identifier: Apache-2.0
"""The process is suspended for longer than a deadline: SIGSTOP, a frozen container, a paused machine. Data that
arrived in time counts as in time."""
import signal
import time

import pytest

from wire import OK, get

# More events than one wait of an event loop returns.
MANY = 600


class Stopped:
    """Suspends the proxy until `seconds` after the beginning."""

    def __init__(self, proxy, seconds):
        self.proxy, self.seconds = proxy, seconds

    def __enter__(self):
        self.proxy.signal(signal.SIGSTOP)
        self.end = time.monotonic() + self.seconds

    def __exit__(self, *_):
        time.sleep(max(0, self.end - time.monotonic()))
        self.proxy.signal(signal.SIGCONT)


def statuses(clients):
    return {client.read_final().status for client in clients}


@pytest.mark.parametrize("count", [20, MANY])
def test_the_rest_of_a_head_received_while_suspended_is_in_time(hop_with, count):
    hop = hop_with("--header-timeout", "1s", "--workers", "1")
    clients = [hop.client() for _ in range(count)]
    request = get("/")
    for client in clients:
        client.send(request[:5])
    with Stopped(hop.proxy, 1.5):
        for client in clients:
            client.send(request[5:])
    assert statuses(clients) == {200}


def test_a_request_received_while_suspended_finds_its_connection_open(hop_with):
    hop = hop_with("--idle-timeout", "3s", "--workers", "1")
    clients = [hop.client() for _ in range(100)]
    for client in clients:
        assert client.get("/").status == 200
    with Stopped(hop.proxy, 3.5):
        for client in clients:
            client.send(get("/"))
    assert statuses(clients) == {200}


def test_a_response_received_while_suspended_is_in_time(hop_with):
    hop = hop_with("--response-timeout", "3s", "--workers", "1")
    hop.backend.play(lambda peer: peer.read_request())
    clients = [hop.client() for _ in range(100)]
    for client in clients:
        client.send(get("/"))
    hop.backend.wait_for_requests(100)
    with Stopped(hop.proxy, 3.5):
        for peer in list(hop.backend.connections):
            peer.send(OK)
    assert statuses(clients) == {200}


def test_a_head_still_incomplete_after_a_suspension_is_late(hop_with):
    hop = hop_with("--header-timeout", "1s", "--workers", "1")
    client = hop.client()
    client.send(get("/")[:5])
    with Stopped(hop.proxy, 1.5):
        pass
    assert client.read_final().status == 408
