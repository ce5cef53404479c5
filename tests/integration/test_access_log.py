# SPDX-License-Identifier: Apache-2.0
"""One line for each exchange: the request, its end, and the side at fault."""
import json
import re

import pytest

from proxy_process import free_port
from scripted_backend import reply_once
from wire import Truncated, answer, get, message, post


@pytest.fixture
def logged(start_proxy, start_backend):
    """logged("json"): a proxy with this log, its backend, and a reader of the log."""

    def start(form, *flags, url=None):
        backend = start_backend()
        proxy = start_proxy("--access-log", form, *flags, url or backend.url)
        return proxy, backend

    return start


def line_of(proxy, number=1):
    """A line of the log, which is complete once the program has ended."""
    assert proxy.stop() == 0
    lines = proxy.stdout().splitlines()
    assert len(lines) == number, lines
    return lines[-1]


def json_line(proxy, number=1):
    return json.loads(line_of(proxy, number))


def test_text_is_the_default_and_has_the_essentials(start_proxy, start_backend):
    proxy = start_proxy(start_backend().url)
    with proxy.client() as client:
        client.get("/some/path?q=1", "User-Agent: tester/1.0")
    line = line_of(proxy)
    for word in ("127.0.0.1", "GET", "/some/path?q=1", "200"):
        assert word in line


def test_json_lines_are_objects_with_the_essentials(logged):
    proxy, backend = logged("json")
    backend.answers(answer(b"12345", status="201 Created"))
    with proxy.client() as client:
        client.ask(post(b"xyz", "/p?q=1", "User-Agent: tester/1.0", "Referer: http://r.test/"))
    entry = json_line(proxy)
    assert entry["method"] == "POST"
    assert entry["target"] == "/p?q=1"
    assert entry["status"] == 201
    assert entry["host"] == "example.test"
    assert entry["peer"] == "127.0.0.1"
    assert entry["user_agent"] == "tester/1.0"
    assert entry["request_body"] == 3
    assert entry["response_body"] == 5
    assert entry["upstream"] == "%s:%d" % backend.address
    assert entry["attempts"] == 1


def test_json_has_the_time_of_each_phase(logged):
    proxy, _ = logged("json")
    with proxy.client() as client:
        client.get()
    entry = json_line(proxy)
    times = json.dumps(entry)
    assert any(isinstance(value, (int, float)) and "total" in key for key, value in flat(entry)), times
    assert any("connect" in key for key, _ in flat(entry)), times


def flat(entry, prefix=""):
    for key, value in entry.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def test_lines_are_written_while_the_program_runs(start_proxy, start_backend):
    proxy = start_proxy(start_backend().url)
    with proxy.client() as client:
        client.get("/now")
    assert "/now" in proxy.wait_for_log_lines(1, 2)[0]


def test_the_log_distinguishes_client_and_peer_behind_a_trusted_peer(logged):
    proxy, _ = logged("json", "--trust", "127.0.0.0/8")
    with proxy.client() as client:
        client.get("/", "X-Forwarded-For: 192.0.2.1, 203.0.113.9", "X-Forwarded-For: 127.0.0.5")
        client.get("/", "X-Forwarded-For: junk")
    assert proxy.stop() == 0
    entries = [json.loads(line) for line in proxy.stdout().splitlines()]
    assert [(entry["client"], entry["peer"]) for entry in entries] == [
        ("203.0.113.9", "127.0.0.1"), ("127.0.0.1", "127.0.0.1")]


def test_the_text_begins_with_the_client_and_names_a_trusted_peer(logged):
    proxy, _ = logged("text", "--trust", "127.0.0.1")
    with proxy.client() as client:
        client.get("/", "X-Forwarded-For: 203.0.113.9")
        client.get("/")
    assert proxy.stop() == 0
    first, second = proxy.stdout().splitlines()
    assert first.startswith("203.0.113.9 - - [") and " peer=127.0.0.1 " in first
    assert second.startswith("127.0.0.1 - - [") and "peer=" not in second


def test_off_writes_nothing(logged):
    proxy, _ = logged("off")
    with proxy.client() as client:
        client.get()
    assert proxy.stop() == 0
    assert proxy.stdout() == ""


@pytest.mark.parametrize("form", ["text", "json"])
def test_every_exchange_has_one_line(logged, form):
    proxy, _ = logged(form)
    with proxy.client() as client:
        for number in range(50):
            client.get(f"/{number}")
    assert proxy.stop() == 0
    lines = proxy.stdout().splitlines()
    assert len(lines) == 50
    assert all(f"/{number}" in line for number, line in enumerate(lines))


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_refused_backend_connection_is_logged_with_its_reason(logged, form):
    port = free_port()
    proxy, _ = logged(form, url=f"http://127.0.0.1:{port}")
    with proxy.client() as client:
        assert client.get().status == 502
    line = line_of(proxy)
    for word in ("502", "refused", "connect", str(port)):
        assert word in line


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_client_that_left_is_499_and_not_a_backend_error(logged, form):
    proxy, backend = logged(form)
    backend.play(lambda peer: (peer.read_request(), peer.wait_for_close()))
    client = proxy.client().send(get("/left"))
    backend.wait_for_requests(1)
    client.reset()
    backend.wait_for_finish(0)
    line = line_of(proxy)
    assert re.search(r"\b499\b", line)
    assert not re.search(r"\" 50\d | 50\d ERR|status=50\d|\"status\":50\d", line)


def test_a_truncated_response_is_logged_with_its_reason(logged):
    proxy, backend = logged("json")
    backend.play(reply_once(message("HTTP/1.1 200 OK", "Content-Length: 84", body=b"x" * 42)))
    with proxy.client() as client, pytest.raises(Truncated):
        client.get()
    entry = json_line(proxy)
    assert entry["status"] == 200
    assert any("failure" in key or "error" in key for key, value in flat(entry) if value)


@pytest.mark.parametrize("request_bytes, status", [
    (b"BAD\r\n\r\n", 400), (b"GET / HTTP/1.1\r\n\r\n", 400), (b"GET / HTTP/2.0\r\n\r\n", 505),
    (b"GET /" + b"x" * 20000 + b" HTTP/1.1\r\n\r\n", 414),
])
def test_a_refused_request_is_logged_too(logged, request_bytes, status):
    proxy, _ = logged("json")
    with proxy.client() as client:
        client.send_quietly(request_bytes).read_final()
    assert json_line(proxy)["status"] == status


@pytest.mark.parametrize("form", ["text", "json"])
def test_nothing_a_client_sends_can_forge_a_line(logged, form):
    proxy, _ = logged(form)
    with proxy.client() as client:
        client.get("/\"x'\\y", "User-Agent: a\"b\\c\tfake 200 \x9b[31m\xff", "Referer: \" 200 0 \"")
    line = line_of(proxy)
    assert len(proxy.stdout().splitlines()) == 1
    assert "\x9b" not in line and "\x1b" not in line and "\t" not in line
    if form == "json":
        assert json.loads(line)["target"] == "/\"x'\\y"


def test_a_retry_is_counted(logged):
    proxy, backend = logged("json")

    def script(peer):
        peer.read_request()
        peer.send(answer(b"ok"))
        backend.play(lambda other: (other.read_request(), other.send(answer(b"ok"))))
        peer.read_request()
        peer.close()

    backend.play(script)
    with proxy.client() as client:
        client.get("/1")
        assert client.get("/2").status == 200
    assert json_line(proxy, 2)["attempts"] == 2
