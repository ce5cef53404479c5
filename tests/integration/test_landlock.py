# SPDX-License-Identifier: Apache-2.0
"""--landlock: after its start, onehop can use no files but its own. Where the kernel has no Landlock, it says so."""
import ctypes
import errno
import json
import os
import shutil
import struct
import subprocess
import time

import pytest

from configured_proxy import ConfiguredProxy, toml
from proxy_process import PROGRAM, free_port, run_onehop
from tls_peers import Certificates
from wire import PATIENCE

CREATE_RULESET, RESTRICT_SELF = 444, 446
SET_NO_NEW_PRIVS, SET_SECCOMP = 38, 22
LAYERS = 16
libc = ctypes.CDLL(None)


def version_of_kernel():
    return max(libc.syscall(CREATE_RULESET, None, 0, 1), 0)


needs_landlock = pytest.mark.skipif(version_of_kernel() == 0, reason="the kernel has no Landlock")


@pytest.fixture
def start(backend, tmp_path):
    """Starts a proxy whose file and sockets are in the folder `own`; there is an `other` one."""
    started = []
    for name in ("own", "other"):
        (tmp_path / name).mkdir()

    def start_one(*flags, **settings):
        own = tmp_path / "own"
        proxy = ConfiguredProxy(own, {"backend": backend.url, "admin-socket": str(own / "admin.sock"), **settings}, *flags)
        started.append(proxy)
        return proxy
    yield start_one
    for proxy in started:
        assert proxy.stop() == 0, proxy.stderr()


def state_of(tmp_path):
    shown = run_onehop("status", "--json", "--admin-socket", tmp_path / "own" / "admin.sock")
    assert shown.returncode == 0, shown.stderr
    return json.loads(shown.stdout)["state"]["landlock"]


@needs_landlock
def test_the_status_shows_landlock(start, tmp_path):
    proxy = start()
    with proxy.client() as client:
        assert client.get().status == 200
    assert state_of(tmp_path) == f"on (version {version_of_kernel()})"
    shown = run_onehop("status", "--admin-socket", tmp_path / "own" / "admin.sock").stdout
    assert f"Landlock                              on (version {version_of_kernel()})" in shown


def test_landlock_can_be_turned_off(start, tmp_path):
    start(landlock="off")
    assert state_of(tmp_path) == "off"


def link_to_another_folder(certificate, tmp_path):
    """The certificate in the own folder becomes a link to one in the other folder."""
    shutil.copy(certificate, tmp_path / "other" / "next.pem")
    (tmp_path / "own" / "next.pem").symlink_to(tmp_path / "other" / "next.pem")
    os.replace(tmp_path / "own" / "next.pem", tmp_path / "own" / "cert.pem")


@needs_landlock
def test_the_kernel_refuses_a_file_in_another_folder(start, tmp_path):
    """Changed files are read without a reload, so only the kernel checks where they are."""
    certificate, key = Certificates(tmp_path / "authority").sign("first.test")
    shutil.copy(certificate, tmp_path / "own" / "cert.pem")
    shutil.copy(key, tmp_path / "own" / "key.pem")
    files = {"tls": [str(tmp_path / "own" / "cert.pem")], "tls-key": [str(tmp_path / "own" / "key.pem")]}
    proxy = start(listen=[f"https://127.0.0.1:{free_port()}"], **files)
    link_to_another_folder(certificate, tmp_path)
    proxy.wait_for_message("Permission denied")


@needs_landlock
def test_a_file_that_is_replaced_in_its_folder_is_read(start, tmp_path):
    proxy = start()
    proxy.reload(request_id=True)  # replaces the file
    assert state_of(tmp_path).startswith("on")


@needs_landlock
def test_a_reload_that_needs_another_folder_fails(start, tmp_path):
    proxy = start()
    log = tmp_path / "other" / "access.log"
    said = proxy.fail_to_reload(access_log_to=str(log))
    assert "access-log-to: since its start, onehop may not write to " + str(tmp_path / "other") in said
    assert "restart it to use another folder" in said
    assert not log.exists()
    listen = [*proxy.settings["listen"], f"unix:{tmp_path}/other/onehop.sock"]
    assert "listen: since its start, onehop may not write to" in proxy.fail_to_reload(listen=listen)
    with proxy.client() as client:
        assert client.get().status == 200


@needs_landlock
def test_a_file_in_a_table_is_reported_with_its_line(start, tmp_path):
    proxy = start()
    folder = tmp_path / "other"
    secure = {"backend": "https://127.0.0.1:1", "backend-ca": str(folder / "ca.pem")}
    said = proxy.fail_to_reload(upstream={"a": secure}, route=[{"path": "/a", "upstream": "a"}])
    lines = toml({**proxy.settings, "upstream": {"a": secure}}).splitlines()
    number = 1 + next(number for number, line in enumerate(lines) if line.startswith("backend-ca"))
    assert f"onehop.toml:{number}:1: backend-ca: since its start, onehop may not read {folder}" in said


def test_without_landlock_a_reload_may_use_another_folder(start, tmp_path):
    proxy = start(landlock="off")
    proxy.reload(access_log_to=str(tmp_path / "other" / "access.log"))
    with proxy.client() as client:
        assert client.get().status == 200
    assert proxy.stop() == 0
    assert " 200 " in (tmp_path / "other" / "access.log").read_text(encoding="utf-8")


@needs_landlock
def test_a_log_is_opened_again_in_its_folder(start, tmp_path):
    log = tmp_path / "other" / "access.log"
    proxy = start(**{"access-log-to": str(log)})
    log.rename(tmp_path / "other" / "access.log.1")
    proxy.signal(10)
    proxy.wait_for_message("access.log")
    deadline = time.monotonic() + PATIENCE
    while not log.exists():
        assert time.monotonic() < deadline, proxy.stderr()
        time.sleep(0.01)
    proxy.reload(access_log_to=str(tmp_path / "other" / "second.log"))


def test_changing_landlock_needs_a_restart(start):
    lines = start().fail_to_reload(landlock="off")
    assert "landlock: a change from auto to off needs a restart\n" in lines
    assert "nothing has changed: it needs a restart\n" in lines


def hide_landlock(error):
    """In a child: makes the kernel answer the first call with this error."""
    load_number, allow, refuse = (0x20, 0, 0, 0), (0x06, 0, 0, 0x7fff0000), (0x06, 0, 0, 0x00050000 | error)
    is_create = (0x15, 0, 1, CREATE_RULESET)
    program = b"".join(struct.pack("HBBI", *one) for one in (load_number, is_create, refuse, allow))
    buffer = ctypes.create_string_buffer(program)
    rules = struct.pack("HxxxxxxP", 4, ctypes.addressof(buffer))
    assert libc.prctl(SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    assert libc.prctl(SET_SECCOMP, 2, rules, 0, 0) == 0


def fill_layers():
    """In a child: as many restrictions within each other as the kernel allows. They refuse to make block devices."""
    assert libc.prctl(SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    for _ in range(LAYERS):
        ruleset = libc.syscall(CREATE_RULESET, struct.pack("Q", 1 << 11), 8, 0)
        assert ruleset >= 0 and libc.syscall(RESTRICT_SELF, ruleset, 0) == 0
        os.close(ruleset)


def run_restricted(tmp_path, backend, preparation):
    socket = tmp_path / "admin.sock"
    with subprocess.Popen([PROGRAM, "-l", "127.0.0.1:0", "--admin-socket", socket, backend.url],
                          preexec_fn=preparation, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as proxy:
        try:
            deadline = time.monotonic() + PATIENCE
            while not socket.exists() and proxy.poll() is None:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            shown = run_onehop("status", "--json", "--admin-socket", socket)
            assert shown.returncode == 0, shown.stderr
            return json.loads(shown.stdout)["state"]["landlock"]
        finally:
            proxy.terminate()


@pytest.mark.parametrize("error, why", [
    (errno.ENOSYS, "the kernel does not support Landlock"), (errno.EOPNOTSUPP, "the kernel does not support Landlock"),
    (errno.EPERM, "a system call filter forbids it"),
])
def test_without_landlock_onehop_serves_and_reports_why(tmp_path, backend, error, why):
    assert run_restricted(tmp_path, backend, lambda: hide_landlock(error)) == f"off, because {why}"


@needs_landlock
def test_a_process_with_no_landlock_layers_left_starts(tmp_path, backend):
    assert run_restricted(tmp_path, backend, fill_layers).startswith("on ")
