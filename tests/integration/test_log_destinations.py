# SPDX-License-Identifier: Apache-2.0
"""The access log in a file, rotated by logrotate, and in the socket of a syslog daemon. No destination makes a request
wait, and lines that it does not take are counted."""
import os
import pwd
import re
import resource
import select
import shutil
import signal
import socket
import stat
import subprocess
import time
from pathlib import Path

import pytest

from admin import Admin
from proxy_process import IN_CI, PROGRAM, ROOT, free_port, open_to_all, run_onehop
from raw_client import Client, connect
from wire import OK, PATIENCE

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
needs_logrotate = pytest.mark.skipif(not shutil.which("logrotate") and not IN_CI, reason="needs logrotate")


@pytest.fixture
def backend(start_backend):
    backend = start_backend()
    backend.answers(OK)
    return backend


def until(condition, what):
    deadline = time.monotonic() + 2 * PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what() if callable(what) else what
        time.sleep(0.005)


def ask(proxy, target):
    with proxy.client() as client:
        assert client.get(target).status == 200


def said(proxy, text):
    until(lambda: text in proxy.stderr(), lambda: f"{text!r} is not in {proxy.stderr()}")


def has(path, text):
    until(lambda: path.exists() and text in path.read_text(), lambda: f"{text!r} is not in {path}: {path.read_text()}")


def test_lines_go_to_a_file_of_mode_0640_instead_of_standard_output(start_proxy, backend, tmp_path):
    log = tmp_path / "access.log"
    proxy = start_proxy("--access-log-to", log, backend.url)
    ask(proxy, "/one")
    has(log, "GET /one HTTP/1.1")
    assert stat.S_IMODE(log.stat().st_mode) == 0o640
    assert proxy.stop() == 0
    assert proxy.stdout() == ""
    again = start_proxy("--access-log-to", log, "--access-log", "json", backend.url)
    ask(again, "/two")
    has(log, '"target":"/two"')
    assert "GET /one HTTP/1.1" in log.read_text(), "the file is appended to"


def test_usr1_opens_a_new_file(start_proxy, backend, tmp_path):
    log, moved = tmp_path / "access.log", tmp_path / "access.log.1"
    proxy = start_proxy("--access-log-to", log, backend.url)
    ask(proxy, "/one")
    has(log, "/one")
    log.rename(moved)
    ask(proxy, "/two")
    has(moved, "/two")
    proxy.signal(signal.SIGUSR1)
    said(proxy, f"opened the access log again: {log}")
    ask(proxy, "/three")
    has(log, "/three")
    assert "/three" not in moved.read_text() and "/one" not in log.read_text()


def rotate(tmp_path, text):
    config, state = tmp_path / "logrotate.conf", tmp_path / "logrotate.state"
    config.write_text(text)
    os.chmod(config, 0o644)
    subprocess.run(["logrotate", "--force", "--state", state, config], check=True, capture_output=True, text=True)


@needs_logrotate
@as_root
def test_logrotate_works_with_the_shipped_file(start_proxy, backend, tmp_path):
    """Under load: every request is in one file or the other, as a whole line."""
    folder = tmp_path / "log"
    folder.mkdir(mode=0o755)
    log = folder / "access.log"
    proxy = start_proxy("--access-log-to", log, backend.url)
    shipped = (ROOT / "packaging/logrotate/onehop").read_text()
    script = re.search(r"postrotate\n.*?endscript", shipped, re.S).group()
    shipped = shipped.replace("/var/log/onehop", str(folder)).replace(script, (
        f"postrotate\n kill -USR1 {proxy.pid}\n endscript"))
    with proxy.client() as client:
        for number in range(300):
            if number in (100, 200):
                has(log, "GET /")  # an empty file is not rotated
                rotate(tmp_path, shipped)
                until(lambda n=number: proxy.stderr().count("opened the access log again") == n // 100, proxy.stderr)
            assert client.get(f"/{number}/").status == 200
    assert proxy.stop() == 0
    subprocess.run(["gunzip", *folder.glob("*.gz")], check=True)
    lines = [line for name in ("access.log.2", "access.log.1", "access.log")
             for line in (folder / name).read_text().splitlines()]
    assert [re.search(r"GET /(\d+)/ ", line).group(1) for line in lines] == [str(number) for number in range(300)]


@needs_logrotate
@as_root
def test_logrotate_works_with_copytruncate(start_proxy, backend, tmp_path):
    """Without a signal: the file is copied and cut. Every write goes to its end, so there is no hole."""
    folder = tmp_path / "log"
    folder.mkdir(mode=0o755)
    log = folder / "access.log"
    proxy = start_proxy("--access-log-to", log, backend.url)
    ask(proxy, "/before")
    has(log, "/before")
    rotate(tmp_path, f"{log} {{\n copytruncate\n rotate 2\n}}\n")
    assert log.read_bytes() == b""
    ask(proxy, "/after")
    has(log, "/after")
    assert log.read_bytes().startswith(b"127.0.0.1 "), log.read_bytes()
    assert "/before" in (folder / "access.log.1").read_text()


@pytest.mark.parametrize("place, why", [
    ("{0}/no/such/a.log", "{0}/no/such/a.log: the directory {0}/no does not exist"),
    ("{0}/", "'{0}/' is a directory"),
    ("syslog:{0}/none", "the syslog socket {0}/none: No such file or directory"),
    ("acces.log", "'acces.log' is not stdout, syslog or a path; did you mean ./acces.log?"),
])
def test_an_unusable_destination_is_a_startup_error(tmp_path, place, why):
    ended = run_onehop("-l", "127.0.0.1:0", "--access-log-to", place.format(tmp_path), "http://127.0.0.1:1")
    assert ended.returncode == 2
    assert why.format(tmp_path) in ended.stderr


def test_a_destination_without_an_access_log_is_refused():
    ended = run_onehop("--access-log", "off", "--access-log-to", "./a.log", "http://127.0.0.1:1")
    assert ended.returncode == 2
    assert "--access-log-to is for an access log, which --access-log off disables" in ended.stderr


def test_a_file_that_cannot_be_opened_again_leaves_the_old_one_in_use(start_proxy, backend, tmp_path):
    folder, moved = tmp_path / "log", tmp_path / "moved"
    folder.mkdir()
    proxy = start_proxy("--access-log-to", folder / "a.log", backend.url)
    folder.rename(moved)
    proxy.signal(signal.SIGUSR1)
    said(proxy, f"error the access log cannot be opened again, so the old one stays in use: {folder}/a.log: "
                f"the directory {folder} does not exist")
    ask(proxy, "/kept")
    has(moved / "a.log", "/kept")


@as_root
def test_the_file_is_opened_as_root_and_opened_again_as_the_user(start_proxy, backend, tmp_path):
    folder = tmp_path / "log"
    folder.mkdir(mode=0o755)
    open_to_all(folder)
    shutil.chown(folder, "nobody")
    log = folder / "access.log"
    proxy = start_proxy("--user", "nobody", "--access-log-to", log, backend.url)
    ask(proxy, "/one")
    has(log, "/one")
    assert log.stat().st_uid == pwd.getpwnam("nobody").pw_uid
    log.rename(folder / "access.log.1")
    proxy.signal(signal.SIGUSR1)
    said(proxy, "opened the access log again")
    ask(proxy, "/two")
    has(log, "/two")
    # A folder of root: the old file stays.
    shutil.chown(folder, "root")
    log.unlink()
    proxy.signal(signal.SIGUSR1)
    said(proxy, f"so the old one stays in use: {log}: Permission denied")
    ask(proxy, "/three")


@as_root
def test_a_link_is_not_followed_by_root_for_another_user(tmp_path):
    (tmp_path / "a.log").symlink_to("/etc/onehop-must-not-exist")
    ended = run_onehop("-l", "127.0.0.1:0", "--user", "nobody", "--access-log-to", tmp_path / "a.log", "http://[::1]:1")
    assert ended.returncode == 2
    assert "is a symbolic link, which is not followed with --user" in ended.stderr
    assert not Path("/etc/onehop-must-not-exist").exists()


@as_root
def test_a_full_disk_loses_lines_and_no_requests(backend, tmp_path):
    """A file system of 512 KiB, in a mount namespace; the test sees it through /proc/PID/root."""
    folder, messages = tmp_path / "small", tmp_path / "stderr"
    folder.mkdir()
    address = ("127.0.0.1", free_port())
    command = f'mount -t tmpfs -o size=512k none {folder} && exec "$0" "$@"'
    with messages.open("w") as stderr:
        process = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", command, PROGRAM, "-l", "%s:%d" % address,
             "--access-log-to", folder / "a.log", backend.url],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr)
    try:
        until(lambda: "listening on" in messages.read_text() or process.poll() is not None, messages.read_text)
        log = Path(f"/proc/{process.pid}/root{folder}/a.log")
        with Client(address) as client:
            sent = 0
            while "the access log loses lines" not in messages.read_text():
                assert client.get(f"/{sent}/" + "x" * 6000).status == 200
                sent += 1
                assert sent < 2000
            assert f"{folder}/a.log cannot be written (No space left on device)" in messages.read_text()
            os.truncate(log, 0)
            while "is written again; it lost" not in messages.read_text():
                assert client.get(f"/{sent}/").status == 200
                sent += 1
                assert sent < 100_000
        lost = int(re.search(r"it lost (\d+) lines?", messages.read_text()).group(1))
        assert 0 < lost <= sent
        assert all(line.startswith("127.0.0.1 ") for line in log.read_text().splitlines() if "GET" in line)
        process.terminate()
        assert process.wait(2 * PATIENCE) == 0
    finally:
        process.kill()
        process.wait()


def test_a_file_that_may_not_grow_loses_lines_and_no_requests(start_proxy, backend, tmp_path):
    """The kernel sends SIGXFSZ, which ends a process. Standard error is a file as well, and stays smaller."""
    log = tmp_path / "access.log"
    proxy = start_proxy("--access-log-to", log, backend.url)
    for _ in range(5):
        ask(proxy, "/" + 6000 * "x")
    ask(proxy, "/one")
    has(log, "/one")
    resource.prlimit(proxy.pid, resource.RLIMIT_FSIZE, (log.stat().st_size, resource.RLIM_INFINITY))
    ask(proxy, "/two")
    said(proxy, f"the access log loses lines: {log} cannot be written (File too large)")
    resource.prlimit(proxy.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    ask(proxy, "/three")
    has(log, "/three")
    said(proxy, "the access log is written again; it lost 1 line")
    assert "/two" not in log.read_text()
    assert proxy.stop() == 0


def test_a_fifo_needs_no_reader_and_a_stopped_one_delays_nothing(start_proxy, backend, tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    admin = Admin(start_proxy)
    proxy = admin.start("--access-log-to", fifo, backend.url)
    assert admin.scrape().value("onehop_log_lines_lost_total", log="access") == 0
    ask(proxy, "/lost")
    said(proxy, "the access log loses lines")
    admin.wait_for(lambda scrape: scrape.value("onehop_log_lines_lost_total", log="access") == 1)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    ask(proxy, "/read")
    until(lambda: select.select([reader], [], [], 0)[0], "the reader gets nothing")
    assert b"/read" in os.read(reader, 100_000)
    said(proxy, "the access log is written again; it lost 1 line")
    target = "/" + "x" * 7000
    with proxy.client() as client:
        began = time.monotonic()
        for sent in range(1, 3001):  # more than the pipe holds, and what waits for it
            assert client.get(target).status == 200
            if sent % 200 == 0 and (lost := admin.scrape().value("onehop_log_lines_lost_total", log="access")) > 1:
                break
        assert time.monotonic() - began < 2 * PATIENCE
    assert 1 < lost <= 1 + sent
    assert admin.scrape().value("onehop_log_lines_lost_total", log="program") == 0
    os.close(reader)
    assert proxy.stop() == 0


class Daemon:
    """The reader of /dev/log."""

    def __init__(self, path):
        path.unlink(missing_ok=True)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.settimeout(PATIENCE)

    def message(self):
        return self.socket.recv(200_000).decode("ascii")

    def close(self):
        self.socket.close()


def test_syslog_gets_a_message_for_each_request(start_proxy, backend, tmp_path):
    path = tmp_path / "log"
    daemon = Daemon(path)
    proxy = start_proxy("--access-log-to", f"syslog:{path}", backend.url)
    ask(proxy, "/one")
    header, line = daemon.message().split("]: ", 1)
    assert re.fullmatch(rf"<30>[A-Z][a-z]{{2}} [ \d]\d \d\d:\d\d:\d\d onehop\[{proxy.pid}", header)
    assert line.startswith("127.0.0.1 - - [") and '"GET /one HTTP/1.1" 200' in line and "\n" not in line
    daemon.close()
    ask(proxy, "/lost")
    said(proxy, f"the access log loses lines: {path} cannot be written (Connection refused)")
    daemon = Daemon(path)
    ask(proxy, "/two")
    assert "GET /two " in daemon.message()
    said(proxy, "the access log is written again; it lost 1 line")
    daemon.close()
    assert proxy.stop() == 0


def test_a_syslog_daemon_that_has_stopped_delays_nothing(start_proxy, backend, tmp_path):
    path = tmp_path / "log"
    daemon = Daemon(path)
    proxy = start_proxy("--access-log-to", f"syslog:{path}", "--access-log", "json", backend.url)
    with proxy.client() as client:
        for _ in range(300):
            assert client.get("/" + "x" * 4000).status == 200
    connect(proxy.address).close()
    for _ in range(300):
        assert '"status":200' in daemon.message()
    daemon.close()
    assert proxy.stop() == 0
