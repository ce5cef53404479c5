# SPDX-License-Identifier: Apache-2.0
"""The commands for a running onehop, and the unix socket that they use."""
import json
import os
import pwd
import signal
import stat
import subprocess
import time

import pytest

from proxy_process import free_port, open_to_all, run_onehop
from raw_client import Client
from wire import PATIENCE, get, post

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="changes users")


@pytest.fixture
def place(tmp_path):
    return str(tmp_path / "onehop.sock")


@pytest.fixture
def proxy(start_proxy, backend, place):
    return start_proxy("--admin-socket", place, backend.url)


def command(place, *words):
    return run_onehop(*words, "--admin-socket", place)


def test_status_shows_the_state(proxy, place, backend):
    with proxy.client() as client:
        client.get()
    shown = command(place, "status")
    assert (shown.returncode, shown.stderr) == (0, "")
    for part in ("onehop: Serving", proxy.url, backend.url, "Upstreams: 1", "No listener uses TLS."):
        assert part in shown.stdout
    status = json.loads(command(place, "status", "--json").stdout)
    assert status["state"]["pid"] == proxy.pid
    shown = command(place, "status", "--requests")
    assert "No request is in flight." in shown.stdout
    assert "Upstreams" not in shown.stdout


def test_status_requests_shows_a_request_in_progress(proxy, place, backend):
    backend.play(lambda peer: (peer.read_request(), peer.wait_for_close()))
    with proxy.client() as client:
        client.send(get("/slow?secret=1"))
        backend.wait_for_requests(1)
        deadline = time.monotonic() + PATIENCE
        while "/slow" not in (shown := command(place, "status", "--requests").stdout):
            assert time.monotonic() < deadline, shown
        assert "wait" in shown
        assert "secret" not in shown


def test_drain_finishes_the_requests_and_ends(proxy, place, backend):
    with proxy.client() as client:
        assert client.get().status == 200
        ended = command(place, "drain")
        assert (ended.returncode, ended.stderr) == (0, "")
        assert "drain" in ended.stdout
    assert proxy.wait() == 0
    assert not os.path.exists(place)


def test_stop_ends_at_once(proxy, place, backend):
    backend.play(lambda peer: (peer.read_request(), peer.wait_for_close()))
    with proxy.client() as client:
        client.send(get())
        backend.wait_for_requests(1)
        began = time.monotonic()
        assert command(place, "stop").returncode == 0
        assert proxy.wait() == 0
        assert time.monotonic() - began < 10


def test_reload_reports_its_result(start_proxy, backend, place, tmp_path):
    file = tmp_path / "onehop.toml"
    file.write_text(f'backend = "{backend.url}"\nadmin-socket = "{place}"\n', encoding="utf-8")
    start_proxy("--config", file)
    done = run_onehop("reload", "--config", file)
    assert done.returncode == 0, done.stderr
    file.write_text(f'backend = "{backend.url}"\nadmin-socket = "{place}"\nidle-timeout = "5x"\n', encoding="utf-8")
    failed = command(place, "reload")
    assert failed.returncode == 1
    assert "idle-timeout" in failed.stdout + failed.stderr
    assert "onehop.toml:3" in failed.stdout + failed.stderr
    result = json.loads(command(place, "reload", "--json").stdout)
    assert result["done"] is False
    assert result["findings"]
    assert json.loads(command(place, "status", "--json").stdout)["state"]["reload_failed"] is True


def test_log_level_changes_what_is_logged(start_proxy, place):
    proxy = start_proxy("--access-log", "off", "--admin-socket", place, f"http://127.0.0.1:{free_port()}")

    def fail(target):
        with proxy.client() as client:
            assert client.get(target).status == 502

    for level in ("debug", "error", "warning"):
        ended = command(place, "log-level", level)
        assert (ended.returncode, ended.stdout.strip()) == (0, f"the log level is {level}"), ended
        fail(f"/at-{level}")
    deadline = time.monotonic() + PATIENCE
    while "/at-warning" not in proxy.stderr():
        assert time.monotonic() < deadline, proxy.stderr()
        time.sleep(0.005)
    assert "/at-debug" in proxy.stderr() and "/at-error" not in proxy.stderr()


def test_an_invalid_command_is_refused(proxy, place):
    for words in (["log-level"], ["log-level", "loud"], ["drain", "now"], ["status", "--nonsense"]):
        ended = command(place, *words)
        assert ended.returncode == 2, words
        assert ended.stderr, words


def test_without_a_running_proxy_the_error_names_the_path(place):
    ended = command(place, "status")
    assert ended.returncode == 1
    assert place in ended.stderr


def command_through(address, target):
    with Client(address) as client:
        return client.ask(post(b"", target)).status


@pytest.mark.parametrize("flags", [[], ["--admin-socket", "auto"], ["--admin-socket", "./onehop.sock"]])
def test_a_backend_that_is_its_own_admin_socket_is_refused(flags, tmp_path, monkeypatch):
    """Clients could stop the proxy."""
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for words in ([], ["check"]):
        ended = run_onehop(*words, "-l", "127.0.0.1:0", *flags, f"unix:{tmp_path}/onehop.sock")
        assert ended.returncode == 2, ended
        assert "is this proxy's own --admin-socket" in ended.stdout + ended.stderr


def test_the_admin_socket_refuses_commands_forwarded_by_a_proxy(proxy, place, start_proxy):
    """The proxy in front runs as the same user."""
    front = start_proxy(f"unix:{place}")
    assert command_through(front.address, "/stop") == 403
    with Client(front.address) as client:
        assert client.get("/config").status == 403
    assert command_through(place, "/log-level") == 409, "it takes those of others, and wants a level"
    assert proxy.process.poll() is None


def environment(folder, variable="XDG_RUNTIME_DIR"):
    ours = {name: value for name, value in os.environ.items() if name not in ("XDG_RUNTIME_DIR", "RUNTIME_DIRECTORY")}
    return {**ours, variable: str(folder)}


@pytest.mark.parametrize("variable", ["XDG_RUNTIME_DIR", "RUNTIME_DIRECTORY"])
def test_the_default_socket_is_in_the_runtime_directory(start_proxy, backend, tmp_path, monkeypatch, variable):
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    monkeypatch.setenv(variable, str(tmp_path))
    proxy = start_proxy(backend.url)
    place = tmp_path / "onehop.sock"
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    proxy.wait_for_message(f"admin socket {place}")
    assert run_onehop("status").returncode == 0
    second = start_proxy(backend.url)
    second.wait_for_message("no admin socket")
    assert json.loads(run_onehop("status", "--json").stdout)["state"]["pid"] == proxy.pid
    proxy.signal(signal.SIGKILL)
    proxy.wait()
    assert place.exists()
    third = start_proxy(backend.url)
    assert json.loads(run_onehop("status", "--json").stdout)["state"]["pid"] == third.pid


def test_a_command_finds_the_only_running_process(start_proxy, backend, tmp_path, monkeypatch):
    folders = {name: tmp_path / name.lower() for name in ("RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR")}
    proxies = {}
    for name, folder in folders.items():
        folder.mkdir()
        monkeypatch.delenv(name, raising=False)
    for name, folder in folders.items():
        proxies[name] = start_proxy("--admin-socket", folder / "onehop.sock", backend.url)
        monkeypatch.setenv(name, str(folder))
    first, second = proxies.values()
    ended = run_onehop("log-level", "debug")
    assert ended.returncode == 1
    for name, proxy in proxies.items():
        assert f"{folders[name]}/onehop.sock (process {proxy.pid})" in ended.stderr, ended
    assert "more than one onehop runs" in ended.stderr
    assert run_onehop("stop").returncode == 1 and first.process.poll() is second.process.poll() is None
    first.signal(signal.SIGKILL)
    first.wait()
    assert (folders["RUNTIME_DIRECTORY"] / "onehop.sock").exists()
    ended = run_onehop("log-level", "debug")
    assert (ended.returncode, ended.stdout) == (
        0, f"the log level is debug; by {folders['XDG_RUNTIME_DIR']}/onehop.sock (process {second.pid})\n"), ended
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(folders["XDG_RUNTIME_DIR"]))
    assert run_onehop("stop").returncode == 0, "two names of one socket"
    assert second.wait() == 0


def test_without_a_runtime_directory_there_is_no_socket(start_proxy, backend, monkeypatch):
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    proxy = start_proxy(backend.url)
    assert "admin socket" not in proxy.stderr()


def test_a_configured_socket_path_must_be_usable(backend, proxy, place):
    ended = run_onehop("-l", "127.0.0.1:0", "--admin-socket", place, backend.url)
    assert ended.returncode == 1
    assert "another process listens there" in ended.stderr
    with open(place + ".txt", "w", encoding="ascii") as file:
        file.write("precious")
    ended = run_onehop("-l", "127.0.0.1:0", "--admin-socket", place + ".txt", backend.url)
    assert ended.returncode == 1
    assert os.path.getsize(place + ".txt") == 8


@needs_root
def test_other_users_are_refused_whatever_the_mode_of_the_socket(proxy, place, tmp_path):
    os.chmod(place, 0o777)
    open_to_all(tmp_path)
    nobody = pwd.getpwnam("nobody").pw_uid
    asking = ("import socket\n"
              "s = socket.socket(socket.AF_UNIX)\n"
              f"s.connect({place!r})\n"
              "s.sendall(b'POST /stop HTTP/1.1\\r\\nHost: localhost\\r\\nContent-Length: 0\\r\\n\\r\\n')\n"
              "print(s.recv(1000))\n")
    ended = subprocess.run(["/usr/bin/python3", "-c", asking], user=nobody, group=nobody, capture_output=True, text=True,
                           timeout=30, check=False)
    assert "403" in ended.stdout, ended.stderr
    assert proxy.process.poll() is None


@needs_root
def test_the_socket_belongs_to_the_user_of_the_service(start_proxy, backend, tmp_path):
    """In a folder where that user cannot create files, such as /run."""
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
    place = tmp_path / "service.sock"
    start_proxy("--user", "nobody", "--admin-socket", place, backend.url)
    assert place.stat().st_uid == pwd.getpwnam("nobody").pw_uid
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert command(str(place), "status").returncode == 0  # root may, too


def test_commands_need_post(proxy, place):
    with Client(place) as client:
        assert client.get("/drain").status == 405
        assert client.get("/readyz").status == 200
    assert proxy.process.poll() is None
