# SPDX-License-Identifier: Apache-2.0
"""Several identical backends, on the command line and in a file."""
import json
import socket
import threading
import time
from collections import Counter

import pytest

from proxy_process import Proxy, free_port, run_onehop
from raw_client import Client
from replicas import Load
from wire import PATIENCE, SOON, answer, get, message


@pytest.fixture
def replicas(start_backend):
    """Three backends, each of which responds with its number."""
    started = [start_backend() for _ in range(3)]
    for number, one in enumerate(started):
        one.answers(answer(str(number).encode()))
    return started


@pytest.fixture
def balanced():
    started = []

    def start(*arguments):
        started.append(Proxy(*arguments))
        return started[-1]

    yield start
    for proxy in started:
        assert proxy.stop() == 0, proxy.stderr()


def bodies(address, count, *fields):
    with Client(address) as client:
        return Counter(client.get("/", *fields).body.decode() for _ in range(count))


def test_two_backends_on_the_command_line_share_the_requests(balanced, replicas):
    proxy = balanced(replicas[0].url + "/base", replicas[1].url + "/base", "--balance", "round-robin")
    assert bodies(proxy.address, 20) == {"0": 10, "1": 10}
    assert {head.target for one in replicas for head in one.requests} == {"/base/"}


def test_weights_and_backups_count(configured, replicas):
    one, two, three = (replica.url for replica in replicas)
    proxy = configured(workers=1, balance="round-robin", backend=[one, two + " weight=3", three + " backup"])
    assert bodies(proxy.address, 40) == {"0": 10, "1": 30}


def test_a_backend_that_does_not_listen_is_passed_over(configured, replicas):
    dead = f"http://127.0.0.1:{free_port()}"
    proxy = configured(upstream={"x": {"backend": [dead, replicas[0].url, replicas[1].url]}},
                       route=[{"path": "/*", "upstream": "x"}])
    with Client(proxy.address) as client:
        assert {client.get().status for _ in range(60)} == {200}
    assert sum(bodies(proxy.address, 20).values()) == 20


def test_a_cookie_keeps_a_client_at_its_backend(configured, replicas):
    proxy = configured(backend=[one.url for one in replicas], sticky="cookie:where")
    with Client(proxy.address) as client:
        first = client.get()
    cookie = first.fields.get("set-cookie").split(";")[0]
    assert cookie.startswith("where=")
    assert bodies(proxy.address, 20, f"Cookie: {cookie}") == {first.body.decode(): 20}


def test_a_client_stays_at_its_backend_in_every_route_and_after_a_reload(configured, replicas):
    """A route that overrides a setting has connections, and so an Upstream, of its own."""
    upstream = {"backend": [one.url for one in replicas], "sticky": "cookie"}
    proxy = configured(upstream={"x": upstream}, route=[
        {"upstream": "x"}, {"path": "/slow", "upstream": "x", "response-timeout": "1h"}])
    with Client(proxy.address) as client:
        first = client.get()
    cookie = "Cookie: " + first.fields.get("set-cookie").split(";")[0]

    def stays():
        with Client(proxy.address) as client:
            answers = [client.get(path, cookie) for path in ("/", "/slow") for _ in range(10)]
        return {(answer.body, answer.fields.get("set-cookie")) for answer in answers} == {(first.body, None)}

    assert stays()
    proxy.reload(upstream={"x": {**upstream, "balance": "random"}})
    assert stays()


def test_a_header_keeps_a_client_at_its_backend(configured, replicas):
    proxy = configured(backend=[one.url for one in replicas], sticky="header:X-User")
    seen = [bodies(proxy.address, 10, f"X-User: {name}") for name in "abcdefgh"]
    assert all(len(one) == 1 for one in seen)
    assert len({key for one in seen for key in one}) > 1


def test_host_header_backend_is_the_authority_of_each_backend(configured, replicas):
    proxy = configured(backend=[one.url for one in replicas], host_header="backend", balance="round-robin", workers=1)
    assert bodies(proxy.address, 9) == {"0": 3, "1": 3, "2": 3}
    for one in replicas:
        assert {head.fields.get("host") for head in one.requests} == {one.url.removeprefix("http://")}


def test_a_health_check_takes_a_backend_out(configured, replicas):
    replicas[0].answers(message("HTTP/1.1 500 Sick", "Content-Length: 1", body=b"0"))
    proxy = configured(backend=[one.url for one in replicas], balance="round-robin", health_check="/ok",
                       health_check_interval="50ms", workers=1)
    deadline = time.monotonic() + 4 * PATIENCE
    while "0" in bodies(proxy.address, 12):
        assert time.monotonic() < deadline, proxy.stderr()
    assert any(head.target == "/ok" for head in replicas[0].requests)
    proxy.wait_for_message(replicas[0].url.removeprefix("http://"))


def test_a_reload_changes_the_backends_under_load(configured, replicas):
    urls = [one.url for one in replicas]
    proxy = configured(backend=urls[:2], slow_start="0s", balance="round-robin")
    with Load(proxy.address) as load:
        for round_ in range(4):
            line = proxy.reload(backend=urls[1:] if round_ % 2 == 0 else urls[:2])
            assert "changed: backend" in line and "new connections" not in line
            time.sleep(0.2)
        proxy.reload(backend=urls[0])
    assert set(load.answers) == {(200, "0"), (200, "1"), (200, "2")}
    assert bodies(proxy.address, 10) == {"0": 10}


# One backend, and several; from one to the other and back.
@pytest.mark.parametrize("before,after", [((0,), (1,)), ((0, 1), (1, 2)), ((0,), (1, 2)), ((0, 1), (1,))])
def test_a_reload_closes_the_connections_to_backends_that_are_gone(configured, replicas, before, after):
    gone, stays = replicas[0], replicas[1]
    may_answer = threading.Event()

    def serve(peer):
        while True:
            if peer.read_request().target == "/slow":
                may_answer.wait(PATIENCE)
            peer.send(answer(b"0"))

    def only_the_first(numbers):
        return [replicas[number].url + (" backup" if number != numbers[0] else "") for number in numbers]

    gone.play(serve)
    proxy = configured(backend=only_the_first(before), pool_idle_timeout="1h", workers=2)
    with Client(proxy.address) as idle, Client(proxy.address) as slow:
        slow.send(get("/slow"))
        gone.wait_for_requests(1)
        assert idle.get().body == b"0"
        used, unused = gone.connections
        proxy.reload(backend=only_the_first(after))
        assert unused.finished.wait(SOON), "the idle connection is still open"
        assert not used.finished.is_set()
        may_answer.set()
        assert slow.read_final().body == b"0"
        assert used.finished.wait(SOON), "the connection was kept after its request"
        assert idle.get().body == b"1"
    proxy.reload(access_log="off")
    assert not any(connection.finished.is_set() for connection in stays.connections)


@pytest.mark.parametrize("backends,why", [
    (["http://a", "https://b"], "have http:// and https://"),
    (["http://a/x", "http://b/y"], "have /x and /y"),
    (["http://a", "http://a"], "http://a is listed twice"),
    (["http://a weight=x"], "weight=NUMBER"),
    (["http://a backup"], "each backend is a backup or has the weight 0"),
])
def test_incompatible_backends_are_refused(backends, why):
    ended = run_onehop("check", *backends)
    assert ended.returncode == 2 and why in ended.stdout


def test_the_configuration_prints_backends_as_they_were_typed():
    ended = run_onehop("check", "--print", "http://a:1 weight=2.5", "b:2", "http://c backup")
    assert 'backend = ["http://a:1 weight=2.5", "http://b:2", "http://c backup"]  # argument\n' in ended.stdout


def test_check_finds_what_would_fail_later(tmp_path):
    (tmp_path / "key").write_text("short")
    file = tmp_path / "onehop.toml"
    file.write_text(f"""[upstream.a]
backend = ["http://127.0.0.1:1", "http://127.0.0.1:2"]
sticky = "cookie"
sticky-key = "{tmp_path}/key"

[upstream.b]
backend = ["http://127.0.0.1:1", "http://127.0.0.1:2"]
sticky = "cookie"
sticky-key = "{tmp_path}/none"

[[route]]
path = "/a/*"
upstream = "a"

[[route]]
path = "/b/*"
upstream = "b"

[[route]]
path = "/b/slow"
upstream = "b"
response-timeout = "5m"
""")
    ended = run_onehop("check", "--config", file, "--json")
    findings = [(one["line"], one["message"]) for one in json.loads(ended.stdout)["findings"]]
    assert ended.returncode == 2
    assert findings == [
        (4, f"sticky-key: {tmp_path}/key: the key has fewer than 16 bytes"),
        (9, f"sticky-key: {tmp_path}/none: No such file or directory"),
    ]


def test_a_mistake_in_the_tls_files_of_an_upstream_is_one_finding(tmp_path):
    file = tmp_path / "onehop.toml"
    file.write_text("""[upstream.a]
backend = "https://127.0.0.1:1"
backend-ca = "/none"

[[route]]
path = "/a/*"
upstream = "a"

[[route]]
path = "/b/*"
upstream = "a"
response-timeout = "5m"
""")
    ended = run_onehop("check", "--config", file, "--json")
    findings = [(one["line"], one["message"]) for one in json.loads(ended.stdout)["findings"]]
    assert findings == [(3, "backend-ca: /none: No such file or directory (this should be the certificates of "
                            "authorities, in PEM form)")]


def test_a_live_check_asks_each_backend_once_and_no_service(tmp_path):
    """Each upstream is checked once, not once for each route to it."""
    dead = f"http://127.0.0.1:{free_port()}"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        file = tmp_path / "onehop.toml"
        file.write_text(f"""backend = ["http://127.0.0.1:{listener.getsockname()[1]}", "srv://_http._tcp.none.test"]

[upstream.a]
backend = "{dead}"

[[route]]
path = "/a/*"
upstream = "a"

[[route]]
path = "/a/slow"
upstream = "a"
response-timeout = "5m"

[[route]]
path = "/gone"
status = 410
""")
        ended = run_onehop("check", "--config", file, "--live", "--json")
        listener.settimeout(PATIENCE)
        listener.accept()[0].close()
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()
    findings = [(one["line"], one["message"]) for one in json.loads(ended.stdout)["findings"]]
    assert ended.returncode == 2
    assert findings == [(4, f"backend: {dead} does not answer: Connection refused")]
