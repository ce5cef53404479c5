# SPDX-License-Identifier: Apache-2.0
"""The dashboard of a running proxy, in a real browser."""
import os
import re
import signal
import socket
import threading
import time
import urllib.error
import urllib.request

import pytest

import browser as browsers
from admin import admin_address
from browser import LONG
from dashboard_view import pairs, rows, watch
from process_files import of_threads
from proxy_process import IN_CI, SANITIZED
from scripted_backend import ScriptedBackend
from wire import OK, PATIENCE, post

# One Chromium for all of them.
pytestmark = [pytest.mark.skipif(browsers.MISSING and not IN_CI, reason="chromium and chromedriver are not installed"),
              pytest.mark.xdist_group("chromium")]


class Watched:
    """A proxy with an admin listener, in front of a scripted backend."""

    def __init__(self, start_proxy, backend, *flags):
        self.backend = backend
        self.proxy = start_proxy("--admin", "127.0.0.1:0", "--workers", 2, "--access-log", "off", *flags, backend.url)
        self.address = admin_address(self.proxy)
        self.url = "http://%s:%d/" % self.address

    def get(self, path, accept="*/*"):
        asked = urllib.request.Request(self.url + path, headers={"Accept": accept})
        with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:
            return answer.read().decode()

    def metric(self, name, **labels):
        """The sum of the series of a metric that have these labels."""
        total = 0
        for line in self.get("metrics").splitlines():
            found = re.fullmatch(r"(\w+)(?:\{(.*)\})? ([\d.e+]+)", line)
            if found and found.group(1) == name:
                has = dict(re.findall(r'(\w+)="([^"]*)"', found.group(2) or ""))
                if all(has.get(label) == value for label, value in labels.items()):
                    total += float(found.group(3))
        return int(total)

    def viewer(self):
        """A client that has the events open."""
        sock = socket.create_connection(self.address, timeout=PATIENCE)
        sock.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert sock.recv(12) == b"HTTP/1.1 200"
        return sock

    def context_switches(self):
        """How often its threads have run."""
        return sum(int(re.search(r"voluntary_ctxt_switches:\s+(\d+)", status).group(1))
                   for status in of_threads(self.proxy.pid, "status").values())


@pytest.fixture
def watched(start_proxy, start_backend):
    return lambda *flags: Watched(start_proxy, start_backend(), *flags)


def test_the_figures_are_those_of_the_metrics(browser, watched):
    proxy = watched()
    with proxy.proxy.client() as client:
        for i in range(30):
            assert client.get(f"/{i}").status == 200
        client.ask(post(b"12345", "/post"))
    with proxy.proxy.client() as client:
        assert client.ask(b"GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n").status == 400
    watch(browser, proxy.url)
    browser.until("document.querySelector('#totals dd').textContent === '32'")
    shown = pairs(browser, "totals")
    assert shown["Requests"] == str(proxy.metric("onehop_requests_total"))
    assert shown["Failures: client"] == str(proxy.metric("onehop_request_failures_total", side="client")) == "1"
    assert shown["Failures: upstream"] == "0"
    assert shown["Request bodies"] == f"{proxy.metric('onehop_request_body_bytes_total')} B" == "5 B"
    assert shown["Response bodies"] == f"{proxy.metric('onehop_response_body_bytes_total')} B"
    upstreams = rows(browser, "upstreams")
    address = "%s:%d" % proxy.backend.address
    assert upstreams[0][0] == address and upstreams[0][1].startswith("up")
    assert upstreams[0][3] == str(proxy.metric("onehop_upstream_requests_total", address=address)) == "31"
    assert rows(browser, "failures")[0][3] == "client"
    assert browser.console() == []


def test_without_scripts_the_page_shows_the_same_figures(browser, watched):
    proxy = watched("--request-id", "--max-body", "10B")
    with proxy.proxy.client() as client:
        for _ in range(1234):
            client.get("/")
        assert client.ask(post(b"12345678901")).status == 413
    with proxy.proxy.client() as client:
        client.ask(b"GET /%3Cscript%3E?<script>alert(1)</script> HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n")

    def read():
        """The figures that do not change by the second. The backend may end an idle connection at any time."""
        return ([{name: text for name, text in pairs(browser, part).items() if name not in ("Up", "Loaded")}
                 for part in ("facts", "totals")],
                [[row[:1] + row[2:4] + row[5:8] + row[9:] for row in rows(browser, "upstreams")],
                 [row[1:] for row in rows(browser, "failures")]],
                browser.text("#pill"), browser.text("#failures-note"), browser.text("#requests tbody"),
                browser.js("return [...document.querySelectorAll('#upstreams tbody tr > *')].map((e) => "
                           "[e.localName, e.className, e.role, e.dataset.label])"))

    browser.open(proxy.url, scripts=False)
    assert browser.text("#pill") == "Serving" and pairs(browser, "totals")["Requests"] == "1,236"
    assert browser.js("return getComputedStyle(document.getElementById('charts')).display") == "none"
    assert not browser.text("body").count("Pause")
    plain = read()
    browser.js("window.isOld = true")
    watch(browser, proxy.url)
    assert read() == plain
    assert re.search(r"HTTP/1\.1 \u00b7 id [0-9a-f-]{16,}$", rows(browser, "failures")[0][2])
    # The browser loads the page again by itself.
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in proxy.get("", "text/html")
    text = proxy.get("")
    assert re.search(r"^  Requests +1,236$", text, re.M) and "<" not in text


def test_a_slow_request_is_shown_with_its_phase_until_it_ends(browser, watched):
    proxy = watched()
    go_on = threading.Event()

    def slow(peer):
        peer.read_request()
        go_on.wait(LONG)
        peer.send(OK)
        peer.serve()

    proxy.backend.play(slow)
    watch(browser, proxy.url)
    client = proxy.proxy.client()
    client.send(b"GET /slow?token=secret HTTP/1.1\r\nHost: shop.example\r\n\r\n")
    browser.until("document.querySelector('#requests tbody').textContent.includes('/slow')")
    row = rows(browser, "requests")[0]
    assert row[1].startswith("wait") and row[2] == "GET shop.example/slow?\u2026" and row[3] == "127.0.0.1"
    assert row[5] == "%s:%d" % proxy.backend.address and row[8] == "HTTP/1.1"
    assert rows(browser, "upstreams")[0][2] == "1", "in flight at its upstream"
    assert "wait" in proxy.get("").split("In flight")[2]
    browser.until("document.querySelector('#requests td').textContent.endsWith(' s')")
    go_on.set()
    assert client.read_final().status == 200
    browser.until("!document.querySelector('#requests tbody').textContent.includes('/slow')")
    client.close()
    assert browser.console() == []


def test_a_killed_backend_turns_red_within_two_seconds(browser, start_proxy):
    proxy = Watched(start_proxy, ScriptedBackend())
    watch(browser, proxy.url)
    stop = threading.Event()

    def load():
        while not stop.wait(0.02):
            with proxy.proxy.client() as client:
                client.get("/")

    loading = threading.Thread(target=load)
    loading.start()
    try:
        browser.until("document.querySelector('#upstreams .health.ok')")
        proxy.backend.kill()
        killed = time.monotonic()
        browser.until("document.querySelector('#upstreams tr.down .health.bad')")
        took = time.monotonic() - killed
        assert took < (10 if SANITIZED else 2)
        assert browser.text("#pill") == "Needs attention"
        assert "connection_refused" in browser.text("#failures tbody")
        assert browser.js("return document.querySelector('#chart-failures .bar.upstream').getAttribute('d')")
    finally:
        stop.set()
        loading.join()
    assert browser.console() == []


def test_a_drain_is_shown(browser, watched):
    proxy = watched("--drain-delay", "30s")
    watch(browser, proxy.url)
    browser.until("document.getElementById('pill').textContent === 'Serving'")
    proxy.proxy.signal(signal.SIGTERM)
    browser.until("document.getElementById('pill').textContent === 'Draining'")
    assert browser.js("return document.getElementById('pill').className") == "pill warn"
    proxy.proxy.signal(signal.SIGTERM)  # at once
    assert proxy.proxy.wait() == 0


def test_queries_are_refused_without_a_token(browser, watched):
    proxy = watched()
    watch(browser, proxy.url)
    browser.js("document.getElementById('queries').click()")
    browser.until("document.getElementById('message').textContent.includes('--admin-token')")
    assert browser.js("return document.getElementById('queries').checked") is False
    browser.until("points.length > 2")
    assert browser.text("#pill") == "Serving" and "--admin-token" in browser.text("#message")


def test_the_ninth_viewer_sees_the_limit_and_is_admitted_later(browser, watched):
    proxy = watched()
    viewers = [proxy.viewer() for _ in range(8)]
    browser.open(proxy.url)
    browser.until("document.getElementById('message').textContent.includes('8 pages show live figures')")
    browser.until("document.getElementById('pill').textContent === 'Connection lost'")
    assert browser.text("#facts dd") == "0.1.0", "the figures of the first view are gone"
    viewers.pop().close()
    browser.until("document.getElementById('pill').textContent === 'Serving'", patience=30)
    for viewer in viewers:
        viewer.close()


@pytest.mark.skipif(os.environ.get("ONEHOP_SANITIZE") == "thread", reason="ThreadSanitizer has a thread of its own")
def test_viewers_that_have_left_cost_nothing(watched):
    proxy = watched()
    proxy.get("status")

    def switches():
        before = proxy.context_switches()
        time.sleep(1.5)
        return proxy.context_switches() - before

    viewers = [proxy.viewer() for _ in range(3)]
    assert switches() >= 2
    for viewer in viewers:
        viewer.close()
    time.sleep(2.2)
    assert switches() <= 1


def test_other_sites_may_link_to_the_pages_but_not_embed_them(watched):
    proxy = watched()

    def status(path, site, mode, destination):
        fields = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": destination}
        try:
            return urllib.request.urlopen(urllib.request.Request(proxy.url + path, headers=fields), timeout=PATIENCE).status
        except urllib.error.HTTPError as refused:
            return refused.code

    assert status("", "cross-site", "navigate", "document") == 200
    assert status("", "same-origin", "cors", "empty") == 200
    for refused in [("events", "cross-site", "cors", "empty"), ("status", "same-site", "no-cors", "script"),
                    ("", "cross-site", "navigate", "iframe"), ("", "cross-site", "no-cors", "image")]:
        assert status(*refused) == 403, refused


def test_the_demo_links_to_the_dashboard(browser, start_proxy):
    demo = start_proxy("demo")
    browser.open(demo.url)
    assert browser.js("return document.documentElement.scrollWidth") <= 1280
    browser.js("document.querySelector('.brand a').click()")
    browser.until("typeof overview === 'object' && overview && !isDirty")
    browser.until("Number(document.querySelector('#totals dd').textContent) > 0")
    assert rows(browser, "upstreams")[0][1].startswith("up")
    assert browser.console() == []
