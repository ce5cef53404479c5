# SPDX-License-Identifier: Apache-2.0
"""The admin listener: who may read it, what it responds with, and that it disturbs nothing."""
import base64
import json
import signal
import socket
import ssl
import time

import pytest

from admin import Admin, admin_address
from proxy_process import free_port, run_onehop
from raw_client import Client, connect
from scripted_backend import HeldRequest
from stopped_thread import StoppedThread
from tls_peers import Certificates, TlsClient, trusting
from wire import PATIENCE, get, message

PAGES = ["/", "/metrics", "/livez", "/readyz", "/status", "/requests", "/config"]


@pytest.fixture
def proxy(backend, admin):
    return admin.start("--health-path", "/health", backend.url)


def test_every_page_responds_with_no_store(proxy, admin):
    for path in PAGES:
        answer = admin.page(path)
        assert answer.status == 200, path
        assert answer.fields.tokens("cache-control") == ["no-store"], path
        assert answer.fields.tokens("x-content-type-options") == ["nosniff"], path
        assert not answer.fields.has("access-control-allow-origin"), path
    assert admin.page("/nothing").status == 404
    assert admin.page("/metrics", method="HEAD").status == 200


def test_the_admin_listener_is_read_only(proxy, admin):
    for path in PAGES:
        assert admin.page(path, "Content-Length: 0", method="POST").status == 405, path
    for path in ("/reload", "/drain", "/stop", "/log-level"):
        assert admin.page(path, "Content-Length: 0", method="POST").status in (403, 404), path
        assert admin.page(path).status in (404, 405), path
    assert proxy.process.poll() is None


@pytest.mark.parametrize("host, status", [
    ("localhost", 200), ("LOCALHOST:1", 200), ("127.0.0.1", 200), ("[::1]:9", 200), ("192.0.2.1", 200),
    ("ops.example", 200), ("evil.example", 421), ("127.0.0.1.evil.example", 421), ("ops.example.evil.example", 421),
])
def test_dns_rebinding_is_refused(backend, admin, host, status):
    admin.start("--admin-name", "ops.example", backend.url)
    assert admin.page("/metrics", host=host).status == status


@pytest.mark.parametrize("site, status", [("none", 200), ("same-origin", 200), ("same-site", 403), ("cross-site", 403)])
def test_pages_of_other_sites_cannot_read_the_admin_pages(proxy, admin, site, status):
    assert admin.page("/metrics", f"Sec-Fetch-Site: {site}").status == status


def test_requests_without_the_token_are_refused(backend, admin, tmp_path):
    token = tmp_path / "token"
    token.write_text("  s3cret\n", encoding="ascii")
    bearer = "Authorization: Bearer s3cret"
    admin.start("--admin-token", token, backend.url, place="0.0.0.0:0")
    assert admin.page("/metrics").status == 401
    assert admin.page("/metrics", "Authorization: Bearer wrong").status == 401
    assert admin.page("/metrics", "Authorization: Bearer s3cret").status == 200
    password = base64.b64encode(b"anyone:s3cret").decode()
    assert admin.page("/metrics", f"Authorization: Basic {password}").status == 200
    assert admin.page("/livez").status == 401
    with Client(admin.address) as guessing:
        refused = guessing.ask(get("/metrics", host="localhost"))
        assert refused.status == 401 and refused.fields.tokens("connection") == ["close"]
        guessing.how_it_ends()
    with Client(admin.address) as admitted:
        for path, status in (("/nothing", 404), ("/livez", 200)):
            assert admitted.ask(get(path, bearer, host="localhost")).status == status


def test_refusals_that_a_retry_cannot_fix_close_the_connection(proxy, admin):
    for request in (get("/status?queries=shown", host="localhost"), get("/livez", host="evil.example")):
        with Client(admin.address) as client:
            assert client.ask(request).fields.tokens("connection") == ["close"]
            client.how_it_ends()


def test_a_public_address_without_a_token_and_an_empty_token_are_refused(tmp_path):
    empty = tmp_path / "empty"
    empty.write_text("\n", encoding="ascii")
    ended = run_onehop("--admin", ":9090", "http://127.0.0.1:1")
    assert ended.returncode == 2
    assert "can be reached by other machines" in ended.stderr
    ended = run_onehop("--admin", "127.0.0.1:0", "--admin-token", empty, "-l", "127.0.0.1:0", "http://127.0.0.1:1")
    assert ended.returncode == 2
    assert "the file is empty" in ended.stderr


def test_client_certificates_instead_of_a_token(backend, admin, tmp_path):
    certificates = Certificates(tmp_path / "tls")
    pair = certificates.sign("localhost", "localhost", "127.0.0.1")
    mine = certificates.sign("operator")
    admin.start("--tls", pair[0], "--tls-key", pair[1], "--admin-client-ca", certificates.ca, backend.url,
                place="https://127.0.0.1:0")
    context = trusting(certificates)
    context.load_cert_chain(*mine)
    with TlsClient(admin.address, context) as client:
        assert client.ask(get("/readyz", host="127.0.0.1")).status == 200
    with pytest.raises((ssl.SSLError, ConnectionError, OSError)):
        with TlsClient(admin.address, trusting(certificates)) as client:
            client.ask(get("/readyz", host="127.0.0.1"))


def test_tls_may_be_for_the_admin_listener_alone(backend, start_proxy, tmp_path):
    certificates = Certificates(tmp_path / "tls")
    chain, key = certificates.sign("localhost", "localhost", "127.0.0.1")
    address = ("127.0.0.1", free_port())
    proxy = start_proxy("--tls", chain, "--tls-key", key, "--admin", "https://127.0.0.1:0", "-l",
                        "http://127.0.0.1:%d" % address[1], backend.url, configured=address)
    assert proxy.client().get().status == 200
    with TlsClient(admin_address(proxy), trusting(certificates)) as client:
        assert client.ask(get("/readyz", host="127.0.0.1")).status == 200


def test_the_backend_must_not_be_the_admin_listener():
    port = free_port()
    ended = run_onehop("--admin", f"127.0.0.1:{port}", "-l", "127.0.0.1:0", f"http://localhost:{port}")
    assert ended.returncode == 2
    assert "clients must not reach" in ended.stderr


def test_the_health_path_is_served_locally_and_not_counted(proxy, backend, admin):
    with proxy.client() as client:
        for _ in range(3):
            answer = client.get("/health")
            assert (answer.status, answer.body) == (200, b"ready\n")
        assert client.get("/healthy").status == 200
    admin.wait_for_requests(1)
    assert admin.scrape().value("onehop_requests_total") == 1
    assert [request.target for request in backend.requests] == ["/healthy"]
    assert len(proxy.wait_for_log_lines(1)) == 1


def wait_for_page(admin, path, status, patience=PATIENCE):
    deadline = time.monotonic() + patience
    while (answer := admin.page(path)).status != status:
        assert time.monotonic() < deadline, answer
        time.sleep(0.01)
    return answer


def test_a_drain_shows_as_not_ready(backend, admin):
    held = HeldRequest()
    backend.play(held)
    proxy = admin.start("--health-path", "/health", backend.url)
    assert admin.page("/readyz").body == b"ready\n"
    with proxy.client() as client, proxy.client() as other:
        other.get("/health")
        client.send(get())
        held.wait_until_here()
        proxy.signal(signal.SIGTERM)
        assert wait_for_page(admin, "/readyz", 503).body == b"draining\n"
        assert json.loads(admin.page("/status").body)["state"]["activity"] == "draining"
        held.respond()
        assert client.read_final().status == 200
    assert proxy.wait() == 0


def test_admin_pages_respond_while_a_worker_is_stopped(backend, admin):
    proxy = admin.start("--workers", "2", backend.url)
    assert admin.page("/livez").body == b"2 of 2 workers responded within a second\n"
    with StoppedThread(proxy, worker=0):
        answer = admin.page("/livez")
        assert (answer.status, answer.body) == (503, b"1 of 2 workers responded within a second\n")
        assert admin.page("/readyz").status == 200
        assert admin.scrape().value("process_threads") > 2
        assert json.loads(admin.page("/status").body)["state"]["pid"] == proxy.pid
    wait_for_page(admin, "/livez", 200)


def test_stalled_scrapers_do_not_delay_clients(proxy, admin):
    stalled = []
    for i in range(40):
        sock = connect(admin.address)
        if i % 2 == 0:
            sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: local")
        else:  # sends requests and reads nothing
            sock.sendall(get("/metrics", host="localhost") * 20)
        stalled.append(sock)
    try:
        with proxy.client() as client:
            for _ in range(20):
                began = time.monotonic()
                assert client.get().status == 200
                assert time.monotonic() - began < 5
        assert admin.scrape().value("onehop_requests_total") >= 19
    finally:
        for sock in stalled:
            sock.close()


def test_garbage_and_huge_heads_end_only_their_connection(proxy, admin):
    for garbage in (b"\0" * 100, b"GET / HTTP/9.9\r\n\r\n", message("GET /" + "x" * 8000 + " HTTP/1.1", "Host: h"),
                    message("GET / HTTP/1.1", "Host: localhost", *[f"X-{i}: y" for i in range(100)]),
                    message("GET / HTTP/1.1", "Host: localhost", "X: " + "y" * 40_000)):
        with Client(admin.address) as client:
            client.send_quietly(garbage)
            assert client.read_final().status in (400, 414, 431, 505)
    assert admin.page("/readyz").status == 200


def test_config_is_the_effective_configuration(proxy, admin, backend):
    text = admin.page("/config").body.decode()
    assert backend.url in text
    assert "health-path" in text


def test_queries_are_shown_only_over_the_socket_or_with_a_token(start_proxy, backend, tmp_path):
    """Regression: every user of the machine could read those of all clients."""
    token, path = tmp_path / "token", tmp_path / "admin.sock"
    token.write_text("s3cret\n", encoding="utf-8")
    fail = message("GET /?password=12345 HTTP/1.1", "Host: a", "Host: b")

    admin = Admin(start_proxy)
    proxy = admin.start("--admin-socket", path, backend.url)
    with proxy.client() as client:
        client.ask(fail)
    admin.wait_for_requests(1)
    hidden = admin.page("/status")
    assert b"12345" not in hidden.body and json.loads(hidden.body)["failures"][0]["query"] == "?"
    refused = admin.page("/status?queries=shown")
    assert refused.status == 403 and b"--admin-token" in refused.body
    assert admin.page("/events?queries=shown").status == 403
    with socket.socket(socket.AF_UNIX) as local:
        local.connect(str(path))
        local.sendall(b"GET /status?queries=shown HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert b"?password=12345" in b"".join(iter(lambda: local.recv(65536), b""))
    admin = Admin(start_proxy)
    proxy = admin.start("--admin-token", token, "--admin-socket", "off", backend.url)
    with proxy.client() as client:
        client.ask(fail)
    bearer = "Authorization: Bearer s3cret"
    deadline = time.monotonic() + PATIENCE
    while not json.loads(admin.page("/status", bearer).body)["failures"]:
        assert time.monotonic() < deadline
    assert admin.page("/status?queries=shown").status == 401
    assert b"?password=12345" in admin.page("/status?queries=shown", bearer).body
    assert b"12345" not in admin.page("/status", bearer).body


def test_a_stop_ends_an_open_dashboard(proxy, admin):
    """Regression: it waited for half a second and then cut the stream."""
    with Client(admin.address) as viewer:
        viewer.send(get("/events", host="localhost"))
        assert viewer.read_response_head().status == 200
        while b"data: {" not in viewer.read_chunk():
            pass
        proxy.signal(signal.SIGTERM)
        while viewer.read_chunk():
            pass  # until the last chunk
        assert proxy.wait() == 0


def test_status_is_a_json_document(proxy, admin, backend):
    with proxy.client() as client:
        client.get()
    admin.wait_for_requests(1)
    status = json.loads(admin.page("/status").body)
    assert status["state"]["backends"] == [backend.url]
    assert status["state"]["listeners"] == [proxy.url]
    assert status["totals"]["requests"] == 1
    assert status["upstreams"][0]["health"] == "up"
    assert status["failures"] == []
