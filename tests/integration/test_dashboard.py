# SPDX-License-Identifier: Apache-2.0
"""The dashboard in a real browser, with figures of the test (dashboard_mock.py)."""
import re
import threading
import time

import pytest

import browser as browsers
from dashboard_mock import balanced, endpoint, failed, overview, request, upstream
from dashboard_view import HOSTILE, SHOWN, assert_frames_are_cheap, endpoints, pairs, rows, watch
from proxy_process import IN_CI

# One Chromium for all of them.
pytestmark = [pytest.mark.skipif(browsers.MISSING and not IN_CI, reason="chromium and chromedriver are not installed"),
              pytest.mark.xdist_group("chromium")]
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def full(**parts):
    """An overview with something of everything."""
    now = time.time()
    made = {
        "problems": [{"is_urgent": True, "text": "All is lost."}, {"is_urgent": False, "text": "Not all."}],
        "totals": {"requests": 1234567, "failures_client": 3, "requests_in_flight": 60, "tunnels_open": 1},
        "balanced": [balanced("default", endpoint("http://127.0.0.1:8000", "ejected", since=now - 7, failures=5,
                                                  ejections=1, last_failure="Connection refused", last_failure_at=now - 7),
                              endpoint("http://127.0.0.1:8003", "down", since=now - 700, last_failure="status 500"),
                              endpoint("http://127.0.0.1:8002", "draining"), endpoint("http://127.0.0.1:8001"),
                              endpoint("http://127.0.0.1:8004", "starting", weight=2.5, backup=True))],
        "upstreams": [upstream("127.0.0.1:8000", health="down", since=now - 70, failures=4, requests=1200,
                               reasons={"connection_refused": 4}, last_failure="connect: refused",
                               last_failure_at=now - 5), upstream("[::1]:8000", since=now - 7500),
                      upstream("127.0.0.1:8001", health="draining"), upstream("127.0.0.1:8002", health="unused")],
        "requests": [request(1, age=31.2, query="?token=secret", bytes_out=1483001000), request(2, phase="send")],
        "tunnels": [request(3, protocol="websocket", phase="tunnel", age=7440, phase_age=7440)],
        "failures": [failed(9, status=499, side="client", reason="client_gone", query="?a=b"),
                     failed(8, request_id="from-edge", trace_id=TRACE, route="a.example/api/*")],
        "certificates": [{"names": ["a.example", "b.example"], "not_after": now + 5.5 * 86400, "sha256": "AB:CD:" * 16},
                         {"names": ["c.example"], "not_after": now + 300 * 86400, "sha256": "01:23:" * 16},
                         {"names": ["d.example"], "not_after": now + 3.5 * 86400, "sha256": "45:67:" * 16,
                          "renewal": "renewed about 2026-12-04 by ca.example", "concern": 0}],
        "limits": [{"name": "--max-body", "what": "requests refused with 413", "hits": 3, "last": now - 333}],
        "workers": [{"pass_p99": 0.00021, "longest_pass": 0.0042, "requests": 151}],
        "memory": {"used": 900 << 20, "limit": 1 << 30},
        **parts}
    return overview(now, **made)


def test_every_part_shows_its_figures(browser, mock):
    watch(browser, mock(full()))
    assert browser.text("#pill") == "Needs attention"
    assert browser.text("#problems").split("\n") == ["All is lost.", "Not all."]
    assert pairs(browser, "facts")["Listening on"] == "http://127.0.0.1:8080"
    assert pairs(browser, "totals")["Requests"] == "1,234,567"
    ejected = endpoints(browser, "default")[0]
    assert ejected[:1] + ejected[2:6] == ["http://127.0.0.1:8000", "1", "0", "0", "5 1 ejection"]
    assert ejected[1].startswith("ejected ") and ejected[6].startswith("Connection refused ")
    assert [row[1].split()[0] for row in endpoints(browser, "default")] == ["ejected", "down", "draining", "up", "starting"]
    assert endpoints(browser, "default")[4][2] == "2.5 backup"
    down = rows(browser, "upstreams")[0]
    assert down[:4] == ["127.0.0.1:8000", down[1], "0", "1,200"] and down[1].startswith("down 1 m 1")
    assert down[7] == "4 connection_refused 4" and down[9].startswith("connect: refused")
    assert [row[1] for row in rows(browser, "upstreams")][2:] == ["draining", "unused"]
    oldest = rows(browser, "requests")[0]
    assert oldest == ["31 s", "wait 1.4 s", "GET example.com/page/1?\u2026", "192.0.2.7", "/page/*", "127.0.0.1:8000",
                      "0 B", "1.4 GiB", "HTTP/1.1"]
    assert browser.text("#requests-note") == "the 2 oldest of 60"
    assert rows(browser, "tunnels")[0][0] == "2 h 04 m"
    assert [row[5] for row in rows(browser, "failures")] == ["/*", "a.example/api/*"]
    assert [row[1] for row in rows(browser, "failures")] == ["499", "502"]
    assert [row[2] for row in rows(browser, "failures")] == [
        "GET example.com/?\u2026 192.0.2.7 \u00b7 HTTP/1.1",
        f"GET example.com/ 192.0.2.7 \u00b7 HTTP/1.1 \u00b7 id from-edge \u00b7 trace {TRACE}"]
    assert [row[1][:11] for row in rows(browser, "certificates")] == ["in 5 days 2", "in 299 days", "in 3 days 2"]
    assert "renewed about 2026-12-04 by ca.example" in rows(browser, "certificates")[2][0]
    # A certificate that is renewed in time may have few days left.
    assert browser.js("return document.querySelectorAll('#certificates .bad').length") == 1
    limit = rows(browser, "limits")[0]
    assert limit[1] == "3" and limit[2].startswith("5 m 3")
    assert rows(browser, "workers") == [["0", "151", "0.21 ms", "4.2 ms"]]
    assert pairs(browser, "meters")["Memory held for clients and upstreams"] == "900 MiB of 1.0 GiB"
    assert browser.console() == []


def test_times_are_in_utc(browser, mock):
    watch(browser, mock(full(failures=[failed(1, at=1_000_000_000.4)])))
    assert rows(browser, "failures")[0][0] == "01:46:40"
    assert browser.text("#failures thead th").startswith("Time (UTC)")
    assert browser.text("#clock").endswith(" UTC")


def test_the_charts_continue_when_the_clock_is_set_back(browser, mock):
    began = time.time()

    def feed(send):
        for second in range(1000):
            now = began + second - (3600 if second > 20 else 0)
            send(overview(now, monotonic=100.0 + second, totals={"requests": 10 * second}))
            time.sleep(0.02)

    watch(browser, mock(feed))
    browser.until("points.length > 40")
    assert browser.js("return points.every((p) => Math.abs(p.requests - 10) < 1e-6)")
    assert browser.console() == []


def test_a_bar_appears_with_its_limit(browser, mock):
    def feed(send):
        for second in range(1000):
            send(overview(memory={"used": 50, "limit": 100 if second > 5 else 0}, descriptors=None, resident_bytes=None,
                          silent_workers=2))
            time.sleep(0.05)

    watch(browser, mock(feed))
    browser.until("document.querySelector('#meters div rect')?.getAttribute('width') === '50.0'")
    assert pairs(browser, "meters")["File descriptors"] == "\u2013" == pairs(browser, "meters")["Resident memory"]
    assert browser.text("#requests-note") == "0; 2 workers have not answered"
    assert browser.console() == []


def test_empty_tables_say_so_in_sentences(browser, mock):
    watch(browser, mock(overview()))
    assert browser.text("#pill") == "Serving" and browser.text("#problems") == ""
    for table in ("upstreams", "requests", "tunnels", "failures", "limits", "certificates", "workers"):
        assert rows(browser, table) == []
        assert browser.text(f"#{table} tbody").endswith(".")
    assert browser.console() == []


def test_a_table_can_be_emptied_and_refilled(browser, mock):
    lists = [[], [1], [2, 3], [], [4], [5, 4], [4, 5], [6]]

    def feed(send):
        for numbers in lists:
            now = time.time()
            for _ in range(2):
                send(overview(now, requests=[request(n, path=f"/{n}") for n in numbers]))
                time.sleep(0.1)
        while True:
            time.sleep(0.1)

    watch(browser, mock(feed))
    browser.until("document.querySelector('#requests tbody').textContent.includes('/6')")
    assert [row[2] for row in rows(browser, "requests")] == ["GET example.com/6"]
    assert browser.console() == []


def test_hostile_names_are_shown_as_text(browser, mock):
    hostile = {name: HOSTILE for name in ("client", "method", "host", "path", "query", "protocol", "route", "upstream")}
    figures = full(
        balanced=[balanced(HOSTILE, endpoint(HOSTILE, last_failure=HOSTILE), balance=HOSTILE, sticky=HOSTILE)],
        requests=[request(1, **hostile)], tunnels=[request(2, **hostile)],
        failures=[failed(3, **hostile, detail=HOSTILE, request_id=HOSTILE)],
        upstreams=[upstream(HOSTILE, upstream=HOSTILE, backend=HOSTILE, last_failure=HOSTILE, last_failure_at=time.time())],
        certificates=[{"names": [HOSTILE], "not_after": time.time(), "sha256": "AB"}],
        problems=[{"is_urgent": True, "text": HOSTILE}],
        state={"configuration": HOSTILE, "listeners": [HOSTILE], "backends": [HOSTILE, HOSTILE],
               "reload_message": HOSTILE})
    watch(browser, mock(figures))
    browser.js("document.getElementById('queries').click()")
    browser.until("document.querySelector('#requests').textContent.includes('hacked=1</script><img src=x onerror="
                  "window.hacked=1>\\\\u202e\"\\'&<script>')")
    for part in ("#facts", "#problems", "#balanced h2", "#balanced .note", "#balanced tbody", "#upstreams", "#requests", "#tunnels", "#failures", "#certificates"):
        assert SHOWN in browser.js("return document.querySelector(arguments[0]).textContent", part), part
    assert browser.js("return [window.hacked, document.images.length, document.scripts.length]") == [None, 0, 1]
    assert "\u202e" not in browser.text()
    assert browser.console() == []


def test_the_filter_selects_rows_and_queries_can_be_shown(browser, mock):
    watch(browser, mock(full()))
    assert "secret" not in browser.text()
    browser.js("document.getElementById('filter').focus()")
    browser.press("PAGE/2")
    browser.until("document.getElementById('requests-note').textContent === '1 of 2 match'")
    assert [row[2] for row in rows(browser, "requests")] == ["GET example.com/page/2"]
    browser.press(*["Backspace"] * 6, "client_gone")
    browser.until("document.getElementById('failures-note').textContent === '1 of 2 match'")
    assert rows(browser, "requests") == []
    for name in (TRACE[:9], "from-edge", "a.example"):
        browser.js("document.getElementById('filter').select()")
        browser.press(name)
        browser.until("document.getElementById('failures-note').textContent === '1 of 2 match'")
        assert [row[1] for row in rows(browser, "failures")] == ["502"], name
    browser.press(*["Backspace"] * 9, "Tab", "Space")
    browser.until("document.body.innerText.includes('/page/1?token=secret')")


def test_the_keyboard_reaches_everything_with_visible_focus(browser, mock):
    watch(browser, mock(full()))
    seen = []
    for _ in range(30):
        browser.press("Tab")
        name, outline, width = browser.js(
            "const e = document.activeElement, s = getComputedStyle(e);"
            "return [e === document.body ? null : e.id || e.className || e.textContent, s.outlineStyle, parseFloat(s.outlineWidth)]")
        if name is None:
            break
        seen.append(name)
        assert (outline, width) == ("solid", 2), f"no focus is seen on {name}"
        browser.until("document.activeElement.getBoundingClientRect().bottom > 0")
    assert seen[:7] == ["skip", "pause", "charts", "top", "scroll", "upstreams", "filter"] and seen[-1] == "Configuration"
    assert {"queries", "requests", "tunnels", "failures", "limits", "certificates", "workers"} <= set(seen)
    browser.js("document.getElementById('pause').focus()")
    browser.press("Enter")
    assert browser.js("return document.getElementById('pause').getAttribute('aria-pressed')") == "true"


def test_arrow_keys_read_the_charts_aloud(browser, mock):
    def feed(send):
        now = time.time()
        samples = [[now - 60 + i, 10 * i, 0, i, 0, 1024 * i, 4096 * i, [0] * 3 + [10 * i] + [0] * 12]
                   for i in range(60)]
        send({"bounds": overview()["duration"]["bounds"], "samples": samples}, "history")
        while True:
            send(overview(now, totals={"requests": 600}, duration={"counts": [0] * 3 + [600] + [0] * 12}))
            time.sleep(0.2)

    watch(browser, mock(feed))
    label = browser.js("return document.querySelector('#chart-requests svg').getAttribute('aria-label')")
    assert re.fullmatch(r"Requests per second: 10", label), label
    browser.js("document.getElementById('charts').focus()")
    browser.press("PageUp")
    said = browser.until("document.getElementById('readout').textContent")
    assert re.fullmatch(r"\d\d:\d\d:\d\d: Requests per second 10; Failures per second client 0, upstream 1\.0, proxy 0; "
                        r"Duration p50 3\.\d ms, p99 5\.0 ms; Body bytes per second out 4\.0 KiB, in 1\.0 KiB", said), said
    browser.until("document.querySelector('#chart-bytes .cross').getAttribute('d').startsWith('M')")
    browser.press("Escape")
    browser.until("document.querySelector('#chart-bytes .cross').getAttribute('d') === ''")


def test_a_screen_reader_finds_its_way(browser, mock):
    watch(browser, mock(full()))
    found = browser.js("""
      const named = (e) => e.getAttribute('aria-label') || document.getElementById(e.getAttribute('aria-labelledby'))?.textContent;
      const all = (selector) => [...document.querySelectorAll(selector)];
      return {
        lang: document.documentElement.lang,
        landmarks: ['header', 'main', 'footer', 'nav'].map((name) => all(name).length),
        levels: all('h1, h2, h3').map((h) => h.localName).join(' '),
        unnamed: all('section, [role=region], [role=group], [role=img], nav, input, button').filter(
          (e) => !named(e) && !e.labels?.length && !e.textContent.trim()).map((e) => e.outerHTML.slice(0, 80)),
        captions: all('table').filter((t) => !t.caption?.textContent).length,
        headers: all('thead th').filter((th) => th.scope !== 'col').length,
        roles: all('table, thead, tbody, tbody tr:not(.none), tbody tr:not(.none) > *').filter((e) => !e.getAttribute('role')).length,
        live: all('[aria-live], [role=status], [role=alert], output').map((e) => e.id),
      };""")
    assert found == {"lang": "en", "landmarks": [1, 1, 1, 1], "levels": "h1" + " h2" * 10, "unnamed": [], "captions": 0,
                     "headers": 0, "roles": 0, "live": ["announce", "readout"]}
    assert browser.js("return document.getElementById('announce').textContent") == "All is lost. Not all."


CONTRASTS = """
  const parse = (text) => { const n = text.match(/[\\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n; };
  const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
  const luminance = (c) => { const [r, g, b] = c.slice(0, 3).map((v) => { v /= 255;
    return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const backdrop = (e) => { const layers = []; for (; e; e = e.parentElement) layers.push(parse(getComputedStyle(e).backgroundColor));
    return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255, 1]); };
  const poor = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT); let count = 0;
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement, style = getComputedStyle(e);
    if (!walker.currentNode.data.trim() || ['SCRIPT', 'STYLE', 'NOSCRIPT'].includes(e.tagName) || !e.getClientRects().length) continue;
    const under = backdrop(e), ink = over(parse(style.color), under);
    const [low, high] = [luminance(under), luminance(ink)].sort((a, b) => a - b);
    const ratio = (high + 0.05) / (low + 0.05), size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    count += 1;
    if (ratio < (isLarge ? 3 : 4.5)) poor.push([walker.currentNode.data.trim(), ratio.toFixed(2)]);
  }
  return [count, poor];"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast(browser, mock, scheme):
    watch(browser, mock(full()), scheme=scheme)
    count, poor = browser.js(CONTRASTS)
    assert count > 150 and poor == []
    background = browser.js("return getComputedStyle(document.body).backgroundColor")
    assert (int(re.search(r"\d+", background).group()) < 64) == (scheme == "dark")
    assert len(browser.screenshot()) > 30_000, "the page is blank"


@pytest.mark.parametrize("width", [1440, 1000, 400, 320])
def test_the_page_fits_the_window(browser, mock, width):
    long = "/" + "averylongname" * 150
    figures = full(requests=[request(1, path=long, host=long, client=long, route=long[:200])],
                   failures=[failed(1, path=long, detail=long, request_id="i" * 128, trace_id=TRACE, route=long[:200])],
                   balanced=[balanced(long[:200], endpoint(long[:200], "ejected", last_failure=long), sticky=long[:200])],
                   upstreams=[upstream(long[:200], last_failure=long, reasons={long[:80]: 5})],
                   certificates=[{"names": [long], "not_after": 0, "sha256": "AB"}],
                   state={"listeners": [long], "configuration": long})
    watch(browser, mock(figures), width=width)
    assert browser.js("return document.documentElement.scrollWidth") <= width
    assert browser.js("return [...document.querySelectorAll('.scroll')].filter((e) => e.scrollWidth > e.clientWidth)"
                      ".map((e) => e.id)") == []
    assert len(browser.screenshot()) > 10_000


def test_reduced_motion_disables_animations(browser, mock):
    watch(browser, mock(full()), motion="reduce")
    moving = ("[...document.querySelectorAll('*')].map((e) => getComputedStyle(e)).filter((s) => "
              "s.animationName !== 'none' || s.transitionDuration !== '0s').length")
    assert browser.js(f"return {moving}") == 0


def test_a_lost_connection_is_announced_and_restored(browser, mock):
    there = threading.Event()
    there.set()

    def feed(send):
        while there.is_set():
            send(full(problems=[]))
            time.sleep(0.1)

    url = mock(feed)
    watch(browser, url)
    assert browser.text("#pill") == "Serving"
    there.clear()
    browser.until("document.getElementById('pill').textContent === 'Connection lost'")
    assert browser.js("return document.documentElement.className") == "live lost"
    assert browser.js("return document.getElementById('announce').textContent").startswith("Connection lost.")
    there.set()
    browser.until("document.getElementById('pill').textContent === 'Serving'", patience=30)
    assert browser.js("return document.getElementById('announce').textContent") == "Connected again."
    assert browser.js("return document.documentElement.className") == "live"


def test_a_tab_in_the_background_catches_up(browser, mock):
    began = time.time()

    def feed(send):
        for second in range(1000):
            send(overview(began + second, totals={"requests": second}))
            time.sleep(0.02)

    watch(browser, mock(feed))
    first = browser.ask("GET", "/window")
    other = browser.ask("POST", "/window/new", {"type": "tab"})["handle"]
    browser.ask("POST", "/window", {"handle": other})
    time.sleep(0.5)
    browser.ask("DELETE", "/window")
    browser.ask("POST", "/window", {"handle": first})
    behind = "overview.totals.requests - Number(document.querySelector('#totals dd').textContent.replace(',', ''))"
    assert browser.until(f"overview.totals.requests > 20 && {behind} < 10")
    assert browser.js("return points.length") > 15


def test_frames_with_a_thousand_upstreams_are_cheap(browser, mock):
    began = time.time()

    def feed(send):
        for second in range(1000):
            send(overview(began + second, upstreams=[
                upstream(f"10.0.{i // 250}.{i % 250}:8000", requests=second * i, in_flight=(second + i) % 7,
                         wait={"p50": 0.001 * (i + second), "p99": 0.002 * i}, since=began) for i in range(1000)]))
            time.sleep(0.15)

    watch(browser, mock(feed))
    assert len(rows(browser, "upstreams")) == 1000
    assert_frames_are_cheap(browser, "#upstreams")


def test_two_hours_of_events_do_not_grow_the_page(browser, mock):
    began = time.time() - 7200
    pace = threading.Semaphore(0)

    def feed(send):
        for second in range(7201):
            if second in (1, 1801, 7200):
                pace.acquire(timeout=60)
            now = began + second
            send(overview(now, totals={"requests": 100 * second, "failures_upstream": second, "requests_in_flight": 8},
                          duration={"counts": [0] * 4 + [100 * second] + [0] * 11},
                          requests=[request(second * 5 + i) for i in range(8)],
                          failures=[failed(second + i, at=now) for i in range(8, 0, -1)],
                          upstreams=[upstream(f"10.0.0.{second % 7}:80", requests=second)]))
        pace.acquire(timeout=60)

    watch(browser, mock(feed))
    pace.release()
    browser.until("overview.totals.requests === 180000 && !isDirty", patience=60)
    heap, nodes = browser.used_memory()
    pace.release()
    browser.until("overview.totals.requests === 719900 && !isDirty", patience=60)
    later_heap, later_nodes = browser.used_memory()
    pace.release()
    assert browser.js("return points.length") <= 302
    assert len(rows(browser, "requests")) == 8 and len(rows(browser, "upstreams")) == 1
    assert later_nodes < nodes + 500, (nodes, later_nodes)
    assert later_heap < heap + 500_000, (heap, later_heap)
    assert browser.console() == []
