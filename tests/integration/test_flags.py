# SPDX-License-Identifier: Apache-2.0
"""Flags whose effect only a running program shows: redirecting listeners, HTTP/2 disabled, fields with placeholders,
the name of a backend reached by its address."""
import os
import re
import shutil
import signal
import ssl
import subprocess
import time

import pytest

from h2_client import PREFACE, SETTINGS, frame
from proxy_process import ENVIRONMENT_OF_OTHERS, PROGRAM, free_port, run_onehop
from raw_client import Client
from scripted_backend import reply_once
from tls_peers import Certificates, TlsBackend, TlsClient, trusting
from wire import PATIENCE, get, message


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def pair(certificates):
    return certificates.sign("localhost", "localhost", "127.0.0.1")


@pytest.fixture
def tls_backend(pair):
    backend = TlsBackend(pair)
    yield backend
    backend.close()


def wait_for_log(proxy, words):
    """Waits until the access log or the messages contain them."""
    deadline = time.monotonic() + PATIENCE
    while words not in proxy.stdout() + proxy.stderr():
        assert time.monotonic() < deadline, proxy.stdout() + proxy.stderr()
        time.sleep(0.01)


def tls(pair):
    return "--tls", pair[0], "--tls-key", pair[1]


# --- errors at start-up -------------------------------------------------------------------------

@pytest.mark.parametrize("args, words", [
    (["--workers", "100000"], "--workers: error: '100000' is too large: the maximum is 1024"),
    (["--workers", "0"], "--workers: error: '0' is too small; did you mean auto?"),
    (["--connect-timeout", "0"], "--connect-timeout: error: '0' is too small: the minimum is 1ms"),
    (["--idle-timeout", "1h30m"], "did you mean 90m?"),
    (["--trust", "10.0.0.1/8"], "did you mean 10.0.0.0/8"),
    (["-l", ":8080", "-l", ":8080"], "--listen: :8080 is given twice"),
    (["-l", ":8080", "-l", "127.0.0.1:8080"], "--listen: 127.0.0.1:8080 is covered by :8080"),
    (["--host-header", "a b"], "--host-header: error: a host name has no blanks"),
    (["--header-up", "X-Real-IP: {clinet}"], "did you mean {client}?"),
    (["--header-up", "Host: a", "--host-header", "b"], "use one of them"),
])
def test_a_mistake_is_refused_at_once_with_the_flag_and_the_fix(args, words):
    ended = run_onehop(*args, "http://localhost:1")
    assert ended.returncode == 2, ended
    assert words in ended.stderr
    assert "temporarily" not in ended.stderr


@pytest.mark.skipif(os.getuid() != 0 or not shutil.which("prlimit"), reason="needs root, whom no limit of threads binds")
def test_a_refused_thread_is_reported_with_its_number():
    ended = subprocess.run(["prlimit", "--nproc=40", "setpriv", "--reuid", "65534", "--clear-groups",
                            "--bounding-set=-all", "--inh-caps=-all", PROGRAM, "--workers", "500", "-l", "127.0.0.1:0",
                            "8000"], capture_output=True, text=True, timeout=4 * PATIENCE, check=False,
                           env=ENVIRONMENT_OF_OTHERS)
    assert ended.returncode == 2, ended
    assert re.search(r"cannot start thread \d+ of 500 \(workers\)", ended.stderr)


def test_a_file_in_another_form_is_refused_with_the_command_that_converts_it(certificates, pair):
    converted = certificates.path("localhost.der")
    certificates.openssl("x509", "-outform", "der", "-in", pair[0], "-out", converted)
    ended = run_onehop("-l", "127.0.0.1:0", *tls((converted, pair[1])), "8000")
    assert ended.returncode == 2
    assert f"{converted}: this is a certificate in DER form; `openssl x509 -inform der" in ended.stderr


# --- the environment -----------------------------------------------------------------------------

def test_the_environment_alone_is_enough(start_backend):
    backend = start_backend()
    port = free_port()
    environment = {**os.environ, "ONEHOP_BACKEND": "127.0.0.1:%d" % backend.address[1],
                   "ONEHOP_LISTEN": f"127.0.0.1:{port}", "ONEHOP_LISEN": "x"}
    process = subprocess.Popen([PROGRAM], env=environment, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True)
    try:
        warning = process.stderr.readline()
        assert "warning" in warning
        assert "ONEHOP_LISEN is not a setting; did you mean ONEHOP_LISTEN?" in warning
        assert "listening on" in process.stderr.readline()
        with Client(("127.0.0.1", port)) as client:
            assert client.get().body == b"ok"
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
        process.stderr.close()


@pytest.mark.parametrize("spelling", ["127.0.0.1:%d", "localhost:%d", ":%d"])
def test_a_host_and_a_port_are_a_backend(start_proxy, start_backend, spelling):
    backend = start_backend()
    with start_proxy(spelling % backend.address[1]).client() as client:
        assert client.get().body == b"ok"


# --- listeners -----------------------------------------------------------------------------------

def test_one_listener_redirects_and_another_without_tls_does_not(start_proxy, start_backend, pair):
    redirecting, plain = free_port(), free_port()
    proxy = start_proxy(*tls(pair), "-l", f"redirect://127.0.0.1:{redirecting}",
                        "-l", f"http://127.0.0.1:{plain}", start_backend().url)
    proxy.wait_for_message(f"http://127.0.0.1:{redirecting} (redirects to https)")
    with Client(("127.0.0.1", redirecting)) as client:
        got = client.ask(get("/a?b=c", host=f"localhost:{redirecting}"))
        assert got.status == 308
        assert got.fields.get("location") == f"https://localhost:{proxy.address[1]}/a?b=c"
    with Client(("127.0.0.1", plain)) as client:
        assert client.get().body == b"ok"


# --- HTTP/2 disabled ---------------------------------------------------------------------------

def offering_http2(certificates):
    context = trusting(certificates)
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


def test_clients_get_only_http1_if_http2_is_off(start_proxy, start_backend, certificates, pair):
    backend = start_backend()
    plain = free_port()
    proxy = start_proxy("--http2", "off", *tls(pair), "-l", f"http://127.0.0.1:{plain}", backend.url)
    with TlsClient(proxy.address, offering_http2(certificates)) as client:
        assert client.sock.selected_alpn_protocol() == "http/1.1"
        assert client.get().body == b"ok"
    with Client(("127.0.0.1", plain)) as client:
        client.send(PREFACE + frame(SETTINGS, 0, 0))
        assert client.read_final().status == 505
    usual = start_proxy(*tls(pair), backend.url)
    with TlsClient(usual.address, offering_http2(certificates)) as client:
        assert client.sock.selected_alpn_protocol() == "h2"


def test_the_backend_is_not_offered_http2_if_it_is_off(start_proxy, tls_backend, certificates):
    tls_backend.context.set_alpn_protocols(["h2", "http/1.1"])
    chosen = []
    serve = tls_backend.script
    tls_backend.script = lambda peer: (chosen.append(peer.sock.selected_alpn_protocol()), serve(peer))
    proxy = start_proxy("--backend-http2", "off", "--backend-ca", certificates.ca, tls_backend.url())
    with proxy.client() as client:
        assert client.get().body == b"ok"
    assert chosen == ["http/1.1"]


# --- the backend ---------------------------------------------------------------------------------

def test_a_backend_reached_by_its_address_is_checked_for_the_name_that_was_given(
        start_proxy, certificates):
    named = TlsBackend(certificates.sign("api.internal", "api.internal"))
    try:
        proxy = start_proxy("--backend-ca", certificates.ca, "--backend-name", "api.internal",
                            named.url("127.0.0.1"))
        with proxy.client() as client:
            assert client.get().body == b"ok"
        assert named.names == ["api.internal"]
        other = start_proxy("--backend-ca", certificates.ca, "--backend-name", "other.internal",
                            named.url("127.0.0.1"))
        with other.client() as client:
            assert client.get().status == 502
        wait_for_log(other, "it is for api.internal, not for other.internal")
    finally:
        named.close()


def test_a_backend_that_speaks_http2_only_gets_a_hint(start_proxy, start_backend):
    backend = start_backend()
    backend.play(reply_once(frame(SETTINGS, 0, 0, b"\0\3\0\0\0\x64")))
    proxy = start_proxy(backend.url)
    with proxy.client() as client:
        assert client.get().status == 502
    wait_for_log(proxy, "the server speaks HTTP/2 only, write h2c://")


def test_a_tls_alert_of_the_backend_is_logged_in_words(start_proxy, certificates, pair):
    picky = TlsBackend(pair, client_ca=certificates.ca)
    picky.context.maximum_version = ssl.TLSVersion.TLSv1_2
    try:
        proxy = start_proxy("--backend-ca", certificates.ca, picky.url())
        with proxy.client() as client:
            assert client.get().status == 502
        wait_for_log(proxy, "the peer refused the handshake")
    finally:
        picky.close()


# --- fields --------------------------------------------------------------------------------------

def test_placeholders_are_filled_in_from_the_request(start_proxy, start_backend, certificates, pair):
    backend = start_backend()
    proxy = start_proxy(*tls(pair), "--tls-client-ca", certificates.ca, "--tls-client-auth", "optional",
                        "--header-up", "X-Real-IP: {client}", "--header-up", "X-Asked: {scheme}://{host}{target}",
                        "--header-up", "X-Subject: {tls_subject}", "--header-down", "X-Id: {request_id}",
                        backend.url)
    context = trusting(certificates)
    with TlsClient(proxy.address, context) as client:
        got = client.ask(message("GET /a?b HTTP/1.1", "Host: a.test", "X-Real-IP: 6.6.6.6", "X-Subject: CN=root",
                                 "X-Request-ID: r-1"))
    assert got.fields.get_all("x-id") == ["r-1"]
    assert backend.request.fields.get_all("x-real-ip") == ["127.0.0.1"]
    assert backend.request.fields.get_all("x-asked") == ["https://a.test/a?b"]
    assert not backend.request.fields.has("x-subject"), "no certificate, no subject, whatever was sent"
    alice = certificates.sign("alice")
    context.load_cert_chain(*alice)
    with TlsClient(proxy.address, context) as client:
        client.get()
    assert backend.requests[-1].fields.get_all("x-subject") == ["CN=alice,O=Tests"]
