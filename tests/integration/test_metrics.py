# SPDX-License-Identifier: Apache-2.0
"""/metrics: the numbers against known traffic, their form, and the dashboard and alert rules that use them."""
import asyncio
import http.server
import json
import os
import re
import resource
import threading
import time
from pathlib import Path

import pytest
import websockets

from admin import promtool
from h2_client import H2Client
from proxy_process import ROOT, SANITIZED, free_port
from raw_client import Client, connect
from scripted_backend import HeldRequest
from tls_peers import Certificates, TlsBackend, TlsClient, trusting
from wire import answer, get, message, post

DASHBOARD = ROOT / "packaging" / "grafana" / "onehop.json"
RULES = ROOT / "packaging" / "prometheus" / "onehop.rules.yml"
MANUAL = ROOT / "docs" / "metrics.md"


@pytest.fixture
def proxy(backend, admin):
    return admin.start(backend.url)


def test_requests_are_counted_by_method_code_and_protocol(proxy, backend, admin):
    backend.answers(answer(b"12345"))
    with proxy.client() as client:
        for _ in range(3):
            client.get("/")
        client.ask(post(b"abc"))
    with H2Client(proxy.address) as client:
        client.ask()
    backend.answers(answer(b"", status="404 Not Found"))
    with proxy.client() as client:
        client.ask(message("BREW / HTTP/1.1", "Host: h"))
    scrape = admin.wait_until_idle(6)
    assert scrape.value("onehop_requests_total", method="GET", code="200", protocol="HTTP/1.1") == 3
    assert scrape.value("onehop_requests_total", method="GET", code="200", protocol="HTTP/2") == 1
    assert scrape.value("onehop_requests_total", method="POST", code="200") == 1
    assert scrape.value("onehop_requests_total", method="other", code="404") == 1
    assert scrape.value("onehop_requests_total") == 6
    assert scrape.value("onehop_request_body_bytes_total") == 3
    assert scrape.value("onehop_response_body_bytes_total") == 25
    assert scrape.value("onehop_request_duration_seconds_count") == 6
    assert scrape.value("onehop_upstream_requests_total", code_class="2xx") == 5
    assert scrape.value("onehop_upstream_response_seconds_count") == 6
    assert scrape.value("onehop_upstream_connections_dialled_total") >= 1
    assert scrape.value("onehop_client_connections_total") >= 3
    assert scrape.value("process_start_time_seconds") > 1e9


def test_a_request_in_progress_is_in_flight(proxy, backend, admin):
    held = HeldRequest()
    backend.play(held)
    with proxy.client() as client:
        client.send(get())
        held.wait_until_here()
        scrape = admin.scrape()
        assert scrape.value("onehop_requests_in_flight") == 1
        assert scrape.value("onehop_client_connections_open") == 1
        assert scrape.value("onehop_requests_total") == 0
        held.respond()
        assert client.read_final().status == 200
    admin.wait_until_idle(1)


def test_failures_have_a_side_a_phase_and_a_reason(admin):
    port = free_port()
    proxy = admin.start(f"http://127.0.0.1:{port}")
    with proxy.client() as client:
        assert client.get().status == 502
    scrape = admin.wait_for_requests(1)
    assert scrape.value("onehop_requests_total", code="502") == 1
    assert scrape.value("onehop_request_failures_total", side="upstream", phase="connect") == 1
    assert scrape.value("onehop_upstream_up") == 0
    with proxy.client() as client:
        client.send(b"nonsense\r\n\r\n").how_it_ends()
    scrape = admin.wait_for_requests(2)
    assert scrape.value("onehop_request_failures_total", side="client", phase="head", reason="bad_request") == 1


class Plain(http.server.BaseHTTPRequestHandler):
    """A backend that responds with 200 and nothing."""
    protocol_version = "HTTP/1.1"

    def do_GET(self):  # noqa: N802
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def test_a_backend_with_a_name_is_one_upstream_after_a_refused_connection(admin):
    """Regression: with localhost, one refused connection left a row that was down for ever."""
    port = free_port()
    proxy = admin.start(f"http://localhost:{port}")
    with proxy.client() as client:
        assert client.get().status == 502
        scrape = admin.wait_for_requests(1)
        assert scrape.value("onehop_upstream_up", address=f"localhost:{port}") == 0
        assert scrape.value("onehop_upstream_dials_failed_total") >= 1
        status = json.loads(admin.page("/status").body)
        assert [(row["address"], row["health"]) for row in status["upstreams"]] == [(f"localhost:{port}", "down")]
        assert status["problems"][0]["text"].startswith(f"The backend http://localhost:{port} accepts no connections")
        with http.server.ThreadingHTTPServer(("127.0.0.1", port), Plain) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            try:
                assert client.get().status == 200
                scrape = admin.wait_for_requests(2)
                ups = [value for name, _, value in scrape.samples if name == "onehop_upstream_up"]
                assert ups == [1]
                time.sleep(0.2)  # /status may be as old as half of that
                status = json.loads(admin.page("/status").body)
                assert len(status["upstreams"]) == 1 and status["problems"] == []
                row = status["upstreams"][0]
                assert (row["address"], row["health"]) == (f"127.0.0.1:{port}", "up")
                assert (row["requests"], row["failures"], row["connections_open"]) == (2, 1, 1)
                assert row["last_failure"].startswith("connect: Connection refused")
            finally:
                server.shutdown()


@pytest.mark.skipif(SANITIZED, reason="sanitizers open files of their own")
def test_a_lack_of_descriptors_is_not_a_backend_failure(backend, admin):
    proxy = admin.start("--queue-timeout", "100ms", "--workers", "1", backend.url)
    with proxy.client() as client, Client(admin.address) as scraper:
        admin.scrape(over=scraper)
        client.send(b"GET ")  # so that nothing is opened for it any more
        time.sleep(0.2)
        hard = resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE)[1]
        resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE, (8, hard))  # the first eight are in use for good
        assert client.ask(b"/ HTTP/1.1\r\nHost: h\r\n\r\n").status == 503
        scrape = admin.wait_for(lambda scrape: scrape.value("onehop_request_failures_total", side="proxy",
                                                            phase="queue", reason="too_many_open_files") == 1,
                                over=scraper)
        assert scrape.value("onehop_request_failures_total", side="upstream") == 0
        assert not any(name == "onehop_upstream_up" for name in scrape.names())
        assert scrape.value("process_start_time_seconds") > 1e9
        assert scrape.value("process_open_fds") > scrape.value("process_max_fds") == 8
        resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE, (hard, hard))
        assert client.get().status == 200


def test_the_buckets_are_configurable(backend, admin):
    proxy = admin.start("--metrics-buckets", "500us,1s", backend.url)
    with proxy.client() as client:
        client.get()
    scrape = admin.wait_for_requests(1)
    bounds = {its["le"] for name, its, _ in scrape.samples if name == "onehop_request_duration_seconds_bucket"}
    assert bounds == {"0.0005", "1", "+Inf"}
    assert scrape.value("onehop_request_duration_seconds_bucket", le="1") == 1


def test_a_client_that_leaves_is_a_499(proxy, backend, admin):
    arrived = threading.Event()

    def script(peer):
        peer.read_request()
        arrived.set()
        peer.wait_for_close()

    backend.play(script)
    client = proxy.client()
    client.send(get())
    assert arrived.wait(20)
    client.reset()
    scrape = admin.wait_for_requests(1)
    assert scrape.value("onehop_requests_total", code="499") == 1
    assert scrape.value("onehop_request_failures_total", side="client") == 1


def test_tls_handshakes_and_certificates(backend, admin, tmp_path):
    certificates = Certificates(tmp_path / "tls")
    pair = certificates.sign("localhost", "localhost", "127.0.0.1", days=3)
    proxy = admin.start("--tls", pair[0], "--tls-key", pair[1], backend.url)
    with TlsClient(proxy.address, trusting(certificates)) as client:
        assert client.get().status == 200
    with connect(proxy.address) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        sock.recv(1000)
    scrape = admin.wait_for(lambda one: one.value("onehop_tls_handshakes_total", result="plain_http") == 1)
    assert scrape.value("onehop_tls_handshakes_total", result="ok", version="TLSv1.3", resumed="no") == 1
    assert scrape.value("onehop_tls_handshake_duration_seconds_count", side="client") == 1
    assert scrape.value("onehop_tls_handshake_duration_seconds_count", side="upstream") == 0
    days = (scrape.value("onehop_tls_certificate_not_after_seconds", name="localhost")
            - scrape.value("onehop_config_timestamp_seconds")) / 86400
    assert 2.9 < days < 3.1


def test_handshakes_with_the_backend_are_timed(admin, tmp_path):
    certificates = Certificates(tmp_path / "tls")
    backend = TlsBackend(certificates.sign("localhost", "localhost"))
    try:
        began = time.monotonic()
        proxy = admin.start("--backend-ca", certificates.ca, backend.url())
        with proxy.client() as client:
            assert client.get().status == 200
        scrape = admin.wait_for_requests(1)
        assert scrape.value("onehop_tls_handshake_duration_seconds_count", side="upstream") == 1
        assert scrape.value("onehop_tls_handshake_duration_seconds_count", side="client") == 0
        took = scrape.value("onehop_tls_handshake_duration_seconds_sum", side="upstream")
        assert 0 < took < time.monotonic() - began
    finally:
        backend.close()


def test_tunnels(admin):
    port = free_port()

    async def echo(socket):
        async for text in socket:
            await socket.send(text)

    async def run():
        async with websockets.serve(echo, "127.0.0.1", port):
            proxy = admin.start(f"http://127.0.0.1:{port}")
            async with websockets.connect("ws://%s:%d/" % proxy.address) as socket:
                data = os.urandom(1000)  # which does not compress
                await socket.send(data)
                assert await socket.recv() == data
                scrape = admin.scrape()
                assert scrape.value("onehop_tunnels_open", protocol="websocket") == 1
                assert scrape.value("onehop_tunnels_total", protocol="websocket") == 1
                assert scrape.value("onehop_tunnel_bytes_total", direction="from_client") > 1000, "while it is open"
                assert scrape.value("onehop_requests_in_flight") == 0
                totals = json.loads(admin.page("/status").body)["totals"]
                assert totals["tunnel_bytes_in"] == scrape.value("onehop_tunnel_bytes_total", direction="from_client")

    asyncio.run(run())
    scrape = admin.wait_for(lambda one: one.value("onehop_tunnels_open", protocol="websocket") == 0)
    assert scrape.value("onehop_tunnels_total", protocol="websocket") == 1
    assert scrape.value("onehop_tunnel_bytes_total", direction="from_client") > 1000
    assert scrape.value("onehop_tunnel_bytes_total", direction="to_client") > 1000
    assert scrape.value("onehop_requests_total", code="101") == 1


def test_series_stay_few_whatever_clients_send(proxy, admin):
    with proxy.client() as client:
        client.get()
    admin.wait_for_requests(1)

    def exercise(count):
        with proxy.client() as client:
            for i in range(count):
                client.ask(message(f"M{i} /{i}?q={i} HTTP/1.1", f"Host: h{i}.example", f"User-Agent: agent{i}",
                                   f"X-Forwarded-For: 10.0.0.{i % 250}", f"Origin: http://{i}"))

    exercise(1)
    before = admin.wait_for_requests(2).series()
    exercise(1000)
    after = admin.wait_for_requests(1002)
    assert after.series() == before
    for word in ("M5", "h5.example", "agent5", "10.0.0."):
        assert word not in after.text


def test_a_scrape_during_load_costs_no_request(proxy, admin):
    answers = []

    def ask():
        with proxy.client() as client:
            for _ in range(300):
                answers.append(client.get().status)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    seen = [admin.scrape().value("onehop_requests_total") for _ in range(20)]
    for thread in threads:
        thread.join()
    assert answers == [200] * 1200
    assert seen == sorted(seen), "a counter went back"
    assert admin.wait_for_requests(1200).value("onehop_requests_total", code="200") == 1200


def test_promtool_accepts_a_scrape(admin, tmp_path):
    certificates = Certificates(tmp_path / "tls")
    pair = certificates.sign("localhost")
    backend = TlsBackend(pair)
    proxy = admin.start("--tls", pair[0], "--tls-key", pair[1], "--backend-ca", certificates.ca, backend.url())
    with TlsClient(proxy.address, trusting(certificates)) as client:
        client.get()
        client.ask(message("GET /%zz HTTP/1.1", "Host: h"))
    scrape = admin.wait_for_requests(2)
    backend.close()
    assert {"onehop_tls_certificate_not_after_seconds", "onehop_tls_handshakes_total"} <= scrape.names()
    code, output = promtool("check", "metrics", text=scrape.text)
    assert (code, output) == (0, "")


def metric_names(expression):
    return set(re.findall(r"\b((?:onehop|process)_[a-z0-9_]+)", expression))


def dashboard_expressions():
    texts = []

    def collect(node):
        if isinstance(node, dict):
            texts.extend(node[key] for key in ("expr", "query", "definition") if isinstance(node.get(key), str))
            node = list(node.values())
        if isinstance(node, list):
            for one in node:
                collect(one)

    collect(json.loads(DASHBOARD.read_text(encoding="utf-8")))
    assert len(texts) > 30
    return texts


def everything(backend, admin, tmp_path):
    """A scrape of a proxy after every event that makes a metric appear."""
    certificates = Certificates(tmp_path / "tls")
    pair = certificates.sign("localhost", "localhost", "127.0.0.1")
    # A name whose certificate is there already, of an authority that is not.
    kept = tmp_path / "state" / "acme" / "certificates" / "app.example.com.pem"
    kept.parent.mkdir(parents=True)
    chain, key = certificates.sign("app.example.com")
    kept.write_text(Path(key).read_text(encoding="ascii") + Path(chain).read_text(encoding="ascii"), encoding="ascii")
    proxy = admin.start("--tls", pair[0], "--tls-key", pair[1], "--acme", "ops@example.org", "--host", "app.example.com",
                        "--acme-ca", "https://127.0.0.1:1/dir", "--state", tmp_path / "state", backend.url,
                        "http://127.0.0.1:1 backup")
    with TlsClient(proxy.address, trusting(certificates)) as client:
        client.get()
        client.ask(message("GET / HTTP/1.1", "Host: h", "Content-Length: x"))
    admin.wait_for_requests(2)
    # The time of a renewal is chosen once the store has been looked at.
    return admin.wait_for(lambda scrape: "onehop_acme_renewal_seconds" in scrape.names())


def test_every_metric_of_the_dashboard_the_rules_and_the_manual_exists(backend, admin, tmp_path):
    exists = everything(backend, admin, tmp_path).names()
    rules = re.findall(r"expr: (.*(?:\n {10,}.*)*)", RULES.read_text(encoding="utf-8"))
    assert len(rules) > 8
    for where, names in (("dashboard", metric_names("\n".join(dashboard_expressions()))), ("rules", metric_names("\n".join(rules)))):
        assert names, where
        missing = names - exists
        assert not missing, f"{where}: {missing}"


def test_the_manual_has_every_metric_with_its_type_and_labels(backend, admin, tmp_path):
    scrape = everything(backend, admin, tmp_path)
    kinds = dict(re.findall(r"# TYPE (\S+) (\S+)", scrape.text))
    labels = {}
    for name, its, _ in scrape.samples:
        family = name if name in kinds else re.sub(r"_(bucket|sum|count)\Z", "", name)
        labels.setdefault(family, set()).update(set(its) - {"le"})
    rows = re.findall(r"^\| `([a-z_0-9]+)` \| (\w+) \| ([^|]*) \|", MANUAL.read_text(encoding="utf-8"), re.M)
    written = {name: (kind, set(re.findall(r"`([a-z_0-9]+)`", its))) for name, kind, its in rows}
    assert written == {name: (kind, labels[name]) for name, kind in kinds.items()}


def test_promtool_accepts_the_rules():
    code, output = promtool("check", "rules", RULES)
    assert code == 0, output


def test_the_rules_fire_when_they_should():
    code, output = promtool("test", "rules", RULES.with_name("onehop.rules.test.yml"))
    assert code == 0, output


def test_promtool_accepts_the_expressions_of_the_dashboard(tmp_path):
    rules = tmp_path / "dashboard.yml"
    lines = ["groups:", "- name: dashboard", "  rules:"]
    for number, text in enumerate(dashboard_expressions()):
        if text.startswith(("label_values", "prometheus")):
            continue
        text = text.replace("$__rate_interval", "5m").replace("$job", ".*").replace("$instance", ".*")
        lines += [f"  - record: expression:{number}", f"    expr: {json.dumps(text)}"]
    rules.write_text("\n".join(lines) + "\n", encoding="utf-8")
    code, output = promtool("check", "rules", rules)
    assert code == 0, output
