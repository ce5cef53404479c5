# SPDX-License-Identifier: Apache-2.0
"""--health-check grpc, with the health service of real servers (grpc-js)."""
import subprocess
import time
from pathlib import Path

import pytest

from h2_client import H2Client
from test_grpc import ENVIRONMENT, needs_grpc, node
from wire import PATIENCE

pytestmark = needs_grpc
CHECKS = ("--health-check", "grpc", "--health-check-interval", "100ms", "--slow-start", "1ms")


class Server:
    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=ENVIRONMENT)
        self.url = f"h2c://127.0.0.1:{int(self.process.stdout.readline())}"

    def report(self, status):
        self.process.stdin.write(status + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == status + "\n"

    def kill(self):
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def serve():
    servers = []

    def start(*command):
        servers.append(Server(*command))
        return servers[-1]

    yield start
    for server in servers:
        server.kill()


@pytest.fixture
def named(serve):
    program = str(Path(__file__).with_name("grpc_health_backend.js"))
    return [serve("node", program, name) for name in "ab"]


def name_of_one(client):
    answer = client.ask(("content-type", "application/grpc"), ("te", "trailers"), method="POST", path="/test.Who/Name",
                        body=bytes(5))
    assert (answer.status, answer.trailers["grpc-status"]) == (200, "0")
    return answer.body[5:].decode()


def reach(client, names):
    seen, deadline = set(), time.monotonic() + 2 * PATIENCE
    while seen != names:
        seen.add(name_of_one(client))
        assert time.monotonic() < deadline, seen


def test_a_server_that_does_not_serve_gets_no_calls_until_it_does(start_proxy, named):
    proxy = start_proxy("--access-log", "off", *CHECKS, *(server.url for server in named))
    with H2Client(proxy.address) as client:
        reach(client, {"a", "b"})
        named[0].report("NOT_SERVING")
        assert proxy.wait_for_message(f"endpoint {named[0].url} is down").endswith("NOT_SERVING")
        assert {name_of_one(client) for _ in range(50)} == {"b"}
        named[0].report("SERVING")
        proxy.wait_for_message(f"endpoint {named[0].url} is up again")
        reach(client, {"a", "b"})
        named[1].report("UNKNOWN")
        proxy.wait_for_message(f"endpoint {named[1].url} is down")
        assert {name_of_one(client) for _ in range(50)} == {"a"}


def test_a_server_without_the_health_service_is_down(start_proxy, named, serve):
    other = serve(*node())
    proxy = start_proxy("--access-log", "off", *CHECKS, named[0].url, other.url)
    assert proxy.wait_for_message(f"endpoint {other.url} is down").endswith("grpc-status 12")
    with H2Client(proxy.address) as client:
        assert {name_of_one(client) for _ in range(50)} == {"a"}
