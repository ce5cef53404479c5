# SPDX-License-Identifier: Apache-2.0
"""The programs of examples/, each run the way its first lines say. (Those with TLS and gRPC are run
by the tests about TLS and gRPC.)"""
import json
import os
import subprocess
import time

import pytest

from proxy_process import free_port
from raw_client import Client, connect
from wire import PATIENCE, answer, get, post

pytestmark = pytest.mark.skipif("ONEHOP_EXAMPLES" not in os.environ, reason="the examples were not built")


@pytest.fixture
def run():
    """run("custom_hooks", url): the address where that program listens now."""
    started = []

    def start(name, *backends):
        address = ("127.0.0.1", free_port())
        program = os.path.join(os.environ["ONEHOP_EXAMPLES"], name)
        started.append(subprocess.Popen([program, "%s:%d" % address, *backends], stderr=subprocess.DEVNULL))
        deadline = time.monotonic() + 2 * PATIENCE
        while True:
            try:
                connect(address).close()
                return address
            except OSError:
                assert started[-1].poll() is None and time.monotonic() < deadline, f"{name} does not listen"
                time.sleep(0.005)

    yield start
    for process in started:
        process.terminate()
        process.wait(PATIENCE)


def asked(address, request):
    with Client(address) as client:
        return client.ask(request)


def test_single_host_passes_requests_on(run, start_backend):
    backend = start_backend()
    got = asked(run("single_host", backend.url + "/base"), get("/x", host="a.example"))
    assert got.status == 200
    assert (backend.request.target, backend.request.fields.get("host")) == ("/base/x", "a.example")


def test_custom_director_sends_those_who_ask_to_the_second_backend(run, start_backend):
    stable, beta = start_backend(), start_backend()
    address = run("custom_director", stable.url, beta.url)
    assert asked(address, get("/s")).status == asked(address, get("/b", "X-Beta: yes")).status == 200
    assert (stable.request.target, beta.request.target) == ("/s", "/b")
    assert not beta.request.fields.has("x-beta")


def test_custom_handler_answers_by_itself(run):
    address = run("custom_handler")
    assert asked(address, get("/world")).body == b"hello, /world\n"
    refused = asked(address, post(b"x"))
    assert (refused.status, refused.fields.get("allow")) == (405, "GET")


def test_custom_hooks_edit_answers_and_errors(run, start_backend):
    backend = start_backend()
    address = run("custom_hooks", backend.url)
    backend.answers(answer(b"x", "X-Powered-By: something old"), answer(b"x", "X-Internal: 1"))
    tidied = asked(address, get())
    assert (tidied.body, tidied.fields.get("x-content-type-options")) == (b"x", "nosniff")
    assert not tidied.fields.has("x-powered-by")
    refused = asked(address, get())
    assert (refused.status, json.loads(refused.body)) == (502, {"error": "Bad Gateway"})


def test_custom_round_tripper_asks_through_its_own(run, start_backend):
    backend = start_backend()
    address = run("custom_round_tripper", backend.url)
    assert asked(address, get("/x")).status == 200
    assert asked(address, post(b"body")).status == 200
    assert [request.target for request in backend.requests] == ["/x", "/"]
