# SPDX-License-Identifier: Apache-2.0
"""An upgrade replaces the process by one of the installed program, and loses no connection."""
import contextlib
import json
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import threading
import time

import pytest

from admin import Scrape
from h2_client import H2Client
from notify_receiver import NotifyReceiver
from process_files import is_alive
from proxy_process import PROGRAM, SANITIZED, free_port, open_to_all
from raw_client import Client, connect
from tls_peers import Certificates, trusting
from wire import PATIENCE, Truncated, answer, get, message


def answer_late(backend, go_on):
    def script(peer):
        peer.read_request()
        go_on.wait(30)
        peer.send(answer(b"late"))

    backend.play(script)


def test_the_new_process_serves_with_the_same_sockets(upgraded, backend):
    proxy = upgraded(admin="127.0.0.1:0")
    first = proxy.pid
    with proxy.client() as before:
        assert before.get().status == 200
        answer_of_command = proxy.command("upgrade")
        assert answer_of_command.returncode == 0, answer_of_command.stderr
        assert "has taken over" in answer_of_command.stdout
        proxy.wait_for_successor()
    proxy.wait_for_end(first)
    assert proxy.process.wait() == 0
    with proxy.client() as after:
        assert after.get().status == 200
    state = proxy.status()["state"]
    assert state["pid"] == proxy.pid != first and state["generation"] == 2
    proxy.wait_for_message("generation 2")
    assert proxy.stderr().count("admin pages on") == 2
    lines = [line.split("admin pages on ")[1] for line in proxy.stderr().splitlines() if "admin pages on" in line]
    assert lines[0] == lines[1], "port 0 keeps the port that the system chose"


def test_an_upgrade_changes_settings_that_a_reload_cannot(upgraded):
    proxy = upgraded(workers=2)
    proxy.configure(workers=3)
    refused = proxy.command("reload")
    assert refused.returncode == 1
    assert "workers: a change from 2 to 3 needs `onehop upgrade`, which drops no connections" in refused.stdout, refused
    assert len(proxy.status()["workers"]) == 2
    first = proxy.pid
    proxy.upgrade()
    proxy.wait_for_end(first)
    assert len(proxy.status()["workers"]) == 3


def test_requests_in_progress_are_finished_by_the_old_process(upgraded, backend):
    proxy = upgraded()
    first, go_on = proxy.pid, threading.Event()
    answer_late(backend, go_on)
    with proxy.client() as waits, proxy.client() as idle:
        waits.send(get("/slow"))
        backend.wait_for_requests(1)
        backend.answers(answer(b"ok"))
        assert idle.get().status == 200
        proxy.upgrade()
        idle.how_it_ends()
        with proxy.client() as new:
            assert new.get().body == b"ok"
        deadline = time.monotonic() + PATIENCE
        while "1 request in progress" not in (status := proxy.command("status").stdout):
            assert time.monotonic() < deadline, status
            time.sleep(0.1)
        assert is_alive(first)
        go_on.set()
        response = waits.read_final()
        assert response.status == 200 and response.body == b"late"
        assert response.fields.get("Connection") == "close"
    proxy.wait_for_end(first)


def test_a_tunnel_lives_until_the_end_of_the_drain(upgraded, backend):
    proxy = upgraded(drain_timeout="2s")
    first = proxy.pid

    def script(peer):
        peer.read_request()
        peer.send(message("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket"))
        while data := peer.sock.recv(100):
            peer.send(data)

    backend.play(script)
    with proxy.client() as client:
        client.send(message("GET / HTTP/1.1", "Host: h", "Connection: Upgrade", "Upgrade: websocket",
                            "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="))
        assert client.read_response_head().status == 101
        proxy.upgrade()
        began = time.monotonic()
        try:
            while time.monotonic() < began + 10:
                client.send(b"echo")
                assert client.read_exactly(4) == b"echo"
                time.sleep(0.05)
        except (OSError, Truncated):
            pass
        lived = time.monotonic() - began
    assert 1 < lived < 6, lived
    proxy.wait_for_end(first)
    proxy.wait_for_message("stopped; 1 connection with a request in progress was cut")


def test_http2_requests_finish_during_an_upgrade(upgraded, backend):
    proxy = upgraded()
    first, go_on = proxy.pid, threading.Event()
    answer_late(backend, go_on)
    with H2Client(proxy.address) as client:
        stream = client.request()
        backend.wait_for_requests(1)
        proxy.upgrade()
        go_on.set()
        assert client.read_answer(stream).body == b"late"
    proxy.wait_for_end(first)


def test_sessions_are_resumed_and_the_file_of_a_unix_socket_stays(upgraded, tmp_path):
    authority = Certificates(tmp_path / "certificates")
    chain, key = authority.sign("localhost")
    port, path = free_port(), tmp_path / "service.sock"
    proxy = upgraded(listen=[f"127.0.0.1:{free_port()}", f"https://127.0.0.1:{port}", f"unix:{path}"],
                     tls=[chain], tls_key=[key])
    context = trusting(authority)

    def ask(session):
        with context.wrap_socket(connect(("127.0.0.1", port)), server_hostname="localhost", session=session) as sock:
            sock.sendall(get())
            received = b""
            while not received.endswith(b"ok"):
                received += sock.recv(4096)
            return sock.session, sock.session_reused

    session, _ = ask(None)
    identity = os.stat(path).st_ino
    for _ in range(2):
        before = proxy.pid
        proxy.upgrade()
        proxy.wait_for_end(before)
        session, was_resumed = ask(session)
        assert was_resumed
        with Client(str(path)) as client:
            assert client.get().status == 200
    assert os.stat(path).st_ino == identity
    assert stat.S_IMODE(os.stat(proxy.socket).st_mode) == 0o600
    proxy.stop()
    assert not path.exists() and not proxy.socket.exists()


def test_usr2_upgrades_and_a_reload_follows(upgraded):
    proxy = upgraded()
    first = proxy.pid
    proxy.process.send_signal(signal.SIGUSR2)
    proxy.wait_for_successor()
    proxy.wait_for_end(first)
    assert proxy.command("reload").returncode == 0
    proxy.configure(header_down=["X-New: yes"])
    assert proxy.command("reload").returncode == 0
    with proxy.client() as client:
        assert client.get().fields.get("X-New") == "yes"


def test_the_new_process_reads_the_current_settings(upgraded):
    port, other = free_port(), free_port()
    proxy = upgraded(listen=[f"127.0.0.1:{port}", f"127.0.0.1:{other}"])
    new = free_port()
    proxy.configure(listen=[f"127.0.0.1:{port}", f"127.0.0.1:{new}"], header_down=["X-New: yes"])
    first = proxy.pid
    proxy.upgrade()
    proxy.wait_for_end(first)
    with Client(("127.0.0.1", new)) as client:
        assert client.get().fields.get("X-New") == "yes"
    with pytest.raises(ConnectionRefusedError):
        connect(("127.0.0.1", other))


BROKEN = {
    "settings that it refuses": (None, {"max_body": "nonsense"}, "cannot use the settings (exit code 2)"),
    "a program that does not start": ("exit 127", {}, "cannot use the settings (exit code 127)"),
    "a check that is killed": ("kill -9 $$", {}, "cannot use the settings (signal 9)"),
    "a process that ends at once": ('test "$1" = check || exit 3', {}, "has ended before it served (exit code 3)"),
    "a process that is killed": ('test "$1" = check || kill -11 $$', {}, "has ended before it served (signal 11)"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_after_a_failure_nothing_has_changed(upgraded, name):
    script, settings, reason = BROKEN[name]
    proxy = upgraded(landlock="off")  # else the shell of the script cannot be started
    if script is not None:
        proxy.install(script)
    proxy.configure(**settings)
    printed = proxy.fail_to_upgrade()
    assert reason in printed, printed
    if settings:
        assert "max-body" in printed, printed
    descriptors = proxy.descriptors()
    for _ in range(5):
        proxy.fail_to_upgrade()
    proxy.wait_for_descriptors(descriptors + 2)  # of the pools, for each worker
    assert proxy.process.poll() is None
    # Then an upgrade succeeds.
    proxy.install()
    proxy.configure(max_body="1MiB")
    proxy.upgrade()


def test_an_address_in_use_is_reported(upgraded, tmp_path):
    proxy = upgraded()
    path = tmp_path / "service.sock"
    proxy.configure(listen=[*proxy.settings["listen"], f"unix:{path}"])
    assert proxy.command("reload").returncode == 0
    with socket.create_server(("127.0.0.1", 0)) as taken:
        proxy.configure(listen=[*proxy.settings["listen"], "127.0.0.1:%d" % taken.getsockname()[1]])
        printed = proxy.fail_to_upgrade()
    assert "is in use by another process" in printed, printed
    with Client(str(path)) as client:
        assert client.get().status == 200


def test_a_new_process_that_hangs_is_ended(upgraded, tmp_path):
    proxy = upgraded(landlock="off")
    pid_file = tmp_path / "hangs"
    proxy.install(f'test "$1" = check && exit 0\necho $$ > {pid_file}\nexec sleep 300')
    began = time.monotonic()
    assert "did not serve within 30 s" in proxy.fail_to_upgrade()
    assert 29 < time.monotonic() - began < 45
    assert not is_alive(int(pid_file.read_text(encoding="utf-8")))


@pytest.mark.parametrize("script", ['test "$1" = check && exit 0\nexec sleep 300', "exec sleep 300"],
                         ids=["process", "check"])
def test_a_stop_does_not_wait_for_a_process_that_hangs(upgraded, script):
    proxy = upgraded(landlock="off")
    proxy.install(script)
    with subprocess.Popen([PROGRAM, "upgrade", "--admin-socket", proxy.socket], stderr=subprocess.PIPE) as upgrade:
        proxy.wait_for_message("to replace this process")
        time.sleep(0.3)
        began = time.monotonic()
        assert proxy.stop() == 0
        assert time.monotonic() - began < 8
        upgrade.wait(PATIENCE)


def test_a_check_may_print_a_lot(upgraded):
    proxy = upgraded(landlock="off")
    proxy.install("head -c 1000000 /dev/zero | tr '\\0' x; exit 2")
    began = time.monotonic()
    assert "cannot use the settings (exit code 2)" in proxy.fail_to_upgrade()
    assert time.monotonic() - began < 15


def test_when_the_old_process_is_killed_the_new_one_serves(upgraded):
    proxy = upgraded()
    first = proxy.pid
    proxy.upgrade()
    os.kill(first, signal.SIGKILL)
    proxy.process.wait()
    with proxy.client() as client:
        assert client.get().status == 200
    assert proxy.status()["state"]["generation"] == 2


def test_at_most_two_processes_drain(upgraded, backend):
    proxy = upgraded(drain_timeout="1m")
    backend.play(lambda peer: (peer.read_request(), peer.wait_for_close()))
    held = []
    try:
        for number in range(3):
            client = proxy.client()
            held.append(client)
            client.send(get("/held"))
            backend.wait_for_requests(number + 1)
            proxy.upgrade()
        proxy.wait_for_end(proxy.pids[0])
        assert is_alive(proxy.pids[1]) and is_alive(proxy.pids[2])
        proxy.wait_for_message("stopping at the request of the process that took over")
        assert proxy.command("status").stdout.count("1 request in progress") == 2
    finally:
        for client in held:
            client.close()
    for pid in proxy.pids[:3]:
        proxy.wait_for_end(pid)


def stop_with_a_request_in_the_old_process(proxy, backend, go_on):
    """Returns the client, whose request the backend holds until `go_on`."""
    client = proxy.client()
    answer_late(backend, go_on)
    client.send(get("/late"))
    backend.wait_for_requests(1)
    proxy.upgrade()
    proxy.process.poll()
    os.kill(proxy.pid, signal.SIGTERM)
    return client


def test_a_stop_waits_for_the_processes_that_drain(upgraded, backend):
    """The service manager kills them when the main process has ended."""
    proxy, go_on = upgraded(drain_timeout="30s"), threading.Event()
    with stop_with_a_request_in_the_old_process(proxy, backend, go_on) as client:
        time.sleep(1)
        assert is_alive(proxy.pids[0]) and is_alive(proxy.pids[1])
        go_on.set()
        assert client.read_final().body == b"late"
    proxy.wait_for_end(proxy.pids[0])
    proxy.wait_for_end(proxy.pids[1])


def test_a_second_signal_ends_every_process(upgraded, backend):
    proxy, go_on = upgraded(drain_timeout="30s"), threading.Event()
    with stop_with_a_request_in_the_old_process(proxy, backend, go_on) as client:
        time.sleep(0.3)
        os.kill(proxy.pid, signal.SIGTERM)
        began = time.monotonic()
        proxy.wait_for_end(proxy.pids[0])
        proxy.wait_for_end(proxy.pids[1])
        assert time.monotonic() - began < 5
        client.how_it_ends()
        go_on.set()


def test_a_stop_waits_no_longer_than_the_drain(upgraded, backend):
    proxy, go_on = upgraded(drain_timeout="2s"), threading.Event()
    with stop_with_a_request_in_the_old_process(proxy, backend, go_on):
        began = time.monotonic()
        proxy.wait_for_end(proxy.pids[1])
        assert time.monotonic() - began < 6
        go_on.set()


def test_the_program_may_be_a_link_to_a_release(upgraded, tmp_path):
    """With Landlock, too: the folder of the releases is its own."""
    for release in ("1", "2"):
        (tmp_path / "releases" / release / "bin").mkdir(parents=True)
        shutil.copy2(PROGRAM, tmp_path / "releases" / release / "bin" / "onehop")
    (tmp_path / "current").symlink_to("releases/1")
    proxy = upgraded(program=tmp_path / "current" / "bin" / "onehop")
    first = proxy.pid
    (tmp_path / "next").symlink_to("releases/2")
    os.replace(tmp_path / "next", tmp_path / "current")
    proxy.upgrade()
    proxy.wait_for_end(first)
    assert os.readlink(f"/proc/{proxy.pid}/exe") == str(tmp_path / "releases/2/bin/onehop")


def test_a_draining_process_no_longer_watches_its_files(upgraded, backend):
    proxy, go_on = upgraded(watch_config="on"), threading.Event()
    answer_late(backend, go_on)
    with proxy.client() as client:
        client.send(get("/late"))
        backend.wait_for_requests(1)
        proxy.upgrade()
        proxy.configure(header_down=["X-New: yes"])
        deadline = time.monotonic() + 3 * PATIENCE
        while "--watch-config: reloaded" not in proxy.stderr():
            assert time.monotonic() < deadline, proxy.stderr()
            time.sleep(0.05)
        time.sleep(1)
        assert "no reload" not in proxy.stderr()
        go_on.set()


def test_two_processes_write_whole_lines_to_one_pipe(upgraded, backend, tmp_path):
    """Those of the new process and of one that drains are not mixed."""
    pipe = tmp_path / "access.fifo"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    try:
        proxy = upgraded(access_log="json", access_log_to=str(pipe), drain_timeout="20s")
        over = threading.Event()

        def ask():
            # The third process cuts the first.
            with proxy.client() as client, contextlib.suppress(Truncated, ConnectionError):
                while not over.is_set():
                    if client.get().fields.get("Connection") == "close":
                        return

        # Of the connections of one that drains, requests in progress are logged.
        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        received = b""
        for _ in range(3):
            proxy.upgrade()
            threads.append(threading.Thread(target=ask))
            threads[-1].start()
            time.sleep(0.2)
            received += os.read(reader, 1 << 20)
        over.set()
        for thread in threads:
            thread.join(PATIENCE)
        time.sleep(0.3)
        received += os.read(reader, 1 << 20)
        lines = received.splitlines()
        assert len(lines) > 20
        assert {json.loads(line)["status"] for line in lines} == {200}
    finally:
        os.close(reader)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
def test_the_new_process_is_the_user_of_the_old_one(upgraded, tmp_path):
    open_to_all(tmp_path)
    proxy = upgraded(user="nobody")
    first = proxy.pid
    proxy.upgrade()
    proxy.wait_for_end(first)
    with open(f"/proc/{proxy.pid}/status", encoding="ascii") as status:
        users = next(line for line in status if line.startswith("Uid:"))
    assert set(users.split()[1:]) == {str(pwd.getpwnam("nobody").pw_uid)}
    with proxy.client() as client:
        assert client.get().status == 200


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, for a name space of processes")
def test_the_first_process_of_a_container_is_not_replaced(upgraded):
    proxy = upgraded(prefix=["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"], landlock="off")
    answered = proxy.command("upgrade")
    assert answered.returncode == 1
    assert "replace the container instead" in answered.stderr
    with proxy.client() as client:
        assert client.get().status == 200


def test_the_service_manager_learns_of_the_new_process(upgraded, tmp_path):
    receiver = NotifyReceiver(tmp_path / "notify")
    try:
        proxy = upgraded(environment={"NOTIFY_SOCKET": receiver.name, "WATCHDOG_USEC": "1000000"})
        assert receiver.receive_with("READY")
        first = proxy.pid
        proxy.upgrade()
        assert receiver.receive_with("MAINPID") == {"MAINPID": str(proxy.pid)}
        assert receiver.receive_with("READY"), "of the new one, which is the service now"
        proxy.wait_for_end(first)
        # It has not reported its end, which would be the end of the service.
        deadline = time.monotonic() + 3
        lives = 0
        while time.monotonic() < deadline:
            report = receiver.receive(3)
            assert "STOPPING" not in report
            lives += report.get("WATCHDOG") == "1"
        assert lives >= 2
        proxy.stop()
        assert receiver.receive_with("STOPPING")
    finally:
        receiver.close()


def scrape(proxy):
    with Client(str(proxy.socket)) as client:
        return Scrape(client.ask(get("/metrics")).body.decode())


def wait_for_requests(proxy, count):
    deadline = time.monotonic() + 2 * PATIENCE
    while (seen := scrape(proxy)).value("onehop_requests_total") != count:
        assert time.monotonic() < deadline, seen.text
        time.sleep(0.05)
    return seen


def test_counters_continue_across_upgrades(upgraded, backend):
    """Over several upgrades, and with the requests that an earlier process finishes later."""
    proxy, go_on = upgraded(pool_size=0), threading.Event()
    with proxy.client() as client:
        for _ in range(3):
            client.get()
    before = wait_for_requests(proxy, 3).counters()
    first = proxy.pid
    answer_late(backend, go_on)
    with proxy.client() as late:
        late.send(get("/late"))
        backend.wait_for_requests(4)
        proxy.upgrade()
        assert wait_for_requests(proxy, 3).value("onehop_generation") == 2
        second = proxy.pid
        backend.answers(answer(b"ok"))
        with proxy.client() as client:
            client.get()
        wait_for_requests(proxy, 4)
        proxy.upgrade()
        proxy.wait_for_end(second)
        wait_for_requests(proxy, 4)
        go_on.set()
        assert late.read_final().body == b"late"
    proxy.wait_for_end(first)
    after = wait_for_requests(proxy, 5).counters()
    assert {name: value for name, value in before.items() if after.get(name, 0) < value and name[0] != (
        "process_cpu_seconds_total")} == {}
    proxy.upgrade()
    wait_for_requests(proxy, 5)


def test_a_demo_is_not_upgraded(start_proxy, tmp_path):
    place = tmp_path / "admin.sock"
    start_proxy("demo", "--admin-socket", place)
    refused = subprocess.run([PROGRAM, "upgrade", "--admin-socket", place], capture_output=True, text=True, check=False)
    assert refused.returncode == 1 and "a demo cannot be upgraded" in refused.stderr


def test_upgrades_leave_no_descriptor_behind(upgraded):
    proxy = upgraded()
    proxy.upgrade()
    with proxy.client() as client:
        client.get()
    time.sleep(0.2)
    counted = proxy.descriptors()
    for _ in range(20 if SANITIZED else 100):
        before = proxy.pid
        proxy.upgrade()
        proxy.wait_for_end(before)
    with proxy.client() as client:
        client.get()
    proxy.status()  # forgets the one that has ended
    proxy.wait_for_descriptors(counted + 2)
