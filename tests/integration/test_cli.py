# SPDX-License-Identifier: Apache-2.0
"""The program as a user meets it: start-up lines, exit codes, clear errors."""
import os
import pathlib
import re
import socket
import subprocess
import time

import pytest

from proxy_process import ENVIRONMENT_OF_OTHERS, PROGRAM, free_port, run_onehop
from raw_client import Client
from wire import PATIENCE, SOON, get

ANYWHERE = "127.0.0.1:0"
MANUAL = pathlib.Path(__file__).parents[2] / "docs" / "operating.md"


def usage_error(*args):
    ended = run_onehop(*args)
    assert ended.returncode == 2, ended
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr and "terminate called" not in ended.stderr
    return ended.stderr


@pytest.mark.parametrize("args", [["help"], ["--help"], ["-h"]])
def test_help_lists_every_flag_and_succeeds(args):
    ended = run_onehop(*args)
    assert ended.returncode == 0
    for flag in ("--listen", "--host-header", "--trust", "--max-body", "--workers", "--access-log",
                 "--header-timeout", "--body-timeout", "--idle-timeout", "--write-timeout",
                 "--drain-timeout", "--max-header-bytes", "--max-header-fields", "--max-request-line",
                 "--max-client-connections", "--max-streams", "--stream-window", "--connection-window",
                 "--connect-timeout", "--connect-attempt-timeout",
                 "--response-timeout", "--activity-timeout", "--pool-idle-timeout", "--pool-size",
                 "--max-connections", "--queue-timeout", "--replay-body", "--retry-budget",
                 "--max-response-header-bytes", "--max-response-header-fields", "--header-up",
                 "--header-down"):
        assert flag in ended.stdout


def test_every_flag_has_a_row_in_the_manual():
    rows = [line.split(" | ")[0] for line in MANUAL.read_text(encoding="utf-8").splitlines() if line.startswith("| `-")]
    explained = set(re.findall(r"--[a-z0-9-]+", "\n".join(rows)))
    flags = set(re.findall(r"^ .{5}(--[a-z0-9-]+)", run_onehop("help").stdout, re.MULTILINE))
    assert len(flags) > 40
    assert flags == explained


@pytest.mark.parametrize("args", [["version"], ["--version"], ["-V"]])
def test_version_is_one_line(args):
    ended = run_onehop(*args)
    assert ended.returncode == 0
    assert re.match(r"onehop \d+\.\d+\.\d+[^\n]*\n\Z", ended.stdout)


@pytest.mark.parametrize("typed, meant", [
    ("--listne", "--listen"), ("--max-bdy", "--max-body"), ("--conect-timeout", "--connect-timeout"),
    ("--acces-log=json", "--access-log"),
])
def test_an_unknown_flag_suggests_the_one_that_was_meant(typed, meant):
    assert meant in usage_error(typed, "1s", "http://localhost:1")


@pytest.mark.parametrize("args, word", [
    ([], "BACKEND"),
    (["api.internal"], "http://api.internal"),
    (["ftp://localhost"], "ftp"),
    (["http://"], "host"),
    (["http://localhost:99999"], "port"),
    (["http://localhost:port"], "port"),
    (["http://a b"], "blank"),
    (["https://"], "host"),
    (["http://a", "https://b"], "https://"),
    (["--header-timeout", "5", "http://a"], "5s"),
    (["--max-body", "1000000", "http://a"], "unit"),
    (["--header-timeout", "soon", "http://a"], "--header-timeout"),
    (["--access-log", "xml", "http://a"], "json"),
    (["--workers", "many", "http://a"], "--workers"),
    (["--trust", "10.0.0.0/99", "http://a"], "10.0.0.0/99"),
    (["--trust", "nonsense", "http://a"], "nonsense"),
    (["-l", "nowhere", "http://a"], "nowhere"),
    (["-l", ":99999", "http://a"], "99999"),
    (["-l"], "-l"),
    (["--allow-upgrade", "h2c", "http://a"], "h2c"),
])
def test_a_usage_error_names_the_problem_and_exits_with_2(args, word):
    assert word in usage_error(*args)


def test_a_port_in_use_is_one_clear_line_and_exit_code_1():
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        ended = run_onehop("-l", f"127.0.0.1:{port}", "http://127.0.0.1:1")
    assert ended.returncode == 1
    assert re.search(rf"another process has port {port}|{port}.* in use", ended.stderr)


def test_an_address_of_another_machine_is_exit_code_1():
    ended = run_onehop("-l", "192.0.2.1:8080", "http://127.0.0.1:1")
    assert ended.returncode == 1
    assert "192.0.2.1" in ended.stderr


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to give it up")
def test_port_80_without_permission_names_the_remedies():
    if int(open("/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding="ascii").read()) <= 80:
        pytest.skip("everybody may bind port 80 here")
    command = ["setpriv", "--reuid", "65534", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all",
               PROGRAM, "-l", "127.0.0.1:80", "http://127.0.0.1:1"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False,
                           env=ENVIRONMENT_OF_OTHERS)
    assert ended.returncode == 1
    assert "80" in ended.stderr
    assert "setcap" in ended.stderr or "CAP_NET_BIND_SERVICE" in ended.stderr or "8080" in ended.stderr


def test_startup_messages_name_the_listener_and_the_backend(start_proxy, start_backend):
    backend = start_backend()
    proxy = start_proxy(backend.url)
    proxy.wait_for_message(str(backend.address[1]))
    text = proxy.stderr()
    assert str(proxy.address[1]) in text
    assert len(text.strip().splitlines()) <= 3
    assert proxy.stdout() == "", "standard output is for the access log"


def test_port_0_is_a_free_port_that_is_printed(start_backend):
    backend = start_backend()
    process = subprocess.Popen([PROGRAM, "-l", ANYWHERE, backend.url], stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True)
    try:
        port = 0
        while not port:
            line = process.stderr.readline()
            assert line, "the program ended without naming its port"
            found = re.search(r"127\.0\.0\.1:(\d+)", line)
            port = int(found[1]) if found and found[1] != str(backend.address[1]) else 0
        with Client(("127.0.0.1", port)) as client:
            assert client.get().body == b"ok"
    finally:
        process.terminate()
        assert process.wait(PATIENCE) == 0
        process.stderr.close()


def test_it_starts_while_the_backend_is_down_and_works_once_it_is_up(start_proxy):
    port = free_port()
    proxy = start_proxy(f"http://127.0.0.1:{port}")
    with proxy.client() as client:
        assert client.get().status == 502
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", port))
            listener.listen()
            client.send(get())
            peer, _ = listener.accept()
            peer.recv(65536)
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nup")
            assert client.read_final().body == b"up"
            peer.close()
    proxy.wait_for_message(str(port))


def test_it_starts_although_the_name_does_not_resolve(start_proxy):
    proxy = start_proxy("http://no-such-host.invalid")
    with proxy.client() as client:
        assert client.get().status == 502


def test_a_bare_port_means_localhost(start_proxy, start_backend):
    backend = start_backend()
    with start_proxy(backend.address[1]).client() as client:
        assert client.get().body == b"ok"


def localhost_is_ipv6_too():
    try:
        return bool(socket.getaddrinfo("localhost", 80, socket.AF_INET6))
    except socket.gaierror:
        return False


@pytest.mark.skipif(not localhost_is_ipv6_too(), reason="localhost is 127.0.0.1 only on this machine")
def test_localhost_reaches_a_backend_on_ipv6_only(start_proxy, start_backend):
    backend = start_backend(family=socket.AF_INET6)
    with start_proxy("http://localhost:%d" % backend.address[1]).client() as client:
        assert client.get().body == b"ok"


def test_an_ipv6_backend_in_brackets(start_proxy, start_backend):
    backend = start_backend(family=socket.AF_INET6)
    with start_proxy(backend.url).client() as client:
        assert client.get().body == b"ok"


def test_a_backend_on_a_unix_socket(start_proxy, start_backend, tmp_path):
    backend = start_backend(path=str(tmp_path / "app.sock"))
    with start_proxy(backend.url).client() as client:
        assert client.get("/x").body == b"ok"
        assert client.get("/y").body == b"ok"
    assert [request.target for request in backend.requests] == ["/x", "/y"]
    assert backend.requests[0].fields.get("host") == "example.test"


def test_a_missing_unix_socket_is_a_502(start_proxy, tmp_path):
    with start_proxy(f"unix:{tmp_path}/none.sock").client() as client:
        assert client.get().status == 502


def test_listening_on_a_unix_socket(start_proxy, start_backend, tmp_path):
    path = str(tmp_path / "in.sock")
    proxy = start_proxy(start_backend().url, listen=path)
    with Client(path) as client:
        assert client.get().body == b"ok"
    assert proxy.stop() == 0
    assert not os.path.exists(path), "the socket's file is removed"


def test_a_unix_socket_left_by_a_dead_program_is_replaced(start_proxy, start_backend, tmp_path):
    path = str(tmp_path / "in.sock")
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(path)
    start_proxy(start_backend().url, listen=path)
    with Client(path) as client:
        assert client.get().body == b"ok"


def test_several_listeners(start_proxy, start_backend):
    port = free_port()
    proxy = start_proxy("-l", f"127.0.0.1:{port}", start_backend().url)
    for address in (proxy.address, ("127.0.0.1", port)):
        with Client(address) as client:
            assert client.get().body == b"ok"


def test_settings_come_from_the_environment_and_flags_win(start_proxy, start_backend, monkeypatch):
    monkeypatch.setenv("ONEHOP_HOST_HEADER", "environment.test")
    backend = start_backend()
    with start_proxy(backend.url).client() as client:
        client.get()
    with start_proxy("--host-header", "flag.test", backend.url).client() as client:
        client.get()
    assert [r.fields.get("host") for r in backend.requests] == ["environment.test", "flag.test"]


def test_header_up_and_header_down_edit_fields(start_proxy, start_backend):
    backend = start_backend()
    proxy = start_proxy("--header-up", "X-Up: 1", "--header-up", "-Cookie", "--header-down", "X-Down: 2",
                        backend.url)
    with proxy.client() as client:
        got = client.get("/", "Cookie: a=b", "X-Up: spoofed", "Connection: X-Up")
    assert backend.request.fields.get_all("x-up") == ["1"]
    assert not backend.request.fields.has("cookie")
    assert got.fields.get_all("x-down") == ["2"]


def test_startup_is_fast(start_proxy, start_backend):
    backend = start_backend()
    began = time.monotonic()
    start_proxy(backend.url)
    assert time.monotonic() - began < (5 if os.environ.get("ONEHOP_SANITIZE") else SOON)
