# SPDX-License-Identifier: Apache-2.0
"""HUP reloads, USR1 and USR2 only leave a line, and QUIT drains as TERM does."""
import hashlib
import os
import re
import resource
import signal
import ssl
import threading
from pathlib import Path

import pytest

from proxy_process import SANITIZED
from tls_peers import Certificates, TlsClient
from wire import OK, PATIENCE, get

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (?:debug|info|warning|error) \S.*")


def shown_certificate(proxy):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with TlsClient(proxy.address, context) as client:
        return hashlib.sha256(client.sock.getpeercert(binary_form=True)).hexdigest()


class PemFile:
    """A certificate and key whose replacement does not change the result of stat(2)."""

    def __init__(self, path):
        self.path = path
        self.stamp = None

    def write(self, pair):
        text = "".join(Path(part).read_text(encoding="ascii") for part in pair)
        with open(self.path, "r+" if self.stamp else "w", encoding="ascii") as file:
            file.write(text.ljust(16384, "\n"))
        if self.stamp is None:
            self.stamp = os.stat(self.path)
        os.utime(self.path, ns=(self.stamp.st_atime_ns, self.stamp.st_mtime_ns))


def test_hup_reads_the_tls_files_again(start_proxy, backend, tmp_path):
    authority = Certificates(tmp_path / "authority")
    pem = PemFile(tmp_path / "pair.pem")
    pem.write(authority.sign("first", "localhost"))
    proxy = start_proxy("--tls", pem.path, backend.url)
    before = shown_certificate(proxy)
    pem.write(authority.sign("second", "localhost"))
    assert shown_certificate(proxy) == before
    proxy.signal(signal.SIGHUP)
    proxy.wait_for_message("info HUP: reloaded; no setting has changed; the TLS files were read again")
    after = shown_certificate(proxy)
    assert after != before
    pem.write((os.devnull, os.devnull))
    proxy.signal(signal.SIGHUP)
    proxy.wait_for_message("error HUP: not reloaded, and nothing has changed: ")
    proxy.wait_for_message(str(pem.path))
    assert shown_certificate(proxy) == after


@pytest.mark.parametrize("number, words", [
    (signal.SIGHUP, "info HUP: reloaded; no setting has changed"),
    (signal.SIGUSR1, "info USR1 was ignored"),
])
def test_hup_and_usr1_do_not_end_the_process(start_proxy, backend, number, words):
    backend.answers(OK)
    proxy = start_proxy(backend.url)
    with proxy.client() as client:
        proxy.signal(number)
        proxy.wait_for_message(words)
        assert client.get().status == 200
    assert proxy.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2])
def test_other_signals_do_not_cut_a_drain_short(start_proxy, backend, number):
    proxy = start_proxy(backend.url)
    with proxy.client() as client:
        go = threading.Event()
        backend.play(lambda peer: (peer.read_request(), go.wait(PATIENCE), peer.send(OK)))
        client.send(get())
        backend.wait_for_requests(1)
        proxy.signal(signal.SIGQUIT)
        proxy.wait_for_message("info draining: waiting for 1 request")
        proxy.signal(number)
        proxy.wait_for_message({signal.SIGHUP: "HUP", signal.SIGUSR1: "was ignored", signal.SIGUSR2: "USR2"}[number])
        go.set()
        assert client.read_final().status == 200
    assert proxy.wait() == 0
    assert proxy.stderr().splitlines()[-1].endswith("Z info stopped")


def test_every_line_of_a_run_has_the_same_form(start_proxy, backend):
    backend.play(lambda peer: (peer.read_request(), peer.wait_for_close()))
    proxy = start_proxy("-v", "--access-log", "off", "--drain-timeout", "100ms", backend.url)
    with proxy.client() as client:
        client.send(get())
        backend.wait_for_requests(1)
        proxy.wait_for_message("the backend accepts connections")
        proxy.signal(signal.SIGUSR1)
        proxy.wait_for_message("was ignored")
        assert proxy.stop() == 0
    lines = proxy.stderr().splitlines()
    assert [line for line in lines if not LINE.fullmatch(line)] == []
    proxy.wait_for_message("info draining: waiting for 1 request for at most 100ms")
    assert lines[-1].endswith("info stopped; 1 connection with a request in progress was cut")


def test_an_idle_stop_logs_that_no_requests_are_in_progress(start_proxy, backend):
    proxy = start_proxy(backend.url)
    proxy.wait_for_message("the backend accepts connections")
    with proxy.client() as client:
        assert client.get().status == 200
        proxy.wait_for_log_lines(1)  # the exchange has ended
        assert proxy.stop() == 0
    words = [line.split(" ", 1)[1] for line in proxy.stderr().splitlines()[-2:]]
    assert words == ["info stopping: no requests are in progress", "info stopped"]


@pytest.mark.skipif(SANITIZED, reason="needs address space without limit")
def test_a_process_that_cannot_create_threads_can_be_stopped(start_proxy, backend):
    """The C library does not cache thread stacks of this size for other threads."""
    before = resource.getrlimit(resource.RLIMIT_STACK)
    resource.setrlimit(resource.RLIMIT_STACK, (64 << 20, before[1]))
    try:
        proxy = start_proxy(backend.url)
    finally:
        resource.setrlimit(resource.RLIMIT_STACK, before)
    proxy.wait_for_message("the backend accepts connections")
    size = int(Path(f"/proc/{proxy.pid}/statm").read_text(encoding="ascii").split()[0]) * os.sysconf("SC_PAGESIZE")
    resource.prlimit(proxy.pid, resource.RLIMIT_AS, (size + (16 << 20), resource.RLIM_INFINITY))
    with proxy.client() as client:
        assert client.get().status == 200
    proxy.signal(signal.SIGTERM)
    assert proxy.wait() == 0
    assert proxy.stderr().splitlines()[-1].endswith("Z info stopped")
