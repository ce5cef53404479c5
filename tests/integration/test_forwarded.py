# SPDX-License-Identifier: Apache-2.0
"""X-Forwarded-*: set by the proxy, unless a trusted peer has set them."""
import pytest

from proxy_process import free_port
from raw_client import Client
from wire import get, message

TRUSTING = ("--trust", "127.0.0.0/8")


def test_forwarding_fields_name_the_peer_by_default(hop):
    fields = hop.seen(get(host="public.test:8080")).fields
    assert fields.get_all("x-forwarded-for") == ["127.0.0.1"]
    assert fields.get_all("x-forwarded-host") == ["public.test:8080"]
    assert fields.get_all("x-forwarded-proto") == ["http"]


@pytest.mark.parametrize("name, truth", [
    ("X-Forwarded-For", "127.0.0.1"), ("x-forwarded-FOR", "127.0.0.1"),
    ("X-Forwarded-Host", "example.test"), ("X-Forwarded-Proto", "http"),
])
@pytest.mark.parametrize("repeats", [1, 3])
def test_forwarding_fields_of_an_untrusted_client_are_replaced(hop, name, truth, repeats):
    seen = hop.seen(get("/", *[f"{name}: spoofed"] * repeats))
    assert seen.fields.get_all(name) == [truth]
    assert b"spoofed" not in seen.raw


def test_an_untrusted_client_cannot_claim_forwarded(hop):
    assert not hop.seen(get("/", "Forwarded: for=1.2.3.4;proto=https")).fields.has("forwarded")


CLAIMS = ("X-Real-IP", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Server", "X-Forwarded-Scheme",
          "X-Forwarded-Ssl", "X-Client-IP", "True-Client-IP", "Script-Name", "X-Original-URL", "Proxy")


@pytest.mark.parametrize("name", [*CLAIMS, "X_Real_IP", "x.forwarded.PORT", "X_Forwarded_For", "SCRIPT_NAME"])
def test_no_other_forwarding_field_of_an_untrusted_client_passes(hop, name):
    seen = hop.seen(get("/", f"{name}: spoofed", "X-Kept: yes"))
    assert b"spoofed" not in seen.raw
    assert seen.fields.get("x-kept") == "yes"


@pytest.mark.parametrize("name", [name for name in CLAIMS if name != "Proxy"])
def test_forwarding_fields_of_a_trusted_peer_pass_but_no_lookalikes(hop_with, name):
    seen = hop_with(*TRUSTING).seen(get("/", f"{name}: told", f"{name.replace('-', '_')}: spoofed"))
    assert seen.fields.get_all(name) == ["told"]
    assert b"spoofed" not in seen.raw


def test_the_proxy_field_of_a_trusted_peer_is_dropped(hop_with):
    assert b"spoofed" not in hop_with(*TRUSTING).seen(get("/", "Proxy: spoofed")).raw


def test_a_forwarding_field_that_is_allowed_by_name_passes(hop_with):
    hop = hop_with(*(f"--allow-field={name}" for name in ("X-Real-IP", "x-forwarded-port", "True_Client_IP")))
    seen = hop.seen(get("/", "X-Real-IP: 1", "X_Real_IP: 2", "X-Forwarded-Port: 3", "True-Client-IP: 4",
                        "True_Client_IP: 5"))
    assert [seen.fields.get_all(name) for name in ("x-real-ip", "x_real_ip", "x-forwarded-port", "true-client-ip",
                                                   "true_client_ip")] == [["1"], [], ["3"], [], ["5"]]


@pytest.mark.parametrize("prior, result", [
    (["client ip"], "client ip, 127.0.0.1"),
    (["1.1.1.1, 2.2.2.2"], "1.1.1.1, 2.2.2.2, 127.0.0.1"),
    (["1.1.1.1", "2.2.2.2"], "1.1.1.1, 2.2.2.2, 127.0.0.1"),
    ([], "127.0.0.1"),
])
def test_behind_a_trusted_peer_the_list_is_continued(hop_with, prior, result):
    seen = hop_with(*TRUSTING).seen(get("/", *(f"X-Forwarded-For: {value}" for value in prior)))
    assert seen.fields.get_all("x-forwarded-for") == [result]


def test_a_trusted_peers_host_and_scheme_are_kept(hop_with):
    seen = hop_with(*TRUSTING).seen(get("/", "X-Forwarded-Host: public.test", "X-Forwarded-Proto: https"))
    assert seen.fields.get_all("x-forwarded-host") == ["public.test"]
    assert seen.fields.get_all("x-forwarded-proto") == ["https"]


def test_a_peer_outside_the_trusted_network_is_not_trusted(hop_with):
    hop = hop_with("--trust", "10.0.0.0/8", "--trust", "::1")
    assert hop.seen(get("/", "X-Forwarded-For: spoofed")).fields.get_all("x-forwarded-for") == ["127.0.0.1"]


def test_trust_takes_several_networks(hop_with):
    hop = hop_with("--trust", "10.0.0.0/8", "--trust", "127.0.0.1")
    seen = hop.seen(get("/", "X-Forwarded-For: 1.2.3.4"))
    assert seen.fields.get_all("x-forwarded-for") == ["1.2.3.4, 127.0.0.1"]


def test_an_ipv6_peer_is_named_without_brackets_or_port(start_proxy, start_backend):
    backend = start_backend()
    proxy = start_proxy(backend.url, listen=("::1", free_port("::1")))
    with proxy.client() as client:
        client.get()
    assert backend.request.fields.get_all("x-forwarded-for") == ["::1"]


def test_a_client_on_a_unix_socket_cannot_claim_an_address(start_proxy, start_backend, tmp_path):
    backend = start_backend()
    start_proxy(backend.url, listen=str(tmp_path / "in.sock"))
    with Client(str(tmp_path / "in.sock")) as client:
        client.get("/", "X-Forwarded-For: spoofed", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil")
    assert b"spoofed" not in backend.request.raw
    assert backend.request.fields.get_all("x-forwarded-proto") == ["http"]
    assert backend.request.fields.get_all("x-forwarded-host") == ["example.test"]


def test_an_old_client_without_host_claims_no_forwarded_host(hop):
    seen = hop.seen(message("GET / HTTP/1.0", "X-Forwarded-Host: spoofed"))
    assert b"spoofed" not in seen.raw
    assert seen.fields.get_all("x-forwarded-for") == ["127.0.0.1"]


@pytest.mark.parametrize("name", ["Forwarded", "X-Forwarded-Port", "X-Real-IP", "Via", "X-Forwarded-Server"])
def test_no_other_forwarding_field_is_added(hop, name):
    assert not hop.seen(get()).fields.has(name)


def test_options_asterisk_gets_forwarding_fields_too(hop):
    seen = hop.seen(message("OPTIONS * HTTP/1.1", "Host: h.test", "X-Forwarded-For: spoofed"))
    assert seen.fields.get_all("x-forwarded-for") == ["127.0.0.1"]
