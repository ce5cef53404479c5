# SPDX-License-Identifier: Apache-2.0
"""Each step between the two processes of an upgrade, and what happens if one of them fails there."""
import os
import resource
import signal
import socket
import threading
import time

import pytest

from process_files import is_alive
from proxy_process import NEEDS_DESCRIPTORS, SANITIZED, free_port
from raw_client import Client
from tls_peers import Certificates
from upgrade_peers import PlayedChild, PlayedParent
from wire import PATIENCE, answer, get

STOPPING = "not upgraded, and nothing has changed: onehop is stopping"


@pytest.fixture
def started(tmp_path, backend):
    """Starts the program as the one that takes over from the test."""
    parents = []
    backend.answers(answer(b"ok"))

    def start(sockets=(), **settings):
        settings = {name.replace("_", "-"): value for name, value in settings.items()}
        parents.append(PlayedParent(tmp_path, {"backend": backend.url, "access-log": "off", **settings}, sockets))
        return parents[-1]

    yield start
    for parent in parents:
        parent.stop()


@pytest.fixture
def unix_sockets(tmp_path):
    """The sockets of the service and of the commands, on which the test listens."""
    made = {}
    for use in ("service", "commands"):
        made[use] = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made[use].bind(str(tmp_path / f"{use}.sock"))
        made[use].listen()
    yield made
    for one in made.values():
        one.close()


def listening_with(unix_sockets, tmp_path):
    return {"sockets": list(unix_sockets.items()), "admin_socket": str(tmp_path / "commands.sock"),
            "listen": [f"unix:{tmp_path}/service.sock"]}


# --- the new process, and a test that hands over ---

@pytest.mark.parametrize("is_used", [True, False])
def test_a_process_that_does_not_take_over_leaves_the_socket_files(started, unix_sockets, tmp_path, is_used):
    settings = listening_with(unix_sockets, tmp_path)
    if not is_used:
        settings |= {"listen": [f"127.0.0.1:{free_port()}"], "admin_socket": "off"}
    parent = started(**settings)
    parent.hand_over()
    parent.expect("ready")
    parent.send(failed="it has changed its mind")
    assert parent.end() != 0
    for use in unix_sockets:
        assert (tmp_path / f"{use}.sock").exists()


def test_after_the_order_the_socket_files_belong_to_the_new_process(started, unix_sockets, tmp_path):
    settings = listening_with(unix_sockets, tmp_path)
    settings["admin_socket"] = "off"  # that socket is no longer used
    parent = started(**settings)
    parent.hand_over()
    parent.expect("ready")
    parent.send(go=True)
    parent.expect("serving")
    with Client(str(tmp_path / "service.sock")) as client:
        assert client.get().status == 200
    assert not (tmp_path / "commands.sock").exists()
    parent.stop()
    assert not (tmp_path / "service.sock").exists()


def deferral(sock):
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT)


def test_before_the_order_the_new_process_accepts_nothing(started, unix_sockets, tmp_path):
    """It may still fail, and would lose clients and commands. Until the order the sockets are unchanged."""
    with socket.create_server(("127.0.0.1", 0)) as tcp:
        place = tcp.getsockname()
        parent = started([("service", tcp), ("commands", unix_sockets["commands"])],
                         admin_socket=str(tmp_path / "commands.sock"), listen=["127.0.0.1:%d" % place[1]])
        parent.hand_over()
        parent.expect("ready")
        assert deferral(tcp) == 0
        with Client(place) as client, Client(str(tmp_path / "commands.sock")) as command:
            client.send(get())
            command.send(get("/livez"))
            for one, sock in ((tcp, client), (unix_sockets["commands"], command)):
                sock.sock.settimeout(0.2)
                with pytest.raises(TimeoutError):
                    sock.sock.recv(1)
                sock.sock.settimeout(PATIENCE)
                one.settimeout(PATIENCE)
                one.accept()[0].close()  # it is still in the queue
        with Client(place) as client, Client(str(tmp_path / "commands.sock")) as command:
            parent.send(go=True)
            parent.expect("serving")
            assert client.get().status == 200
            assert command.get("/livez").status == 200
        assert deferral(tcp) > 0


@pytest.mark.parametrize("step", ["hello", "handover", "ready", "go"])
def test_a_process_whose_parent_is_gone_serves(started, step):
    port = free_port()
    with socket.create_server(("127.0.0.1", port)) as tcp:
        parent = started([("service", tcp)], listen=[f"127.0.0.1:{port}"])
        if step == "hello":
            parent.expect("hello")
        else:
            parent.hand_over()
        if step in ("ready", "go"):
            parent.expect("ready")
        if step == "go":
            parent.send(go=True)
        parent.socket.close()
    deadline = time.monotonic() + 2 * PATIENCE
    while "listening on" not in parent.stderr():
        assert time.monotonic() < deadline, parent.stderr()
        time.sleep(0.02)
    with Client(("127.0.0.1", port)) as client:
        assert client.get().status == 200
    assert ("starting normally" in parent.stderr()) == (step == "hello")


@pytest.mark.skipif(NEEDS_DESCRIPTORS, reason="the sanitizer needs descriptors")
def test_after_the_order_the_new_process_needs_no_more_descriptors(started, tmp_path):
    """The old process leaves, so the service would be down."""
    port = free_port()
    parent = started(listen=[f"http://127.0.0.1:{port}", f"https://127.0.0.1:{free_port()}"], host=["app.example.com"],
                     acme="ops@example.org", acme_ca=[f"https://127.0.0.1:{free_port()}/dir"],
                     state=str(tmp_path / "state"))
    parent.hand_over()
    parent.expect("ready")
    pid = parent.process.pid
    used = {int(name) for name in os.listdir(f"/proc/{pid}/fd")}
    free = next(number for number in range(len(used) + 1) if number not in used)
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (free, limits[1]))
    parent.send(go=True)
    parent.expect("serving")
    deadline = time.monotonic() + 2 * PATIENCE
    while "listening on" not in parent.stderr():
        assert time.monotonic() < deadline and parent.process.poll() is None, parent.stderr()
        time.sleep(0.02)
    time.sleep(0.2)
    assert parent.process.poll() is None, parent.stderr()
    resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
    with Client(("127.0.0.1", port)) as client:
        assert client.ask(get(host="app.example.com")).status == 200


def test_a_process_that_cannot_use_its_files_reports_it(started, tmp_path):
    """Even before it serves."""
    parent = started(watch_config="on", landlock="auto", admin_socket=str(tmp_path / "no" / "such" / "admin.sock"))
    parent.hand_over()
    message, _ = parent.receive()
    assert "there is no such folder" in message["failed"]
    assert parent.end() == 1


# --- the old process, and a test that takes over ---

STEPS = ["start", "hello", "handover", "ready", "go"]


def play_until(step, child):
    """Plays the part of the new process up to this step."""
    if step == "start":
        return
    child.say_hello()
    if step == "hello":
        return
    child.take_handover()
    if step == "handover":
        return
    child.send(ready=True)
    if step == "go":
        child.expect("go")


@pytest.mark.parametrize("step", STEPS)
def test_whenever_the_new_process_is_killed_nothing_has_changed(upgraded, step, tmp_path):
    path = tmp_path / "service.sock"
    proxy = upgraded(landlock="off", listen=[f"127.0.0.1:{free_port()}", f"unix:{path}"])
    for _ in range(2):
        child = PlayedChild(proxy)
        play_until(step, child)
        child.die()
        code, printed = child.answer_of_command()
        assert code == 1 and "not upgraded, and nothing has changed: " in printed, printed
        assert proxy.status()["state"]["pid"] == proxy.pid
        with proxy.client() as client, Client(str(path)) as other:
            assert client.get().status == other.get().status == 200
    descriptors = proxy.descriptors()
    child = PlayedChild(proxy)
    play_until(step, child)
    child.die()
    child.answer_of_command()
    proxy.wait_for_descriptors(descriptors)
    proxy.install()
    proxy.upgrade()


def test_the_processes_that_drain_go_on_if_the_upgrade_fails(upgraded, backend):
    proxy = upgraded(landlock="off", drain_timeout="1m")
    backend.play(lambda peer: (peer.read_request(), peer.wait_for_close()))
    held = []
    try:
        for number in range(2):
            held.append(proxy.client())
            held[-1].send(get("/held"))
            backend.wait_for_requests(number + 1)
            proxy.upgrade()
        child = PlayedChild(proxy)
        play_until("ready", child)
        child.die()
        assert child.answer_of_command()[0] == 1
        assert proxy.command("status").stdout.count("1 request in progress") == 2
        assert is_alive(proxy.pids[0]) and is_alive(proxy.pids[1])
    finally:
        for client in held:
            client.close()


def stop_during(step, upgraded, backend):
    """Stops the proxy, which has a request in progress, at this step of an upgrade."""
    go_on = threading.Event()
    proxy = upgraded(landlock="off", drain_timeout="1m")

    def script(peer):
        peer.read_request()
        go_on.wait(30)
        peer.send(answer(b"late"))

    backend.play(script)
    with proxy.client() as client:
        client.send(get("/late"))
        backend.wait_for_requests(1)
        child = PlayedChild(proxy)
        play_until(step, child)
        os.kill(proxy.pid, signal.SIGTERM)
        yield proxy, child
        go_on.set()
        assert client.read_final().body == b"late"
    assert proxy.process.wait(2 * PATIENCE) == 0


@pytest.mark.parametrize("step", ["start", "hello", "handover"])
def test_a_stop_ends_an_upgrade(upgraded, backend, step):
    for proxy, child in stop_during(step, upgraded, backend):
        code, printed = child.answer_of_command()
        assert code == 1 and STOPPING in printed, printed
        assert not is_alive(child.pid)
        again = proxy.command("upgrade")
        assert again.returncode == 1 and "onehop is stopping" in again.stderr
        child.die()


def test_a_stop_after_the_order_stops_the_new_process_too(upgraded, backend):
    for proxy, child in stop_during("go", upgraded, backend):
        deadline = time.monotonic() + PATIENCE
        while "draining" not in proxy.stderr():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        child.send(serving=True)
        code, printed = child.answer_of_command()
        assert code == 1 and STOPPING in printed, printed
        deadline = time.monotonic() + PATIENCE
        while is_alive(child.pid):
            assert time.monotonic() < deadline, "it was asked to end"
            time.sleep(0.01)
        child.die()


@pytest.mark.skipif(SANITIZED, reason="a sanitizer needs address space")
def test_without_threads_there_is_no_upgrade(upgraded):
    proxy = upgraded(landlock="off")
    child = PlayedChild(proxy)
    play_until("handover", child)
    with open(f"/proc/{proxy.pid}/statm", encoding="ascii") as statm:
        used = int(statm.read().split()[0]) * resource.getpagesize()
    limits = resource.prlimit(proxy.pid, resource.RLIMIT_AS, (used + (2 << 20), resource.RLIM_INFINITY))
    child.send(ready=True)
    code, printed = child.answer_of_command()
    resource.prlimit(proxy.pid, resource.RLIMIT_AS, limits)
    assert code == 1 and "not upgraded, and nothing has changed: " in printed, printed
    with proxy.client() as client:
        assert client.get().status == 200
    child.die()
    proxy.install()
    proxy.upgrade()


def test_the_handover_has_the_ticket_keys(upgraded, tmp_path):
    chain, key = Certificates(tmp_path / "certificates").sign("localhost")
    proxy = upgraded(landlock="off", listen=[f"127.0.0.1:{free_port()}", f"https://127.0.0.1:{free_port()}"],
                     tls=[chain], tls_key=[key])
    child = PlayedChild(proxy)
    child.say_hello()
    age, _, keys = child.take_handover().partition(b":")
    assert int(age) < 60 and len(keys) > 0 and len(keys) % 80 == 0
    child.die()
    assert child.answer_of_command()[0] == 1


def test_a_command_does_not_end_by_the_signal_for_the_logs(upgraded):
    """The process of a command has the name of the service."""
    proxy = upgraded(landlock="off")
    child = PlayedChild(proxy)
    os.kill(child.command.pid, signal.SIGUSR1)
    child.die()
    assert child.answer_of_command()[0] == 1


@pytest.mark.skipif(NEEDS_DESCRIPTORS, reason="the sanitizer needs descriptors")
def test_without_descriptors_there_is_no_upgrade(upgraded):
    """Descriptors may run out at any step."""
    proxy = upgraded()
    with proxy.client() as client:
        assert client.get().status == 200
        highest = max(int(name) for name in os.listdir(f"/proc/{proxy.pid}/fd"))
        limits, failures = resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE), 0
        for room in range(40):
            resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE, (highest + 1 + room, limits[1]))
            os.kill(proxy.pid, signal.SIGUSR2)
            deadline = time.monotonic() + 4 * PATIENCE
            while proxy.stderr().count("nothing has changed") == failures and "has taken over" not in proxy.stderr():
                assert time.monotonic() < deadline, proxy.stderr()
                time.sleep(0.01)
            if "has taken over" in proxy.stderr():
                break
            resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE, limits)
            failures += 1
            assert client.get().status == 200
        assert failures >= 3
    proxy.wait_for_successor()
    with proxy.client() as client:
        assert client.get().status == 200
