# SPDX-License-Identifier: Apache-2.0
"""A reload changes each setting while the proxy serves, or nothing at all."""
import hashlib
import json
import os
import pathlib
import resource
import signal
import socket
import ssl
import threading
import time

import pytest

from admin import Admin, admin_address
from proxy_process import NEEDS_DESCRIPTORS, free_port, run_onehop
from raw_client import Client, connect
from scripted_backend import HeldRequest
from tls_peers import Certificates, TlsBackend, TlsClient, trusting
from wire import OK, PATIENCE, answer, get, post

UPGRADE = "`onehop upgrade`, which drops no connections"


def status_of(address, target="/", *fields):
    with Client(address) as client:
        return client.get(target, *fields).status


def certificate_at(address):
    context = ssl._create_unverified_context()  # pylint: disable=protected-access
    with TlsClient(address, context) as client:
        return hashlib.sha256(client.sock.getpeercert(binary_form=True)).hexdigest()


def wait_until(condition, what):
    deadline = time.monotonic() + 2 * PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.01)


def is_refused(address):
    try:
        connect(address).close()
    except ConnectionRefusedError:
        return True
    return False


# --- each class of settings ---


def test_the_next_request_uses_the_new_settings(configured, start_backend):
    one, two = start_backend(), start_backend()
    one.answers(answer(b"one"))
    two.answers(answer(b"two"))
    proxy = configured(backend=one.url)
    with proxy.client() as client:
        assert client.get().body == b"one"
        line = proxy.reload(backend=two.url, header_up=["X-New: yes"], max_body="10B")
        assert "changed: backend, header-up, max-body" in line
        assert client.get().body == b"two", "the same connection"
        assert two.requests[-1].fields.get("X-New") == "yes"
        assert client.ask(post(b"12345678901")).status == 413
    assert "no setting has changed" in proxy.hup()


def test_the_next_timer_uses_the_new_settings(configured, backend):
    proxy = configured(backend=backend.url, idle_timeout="10m")
    with proxy.client() as client:
        client.get()
        proxy.reload(idle_timeout="50ms")
        client.get()
        assert client.how_it_ends() == "eof"


def test_a_connection_keeps_its_limits_and_the_next_one_has_the_new_ones(configured, backend):
    proxy = configured(backend=backend.url)
    large = ("X-Large: " + 2000 * "x",)
    with proxy.client() as client:
        assert client.get("/", *large).status == 200
        proxy.reload(max_header_bytes="1KiB")
        assert status_of(proxy.address, "/", *large) == 431


def test_limits_of_the_backend_change_at_once(configured, backend):
    go = []
    backend.play(lambda peer: (peer.read_request(), wait_until(lambda: go, "go"), peer.send(OK), peer.serve()))
    proxy = configured(backend=backend.url, max_connections=1, queue_timeout="10m")
    with proxy.client() as first, proxy.client() as second:
        first.send(get())
        backend.wait_for_requests(1)
        second.send(get())
        assert "new connections" not in proxy.reload(max_connections=2)
        backend.wait_for_requests(2)
        go.append(True)
        assert first.read_final().status == second.read_final().status == 200


def test_a_reload_replaces_the_pool(configured, backend):
    proxy = configured(backend=backend.url, pool_idle_timeout="10m")
    with proxy.client() as client:
        for _ in range(3):
            client.get()
        assert len(backend.connections) == 1
        assert "new connections to the backend" in proxy.reload(response_timeout="1m")
        client.get()
        assert len(backend.connections) == 2
        assert backend.connections[0].wait_for_close() == "eof", "nothing idle stays in the old pool"


def test_unrelated_changes_keep_the_pool(configured, backend):
    proxy = configured(backend=backend.url, pool_idle_timeout="10m")
    with proxy.client() as client:
        for number in range(20):
            assert client.get().status == 200
            proxy.reload(header_down=[f"X-Number: {number}"], header_timeout=f"{10 + number}s", max_connections=9 + number)
        assert len(backend.connections) == 1


def test_listeners_come_and_go(configured, backend):
    proxy = configured(backend=backend.url)
    first, second = proxy.address, ("127.0.0.1", free_port())
    with Client(first) as kept:
        assert kept.get().status == 200
        proxy.reload(listen=["%s:%d" % first, "%s:%d" % second])
        assert status_of(second) == status_of(first) == kept.get().status == 200
        proxy.reload(listen=["%s:%d" % second])
        assert is_refused(first)
        assert status_of(second) == 200
    proxy.address = second


def test_a_listener_changes_to_tls_and_to_a_socket(configured, backend, tmp_path):
    authority = Certificates(tmp_path / "authority")
    chain, key = authority.sign("localhost")
    proxy = configured(backend=backend.url, landlock="off")  # the socket is elsewhere
    plain = proxy.settings["listen"][0]
    proxy.reload(listen=[f"https://{plain}"], tls=[chain], tls_key=[key])
    with TlsClient(proxy.address, trusting(authority)) as client:
        assert client.get().status == 200
    path = tmp_path / "new.sock"
    proxy.reload(listen=[f"unix:{path}", f"http://{plain}"], tls=None, tls_key=None)
    assert status_of(str(path)) == status_of(proxy.address) == 200
    proxy.reload(listen=[plain])
    assert not path.exists()


def test_redirects_follow_the_port_of_https(configured, backend):
    ports = [free_port() for _ in range(3)]
    redirect = f"redirect://127.0.0.1:{ports[0]}"
    proxy = configured(backend=backend.url, tls=["self"], listen=[f"https://127.0.0.1:{ports[1]}", redirect])
    proxy.address = ("127.0.0.1", ports[0])

    def place():
        with proxy.client() as client:
            return client.ask(get("/x", host="h")).fields.get("Location")

    assert place() == f"https://h:{ports[1]}/x"
    proxy.reload(listen=[f"https://127.0.0.1:{ports[2]}", redirect])
    assert place() == f"https://h:{ports[2]}/x"
    proxy.reload(listen=["https://127.0.0.1:0", redirect])
    port = int(place().rsplit(":", 1)[1].removesuffix("/x"))
    assert certificate_at(("127.0.0.1", port)), "the port that the system chose"


@pytest.mark.parametrize("name, value, remedy", [
    ("workers", 3, UPGRADE), ("user", "nobody", "a restart"), ("admin", "127.0.0.1:0", UPGRADE),
])
def test_a_setting_that_no_reload_changes_is_refused_with_the_remedy(configured, backend, name, value, remedy):
    proxy = configured(backend=backend.url, workers=2)
    lines = proxy.fail_to_reload(**{name: value, "header_down": ["X-New: yes"]})
    assert f"nothing has changed: it needs {remedy}\n" in lines
    finding = next(line for line in lines.splitlines() if f" {name}: a change from " in line)
    assert f"{proxy.file}:" in finding and f" needs {remedy}" in finding
    with proxy.client() as client:
        assert client.get().fields.get("X-New") is None, "not even the rest"


def test_the_access_log_uses_the_new_settings(configured, backend, tmp_path):
    proxy = configured(backend=backend.url, access_log="text", landlock="off")  # the file is elsewhere
    place = tmp_path / "access.log"
    assert status_of(proxy.address, "/one") == 200
    assert "/one" in proxy.wait_for_log_lines(1)[0]
    proxy.reload(access_log="json", access_log_to=str(place), verbose=True)
    assert status_of(proxy.address, "/two") == 200
    wait_until(lambda: '"/two"' in place.read_text(encoding="utf-8"), "the line in the file")
    proxy.reload(access_log="off", access_log_to=None, verbose=None)
    assert status_of(proxy.address, "/three") == 200
    assert "/three" not in place.read_text(encoding="utf-8") + proxy.stdout()


def test_new_contents_of_the_same_tls_files_are_used(configured, tmp_path):
    authority, other = Certificates(tmp_path / "one"), Certificates(tmp_path / "two")
    ca = tmp_path / "ca.pem"
    ca.write_bytes(pathlib.Path(other.ca).read_bytes())
    backend = TlsBackend(authority.sign("localhost"))
    proxy = configured(backend=backend.url(), backend_ca=str(ca))
    with proxy.client() as client:
        assert client.get().status == 502, "its certificate is not trusted"
        ca.write_bytes(pathlib.Path(authority.ca).read_bytes())
        assert "new connections to the backend" in proxy.hup()
        assert client.get().status == 200
        assert "new connections" not in proxy.hup()
        assert client.get().status == 200
    assert len(backend.reused) == 1, "one connection after those that failed"


# --- failures ---


FAILURES = {
    "a value": (dict(max_body="10 apples"), "max-body"),
    "a name": (dict(max_bodi="10B"), "max-bodi"),
    "a contradiction": (dict(http2="off", max_streams=3), "max-streams"),
    "a key without a certificate": (dict(tls_key=["/nowhere"]), "tls-key"),
    "an authority": (dict(backend="https://localhost:1", backend_ca="/nowhere/ca.pem"), "/nowhere/ca.pem"),
    "a place of the log": (dict(access_log_to="/nowhere/access.log"), "/nowhere/access.log"),
}


@pytest.mark.parametrize("settings, words", FAILURES.values(), ids=FAILURES)
def test_nothing_changes_with_an_error(configured, backend, settings, words):
    proxy = configured(backend=backend.url, header_down=["X-Old: yes"])
    lines = proxy.fail_to_reload(header_down=["X-New: yes"], **settings)
    assert words in lines
    assert_as_before(proxy)
    assert "no setting has changed" in proxy.hup()


def assert_as_before(proxy, address=None):
    with Client(address or proxy.address) as client:
        response = client.get()
    assert response.fields.get("X-Old") == "yes" and response.fields.get("X-New") is None


def test_nothing_changes_if_a_port_is_taken(configured, backend):
    proxy = configured(backend=backend.url, header_down=["X-Old: yes"])
    new = ("127.0.0.1", free_port())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = "127.0.0.1:%d" % taken.getsockname()[1]
        lines = proxy.fail_to_reload(listen=["%s:%d" % new, place], header_down=["X-New: yes"])
    assert f"cannot listen on {place}: port" in lines and "in use by another process" in lines
    assert is_refused(new), "the other one is closed again"
    assert_as_before(proxy)
    proxy.reload(listen=[*proxy.settings["listen"], "%s:%d" % new])
    assert_as_before(proxy, new)


@pytest.mark.parametrize("damage", ["garbage", "another key", "unreadable", "missing"])
def test_nothing_changes_with_a_bad_key(configured, backend, tmp_path, damage):
    authority = Certificates(tmp_path / "authority")
    chain, key = map(pathlib.Path, authority.sign("localhost"))
    port = free_port()
    proxy = configured(backend=backend.url, listen=[f"https://127.0.0.1:{port}"], tls=[str(chain)], tls_key=[str(key)])
    proxy.address = ("127.0.0.1", port)
    before, good = certificate_at(proxy.address), key.read_bytes()
    authority.sign("localhost")  # another one in the same files
    if damage == "garbage":
        key.write_text("garbage", encoding="ascii")
    elif damage == "another key":
        key.write_bytes(good)
    elif damage == "unreadable":
        key.unlink()
        key.mkdir()
    else:
        key.unlink()
    assert str(key) in proxy.fail_to_reload(header_down=["X-New: yes"])
    assert certificate_at(proxy.address) == before
    with TlsClient(proxy.address, trusting(authority)) as client:
        assert client.get().fields.get("X-New") is None
    if damage == "unreadable":
        key.rmdir()
    authority.sign("localhost")
    proxy.reload(header_down=["X-New: yes"])
    assert certificate_at(proxy.address) != before
    with TlsClient(proxy.address, trusting(authority)) as client:
        assert client.get().fields.get("X-New") == "yes"


@pytest.mark.skipif(NEEDS_DESCRIPTORS, reason="the sanitizer needs descriptors")
def test_nothing_changes_without_descriptors(configured, backend):
    proxy = configured(backend=backend.url, header_down=["X-Old: yes"])
    with proxy.client() as client:
        assert client.get().status == 200
        limits = resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE)
        used = max(int(name) for name in os.listdir(f"/proc/{proxy.pid}/fd")) + 1
        places = [f"127.0.0.1:{free_port()}" for _ in range(8)]
        try:
            resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE, (used + 4, limits[1]))
            seen, read = len(proxy.reports()), len(proxy.stderr())
            proxy.change(listen=[*proxy.settings["listen"], *places], header_down=["X-New: yes"])
            proxy.signal(signal.SIGHUP)
            line = proxy.wait_for_report(seen)
        finally:
            resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE, limits)
        assert "not reloaded, and nothing has changed: " in line, proxy.stderr()
        assert "Too many open files" in proxy.stderr()[read:], proxy.stderr()
        assert client.get().fields.get("X-Old") == "yes"
        assert all(is_refused(("127.0.0.1", int(place.rsplit(":", 1)[1]))) for place in places)
    assert " reloaded; " in proxy.hup(), "there is room again"


# --- at the same time ---


def test_a_storm_of_signals_ends_with_the_newest_file(configured, backend):
    proxy = configured(backend=backend.url)
    for number in range(300):
        proxy.change(header_down=[f"X-Number: {number}"])
        proxy.signal(signal.SIGHUP)

    def number():
        with proxy.client() as client:
            return client.get().fields.get("X-Number")

    wait_until(lambda: number() == "299", "the newest")
    assert all(" info HUP: reloaded; " in line for line in proxy.reports())
    assert proxy.process.poll() is None


def test_a_drain_refuses_a_reload(configured, backend):
    proxy = configured(backend=backend.url, header_down=["X-Old: yes"])
    go = []
    backend.play(lambda peer: (peer.read_request(), wait_until(lambda: go, "go"), peer.send(OK)))
    with proxy.client() as client:
        client.send(get())
        backend.wait_for_requests(1)
        proxy.signal(signal.SIGTERM)
        wait_until(lambda: "draining: waiting for 1 request" in proxy.stderr(), "the drain")
        proxy.change(header_down=["X-New: yes"])
        assert "no reload: onehop is stopping" in proxy.hup()
        go.append(True)
        response = client.read_final()
        assert response.status == 200 and response.fields.get("X-New") is None
    assert proxy.wait() == 0


def test_requests_keep_the_settings_they_began_with(configured, backend):
    proxy = configured(backend=backend.url, header_down=["X-Old: yes"])
    go = []
    backend.play(lambda peer: (peer.read_request(), wait_until(lambda: go, "go"), peer.send(OK), peer.serve()))
    with proxy.client() as client:
        client.send(get())
        backend.wait_for_requests(1)
        proxy.reload(header_down=["X-New: yes"], response_timeout="7m")
        go.append(True)
        assert client.read_final().fields.get("X-Old") == "yes"
        assert client.get().fields.get("X-New") == "yes"


def test_no_counter_decreases_in_scrapes_during_reloads(configured, backend):
    """Each reload makes a new pool, whose counts go on from those of the old ones."""
    proxy = configured(backend=backend.url, admin="127.0.0.1:0")
    admin = Admin(None, admin_address(proxy))
    over, scrapes, statuses = threading.Event(), [], []

    def scrape():
        while not over.is_set():
            scrapes.append(admin.scrape())

    def ask():
        with proxy.client() as client:
            while not over.is_set():
                statuses.append(client.get().status)

    threads = [threading.Thread(target=one) for one in (scrape, ask)]
    for thread in threads:
        thread.start()
    try:
        for number in range(10):
            assert "new connections to the backend" in proxy.reload(response_timeout=f"{1 + number}m")
            seen = len(scrapes)
            wait_until(lambda n=seen: len(scrapes) > n + 1 or not threads[0].is_alive(), "a scrape after the reload")
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert set(statuses) == {200}
    last = admin.wait_for_requests(len(statuses))
    assert last.value("onehop_requests_total", code="200") == len(statuses)
    assert last.value("onehop_config_reloads_total", result="ok") == 10
    assert last.value("onehop_upstream_connections_dialled_total") >= 11, "one for each pool"
    for earlier, later in zip(scrapes, [*scrapes[1:], last]):
        after = later.counters()
        assert {name: (value, after.get(name)) for name, value in earlier.counters().items()
                if after.get(name, 0) < value} == {}


def test_a_former_backend_drains_and_disappears(configured, backend, start_backend):
    """Regression: its addresses were kept for ever, as those of the new backend."""
    proxy = configured(backend=backend.url, admin="127.0.0.1:0")
    admin = Admin(None, admin_address(proxy))
    held = HeldRequest()
    backend.play(held)
    other = start_backend()
    with proxy.client() as client:
        client.send(get())
        held.wait_until_here()
        proxy.reload(backend=other.url)
        with proxy.client() as another:
            assert another.get().status == 200
        admin.wait_for_requests(1)
        time.sleep(0.2)  # /status may be as old as half of that
        rows = {row["address"]: row for row in json.loads(admin.page("/status").body)["upstreams"]}
        old, new = ("%s:%d" % one.address for one in (backend, other))
        assert (rows[old]["health"], rows[old]["in_flight"], rows[old]["backend"]) == ("draining", 1, "")
        assert (rows[new]["health"], rows[new]["backend"]) == ("up", other.url)
        scrape = admin.scrape()
        assert scrape.value("onehop_upstream_requests_in_flight", address=old) == 1
        assert [its["address"] for name, its, _ in scrape.samples if name == "onehop_upstream_up"] == [new]
        held.respond()
        assert client.read_final().status == 200
    scrape = admin.wait_for(lambda one: not any(its.get("address") == old for _, its, _ in one.samples))
    assert scrape.value("onehop_requests_total") == 2
    time.sleep(0.2)
    assert [row["address"] for row in json.loads(admin.page("/status").body)["upstreams"]] == [new]


def test_a_viewer_of_the_dashboard_stays_and_sees_each_reload(configured, backend):
    proxy = configured(backend=backend.url, admin="127.0.0.1:0")
    with Client(admin_address(proxy)) as viewer:
        viewer.send(get("/events", host="localhost"))
        assert viewer.read_response_head().status == 200

        def wait_for_state(**parts):
            """The events until then, one a second."""
            deadline = time.monotonic() + PATIENCE
            while True:
                events = viewer.read_chunk().decode("utf-8").splitlines()
                overview = json.loads(events[-2].removeprefix("data: "))
                state = overview["state"]
                if parts.items() <= state.items():
                    return overview
                assert time.monotonic() < deadline, state

        assert wait_for_state(reload_message="")["totals"]["requests"] == 0
        assert status_of(proxy.address) == 200
        proxy.reload(response_timeout="7m")
        overview = wait_for_state(reload_failed=False, reload_message="reloaded; changed: response-timeout; "
                                                                      "new connections to the backend")
        assert overview["totals"]["requests"] == 1 and overview["upstreams"][0]["requests"] == 1, "of the old pool"
        proxy.fail_to_reload(max_body="10 apples")
        overview = wait_for_state(reload_failed=True)
        assert any("reload" in problem["text"] for problem in overview["problems"]), overview["problems"]
        proxy.reload(header_down=["X-New: yes"])
        assert wait_for_state(reload_failed=False)["problems"] == []


# --- --drain-delay ---


def test_a_drain_delay_fails_health_checks_first(configured, backend):
    proxy = configured(backend=backend.url, drain_delay="1500ms", health_path="/healthz")
    assert status_of(proxy.address, "/healthz") == 200
    proxy.signal(signal.SIGTERM)
    began = time.monotonic()
    wait_until(lambda: status_of(proxy.address, "/healthz") == 503, "health checks to fail")
    assert status_of(proxy.address) == 200, "new connections are served"
    wait_until(lambda: is_refused(proxy.address), "the listener to close")
    assert time.monotonic() - began > 1.2
    assert proxy.wait() == 0
    proxy.wait_for_message("draining: health checks fail; the listeners close in 1500ms")


def test_a_second_signal_cuts_the_delay(configured, backend):
    proxy = configured(backend=backend.url, drain_delay="10m")
    proxy.signal(signal.SIGTERM)
    wait_until(lambda: "the listeners close in 10m" in proxy.stderr(), "the delay")
    assert status_of(proxy.address) == 200
    proxy.signal(signal.SIGTERM)
    assert proxy.wait() == 0


# --- --watch-config ---


def served_number(proxy):
    with proxy.client() as client:
        return client.get().fields.get("X-Number")


def test_a_change_of_the_file_is_a_reload(configured, backend):
    proxy = configured("--watch-config", backend=backend.url, header_down=["X-Number: 1"])
    proxy.change(header_down=["X-Number: 2"])
    wait_until(lambda: served_number(proxy) == "2", "the reload")
    assert " info --watch-config: reloaded; changed: header-down" in proxy.wait_for_report(0)


def test_a_file_that_is_half_written_waits_for_the_rest(configured, backend):
    proxy = configured("--watch-config", backend=backend.url, header_down=["X-Number: 1"])
    text = proxy.file.read_text(encoding="utf-8").replace("X-Number: 1", "X-Number: 2")
    with open(proxy.file, "w", encoding="utf-8") as file:
        for character in text:
            file.write(character)
            file.flush()
            time.sleep(0.01)
    wait_until(lambda: served_number(proxy) == "2", "the reload")
    assert "not reloaded" not in proxy.stderr()


def test_a_kubernetes_volume_is_watched(tmp_path, start_proxy, backend):
    text = f'backend = "{backend.url}"\nheader-down = ["X-Number: %d"]\nwatch-config = true\n'
    for number in (1, 2):
        folder = tmp_path / f"..{number}"
        folder.mkdir()
        (folder / "onehop.toml").write_text(text % number, encoding="utf-8")
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "onehop.toml").symlink_to("..data/onehop.toml")
    proxy = start_proxy("--config", tmp_path / "onehop.toml")
    assert served_number(proxy) == "1"
    (tmp_path / "..data_tmp").symlink_to("..2")
    os.rename(tmp_path / "..data_tmp", tmp_path / "..data")
    wait_until(lambda: served_number(proxy) == "2", "the reload")


def test_watching_is_off_by_default(configured, backend):
    proxy = configured(backend=backend.url, header_down=["X-Number: 1"])
    proxy.change(header_down=["X-Number: 2"])
    time.sleep(2.5)
    assert served_number(proxy) == "1" and proxy.reports() == []


# --- the command ---


def test_the_command_waits_and_reports_the_error(configured, backend, tmp_path):
    place = tmp_path / "admin.sock"
    proxy = configured(backend=backend.url, admin_socket=str(place))

    def command():
        return run_onehop("reload", "--admin-socket", place)

    proxy.change(header_down=["X-Number: 1"])
    ended = command()
    assert (ended.returncode, ended.stdout.strip()) == (0, "reloaded; changed: header-down"), ended
    assert served_number(proxy) == "1"
    proxy.change(header_down=["X-Number: 2"], max_body="10 apples")
    ended = command()
    said = ended.stdout + ended.stderr
    assert ended.returncode == 1 and "not reloaded, and nothing has changed" in said, ended
    assert "onehop.toml:" in said and "max-body" in said
    assert served_number(proxy) == "1"
    proxy.change(max_body=None)
