# SPDX-License-Identifier: Apache-2.0
"""The labels `route`, `upstream` and `endpoint` of the metrics, and the health of upstreams beside each other."""
import asyncio
import json
import time

import pytest
import websockets

from admin import Admin, admin_address
from proxy_process import free_port
from raw_client import Client
from scripted_backend import HeldRequest
from wire import PATIENCE, answer, get

API = {"path": "/api/*", "upstream": "api"}


def ask(proxy, target, host="h"):
    with Client(proxy.address) as client:
        return client.ask(get(target, host=host)).status


def place_of(url):
    return url.removeprefix("http://")


@pytest.fixture
def served(configured):
    """Starts a proxy with a file and an admin listener; returns both."""
    def start(**settings):
        proxy = configured(admin="127.0.0.1:0", **settings)
        return proxy, Admin(None, admin_address(proxy))

    return start


def status_of(admin, condition):
    """The first /status for which the condition holds."""
    deadline = time.monotonic() + PATIENCE
    while True:
        status = json.loads(admin.page("/status").body)
        if condition(status):
            return status
        assert time.monotonic() < deadline, status
        time.sleep(0.05)


def test_one_dead_upstream_does_not_make_another_one_down(served, backend):
    """Regression: the health of all upstreams was merged, and the backend that worked was reported as down."""
    dead = f"http://127.0.0.1:{free_port()}"
    proxy, admin = served(backend=backend.url, upstream={"api": {"backend": dead}}, route=[API])
    for _ in range(5):
        assert ask(proxy, "/") == 200
        assert ask(proxy, "/api/x") == 502
    scrape = admin.wait_for_requests(10)
    assert scrape.value("onehop_upstream_up", upstream="default", address=place_of(backend.url)) == 1
    up = {(its["upstream"], its["address"]): value for name, its, value in scrape.samples if name == "onehop_upstream_up"}
    assert up == {("default", place_of(backend.url)): 1, ("api", place_of(dead)): 0}
    status = status_of(admin, lambda one: one["totals"]["requests"] == 10)
    rows = {(row["upstream"], row["backend"], row["address"], row["health"]): row for row in status["upstreams"]}
    alive = ("default", backend.url, place_of(backend.url), "up")
    assert set(rows) == {("api", dead, place_of(dead), "down"), alive}
    assert rows[alive]["last_failure"] == "" and rows[alive]["failures"] == 0
    [problem] = status["problems"]
    assert problem["is_urgent"] and problem["text"].startswith(f"The backend {dead} accepts no connections: connect:")


def test_one_dead_backend_of_an_upstream_does_not_make_another_one_down(served, backend):
    dead = f"http://127.0.0.1:{free_port()}"
    proxy, admin = served(backend=[backend.url, dead], balance="round-robin", workers=1)
    for _ in range(8):
        assert ask(proxy, "/") == 200
    scrape = admin.wait_for_requests(8)
    up = {its["address"]: value for name, its, value in scrape.samples if name == "onehop_upstream_up"}
    assert up == {place_of(backend.url): 1, place_of(dead): 0}
    status = status_of(admin, lambda one: one["totals"]["requests"] == 8)
    assert {(row["backend"], row["health"]) for row in status["upstreams"]} == {(backend.url, "up"), (dead, "down")}
    texts = [problem["text"] for problem in status["problems"]]
    assert any(text.startswith(f"The backend {dead} accepts no connections") for text in texts), texts
    assert not any(problem["is_urgent"] for problem in status["problems"])


def test_requests_are_counted_by_route_and_upstream(served, start_backend):
    top, api, web = start_backend(), start_backend(), start_backend()
    api.answers(answer(b"12345"))
    proxy, admin = served(
        backend=top.url, workers=1,
        upstream={"api": {"backend": api.url}, "web": {"backend": web.url}},
        route=[API, {"host": "w.example", "upstream": "web"}, {"path": "/gone", "status": 410}])
    for target, host, count in (("/", "h", 1), ("/api/x", "h", 2), ("/", "w.example", 3), ("/gone", "h", 4)):
        for _ in range(count):
            assert ask(proxy, target, host) == (410 if target == "/gone" else 200)
    scrape = admin.wait_until_idle(10)
    routes = {its["route"]: value for name, its, value in scrape.samples if name == "onehop_requests_total"}
    assert routes == {"default": 1, "/api/*": 2, "w.example/*": 3, "/gone": 4}
    for route, count in routes.items():
        assert scrape.value("onehop_request_duration_seconds_count", route=route) == count
    assert scrape.value("onehop_response_body_bytes_total", route="/api/*") == 10
    in_flight = {its["route"]: value for name, its, value in scrape.samples if name == "onehop_requests_in_flight"}
    assert in_flight == dict.fromkeys(routes, 0)
    for upstream, backend, count in (("default", top, 1), ("api", api, 2), ("web", web, 3)):
        assert scrape.value("onehop_upstream_requests_total", upstream=upstream, address=place_of(backend.url)) == count
        assert scrape.value("onehop_request_phase_seconds_count", upstream=upstream, phase="wait") == count
        assert scrape.value("onehop_upstream_connections_open", upstream=upstream) == 1
        assert scrape.value("onehop_upstream_connections_dialled_total", upstream=upstream) == 1
        assert scrape.value("onehop_upstream_connections_reused_total", upstream=upstream) == count - 1
    assert {its["upstream"] for _, its, _ in scrape.samples if "upstream" in its} == {"default", "api", "web"}


def test_requests_in_flight_are_counted_by_route(served, backend):
    held = HeldRequest()
    backend.play(held)
    proxy, admin = served(upstream={"api": {"backend": backend.url}}, route=[API, {"path": "/x", "status": 404}])
    with Client(proxy.address) as client:
        client.send(get("/api/x"))
        held.wait_until_here()
        scrape = admin.scrape()
        assert scrape.value("onehop_requests_in_flight", route="/api/*") == 1
        assert scrape.value("onehop_requests_in_flight") == 1
        held.respond()
        assert client.read_final().status == 200
    assert admin.wait_until_idle(1).value("onehop_requests_in_flight", route="/api/*") == 0


def test_a_tunnel_is_not_a_request_in_flight_of_its_route(served):
    port = free_port()

    async def echo(socket):
        async for text in socket:
            await socket.send(text)

    async def run():
        async with websockets.serve(echo, "127.0.0.1", port):
            proxy, admin = served(upstream={"api": {"backend": f"http://127.0.0.1:{port}"}}, route=[API])
            async with websockets.connect("ws://%s:%d/api/" % proxy.address) as socket:
                await socket.send("x")
                assert await socket.recv() == "x"
                scrape = admin.scrape()
                assert scrape.value("onehop_tunnels_open", protocol="websocket") == 1
                assert scrape.value("onehop_requests_in_flight") == 0
            return admin

    admin = asyncio.run(run())
    scrape = admin.wait_until_idle(1)
    assert scrape.value("onehop_requests_total", route="/api/*", code="101") == 1
    assert scrape.value("onehop_requests_in_flight", route="/api/*") == 0


def test_counters_of_routes_and_upstreams_continue_across_reloads(served, start_backend):
    one, two = start_backend(), start_backend()
    proxy, admin = served(workers=1, upstream={"api": {"backend": one.url}}, route=[API])
    assert ask(proxy, "/api/x") == ask(proxy, "/api/x") == 200
    admin.wait_until_idle(2)
    proxy.reload(upstream={"web": {"backend": two.url}}, route=[{"path": "/web/*", "upstream": "web"}])
    assert ask(proxy, "/web/x") == 200
    assert ask(proxy, "/api/x") == 404
    scrape = admin.wait_until_idle(4)
    routes = {its["route"]: 0 for name, its, _ in scrape.samples if name == "onehop_requests_total"}
    for route in routes:
        routes[route] = scrape.value("onehop_requests_total", route=route)
    assert routes == {"default": 1, "/api/*": 2, "/web/*": 1}
    assert scrape.value("onehop_upstream_connections_dialled_total", upstream="api") == 1
    assert scrape.value("onehop_upstream_requests_total", upstream="web") == 1
    # The removed upstream has no connection any more, and so no address.
    gone = admin.wait_for(lambda its: its.value("onehop_upstream_connections_open", upstream="api") == 0)
    assert gone.value("onehop_upstream_requests_total", upstream="api") == 0
    proxy.reload(upstream={"api": {"backend": one.url}}, route=[API])
    assert ask(proxy, "/api/x") == 200
    scrape = admin.wait_until_idle(5)
    assert scrape.value("onehop_requests_total", route="/api/*") == 3
    assert scrape.value("onehop_upstream_connections_dialled_total", upstream="api") == 2


def test_a_request_counts_for_the_route_that_it_began_with(served, start_backend):
    slow, other = start_backend(), start_backend()
    held = HeldRequest()
    slow.play(held)
    proxy, admin = served(workers=1, upstream={"api": {"backend": slow.url}}, route=[API])
    with Client(proxy.address) as client:
        client.send(get("/api/x"))
        held.wait_until_here()
        proxy.reload(upstream={"web": {"backend": other.url}}, route=[{"path": "/web/*", "upstream": "web"}])
        scrape = admin.scrape()
        assert scrape.value("onehop_requests_in_flight", route="/api/*") == 1
        row = status_of(admin, lambda one: one["upstreams"])["upstreams"][0]
        assert (row["upstream"], row["backend"], row["health"], row["in_flight"]) == ("api", "", "draining", 1)
        held.respond()
        assert client.read_final().status == 200
    scrape = admin.wait_until_idle(1)
    assert scrape.value("onehop_requests_total", route="/api/*", code="200") == 1
    assert scrape.value("onehop_requests_total") == 1


def test_series_stay_few_whatever_reloads_bring(served, start_backend):
    """Names that were removed long ago are counted as `other`, and nothing is lost."""
    backend = start_backend()
    proxy, admin = served(workers=1, upstream={"u": {"backend": backend.url}}, route=[{"path": "/r0", "upstream": "u"}])
    rounds = 80
    for number in range(rounds):
        if number:
            proxy.reload(upstream={f"u{number}": {"backend": backend.url}},
                         route=[{"path": f"/r{number}", "upstream": f"u{number}"}])
        assert ask(proxy, f"/r{number}") == 200
    scrape = admin.wait_until_idle(rounds)
    assert scrape.value("onehop_requests_total") == rounds
    assert scrape.value("onehop_request_duration_seconds_count") == rounds
    assert scrape.value("onehop_requests_total", route=f"/r{rounds - 1}") == 1
    assert scrape.value("onehop_requests_total", route="other") >= rounds - 66
    assert len({its["route"] for _, its, _ in scrape.samples if "route" in its}) <= 67
    assert scrape.value("onehop_upstream_connections_dialled_total") == rounds
    assert len({its["upstream"] for _, its, _ in scrape.samples if "upstream" in its}) <= 67
    assert json.loads(admin.page("/status").body)["totals"]["requests"] == rounds


def test_readiness_checks_are_counted_by_upstream(served, backend):
    _, admin = served(backend=backend.url, ready_needs_upstream=True,
                      upstream={"api": {"backend": f"http://127.0.0.1:{free_port()}"}}, route=[API])
    scrape = admin.wait_for(lambda its: its.value("onehop_upstream_checks_total", upstream="api", result="failed") > 0
                            and its.value("onehop_upstream_checks_total", upstream="default", result="ok") > 0)
    assert scrape.value("onehop_upstream_checks_total", upstream="api", result="ok") == 0


def test_active_health_checks_are_counted(served, backend):
    dead = f"http://127.0.0.1:{free_port()}"
    backend.play(lambda peer: peer.wait_for_close())
    _, admin = served(backend=[backend.url, dead], health_check="tcp", health_check_interval="50ms")
    scrape = admin.wait_for(lambda its: all(
        its.value("onehop_endpoint_checks_total", upstream="default", endpoint=endpoint, result=result) > 3
        for endpoint, result in ((backend.url, "ok"), (dead, "failed"))))
    assert scrape.value("onehop_endpoint_checks_total", endpoint=backend.url, result="failed") == 0
    assert scrape.value("onehop_endpoint_checks_total", endpoint=dead, result="ok") == 0
    assert scrape.value("onehop_endpoint_checks_total", result="draining") == 0
