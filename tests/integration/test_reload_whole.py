# SPDX-License-Identifier: Apache-2.0
"""A reload that fails has changed nothing, also of the admin pages; and what it meets: pipes, a start, a stop, a watch."""
import hashlib
import os
import pathlib
import re
import resource
import signal
import ssl
import time

import pytest

from admin import admin_address
from proxy_process import NEEDS_DESCRIPTORS, Proxy, free_port
from raw_client import Client
from tls_peers import Certificates, TlsClient
from wire import OK, PATIENCE, get


def wait_until(condition, what):
    deadline = time.monotonic() + 2 * PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.01)


def header_of(proxy, name):
    with proxy.client() as client:
        return client.get().fields.get(name)


# --- the admin pages ---


class SecureProxy:
    """A proxy whose admin pages ask for client certificates."""

    def __init__(self, configured, backend, folder):
        self.authority = Certificates(folder / "authority")
        chain, key = self.authority.sign("localhost")
        self.context = ssl._create_unverified_context()  # pylint: disable=protected-access
        self.context.load_cert_chain(*self.authority.sign("a-client"))
        self.client_ca = folder / "client-ca.pem"
        self.client_ca.write_bytes(pathlib.Path(self.authority.ca).read_bytes())
        port = free_port()
        self.proxy = configured(backend=backend.url, listen=[f"http://127.0.0.1:{port}", f"https://127.0.0.1:{free_port()}"],
                                tls=[chain], tls_key=[key], admin="https://127.0.0.1:0",
                                admin_client_ca=str(self.client_ca), header_down=["X-Old: yes"])
        self.service = ("127.0.0.1", int(self.proxy.settings["listen"][1].rsplit(":", 1)[1]))
        self.admin = admin_address(self.proxy)

    def certificates(self):
        """Those of the admin pages and of the service."""
        found = []
        for address in (self.admin, self.service):
            with TlsClient(address, self.context) as client:
                found.append(hashlib.sha256(client.sock.getpeercert(binary_form=True)).hexdigest())
        return found

    def admin_status(self):
        with TlsClient(self.admin, self.context) as client:
            return client.ask(get("/readyz", host="localhost")).status


def test_the_admin_pages_get_the_new_certificate(configured, backend, tmp_path):
    secure = SecureProxy(configured, backend, tmp_path)
    assert secure.admin_status() == 200
    before = secure.certificates()
    secure.authority.sign("localhost")
    secure.proxy.reload(header_down=["X-New: yes"])
    after = secure.certificates()
    assert after[0] == after[1] and set(after).isdisjoint(before)
    assert secure.admin_status() == 200


def test_nothing_changes_if_the_admin_pages_cannot_reload(configured, backend, tmp_path):
    """Their client authority is a file of their own."""
    secure = SecureProxy(configured, backend, tmp_path)
    before, good = secure.certificates(), secure.client_ca.read_bytes()
    secure.authority.sign("localhost")
    secure.client_ca.write_text("garbage", encoding="ascii")
    lines = secure.proxy.fail_to_reload(header_down=["X-New: yes"])
    assert "nothing has changed: the admin pages: " in lines and str(secure.client_ca) in lines
    wait_until(lambda: secure.certificates()[1] != before[1], "the watch over the certificates of the service")
    assert secure.certificates()[0] == before[0], "a reload is what changes those of the admin pages"
    assert header_of(secure.proxy, "X-Old") == "yes" and header_of(secure.proxy, "X-New") is None
    secure.client_ca.write_bytes(good)
    secure.proxy.reload(header_down=["X-New: yes"])
    assert header_of(secure.proxy, "X-New") == "yes"


def test_the_admin_pages_do_not_change_if_the_service_cannot_reload(configured, backend, tmp_path):
    secure = SecureProxy(configured, backend, tmp_path)
    before = secure.certificates()[0]
    secure.authority.sign("localhost")
    taken = secure.admin[1]
    lines = secure.proxy.fail_to_reload(listen=[*secure.proxy.settings["listen"], f"127.0.0.1:{taken}"])
    assert f"cannot listen on 127.0.0.1:{taken}" in lines
    assert secure.certificates()[0] == before


# --- a start, a stop ---


@pytest.mark.parametrize("delay", [0, 0.003, 0.01, 0.03])
def test_an_early_hup_is_a_reload_after_the_start(backend, delay):
    proxy = Proxy(backend.url, ready=False)

    def has_begun():
        held = pathlib.Path(f"/proc/{proxy.pid}/status").read_text(encoding="ascii").split("SigBlk:")[1].split()[0]
        return int(held, 16) & 1 << (signal.SIGHUP - 1)

    try:
        wait_until(has_begun, "the program to hold signals")
        time.sleep(delay)
        proxy.signal(signal.SIGHUP)
        proxy.wait_until_ready()
        wait_until(lambda: "info HUP: reloaded; no setting has changed" in proxy.stderr(), "the reload")
        with proxy.client() as client:
            assert client.get().status == 200
    finally:
        assert proxy.stop() == 0


# --- pipes ---


def test_a_pipe_holds_up_neither_a_reload_nor_a_stop(configured, backend):
    proxy = configured(backend=backend.url, header_down=["X-Old: yes"])
    os.unlink(proxy.file)
    os.mkfifo(proxy.file)
    line = proxy.hup()
    assert "not reloaded, and nothing has changed" in line
    proxy.wait_for_message("onehop.toml: is a pipe, which can be read at start-up only")
    assert header_of(proxy, "X-Old") == "yes"
    began = time.monotonic()
    assert proxy.stop() == 0
    assert time.monotonic() - began < PATIENCE


# --- --watch-config ---


def test_an_edit_and_a_hup_are_one_reload(configured, backend):
    proxy = configured("--watch-config", backend=backend.url, header_down=["X-Number: 1"])
    proxy.reload(header_down=["X-Number: 2"])
    proxy.change(header_down=["X-Number: 3"], max_body="10 apples")
    assert "not reloaded" in proxy.hup()
    time.sleep(4)
    assert len(proxy.reports()) == 2, proxy.stderr()
    proxy.change(header_down=["X-Number: 4"], max_body=None)
    wait_until(lambda: header_of(proxy, "X-Number") == "4", "the watch goes on")


def test_a_reload_starts_and_stops_the_watch(configured, backend):
    proxy = configured(backend=backend.url, header_down=["X-Number: 1"])
    proxy.reload(watch_config=True)
    proxy.change(header_down=["X-Number: 2"])
    wait_until(lambda: header_of(proxy, "X-Number") == "2", "the watch")
    proxy.reload(watch_config=None)
    proxy.change(header_down=["X-Number: 3"])
    time.sleep(3)
    assert header_of(proxy, "X-Number") == "2"


@pytest.mark.skipif(NEEDS_DESCRIPTORS, reason="the sanitizer needs descriptors")
def test_nothing_changes_if_the_files_cannot_be_watched(configured, backend):
    """Descriptors are short: one is free, which is enough to read the files, but the watch needs two."""
    proxy = configured(backend=backend.url, header_down=["X-Old: yes"])
    wait_until(lambda: "the backend accepts connections" in proxy.stderr(), "the end of the start")
    backend.end_test()  # which waits until the proxy has closed the connection that showed it
    used = {int(name) for name in os.listdir(f"/proc/{proxy.pid}/fd")}
    limit = next(number for number in range(len(used) + 2) if number not in used) + 1
    before = resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE, (limit, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    lines = proxy.fail_to_reload(watch_config=True, header_down=["X-New: yes"])
    resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE, before)
    assert "nothing has changed: eventfd: Too many open files" in lines
    assert header_of(proxy, "X-Old") == "yes" and header_of(proxy, "X-New") is None
    proxy.reload(watch_config=True)


# --- --ready-needs-upstream ---


def status_of(address, target):
    with Client(address) as client:
        return client.ask(get(target, host="localhost")).status


def test_readiness_needs_the_backend_if_configured(configured, start_backend):
    port = free_port()
    proxy = configured(backend=f"http://127.0.0.1:{port}", admin="127.0.0.1:0", health_path="/healthz",
                       ready_needs_upstream=True)
    admin = admin_address(proxy)
    with Client(admin) as client:
        answer = client.ask(get("/readyz", host="localhost"))
        assert (answer.status, answer.body) == (503, b"an upstream accepts no connections\n")
    assert status_of(proxy.address, "/healthz") == 503
    assert status_of(admin, "/livez") == 200
    wait_until(lambda: f"not ready: the backend http://127.0.0.1:{port} accepts no connections: Connection refused"
               in proxy.stderr(), "the log")
    with Client(admin) as client:
        scrape = client.ask(get("/metrics", host="localhost")).body.decode()
        assert 'onehop_upstream_checks_total{upstream="default",result="ok"} 0\n' in scrape
        assert re.search(r'onehop_upstream_checks_total{upstream="default",result="failed"} [1-9]', scrape)
    backend = start_backend()
    backend.answers(OK)
    proxy.reload(backend=backend.url)
    wait_until(lambda: status_of(admin, "/readyz") == 200, "the other backend")
    assert status_of(proxy.address, "/healthz") == 200
    proxy.reload(backend=f"http://127.0.0.1:{port}")
    wait_until(lambda: status_of(admin, "/readyz") == 503, "the one that is down")
    proxy.reload(ready_needs_upstream=None)
    assert status_of(admin, "/readyz") == status_of(proxy.address, "/healthz") == 200


def test_readiness_needs_one_backend_of_each_upstream(configured, start_backend):
    dead = f"http://127.0.0.1:{free_port()}"
    upstream = {"x": {"backend": [dead, start_backend().url]}}
    route = {"path": "/x", "upstream": "x"}
    proxy = configured(upstream=upstream, route=[route], admin="127.0.0.1:0", ready_needs_upstream=True)
    admin = admin_address(proxy)
    wait_until(lambda: status_of(admin, "/readyz") == 200, "the second backend")
    proxy.reload(route=[route, {"path": "/y", "backend": dead}])
    wait_until(lambda: status_of(admin, "/readyz") == 503, "the other upstream")
    wait_until(lambda: f"not ready: the backend {dead} accepts no connections" in proxy.stderr(), "the log")
    proxy.reload(route=[route, {"path": "/y", "status": 404}])
    wait_until(lambda: status_of(admin, "/readyz") == 200, "the upstream that is left")


def test_readiness_ignores_the_backend_by_default(configured):
    proxy = configured(backend=f"http://127.0.0.1:{free_port()}", admin="127.0.0.1:0")
    assert status_of(admin_address(proxy), "/readyz") == 200


def test_a_reload_shows_no_secret(configured, backend):
    proxy = configured("-v", backend=backend.url, trace="http://127.0.0.1:9/v1/traces?key=hush-one",
                       header_up=["X-Secret: hush-two"])
    lines = proxy.fail_to_reload(trace="http://127.0.0.1:9/v1/traces?key=hush-three")
    assert "trace: a change from http://127.0.0.1:9/v1/traces?(hidden) to" in lines
    proxy.fail_to_reload(trace="https://user:hush-four@127.0.0.1/")
    proxy.fail_to_reload(header_up=["X-Secret: hush-\x7f-five"])
    proxy.reload(header_up=["X-Secret: hush-six"])
    assert "hush" not in proxy.stderr()
