# SPDX-License-Identifier: Apache-2.0
"""--map-back-host: redirects and cookies of a backend that knows only the Host field it receives."""
import ssl

import pytest

from h2_client import H2Client
from proxy_process import run_onehop
from raw_client import Client
from tls_peers import TlsClient
from wire import get, message

FIELDS = ("Location", "Content-Location", "Refresh", "Set-Cookie")


def redirecting(peer):
    """Builds absolute URLs from Host, as most frameworks do."""
    while True:
        host = peer.read_request().fields.get("host")
        peer.send(message("HTTP/1.1 302 Found", f"Location: http://{host}/login?from=/",
                          f"Content-Location: http://{host}/x", f"Refresh: 3; url=http://{host}/wait",
                          f"Set-Cookie: s=1; Domain={host.split(':')[0]}; Path=/", "Content-Length: 0"))


def mapped(origin):
    return [f"{origin}/login?from=/", f"{origin}/x", f"3; url={origin}/wait", "s=1; Path=/"]


def fields_of(client, *fields, host="app.test:81"):
    got = client.ask(get("/", *fields, host=host))
    return [got.fields.get(name) for name in FIELDS]


@pytest.fixture
def backend(start_backend):
    backend = start_backend()
    backend.play(redirecting)
    return backend


def test_redirects_lead_to_the_host_that_the_client_requested(start_proxy, backend):
    proxy = start_proxy("--host-header", "backend", "--map-back-host", backend.url)
    with proxy.client() as client:
        assert fields_of(client) == mapped("http://app.test:81")
    with H2Client(proxy.address) as client:
        got = client.ask(authority="app.test").fields
        assert [got[name.lower()] for name in FIELDS] == mapped("http://app.test")


def test_over_tls_redirects_lead_to_https(start_proxy, backend):
    proxy = start_proxy("--tls", "self", "--host-header", "backend", "--map-back-host", backend.url)
    context = ssl._create_unverified_context()  # pylint: disable=protected-access
    client = TlsClient(proxy.address, context)
    assert fields_of(client) == mapped("https://app.test:81")
    client.close()


def test_a_trusted_peer_names_the_host_and_the_scheme(start_proxy, backend):
    proxy = start_proxy("--trust", "127.0.0.1", "--host-header", "backend", "--map-back-host", backend.url)
    with proxy.client() as client:
        claims = ("X-Forwarded-Proto: https", "X-Forwarded-Host: shop.test")
        assert fields_of(client, *claims) == mapped("https://shop.test")


def test_mapping_back_is_off_by_default(start_proxy, backend):
    host, port = backend.address
    with start_proxy("--host-header", "backend", backend.url).client() as client:
        assert fields_of(client)[0] == f"http://{host}:{port}/login?from=/"
        assert fields_of(client)[3] == f"s=1; Domain={host}; Path=/"


def test_each_of_several_backends_has_its_own_host(configured, start_backend):
    backends = [start_backend() for _ in range(3)]
    for one in backends:
        one.play(redirecting)
    proxy = configured(backend=[one.url for one in backends], balance="round-robin", workers=1, host_header="backend",
                       map_back_host=True)
    with Client(proxy.address) as client:
        for _ in range(3):
            assert fields_of(client) == mapped("http://app.test:81")
    assert [len(one.requests) for one in backends] == [1, 1, 1]


def test_a_route_undoes_the_host_and_the_prefix(configured, backend):
    proxy = configured(route=[{"path": "/shop/*", "backend": backend.url, "strip-prefix": "/shop", "map-back": True,
                               "host-header": "backend", "map-back-host": True}])
    with Client(proxy.address) as client:
        got = client.ask(get("/shop/cart", host="app.test"))
    shop = "http://app.test/shop"
    assert [got.fields.get(name) for name in FIELDS] == [
        f"{shop}/login?from=/", f"{shop}/x", f"3; url={shop}/wait", "s=1; Path=/shop"]


def test_mapping_back_requires_a_changed_host(tmp_path):
    refused = run_onehop("--map-back-host", "8000")
    assert refused.returncode == 2
    assert "--map-back-host undoes --host-header, which keeps that of the client" in refused.stderr
    file = tmp_path / "onehop.toml"
    route = '[[route]]\nbackend = "http://a"\n'
    file.write_text(f'map-back-host = true\n{route}host-header = "backend"\n', encoding="utf-8")
    assert run_onehop("check", "--config", file).returncode == 0, "at the top it is for the route"
    file.write_text(f"{route}map-back-host = true\n", encoding="utf-8")
    found = run_onehop("check", "--config", file)
    assert found.returncode == 2 and "3:" in found.stdout, found.stdout
