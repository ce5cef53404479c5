# SPDX-License-Identifier: Apache-2.0
"""Runs the programs of examples/ as their first lines say. (The tests of TLS and gRPC run those with TLS and gRPC.)"""
import json
import os
import signal
import subprocess
import time

import pytest

from proxy_process import ROOT, free_port
from raw_client import Client, connect
from wire import PATIENCE, answer, get, message, post

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

    start.processes = started
    yield start
    for process in started:
        process.terminate()
        process.wait(PATIENCE)


@pytest.mark.parametrize("name", ["load_balancer", "two_applications", "discovered_endpoints"])
def test_programs_with_several_backends_are_short(name):
    text = (ROOT / "examples" / f"{name}.cpp").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 25


def asked(address, request):
    with Client(address) as client:
        return client.ask(request)


def test_single_host_passes_requests_on(run, start_backend):
    backend = start_backend()
    got = asked(run("single_host", backend.url + "/base"), get("/x", host="a.example"))
    assert got.status == 200
    assert (backend.request.target, backend.request.fields.get("host")) == ("/base/x", "a.example")


def test_two_applications_share_an_address_by_path(run, start_backend):
    shop, site = start_backend(), start_backend()
    shop.answers(message("HTTP/1.1 302 Found", "Location: /login", "Set-Cookie: s=1; Path=/", "Content-Length: 0"))
    address = run("two_applications", shop.url, site.url)
    got = asked(address, get("/shop/cart?id=7"))
    assert (got.fields.get("location"), got.fields.get("set-cookie")) == ("/shop/login", "s=1; Path=/shop")
    assert asked(address, get("/shops")).status == 200
    assert asked(address, get("/x/../shop/cart")).status == 400
    assert ([head.target for head in shop.requests], [head.target for head in site.requests]) == (["/cart?id=7"], ["/shops"])


def test_load_balancer_passes_over_a_backend_that_is_gone(run, start_backend):
    backend = start_backend()
    address = run("load_balancer", "http://127.0.0.1:%d" % free_port(), backend.url)
    for number in range(20):
        assert asked(address, post(b"%d" % number)).status == 200
    assert [request.body for request in backend.requests] == [b"%d" % number for number in range(20)]


def test_discovered_endpoints_follow_a_file(run, start_backend, tmp_path):
    first, second = start_backend(), start_backend()
    listed = tmp_path / "backends"
    listed.write_text(first.url + "\n", encoding="utf-8")
    address = run("discovered_endpoints", str(listed))

    def reaches(backend):
        deadline = time.monotonic() + PATIENCE
        while not backend.requests and time.monotonic() < deadline:
            asked(address, get("/"))
        return bool(backend.requests)

    assert reaches(first)
    assert not second.requests
    listed.write_text(second.url + "\n", encoding="utf-8")
    assert reaches(second)


def test_authorizing_hook_asks_before_it_forwards_a_request(run, start_backend):
    backend, service = start_backend(), start_backend()

    def judge(peer):
        while True:
            head = peer.read_request_head()
            if head.fields.get("authorization") == "Bearer alice":
                peer.send(message("HTTP/1.1 200 OK", "X-User: alice", "Content-Length: 0"))
            else:
                peer.send(message("HTTP/1.1 403 Forbidden", "Content-Length: 0"))

    service.play(judge)
    address = run("authorizing_hook", backend.url, service.url)
    refused = asked(address, get("/a"))
    assert (refused.status, refused.body, len(backend.requests)) == (401, b"sign in first\n", 0)
    passed = asked(address, get("/b", "Authorization: Bearer alice"))
    assert (passed.status, passed.fields.get("x-served-user")) == (200, "alice")
    assert [head.target for head in backend.requests] == ["/b"]


def test_updated_server_reads_its_file_again_on_hup(run, tmp_path):
    text = tmp_path / "text"
    text.write_text("hello")
    address = run("updated_server", str(text))
    with Client(address) as client:
        assert client.ask(get("/")).body == b"hello"
        text.write_text("bye")
        run.processes[-1].send_signal(signal.SIGHUP)
        deadline = time.monotonic() + PATIENCE
        while client.ask(get("/")).body != b"bye":
            assert time.monotonic() < deadline
        text.unlink()
        run.processes[-1].send_signal(signal.SIGHUP)
        time.sleep(0.2)
        assert client.ask(get("/")).body == b"bye"
    run.processes[-1].terminate()
    assert run.processes[-1].wait(PATIENCE) == 0


def test_custom_director_routes_beta_clients_to_the_second_backend(run, start_backend):
    stable, beta = start_backend(), start_backend()
    address = run("custom_director", stable.url, beta.url)
    assert asked(address, get("/s")).status == asked(address, get("/b", "X-Beta: yes")).status == 200
    assert (stable.request.target, beta.request.target) == ("/s", "/b")
    assert not beta.request.fields.has("x-beta")


def test_custom_handler_responds_by_itself(run):
    address = run("custom_handler")
    assert asked(address, get("/world")).body == b"hello, /world\n"
    refused = asked(address, post(b"x"))
    assert (refused.status, refused.fields.get("allow")) == (405, "GET")


def test_custom_hooks_edit_responses_and_errors(run, start_backend):
    backend = start_backend()
    address = run("custom_hooks", backend.url)
    backend.answers(answer(b"x", "X-Powered-By: something old"), answer(b"x", "X-Internal: 1"))
    tidied = asked(address, get())
    assert (tidied.body, tidied.fields.get("x-content-type-options")) == (b"x", "nosniff")
    assert not tidied.fields.has("x-powered-by")
    refused = asked(address, get())
    assert (refused.status, json.loads(refused.body)) == (502, {"error": "Bad Gateway"})


def late(peer):
    peer.read_request()
    time.sleep(0.3)
    peer.send(answer(b"late"))


def test_single_host_drains_on_term(run, start_backend):
    backend = start_backend()
    address = run("single_host", backend.url)
    backend.play(late)
    with Client(address) as client:
        client.send(get())
        backend.wait_for_requests(1)
        run.processes[-1].terminate()
        assert client.read_final().body == b"late"
    assert run.processes[-1].wait(PATIENCE) == 0


def test_embedded_server_lets_requests_finish_when_its_program_ends(run):
    address = run("embedded_server")
    with Client(address) as client:
        client.send(get())
        time.sleep(0.1)
        run.processes[-1].terminate()
        assert client.read_final().body == b"done\n"
    assert run.processes[-1].wait(PATIENCE) == 0


def test_offload_waits_for_a_blocking_call_and_a_callback(run):
    address = run("offload")
    assert asked(address, get("/row/7")).body == b"row 7\n"
    assert asked(address, get("/later/8")).body == b"row 8\n"


def test_caching_round_tripper_fetches_once(run, start_backend):
    backend = start_backend()
    address = run("caching_round_tripper", backend.url)
    backend.answers(answer(b"x", "Content-Type: text/plain"))
    first, second = asked(address, get("/a")), asked(address, get("/a"))
    assert (first.body, second.body, second.fields.get("content-type")) == (b"x", b"x", "text/plain")
    assert len(backend.requests) == 1
    assert asked(address, get("/b")).status == 200
    assert len(backend.requests) == 2


def test_custom_dialer_connects_through_a_unix_socket(run, start_backend, tmp_path):
    backend = start_backend(path=str(tmp_path / "app.sock"))
    address = run("custom_dialer", "http://app.internal/base", str(tmp_path / "app.sock"))
    assert asked(address, get("/x")).status == 200
    assert (backend.request.target, backend.request.fields.get("host")) == ("/base/x", "app.internal")


def test_custom_round_tripper_wraps_another(run, start_backend):
    backend = start_backend()
    address = run("custom_round_tripper", backend.url)
    assert asked(address, get("/x")).status == 200
    assert asked(address, post(b"body")).status == 200
    assert [request.target for request in backend.requests] == ["/x", "/"]
