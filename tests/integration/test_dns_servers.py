# SPDX-License-Identifier: Apache-2.0
"""--dns-servers: names of backends are resolved by these name servers instead of those of the system."""
import json
import shutil
import time

import pytest

from name_server import NameServer
from proxy_process import IN_CI, free_port, run_onehop
from raw_client import Client
from replicas import Replica
from wire import PATIENCE

needs_dnsmasq = pytest.mark.skipif(not shutil.which("dnsmasq") and not IN_CI, reason="needs dnsmasq")


@pytest.fixture
def name_server(tmp_path):
    started = []

    def start(*addresses, flags=()):
        server = NameServer(tmp_path, port=free_port())
        server.set(addresses)
        server.start(*flags)
        started.append(server)
        return server

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def replicas():
    port = free_port()
    started = [Replica(name, host=f"127.0.0.{number}", port=port) for number, name in enumerate("ab", 21)]
    yield started
    for replica in started:
        replica.kill()


def flag(server):
    return "%s:%d" % server.address


def body(proxy):
    with Client(proxy.address) as client:
        return client.get().body.decode()


@needs_dnsmasq
def test_a_backend_is_resolved_by_the_configured_servers(start_proxy, name_server, replicas):
    server = name_server("127.0.0.21")
    port = replicas[0].address[1]
    proxy = start_proxy("--dns-servers", flag(server), f"http://app.test:{port}")
    assert body(proxy) == "a"
    proxy.wait_for_message(f"requests go to http://app.test:{port} (127.0.0.21)")
    proxy.wait_for_message("the backend accepts connections")


@needs_dnsmasq
def test_the_next_server_is_tried_if_one_does_not_answer(start_proxy, name_server, replicas):
    server = name_server("127.0.0.21")
    proxy = start_proxy("--dns-servers", f"127.0.0.1:{free_port()},{flag(server)}",
                        "http://app.test:%d" % replicas[0].address[1])
    assert body(proxy) == "a"


# The hosts of the records have addresses there alone, too.
@needs_dnsmasq
@pytest.mark.parametrize("check", ["off", "tcp", "/ok"])
def test_a_service_is_resolved_by_the_configured_servers(start_proxy, name_server, replicas, check):
    port = replicas[0].address[1]
    server = name_server(flags=["--host-record=one.test,127.0.0.21", "--host-record=two.test,127.0.0.22",
                                f"--srv-host=_http._tcp.app.test,one.test,{port},10,1",
                                f"--srv-host=_http._tcp.app.test,two.test,{port},10,1"])
    checks = () if check == "off" else ("--health-check", check, "--health-check-interval", "50ms")
    proxy = start_proxy("--dns-servers", flag(server), "--balance", "round-robin", "--workers", "1", *checks,
                        "srv://_http._tcp.app.test")
    deadline = time.monotonic() + PATIENCE
    while {body(proxy) for _ in range(4)} != {"a", "b"}:
        assert time.monotonic() < deadline, proxy.stderr()
        time.sleep(0.05)
    time.sleep(0.5)  # some checks
    assert {body(proxy) for _ in range(4)} == {"a", "b"}, proxy.stderr()
    assert " is down" not in proxy.stderr()


@needs_dnsmasq
def test_each_upstream_may_have_its_own_servers(configured, name_server, replicas):
    port = replicas[0].address[1]
    one, two = name_server("127.0.0.21"), name_server("127.0.0.22")
    backend = f"http://app.test:{port}"
    proxy = configured(route=[{"path": f"/{number}", "backend": backend, "dns-servers": [flag(server)]}
                              for number, server in enumerate((one, two))])
    with Client(proxy.address) as client:
        assert [client.get(f"/{number}").body for number in (0, 1)] == [b"a", b"b"]


@needs_dnsmasq
def test_a_reload_changes_the_servers(configured, name_server, replicas):
    one, two = name_server("127.0.0.21"), name_server("127.0.0.22")
    proxy = configured(backend="http://app.test:%d" % replicas[0].address[1], dns_servers=[flag(one)])
    assert body(proxy) == "a"
    line = proxy.reload(dns_servers=[flag(two)])
    assert "dns-servers" in line and "new connections" in line
    assert body(proxy) == "b"


@needs_dnsmasq
def test_readiness_and_check_use_the_configured_servers(start_proxy, name_server, replicas):
    server = name_server("127.0.0.21")
    backend = "http://app.test:%d" % replicas[0].address[1]
    proxy = start_proxy("--dns-servers", flag(server), "--ready-needs-upstream", "--health-path", "/ready", backend)
    proxy.wait_for_message("ready: the backend")
    with Client(proxy.address) as client:
        assert client.get("/ready").status == 200
    checked = run_onehop("check", "--live", "--dns-servers", flag(server), backend)
    assert checked.returncode == 0, checked.stdout
    checked = run_onehop("check", "--live", "--dns-servers", f"127.0.0.1:{free_port()}", backend)
    assert checked.returncode == 2 and "does not answer" in checked.stdout


def test_check_reports_invalid_name_servers(tmp_path):
    file = tmp_path / "onehop.toml"
    file.write_text("""backend = "http://app.test"
dns-servers = ["10.0.0.53", "dns.example", "10.0.0.53:70000"]
[upstream.api]
backend = "http://api.test"
dns-servers = "::1:"
[[route]]
upstream = "api"
""", encoding="utf-8")
    found = json.loads(run_onehop("check", "--config", file, "--json").stdout)["findings"]
    assert [(one["line"], one["column"], one["message"]) for one in found] == [
        (2, 29, "dns-servers: 'dns.example' is not an IP address, optionally with a port: 10.0.0.53 or "
                "[fd00::53]:5353"),
        (2, 44, "dns-servers: '10.0.0.53:70000' does not end in a port from 1 to 65535"),
        (5, 15, "dns-servers: '::1:' is not an IP address, optionally with a port: 10.0.0.53 or [fd00::53]:5353"),
    ]
    refused = run_onehop("--dns-servers", "dns.example", "http://app.test")
    assert refused.returncode == 2 and "--dns-servers: error: 'dns.example' is not an IP address" in refused.stderr
