# SPDX-License-Identifier: Apache-2.0
"""A day in the life of a service, in ONEHOP_DAY seconds: all that an operator does to it, under the load of
persistent_load.py. No request fails, each step is seen in the metrics, and nothing grows."""
import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

import browser as browsers
from admin import Scrape, promtool
from persistent_load import PersistentLoad
from proxy_process import IN_CI, ROOT, SANITIZED, free_port
from raw_client import Client
from tls_peers import Certificates, trusting
from upgraded_proxy import UpgradedProxy
from wire import PATIENCE, get

SECONDS = float(os.environ.get("ONEHOP_DAY", "60"))
STEPS = 10
needs = [name for name in ("node", "logrotate", "systemd-socket-activate") if not shutil.which(name)]
pytestmark = [pytest.mark.skipif((bool(needs) or browsers.MISSING or os.geteuid() != 0) and not IN_CI,
                                 reason=f"needs root, chromium and {needs}"),
              pytest.mark.xdist_group("chromium")]


class Service(UpgradedProxy):
    """Started by the first connection to its sockets, which systemd has."""

    def __init__(self, folder, settings, sockets):
        options = [f"--listen={address}:{port}" for address, port in sockets.values()]
        names = "--fdname=" + ":".join(sockets)
        self.first = next(iter(sockets.values()))
        super().__init__(folder, settings, prefix=["systemd-socket-activate", *options, names])

    def wait_until_ready(self):
        deadline = time.monotonic() + 2 * PATIENCE
        while True:
            try:
                with Client(self.first) as client:
                    assert client.get("/1").status == 200
                break
            except ConnectionRefusedError:
                assert time.monotonic() < deadline and self.process.poll() is None
                time.sleep(0.01)
        super().wait_until_ready()

    def scrape(self):
        with Client(str(self.socket)) as client:
            response = client.ask(get("/metrics"))
        assert response.status == 200
        return Scrape(response.body.decode())

    def until(self, metric, wanted, **labels):
        """Waits until the metric has this value, or one that `wanted` accepts."""
        accepts = wanted if callable(wanted) else lambda value: value == wanted
        deadline = time.monotonic() + 4 * PATIENCE
        while not accepts(value := self.scrape().value(metric, **labels)):
            assert time.monotonic() < deadline, f"{metric} is {value}"
            time.sleep(0.1)

    def dashboard(self):
        return re.findall(r"admin pages on (http://\S+)", self.stderr())[-1]


class Day:
    """Lets the load continue between the steps, and checks what must never happen."""

    def __init__(self, service, load):
        self.service, self.load = service, load

    def goes_on(self):
        until = time.monotonic() + SECONDS / STEPS
        self.load.wait_for_more(1)
        time.sleep(max(0.0, until - time.monotonic()))
        scrape = self.service.scrape()
        assert scrape.value("onehop_request_failures_total") == 0, scrape.text
        assert scrape.value("onehop_log_lines_lost_total") == 0
        assert scrape.value("onehop_requests_total") > 0
        assert not self.load.problems
        return scrape

    def size(self):
        """The maximum of descriptors and of resident bytes in a few scrapes."""
        scrapes = []
        for _ in range(10):
            scrapes.append(self.service.scrape())
            time.sleep(SECONDS / STEPS / 10)
        return (max(scrape.value("process_open_fds") for scrape in scrapes),
                max(scrape.value("process_resident_memory_bytes") for scrape in scrapes))


def rotate(folder, pid):
    """Rotates like the shipped logrotate file, but signals the process of the test."""
    shipped = (ROOT / "packaging" / "logrotate" / "onehop").read_text(encoding="utf-8")
    script = re.search(r"postrotate\n.*?endscript", shipped, re.DOTALL).group()
    file = folder / "logrotate.conf"
    file.write_text(shipped.replace("/var/log/onehop", str(folder / "log")).replace(
        script, f"postrotate\n kill -USR1 {pid}\n endscript"), encoding="utf-8")
    file.chmod(0o644)
    subprocess.run(["logrotate", "--force", "--state", folder / "logrotate.state", file], check=True, timeout=60)


def expiry(scrape):
    return {labels["sha256"] for name, labels, _ in scrape.samples if name == "onehop_tls_certificate_not_after_seconds"}


def logged(folder):
    """The lines of every file of the access log."""
    subprocess.run(["gunzip", *folder.glob("*.gz")], check=True)
    return [json.loads(line) for file in folder.iterdir() for line in file.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def chromium():
    started = browsers.Browser()
    yield started
    started.close()


def test_a_day(tmp_path, chromium):  # pylint: disable=too-many-locals,too-many-statements
    signal.alarm(int(4 * SECONDS) + 240)
    authority = Certificates(tmp_path / "certificates")
    chain, key = authority.sign("localhost")
    sockets = {"web": ("127.0.0.1", free_port()), "secure": ("127.0.0.1", free_port())}
    plain, tls = sockets.values()
    (tmp_path / "log").mkdir(mode=0o755)
    script = Path(__file__).with_name("reload_backend.js")
    with subprocess.Popen(["node", script, *authority.sign("localhost", "localhost", "127.0.0.1")],
                          stdout=subprocess.PIPE, text=True) as backend:
        port = backend.stdout.readline().split()[0]
        service = Service(tmp_path, {
            "backend": f"http://127.0.0.1:{port}", "listen": ["http://%s:%d" % plain, "https://%s:%d" % tls],
            "workers": 2, "tls": [chain], "tls-key": [key], "admin": "127.0.0.1:0", "access-log": "json",
            "access-log-to": str(tmp_path / "log" / "access.log")}, sockets)
        context = trusting(authority)
        context.ca = authority.ca
        load = PersistentLoad(plain, tls, context)
        try:
            live(service, Day(service, load), load, authority, chromium, tmp_path)
        finally:
            load.over.set()
            service.stop()
            backend.kill()
            print(service.stderr()[-5000:])
    lines = logged(tmp_path / "log")
    assert {line["status"] for line in lines} == {200, 101}
    assert len(lines) >= load.requests_served()


def drain(service):
    """While --drain-delay lasts, clients are served, and balancers learn that they should go elsewhere."""
    service.configure(drain_delay="3s")
    assert service.command("reload").returncode == 0
    service.until("onehop_ready", 1)
    with Client(str(service.socket)) as admin:
        assert admin.ask(get("/readyz")).status == 200
        assert service.command("drain").returncode == 0
        assert admin.ask(get("/readyz")).status == 503
    service.until("onehop_ready", 0)
    with service.client() as client:
        assert client.get("/1").status == 200
    service.wait_for_message("draining: health checks fail; the listeners close in 3s")


def live(service, day, load, authority, chromium, folder):  # pylint: disable=too-many-arguments,too-many-positional-arguments
    """The steps."""
    load.wait_for_more(3)
    assert day.goes_on().value("onehop_generation") == 1

    chromium.open(service.dashboard())
    chromium.until("document.body.innerText.includes(arguments[0])", "127.0.0.1:%d" % service.first[1])
    assert chromium.console() == []
    day.goes_on()

    before = expiry(service.scrape())
    authority.sign("localhost")
    deadline = time.monotonic() + 4 * PATIENCE
    while expiry(service.scrape()) == before:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    day.goes_on()

    service.configure(header_down=["X-Day: good"], idle_timeout="70s")
    assert service.command("reload").returncode == 0
    service.until("onehop_config_reloads_total", 1, result="ok")
    day.goes_on()

    service.configure(max_body="nonsense")
    assert service.command("reload").returncode == 1
    service.until("onehop_config_last_reload_success", 0)
    with service.client() as client:
        assert client.get("/1").fields.get("X-Day") == "good"
    service.configure(max_body="1GiB")
    assert service.command("reload").returncode == 0
    service.until("onehop_config_last_reload_success", 1)
    day.goes_on()

    rotate(folder, service.pid)
    service.until("onehop_access_log_reopens_total", 1)
    assert (folder / "log" / "access.log.1").is_file()
    deadline = time.monotonic() + 4 * PATIENCE
    while not (folder / "log" / "access.log").stat().st_size:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    day.goes_on()

    first = service.pid
    load.upgrade(service)
    service.until("onehop_generation", 2)
    service.wait_for_end(first, 8 * PATIENCE)
    service.until("onehop_earlier_processes", 0)
    chromium.open(service.dashboard())
    chromium.until("document.body.innerText.includes(arguments[0])", "127.0.0.1:%d" % service.first[1])
    assert chromium.console() == []
    chromium.leave()
    day.goes_on()

    descriptors, memory = day.size()
    rotate(folder, service.pid)
    service.until("onehop_access_log_reopens_total", 2)
    for number in range(10):
        service.configure(header_down=[f"X-Day: {number}"])
        assert service.command("reload").returncode == 0
    day.goes_on()
    later = day.size()
    assert later[0] <= descriptors + 10
    if not SANITIZED:
        assert later[1] <= memory * 1.25 + (8 << 20)

    load.end()
    service.until("onehop_requests_in_flight", 0)
    code, output = promtool("check", "metrics", text=service.scrape().text)
    assert (code, output) == (0, "")
    drain(service)
    service.wait_for_end(service.pid, 8 * PATIENCE)
    text = service.stderr()
    assert [line for line in text.splitlines() if " warning " in line] == []
    assert " error " not in text.partition("as generation 2")[2]
