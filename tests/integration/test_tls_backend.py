# SPDX-License-Identifier: Apache-2.0
"""TLS to the backend: the certificates that the proxy trusts, its errors, and cut connections, which never look like a
complete response."""
import socket
import ssl
import time

import pytest

from proxy_process import run_onehop
from raw_client import close_with_reset
from tls_peers import Certificates, TlsBackend, TlsConnection
from wire import OK, PATIENCE, SOON, answer, get, message, post


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def pair(certificates):
    return certificates.sign("localhost", "localhost", "127.0.0.1")


@pytest.fixture
def start_tls_backend():
    started = []

    def start(*args, **options):
        started.append(TlsBackend(*args, **options))
        return started[-1]

    yield start
    for backend in started:
        backend.close()


@pytest.fixture
def backend(start_tls_backend, pair):
    return start_tls_backend(pair)


@pytest.fixture
def proxy(start_proxy, backend, certificates):
    return start_proxy("--backend-ca", certificates.ca, backend.url())


def refusal(proxy):
    """Expects a 502 and returns its line in the log."""
    with proxy.client() as client:
        assert client.get().status == 502
    return wait_for_log(proxy, " 502 ")


def wait_for_log(proxy, words):
    """The access log, once it has these words: failures are logged there."""
    deadline = time.monotonic() + PATIENCE
    while words not in said_by(proxy):
        assert time.monotonic() < deadline, said_by(proxy)
        time.sleep(0.01)
    return said_by(proxy)


def said_by(proxy):
    """Failures of clients are in the access log, all else on standard error."""
    return proxy.stderr() + proxy.stdout()


def test_requests_share_a_connection(proxy, backend):
    with proxy.client() as client:
        for _ in range(5):
            assert client.get().body == b"ok"
        backend.answer = answer(b"y" * 1_000_000)
        assert client.ask(post(b"x" * 1_000_000)).body == b"y" * 1_000_000
    assert backend.requests[-1].body == b"x" * 1_000_000
    assert len(backend.connections) == 1


def test_sni_is_the_name_of_the_backend(proxy, backend):
    with proxy.client() as client:
        client.ask(get("/", host="public.example"))
    assert backend.names == ["localhost"]
    assert backend.requests[0].fields.get("host") == "public.example"


def test_an_address_is_checked_too(start_proxy, backend, certificates):
    proxy = start_proxy("--backend-ca", certificates.ca, backend.url("127.0.0.1"))
    with proxy.client() as client:
        assert client.get().body == b"ok"
    assert backend.names == [None]


def test_a_certificate_for_another_name(start_proxy, start_tls_backend, certificates):
    backend = start_tls_backend(certificates.sign("other", "other.example"))
    said = refusal(start_proxy("--backend-ca", certificates.ca, backend.url()))
    assert "hostname mismatch: it is for other.example, not for localhost" in said
    assert backend.requests == []


def test_an_unknown_authority(start_proxy, backend, tmp_path):
    others = Certificates(tmp_path / "others", "Others")
    said = refusal(start_proxy("--backend-ca", others.ca, backend.url()))
    assert "certificate not accepted: unable to get local issuer certificate" in said
    assert "issuer CN=Test Authority" in said


def test_the_systems_authorities_are_the_default(start_proxy, backend):
    assert "unable to get local issuer certificate" in refusal(start_proxy(backend.url()))


def test_a_self_signed_certificate(start_proxy, start_tls_backend, certificates, tmp_path):
    certificates.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-addext",
                         "subjectAltName=DNS:localhost", "-keyout", tmp_path / "s.key", "-out",
                         tmp_path / "s.pem")
    backend = start_tls_backend((tmp_path / "s.pem", tmp_path / "s.key"))
    said = refusal(start_proxy("--backend-ca", certificates.ca, backend.url()))
    assert "self-signed certificate (subject CN=localhost" in said


def test_an_expired_certificate(start_proxy, start_tls_backend, tmp_path):
    own = Certificates(tmp_path / "own")
    backend = start_tls_backend(own.expired("localhost"))
    said = refusal(start_proxy("--backend-ca", own.ca, backend.url()))
    assert "certificate has expired" in said and "valid until 2020-02-01" in said


def test_a_backend_that_does_not_speak_tls(start_proxy, start_backend):
    plain = start_backend()
    plain.play(lambda peer: (peer.sock.recv(10), peer.send(answer(b"?", status="400 Bad Request"))))
    said = refusal(start_proxy(plain.url.replace("http://", "https://")))
    assert "does not speak TLS; is it http://?" in said


def test_a_backend_that_closes_in_the_handshake(start_proxy, start_backend):
    def leave(peer):
        peer.sock.recv(10_000)
        peer.close()

    backend = start_backend()
    backend.play(leave)
    said = refusal(start_proxy(backend.url.replace("http://", "https://")))
    assert "closed the connection during the handshake" in said


@pytest.mark.parametrize("leave", [lambda sock: sock.close(), close_with_reset], ids=["end", "reset"])
def test_a_request_is_held_if_the_backend_closes_in_the_handshake(start_proxy, certificates, pair, leave):
    """It used to be a 502 at once, even for requests that had waited for it to listen."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.settimeout(PATIENCE)
        url = f"https://localhost:{listener.getsockname()[1]}"
        proxy = start_proxy("--hold", "10s", "--backend-ca", certificates.ca, url)
        with proxy.client() as client:
            client.send(post(b"hi"))
            for _ in range(3):
                sock = listener.accept()[0]
                sock.settimeout(PATIENCE)
                sock.recv(10_000)
                leave(sock)
            with context.wrap_socket(listener.accept()[0], server_side=True) as sock:
                sock.settimeout(PATIENCE)
                received = b""
                while not received.endswith(b"hi"):
                    received += sock.recv(10_000)
                sock.sendall(OK)
                assert client.read_response().status == 200


def test_a_handshake_that_never_ends_is_a_504(start_proxy, start_backend):
    backend = start_backend()
    backend.play(lambda peer: peer.wait_for_close())
    proxy = start_proxy("--connect-timeout", "500ms", backend.url.replace("http://", "https://"))
    with proxy.client() as client:
        began = time.monotonic()
        assert client.get().status == 504
        assert time.monotonic() - began < SOON
    wait_for_log(proxy, "handshake did not end in time")


def test_insecure_warns_and_trusts_any_certificate(start_proxy, start_tls_backend, certificates):
    backend = start_tls_backend(certificates.sign("other", "other.example"))
    proxy = start_proxy("--insecure", backend.url())
    with proxy.client() as client:
        assert client.get().body == b"ok"
    assert "warning" in proxy.stderr() and "--insecure" in proxy.stderr()


def test_a_certificate_is_shown_to_a_backend_that_asks(start_proxy, start_tls_backend, certificates, pair):
    backend = start_tls_backend(pair, client_ca=certificates.ca)
    cert, key = certificates.sign("proxy")
    proxy = start_proxy("--backend-ca", certificates.ca, "--backend-cert", cert, "--backend-key", key,
                        backend.url())
    with proxy.client() as client:
        assert client.get().body == b"ok"
    assert (("commonName", "proxy"),) in backend.subjects[0]["subject"]


def test_a_missing_client_certificate_is_reported(start_proxy, start_tls_backend, certificates, pair):
    backend = start_tls_backend(pair, client_ca=certificates.ca)
    assert "certificate required" in refusal(start_proxy("--backend-ca", certificates.ca, backend.url()))


def test_sessions_are_resumed(start_proxy, backend, certificates):
    proxy = start_proxy("--backend-ca", certificates.ca, "--pool-size", "0", "--workers", "1",
                        backend.url())
    with proxy.client() as client:
        for _ in range(4):
            assert client.get().body == b"ok"
    assert backend.reused == [False, True, True, True]


def close_delimited(end):
    def script(peer):
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\n\r\nall of it")
        end(peer)

    return script


def test_a_body_that_ends_with_the_connection(proxy, backend):
    backend.script = close_delimited(TlsConnection.close)
    with proxy.client() as client:
        assert client.get().body == b"all of it"


@pytest.mark.parametrize("end", [TlsConnection.leave_without_goodbye, TlsConnection.reset])
def test_a_body_cut_short_never_looks_complete(proxy, backend, end):
    backend.script = close_delimited(end)
    with proxy.client() as client:
        client.send(get())
        client.expect_no_complete_answer()
    if end is TlsConnection.leave_without_goodbye:
        wait_for_log(proxy, "without TLS's close_notify")
        wait_for_log(proxy, "--ignore-missing-close-notify")


def test_a_missing_close_notify_can_be_ignored(start_proxy, backend, certificates):
    proxy = start_proxy("--ignore-missing-close-notify", "--backend-ca", certificates.ca,
                        backend.url())
    backend.script = close_delimited(TlsConnection.leave_without_goodbye)
    with proxy.client() as client:
        assert client.get().body == b"all of it"
    backend.script = close_delimited(TlsConnection.reset)
    with proxy.client() as client:
        client.send(get())
        client.expect_no_complete_answer()


@pytest.mark.parametrize("framing, body", [("Content-Length: 10", b"cut short"),
                                           ("Transfer-Encoding: chunked", b"9\r\ncut short\r\n")])
@pytest.mark.parametrize("flags", [[], ["--ignore-missing-close-notify"]])
def test_a_framed_body_must_be_complete(start_proxy, backend, certificates, flags, framing, body):
    def script(peer):
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\n%s\r\n\r\n%s" % (framing.encode(), body))
        peer.leave_without_goodbye()

    proxy = start_proxy(*flags, "--backend-ca", certificates.ca, backend.url())
    backend.script = script
    with proxy.client() as client:
        client.send(get())
        client.expect_no_complete_answer()
    wait_for_log(proxy, "GET /")
    assert "--ignore-missing-close-notify" not in said_by(proxy)


def test_a_complete_response_needs_no_close_notify(proxy, backend):
    def script(peer):
        peer.read_request()
        peer.send(OK)
        peer.leave_without_goodbye()

    backend.script = script
    with proxy.client() as client:
        for _ in range(5):
            assert client.get().body == b"ok"


def test_streams_pass_as_they_arrive(proxy, backend):
    def script(peer):
        peer.read_request_head()
        peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(3):
            data = peer.read_chunk()
            peer.send(b"%x\r\n%s\r\n" % (len(data), data))
        peer.read_chunk()
        peer.read_trailers()
        peer.send(b"0\r\nX-Sum: 3\r\n\r\n")

    backend.script = script
    with proxy.client() as client:
        client.send(message("POST / HTTP/1.1", "Host: h", "Transfer-Encoding: chunked", "TE: trailers"))
        head = None
        for word in (b"one", b"two", b"three"):
            client.send(b"%x\r\n%s\r\n" % (len(word), word))
            head = head or client.read_response_head()
            assert client.read_chunk() == word
        client.send(b"0\r\n\r\n")
        assert client.read_chunk() == b""
        assert client.read_trailers().get("x-sum") == "3"


def test_a_tunnel_through_tls_on_both_sides(start_proxy, start_tls_backend, certificates, pair):
    from tls_peers import TlsClient, trusting

    def script(peer):
        peer.read_request_head()
        peer.send(message("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket"))
        while True:
            peer.send(peer.read_some().upper())

    backend = start_tls_backend(pair, script=script)
    proxy = start_proxy("--tls", pair[0], "--tls-key", pair[1], "--backend-ca", certificates.ca,
                        backend.url())
    with TlsClient(proxy.address, trusting(certificates)) as client:
        client.send(get("/ws", "Connection: Upgrade", "Upgrade: websocket"))
        assert client.read_response_head().status == 101
        for size in (1, 100, 100_000):
            client.send(b"a" * size)
            assert client.read_exactly(size) == b"A" * size


def test_a_missing_file_is_named_at_startup():
    ended = run_onehop("-l", "127.0.0.1:0", "--backend-ca", "/no/such.pem", "https://localhost")
    assert ended.returncode == 2
    assert "/no/such.pem" in ended.stderr
