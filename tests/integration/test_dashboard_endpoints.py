# SPDX-License-Identifier: Apache-2.0
"""The states of the endpoints of upstreams: in /status, in the text of `onehop status`, and on the dashboard in a
browser, at a proxy in front of replicas that are killed and started again."""
import json
import re
import time

import pytest

import browser as browsers
from admin import Admin, admin_address
from browser import LONG
from dashboard_mock import balanced, endpoint, overview, upstream
from dashboard_view import assert_frames_are_cheap, endpoints, rows, sections, watch
from proxy_process import IN_CI, free_port, run_onehop
from replicas import Load, Replica
from wire import PATIENCE

pytestmark = pytest.mark.xdist_group("chromium")
in_a_browser = pytest.mark.skipif(browsers.MISSING and not IN_CI, reason="chromium and chromedriver are not installed")


class Balanced:
    """A proxy in front of several backends, and its admin pages."""

    QUICK = {"slow_start": "0s", "eject_time": "200ms", "max_eject_time": "400ms"}

    def __init__(self, configured, policy=QUICK, **settings):
        self.proxy = configured(admin="127.0.0.1:0", access_log="off", workers=2, **policy, **settings)
        self.admin = Admin(None, admin_address(self.proxy))
        self.url = "http://%s:%d/" % self.admin.address

    def status(self):
        return json.loads(self.admin.page("/status").body)

    def text(self):
        return self.admin.page("/").body.decode()

    def endpoint(self, name):
        return next(one for one in self.status()["balanced"][0]["endpoints"] if one["endpoint"] == name)

    def wait_for_ejections(self, count):
        deadline = time.monotonic() + 4 * PATIENCE
        while (states := self.status()["balanced"][0]["states"])["ejected"] != count:
            assert time.monotonic() < deadline, states
            time.sleep(0.02)

    def wait_for_state(self, name, state):
        deadline = time.monotonic() + 4 * PATIENCE
        while (one := self.endpoint(name))["state"] != state:
            assert time.monotonic() < deadline, one
            time.sleep(0.02)
        return one


@pytest.fixture
def replicas():
    started = [Replica(str(number)) for number in range(3)]
    yield started
    for one in started:
        one.kill()


def test_status_shows_a_killed_replica_and_its_return(configured, replicas, tmp_path):
    killed, *others = (one.url for one in replicas)
    began = time.time()
    socket = tmp_path / "admin.sock"
    proxy = Balanced(configured, backend=[killed, others[0] + " weight=2", others[1]], admin_socket=str(socket))
    upstream = proxy.status()["balanced"]
    assert len(upstream) == 1
    assert {name: upstream[0][name] for name in ("upstream", "balance", "sticky", "states", "left_out")} == {
        "upstream": "default", "balance": "least", "sticky": "", "left_out": 0,
        "states": {"up": 3, "starting": 0, "ejected": 0, "down": 0, "draining": 0}}
    assert [one["endpoint"] for one in upstream[0]["endpoints"]] == [killed, *others]
    assert [one["weight"] for one in upstream[0]["endpoints"]] == [1, 2, 1]
    assert all(began - 1 < one["since"] < time.time() + 1 for one in upstream[0]["endpoints"])
    with Load(proxy.proxy.address) as load:
        replicas[0].kill()
        ejected = proxy.wait_for_state(killed, "ejected")
        assert "refused" in ejected["last_failure"] and ejected["ejections"] >= 1 and ejected["failures"] >= 1
        assert began - 1 < ejected["since"] <= ejected["last_failure_at"] + 1 < time.time() + 2
        status = proxy.status()
        assert status["balanced"][0]["states"] == {"up": 2, "starting": 0, "ejected": 1, "down": 0, "draining": 0}
        assert status["balanced"][0]["endpoints"][0]["endpoint"] == killed, "it is the first to be seen"
        whose = f"1 of 3 endpoints of the upstream default is passed over: {killed} is ejected"
        assert [(problem["text"].startswith(whose), problem["is_urgent"]) for problem in status["problems"]] == [(True, False)]
        assert proxy.admin.scrape().value("onehop_endpoint_up", endpoint=killed) == 0
        printed = run_onehop("status", "--admin-socket", socket).stdout
        assert "\nEndpoints of default: least; 3 endpoints: 2 up, 1 ejected\n  Endpoint " in printed
        assert re.search(rf"^  {killed} +ejected \(.+\) +1 +\d+ +\d+ .+refused", printed, re.M), printed
        replicas[0].start()
        back = proxy.wait_for_state(killed, "up")
        assert back["since"] > ejected["since"]
        load.wait_until(lambda answers: answers[(200, "0")] > 3)
    assert proxy.status()["problems"] == []
    assert {answer[0] for answer in load.answers} == {200}


def test_two_dead_backends_without_checks_are_an_urgent_problem(configured, replicas):
    """One of them gets requests all the same: at most half of the endpoints are passed over."""
    proxy = Balanced(configured, policy={"slow_start": "0s", "eject_time": "5m"}, backend=[one.url for one in replicas[:2]])
    with Load(proxy.proxy.address) as load:
        for one in replicas[:2]:
            one.kill()
        proxy.wait_for_ejections(1)
        load.wait_until(lambda answers: answers[(502, "502 Bad Gateway\n")] > 10)
        status = proxy.status()
    (dead,) = [one["endpoint"] for one in status["balanced"][0]["endpoints"] if one["state"] == "up"]
    texts = {problem["is_urgent"]: problem["text"] for problem in status["problems"]}
    assert len(status["problems"]) == 2 and texts[True].startswith(f"The backend {dead} accepts no connections: ")
    assert texts[False].startswith("1 of 2 endpoints of the upstream default is passed over: ")


def test_a_failed_check_is_the_reason(configured, replicas):
    urls = [one.url for one in replicas]
    proxy = Balanced(configured, upstream={"api": {"backend": urls, "health-check": "/healthz", "sticky": "cookie:where",
                                                   "health-check-interval": "50ms", "balance": "round-robin"}},
                     route=[{"path": "/*", "upstream": "api"}])
    replicas[1].report_health(500)
    down = proxy.wait_for_state(urls[1], "down")
    assert "500" in down["last_failure"]
    upstream = proxy.status()["balanced"][0]
    assert (upstream["upstream"], upstream["balance"], upstream["sticky"]) == ("api", "round-robin", "cookie:where")
    assert "\nEndpoints of api: round-robin, sticky cookie:where; 3 endpoints: 2 up, 1 down\n" in proxy.text()
    for one in (replicas[0], replicas[2]):
        one.report_health(500)
    for url in urls:
        proxy.wait_for_state(url, "down")
    urgent = [problem["text"] for problem in proxy.status()["problems"] if problem["is_urgent"]]
    assert len(urgent) == 1 and urgent[0].startswith(f"No endpoint of the upstream api is up; the first of them: {urls[0]} is down (")
    replicas[1].report_health(200)
    assert proxy.wait_for_state(urls[1], "up")["since"] > down["since"]


def test_at_most_100_endpoints_are_listed(configured):
    """A terminal lists 20."""
    urls = [f"http://127.1.{i // 250}.{i % 250 + 1}:9" for i in range(500)]
    proxy = Balanced(configured, backend=urls)
    upstream = proxy.status()["balanced"][0]
    assert [one["endpoint"] for one in upstream["endpoints"]] == urls[:100]
    assert upstream["states"]["up"] == 500 and upstream["left_out"] == 400
    text = proxy.text()
    assert "Endpoints of default: least; 500 endpoints: 500 up; 480 not listed\n" in text
    assert urls[19] in text.split("Endpoints of default")[1] and urls[20] not in text.split("Endpoints of default")[1]
    page = proxy.admin.page("/", "Accept: text/html").body.decode()
    assert "least; 500 endpoints: 500 up; 400 not listed" in page
    assert page.count('<span class="health ok">up</span>') == 100


@in_a_browser
def test_the_page_shows_a_killed_replica_and_its_return(browser, configured, replicas):
    proxy = Balanced(configured, backend=[one.url for one in replicas])
    watch(browser, proxy.url)
    assert [row[:1] + row[2:4] for row in endpoints(browser, "default")] == [[one.url, "1", "0"] for one in replicas]
    assert all(re.fullmatch(r"up \d+ s", row[1]) for row in endpoints(browser, "default"))
    row = f'[...document.querySelectorAll("#balanced tbody tr")].find((row) => row.textContent.includes("{replicas[2].url}"))'
    with Load(proxy.proxy.address):
        replicas[2].kill()
        browser.until(f'{row}.className === "down" && {row}.querySelector(".health.bad").textContent === "ejected"')
        first = endpoints(browser, "default")[0]
        assert first[0] == replicas[2].url and "ejection" in first[5] and "refused" in first[6]
        assert sections(browser) == [("default", True, "least; 3 endpoints: 2 up, 1 ejected")]
        assert browser.text("#pill") == "Needs attention" and "is passed over" in browser.text("#problems")
        assert "is passed over" in browser.js("return document.getElementById('announce').textContent")
        replicas[2].start()
        browser.until(f'{row}.className === "" && {row}.querySelector(".health.ok").textContent === "up"')
        browser.until("document.getElementById('pill').textContent === 'Serving'")
    assert sections(browser) == [("default", True, "least; 3 endpoints: 3 up")]
    assert browser.console() == []


@in_a_browser
def test_endpoints_are_the_same_without_scripts(browser, configured, replicas):
    dead = f"http://127.0.0.1:{free_port()}"
    proxy = Balanced(configured, policy={}, sticky="header:X-B",
                     upstream={"web": {"backend": [replicas[0].url, replicas[1].url]}},
                     route=[{"path": "/web/*", "upstream": "web"}], health_check="tcp", health_check_interval="50ms",
                     backend=[replicas[0].url + " weight=2.5", dead, replicas[2].url + " backup"])
    proxy.wait_for_state(dead, "down")

    def read():
        """The text without times."""
        return [(sections(browser),
                 [[re.sub(r" [\d ms]+( ago)?$", "", cell) for cell in row] for row in endpoints(browser, name)],
                 browser.js("return [...document.querySelectorAll('#balanced section, #balanced .scroll, #balanced tr, "
                            "#balanced td, #balanced th')].map((e) => [e.localName, e.className, e.role, e.scope, "
                            "e.ariaLabel, e.dataset.label])"))
                for name in ("default", "web")]

    browser.open(proxy.url, scripts=False)
    plain = read()
    assert plain[0][0] == [("default", True, "hash, sticky header:X-B; 3 endpoints: 2 up, 1 down"),
                           ("web", True, "hash, sticky header:X-B; 2 endpoints: 2 up")]
    assert [row[:3] for row in plain[0][1]] == [[dead, "down", "1"], [replicas[0].url, "up", "2.5"],
                                                [replicas[2].url, "up", "1 backup"]]
    watch(browser, proxy.url)
    assert read() == plain
    assert browser.console() == []


@in_a_browser
def test_sections_come_and_go_with_a_reload(browser, configured, replicas):
    urls = [one.url for one in replicas]
    proxy = Balanced(configured, policy={}, backend=urls[0])  # one backend with a policy has a state, too
    assert "balanced" not in proxy.status()
    watch(browser, proxy.url)
    assert browser.js("return getComputedStyle(document.getElementById('balanced')).display") == "none"
    proxy.proxy.reload(backend=urls[:2])
    browser.until("document.querySelectorAll('#balanced section').length === 1")
    assert [row[0] for row in endpoints(browser, "default")] == urls[:2]
    proxy.proxy.reload(backend=urls)
    browser.until("document.querySelectorAll('#balanced tbody tr').length === 3")
    proxy.proxy.reload(backend=urls[0])
    browser.until("document.querySelectorAll('#balanced section').length === 0")
    assert browser.js("return getComputedStyle(document.getElementById('balanced')).display") == "none"
    assert browser.console() == []


@in_a_browser
def test_sections_keep_their_order(browser, mock):
    orders = ["ab", "b", "cab", "", "ca"]

    def feed(send):
        for names in orders:
            for _ in range(3):
                send(overview(balanced=[balanced(name, endpoint(f"http://{name}")) for name in names]))
                time.sleep(0.1)
        while True:
            time.sleep(0.1)

    watch(browser, mock(feed))
    browser.until("[...document.querySelectorAll('#balanced h2')].map((e) => e.textContent).join() === "
                  "'Endpoints of c,Endpoints of a'")
    assert endpoints(browser, "c")[0][0] == "http://c" and endpoints(browser, "a")[0][0] == "http://a"
    assert browser.console() == []


@in_a_browser
def test_faulty_upstreams_are_expanded_among_many(browser, mock):
    state = {"u4": "down"}
    watch(browser, mock(lambda send: [
        (send(overview(balanced=[balanced(name, endpoint(f"http://{name}", state.get(name, "up"))) for name in
                                 ("u1", "u2", "u3", "u4")] + [balanced("none")])), time.sleep(0.1)) for _ in range(1000)]))
    assert [(name, is_open) for name, is_open, _ in sections(browser)] == [
        ("u1", False), ("u2", False), ("u3", False), ("u4", True), ("none", True)]
    assert endpoints(browser, "u2") == [] and endpoints(browser, "u4")[0][0] == "http://u4"
    state["u1"] = "ejected"
    browser.until("document.querySelector('[data-upstream=u1] .note').className === 'note bad'")
    assert sections(browser)[0] == ("u1", False, "least; 1 endpoint: 1 ejected"), "a reader opens and closes it"
    browser.js("document.getElementById('pause').click()")
    browser.js("document.querySelector('[data-upstream=u2] summary').focus()")
    browser.press("Enter")
    browser.until("document.querySelector('[data-upstream=u2] .health')")
    assert endpoints(browser, "u2")[0][0] == "http://u2", "also while the page is paused"
    browser.press("Tab")
    assert browser.js("return document.activeElement.getAttribute('aria-label')") == "Endpoints of u2"
    assert browser.console() == []


@in_a_browser
def test_frames_with_500_endpoints_are_cheap(browser, mock):
    def feed(send):
        for second in range(1000):
            now = time.time()
            send(overview(now, balanced=[balanced(f"u{u}", *[
                endpoint(f"http://10.0.{u}.{i}:8000", "down" if (second + i) % 50 == 0 else "up", since=now - second - i,
                         requests=second * i, in_flight=(second + i) % 7) for i in range(100)]) for u in range(5)]))
            time.sleep(0.15)

    watch(browser, mock(feed))
    browser.until("document.querySelectorAll('#balanced tbody tr').length === 500", patience=LONG)
    assert_frames_are_cheap(browser, "#balanced")
    assert len(rows(browser, "balanced")) == 500


@in_a_browser
def test_an_address_names_its_upstream_and_backend_among_several(browser, mock):
    shown = upstream("10.0.0.1:80"), upstream("10.0.0.1:80", upstream="api", backend="http://b.example")
    watch(browser, mock(overview(upstreams=list(shown), state={"backends": ["http://backend.example", "http://b.example"]})))
    assert [row[0] for row in rows(browser, "upstreams")] == [
        "10.0.0.1:80 default \u00b7 http://backend.example", "10.0.0.1:80 api \u00b7 http://b.example"]
    watch(browser, mock(overview(upstreams=list(shown[:1]))))
    assert [row[0] for row in rows(browser, "upstreams")] == ["10.0.0.1:80"]
    assert browser.console() == []
