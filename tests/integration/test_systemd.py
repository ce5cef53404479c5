# SPDX-License-Identifier: Apache-2.0
"""The interface between systemd and onehop: reports, watchdog, sockets, credentials."""
import os
import shutil
import signal
import socket
import subprocess
import time

import pytest

from configured_proxy import ConfiguredProxy
from notify_receiver import NotifyReceiver
from proxy_process import IN_CI, PROGRAM, SANITIZED, free_port
from raw_client import Client
from stopped_thread import StoppedThread
from tls_peers import Certificates, TlsClient, trusting
from wire import PATIENCE, get


@pytest.fixture
def manager(tmp_path):
    receiver = NotifyReceiver(tmp_path / "notify")
    yield receiver
    receiver.close()


@pytest.fixture
def managed(tmp_path, manager, backend):
    """Starts a proxy that reports to `manager`."""
    started = []

    def start(environment=(), **settings):
        settings = {"backend": backend.url, **settings}
        started.append(ConfiguredProxy(tmp_path, settings, environment={"NOTIFY_SOCKET": manager.name,
                                                                        **dict(environment)}))
        return started[-1]

    yield start
    for proxy in started:
        assert proxy.stop() == 0, proxy.stderr()


# --- reports ---


def test_state_changes_are_reported(managed, manager, backend):
    proxy = managed()
    report = manager.receive()
    assert report == {"READY": "1", "STATUS": f"serving http://127.0.0.1:{proxy.address[1]}, 0 requests in progress"}

    before = time.clock_gettime(time.CLOCK_MONOTONIC)
    proxy.reload(header_down=["X-New: yes"])
    report = manager.receive()
    assert set(report) == {"RELOADING", "MONOTONIC_USEC", "STATUS"} and report["RELOADING"] == "1"
    assert before <= int(report["MONOTONIC_USEC"]) / 1e6 <= time.clock_gettime(time.CLOCK_MONOTONIC)
    assert manager.receive()["READY"] == "1"

    proxy.fail_to_reload(max_body="nonsense")
    assert manager.receive()["RELOADING"] == "1"
    report = manager.receive()
    assert report["READY"] == "1", "the old settings serve"
    assert report["STATUS"].endswith(", 0 requests in progress; the last reload has failed")
    proxy.reload()
    assert manager.receive()["RELOADING"] == "1"
    assert manager.receive()["STATUS"].endswith(", 0 requests in progress")

    proxy.signal(signal.SIGTERM)
    report = manager.receive()
    assert report["STOPPING"] == "1" and report["STATUS"].startswith("draining: ")
    assert proxy.wait() == 0
    assert manager.is_silent_for(0.1)


def test_ready_means_that_connections_are_accepted(manager):
    port = free_port()
    process = subprocess.Popen([PROGRAM, "-l", f"127.0.0.1:{port}", "http://127.0.0.1:1"], stderr=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, env={**os.environ, "NOTIFY_SOCKET": manager.name})
    try:
        assert manager.receive(3 * PATIENCE)["READY"] == "1"
        with Client(("127.0.0.1", port)) as client:
            assert client.get().status == 502
    finally:
        process.terminate()
        assert process.wait(2 * PATIENCE) == 0


def test_the_status_counts_requests(managed, manager, backend):
    backend.play(lambda peer: (peer.read_request(), peer.wait_for_close()))
    proxy = managed()
    manager.receive()
    with proxy.client() as client:
        client.send(get())
        assert manager.receive_with("STATUS")["STATUS"].endswith(", 1 request in progress")
    assert manager.receive_with("STATUS")["STATUS"].endswith(", 0 requests in progress")


def test_reports_go_to_an_abstract_socket_too(tmp_path, backend):
    manager = NotifyReceiver(f"@onehop-test-{os.getpid()}-{free_port()}")
    proxy = ConfiguredProxy(tmp_path, {"backend": backend.url}, environment={"NOTIFY_SOCKET": manager.name})
    assert manager.receive()["READY"] == "1"
    assert proxy.stop() == 0
    manager.close()


def test_a_missing_manager_is_harmless(managed, manager, tmp_path):
    os.rename(manager.name, tmp_path / "elsewhere")
    proxy = managed()
    with proxy.client() as client:
        assert client.get().status == 200
    os.rename(tmp_path / "elsewhere", manager.name)
    proxy.reload(header_down=["X-New: yes"])
    assert manager.receive()["RELOADING"] == "1"


@pytest.mark.parametrize("name", ["relative", "vsock:2:1234"])
def test_a_notify_socket_that_is_not_unix_is_a_warning(start_proxy, backend, monkeypatch, name):
    """A virtual machine's manager listens on a vsock."""
    monkeypatch.setenv("NOTIFY_SOCKET", name)
    proxy = start_proxy(backend.url)
    proxy.wait_for_message(f"warning no reports to the service manager: NOTIFY_SOCKET: '{name}'")
    with proxy.client() as client:
        assert client.get().status == 200


# --- watchdog ---


@pytest.mark.skipif(SANITIZED, reason="the sanitizers' own threads are in the way of ptrace(2)")
def test_a_watchdog_report_needs_every_worker(managed, manager):
    proxy = managed({"WATCHDOG_USEC": "2000000"}, workers=3)
    for _ in range(3):
        manager.receive_with("WATCHDOG", 3)
    with StoppedThread(proxy, worker=1):
        time.sleep(0.3)  # a report that was being sent
        manager.drop_all()
        assert manager.is_silent_for(2.5)
    assert manager.receive_with("WATCHDOG", 3)


def test_watchdog_reports_continue_during_a_drain(managed, manager, backend):
    backend.play(lambda peer: (peer.read_request(), peer.wait_for_close()))
    proxy = managed({"WATCHDOG_USEC": "400000"}, workers=3, drain_timeout="2s")
    with proxy.client() as client:
        client.send(get())
        backend.wait_for_requests(1)
        proxy.signal(signal.SIGTERM)
        manager.receive_with("STOPPING")
        for _ in range(3):
            manager.receive_with("WATCHDOG", 3)
        assert proxy.wait() == 0


def test_a_watchdog_for_another_process_gets_no_reports(managed, manager):
    managed({"WATCHDOG_USEC": "20000", "WATCHDOG_PID": "1"})
    assert manager.receive()["READY"] == "1"
    time.sleep(0.2)
    assert manager.is_silent_for(0.1)


# --- sockets ---


needs_activation = pytest.mark.skipif(not shutil.which("systemd-socket-activate") and not IN_CI, reason="needs systemd")


class Activated:
    """onehop below systemd-socket-activate, which starts it when the first connection comes."""

    def __init__(self, places, flags, names=(), address=None):
        options = [f"--listen={place}" for place in places]
        if names:
            options.append("--fdname=" + ":".join(names))
        self.address = address
        self.process = subprocess.Popen(["systemd-socket-activate", *options, PROGRAM, *map(str, flags)],
                                        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)

    def client(self):
        deadline = time.monotonic() + 2 * PATIENCE
        while True:
            try:
                return Client(self.address)
            except (ConnectionRefusedError, FileNotFoundError):
                assert time.monotonic() < deadline and self.process.poll() is None
                time.sleep(0.01)

    def end(self):
        self.process.terminate()
        return self.process.wait(2 * PATIENCE), self.process.stderr.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stderr.close()


@needs_activation
@pytest.mark.parametrize("listen", ["127.0.0.1:%d", "fd:web", "http://fd:web"])
def test_a_socket_is_found_by_its_address_or_its_name(backend, listen):
    port = free_port()
    listen = listen % port if "%" in listen else listen
    with Activated([f"127.0.0.1:{port}"], ["-l", listen, backend.url], ["web"], ("127.0.0.1", port)) as onehop:
        for _ in range(3):
            with onehop.client() as client:
                assert client.get().status == 200
        code, said = onehop.end()
        assert code == 0 and f"listening on http://127.0.0.1:{port}" in said, said


@needs_activation
def test_sockets_of_several_kinds(backend, tmp_path):
    authority = Certificates(tmp_path / "authority")
    chain, key = authority.sign("localhost")
    ports, path = [free_port(), free_port()], tmp_path / "given.sock"
    flags = ["-l", "redirect://fd:plain", "-l", "https://fd:secure", "-l", f"unix:{path}", "--tls", chain, "--tls-key", key,
             backend.url]
    places = [*(f"127.0.0.1:{port}" for port in ports), path]
    with Activated(places, flags, ["plain", "secure", "local"], ("127.0.0.1", ports[0])) as onehop:
        with onehop.client() as client:
            response = client.ask(get("/x", host="h"))
            assert (response.status, response.fields.get("Location")) == (308, f"https://h:{ports[1]}/x")
        with TlsClient(("127.0.0.1", ports[1]), trusting(authority)) as client:
            assert client.get().status == 200
        with Client(str(path)) as client:
            assert client.get().status == 200
        assert onehop.end()[0] == 0
        assert path.exists(), "it belongs to systemd"


@needs_activation
def test_an_unmatched_socket_is_a_startup_error(backend):
    ports = [free_port(), free_port()]
    with Activated([f"127.0.0.1:{port}" for port in ports], ["-l", f"127.0.0.1:{ports[0]}", backend.url],
                   ["web", "lost"], ("127.0.0.1", ports[0])) as onehop:
        onehop.client().close()
        assert onehop.process.wait(2 * PATIENCE) == 2
        said = onehop.process.stderr.read()
        assert f"127.0.0.1:{ports[1]}" in said and "fd:lost" in said


@needs_activation
def test_an_unknown_socket_name_is_a_startup_error(backend):
    port = free_port()
    with Activated([f"127.0.0.1:{port}"], ["-l", "fd:wen", backend.url], ["web"], ("127.0.0.1", port)) as onehop:
        onehop.client().close()
        assert onehop.process.wait(2 * PATIENCE) == 2
        assert "fd:wen" in onehop.process.stderr.read()


class GivenSocket:
    """A listening socket that outlives the processes that get it as descriptor 3, as one of systemd's does."""

    def __init__(self):
        self.sock = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.address = self.sock.getsockname()

    def start(self, *flags, name="web"):
        script = 'LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=%s exec "$@" 3<&%d' % (name, self.sock.fileno())
        return subprocess.Popen(["bash", "-c", script, "bash", PROGRAM, *map(str, flags)], pass_fds=[self.sock.fileno()],
                                stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def test_connections_wait_during_a_restart(backend):
    given = GivenSocket()
    process = given.start("-l", "fd:web", backend.url)
    with Client(given.address) as client:
        assert client.get().status == 200
    process.terminate()
    assert process.wait(2 * PATIENCE) == 0
    with Client(given.address) as client:
        client.send(get())
        process = given.start("-l", "fd:web", backend.url)
        assert client.read_final().status == 200
    process.terminate()
    assert process.wait(2 * PATIENCE) == 0


def test_a_reload_keeps_passed_sockets(tmp_path, backend):
    given = GivenSocket()
    file = tmp_path / "onehop.toml"
    text = f'backend = "{backend.url}"\nlisten = ["fd:web"]\nheader-down = ["X-Number: %d"]\n'
    file.write_text(text % 0, encoding="utf-8")
    process = given.start("--config", file)
    with Client(given.address) as client:
        assert client.get().fields.get("X-Number") == "0"
        for number in range(1, 5):
            file.write_text(text % number, encoding="utf-8")
            process.send_signal(signal.SIGHUP)
            deadline = time.monotonic() + 2 * PATIENCE
            while client.get().fields.get("X-Number") != str(number):
                assert time.monotonic() < deadline
        with Client(given.address) as new:
            assert new.get().fields.get("X-Number") == "4"
    process.terminate()
    assert process.wait(2 * PATIENCE) == 0


# --- credentials ---


def test_files_may_be_credentials(tmp_path, backend):
    authority = Certificates(tmp_path / "authority")
    folder = tmp_path / "credentials"
    folder.mkdir()
    for file, name in zip(authority.sign("localhost"), ("chain", "key")):
        shutil.copy(file, folder / name)
    port = free_port()
    proxy = ConfiguredProxy(tmp_path, {"backend": backend.url, "listen": [f"https://127.0.0.1:{port}"],
                                       "tls": ["credential:chain"], "tls-key": ["credential:key"]},
                            environment={"CREDENTIALS_DIRECTORY": str(folder)})
    proxy.address = ("127.0.0.1", port)
    with TlsClient(proxy.address, trusting(authority)) as client:
        assert client.get().status == 200
    assert proxy.stop() == 0
