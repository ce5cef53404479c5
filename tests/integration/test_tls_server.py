# SPDX-License-Identifier: Apache-2.0
"""TLS towards clients: certificates, names, resumption, client certificates, reloading."""
import hashlib
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path

import pytest

from proxy_process import PROGRAM, SANITIZED, free_port, run_onehop
from raw_client import Client, connect
from tls_peers import EC, RSA, Certificates, TlsClient, trusting
from wire import PATIENCE, SOON, answer, get, message, post

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def pair(certificates):
    return certificates.sign("localhost", "localhost", "127.0.0.1")


def tls(pair):
    return ["--tls", pair[0], "--tls-key", pair[1]]


@pytest.fixture
def proxy(start_proxy, backend, pair):
    return start_proxy(*tls(pair), "-v", backend.url)


@pytest.fixture
def client(proxy, certificates):
    with TlsClient(proxy.address, trusting(certificates)) as made:
        yield made


def s_client(proxy, *args, send=b"", patience=20):
    """Returns the output of `openssl s_client`."""
    command = ["openssl", "s_client", "-connect", "%s:%d" % proxy.address, *map(str, args)]
    ended = subprocess.run(command, input=send, capture_output=True, timeout=patience, check=False)
    return ended.stdout.decode("latin-1") + ended.stderr.decode("latin-1")


def wait_until(condition, patience=PATIENCE):
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, "in vain"
        time.sleep(0.01)


# A client that writes everything before it reads; closing early would reset the connection.
def test_a_large_upload_that_is_refused_gets_its_response(start_proxy, backend, pair, certificates):
    proxy = start_proxy(*tls(pair), "--max-body", "1KiB", backend.url)
    with TlsClient(proxy.address, trusting(certificates)) as client:
        client.send(message("POST / HTTP/1.1", "Host: h", "Content-Length: %d" % (20 * MIB)))
        for _ in range(20):
            client.send(b"x" * MIB)
        assert client.read_final().status == 413


def test_a_request_over_tls(client, backend):
    assert client.get("/a").body == b"ok"
    assert client.get("/b").body == b"ok"
    assert [request.target for request in backend.requests] == ["/a", "/b"]
    assert backend.requests[0].fields.get("x-forwarded-proto") == "https"
    assert client.sock.version() == "TLSv1.3"


def test_curl_gets_a_response(proxy, certificates):
    ended = subprocess.run(["curl", "-sS", "--noproxy", "*", "--cacert", certificates.ca, "--http1.1",
                            "https://localhost:%d/" % proxy.address[1]], capture_output=True,
                           timeout=20, check=True)
    assert ended.stdout == b"ok"


def test_the_connection_ends_with_close_notify(proxy, certificates):
    with TlsClient(proxy.address, trusting(certificates)) as client:
        client.send(get("/", "Connection: close"))
        client.read_final()
        assert client.how_it_ends() == "eof"


def test_large_bodies_go_both_ways(client, backend):
    upload = os.urandom(8 * MIB)
    download = os.urandom(16 * MIB)
    backend.answers(answer(download))
    response = client.ask(post(upload))
    assert hashlib.sha256(response.body).digest() == hashlib.sha256(download).digest()
    assert backend.request.body == b"" or backend.request.body == upload


# RFC 6066 section 4: small devices ask for records that fit into their memory.
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_client_that_wants_small_records_gets_everything(proxy, backend, version):
    body = b"".join(b"%07d " % i for i in range(25_000))
    backend.answers(answer(body))
    said = s_client(proxy, version, "-maxfraglen", 512, "-quiet", send=get("/", "Connection: close"))
    start = said.find("\r\n\r\n") + 4
    assert said[start:start + len(body)] == body.decode()


def test_a_slow_reader_gets_everything(client, backend):
    backend.answers(answer(b"x" * (4 * MIB)))
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    client.send(get())
    head = client.read_response_head()
    assert head.status == 200
    taken = 0
    while taken < 4 * MIB:
        taken += len(client.read_some())
        if taken < MIB:
            time.sleep(0.001)
    assert taken == 4 * MIB


@pytest.mark.parametrize("version, works", [("-tls1_3", True), ("-tls1_2", True), ("-tls1_1", False)])
def test_only_tls_1_2_and_1_3_are_accepted(proxy, version, works):
    said = s_client(proxy, version, "-cipher", "ALL:@SECLEVEL=0")
    assert ("Cipher is (NONE)" not in said and "BEGIN CERTIFICATE" in said) == works, said


# RFC 9113, appendix A.
def test_no_cipher_that_http2_forbids_is_agreed_on(proxy):
    ciphers = "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:AES128-GCM-SHA256:AES128-SHA:@SECLEVEL=0"
    assert "Cipher is (NONE)" in s_client(proxy, "-tls1_2", "-cipher", ciphers)


def test_http2_is_chosen_if_the_client_offers_it(proxy):
    assert "ALPN protocol: h2" in s_client(proxy, "-alpn", "http/1.1,h2")
    assert "No ALPN negotiated" in s_client(proxy)


def test_an_unknown_alpn_protocol_is_refused(proxy):
    assert "ALPN protocol: http/1.1" in s_client(proxy, "-alpn", "spdy/1,http/1.1")
    assert "no application protocol" in s_client(proxy, "-alpn", "spdy/1")


def test_renegotiation_is_refused(proxy):
    process = subprocess.Popen(["openssl", "s_client", "-tls1_2", "-connect", "%s:%d" % proxy.address],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    time.sleep(0.5)
    process.stdin.write(b"R\n")
    process.stdin.flush()
    said, _ = process.communicate(timeout=20)
    assert b"no renegotiation" in said or b"Renegotiation is" in said, said


def test_key_updates_do_not_disturb(proxy, backend):
    process = subprocess.Popen(["openssl", "s_client", "-tls1_3", "-connect", "%s:%d" % proxy.address],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    for line in (b"K\n", b"k\n", b"K\n"):
        time.sleep(0.3)
        process.stdin.write(line)
        process.stdin.flush()
    time.sleep(0.3)
    process.stdin.write(get("/after", "Connection: close"))
    process.stdin.flush()
    said = process.stdout.read()
    process.wait(20)
    process.stdin.close()
    process.stdout.close()
    assert b"200 OK" in said
    assert backend.request.target == "/after"


@pytest.mark.parametrize("version", ["-tls1_3", "-tls1_2"])
def test_sessions_are_resumed_even_by_a_second_server(start_proxy, backend, pair, tmp_path, version):
    keys = tmp_path / "ticket.keys"
    keys.write_bytes(os.urandom(80))
    first, second = (start_proxy(*tls(pair), "--tls-ticket-keys", keys, backend.url) for _ in range(2))
    stranger = start_proxy(*tls(pair), backend.url)
    session = tmp_path / "session"
    request = get("/", "Connection: close")
    said = s_client(first, version, "-sess_out", session, "-ign_eof", send=request)
    assert "New, " in said
    for proxy in (first, second):
        assert "Reused, " in s_client(proxy, version, "-sess_in", session, "-ign_eof", send=request)
    assert "New, " in s_client(stranger, version, "-sess_in", session, "-ign_eof", send=request)


def test_the_name_chooses_the_certificate(start_proxy, backend, certificates, pair):
    other = certificates.sign("other", "other.example", "*.wild.example")
    proxy = start_proxy(*tls(pair), *tls(other), backend.url)
    for name, subject in (("localhost", "CN = localhost"), ("other.example", "CN = other"),
                          ("a.wild.example", "CN = other"), ("a.b.wild.example", "CN = localhost"),
                          ("unknown.example", "CN = localhost")):
        assert f"subject=O = Tests, {subject}" in s_client(proxy, "-servername", name), name
    assert "subject=O = Tests, CN = localhost" in s_client(proxy, "-noservername")


def test_rsa_and_ecdsa_for_one_name(start_proxy, backend, certificates):
    ecdsa = certificates.sign("both-ec", "both.example", kind=EC)
    rsa = certificates.sign("both-rsa", "both.example", kind=RSA)
    proxy = start_proxy(*tls(ecdsa), *tls(rsa), backend.url)
    name = ("-servername", "both.example")
    assert "CN = both-ec" in s_client(proxy, *name)
    assert "CN = both-rsa" in s_client(proxy, *name, "-sigalgs", "RSA-PSS+SHA256")


def test_tls_self_generates_a_certificate(start_proxy, backend):
    proxy = start_proxy("--tls", "self", backend.url)
    wait_until(lambda: "accepts connections" in proxy.stderr())
    fingerprint = re.search(r"SHA-256 fingerprint ((?:[0-9A-F]{2}:){31}[0-9A-F]{2})", proxy.stderr())[1]
    proxy.wait_for_message(f"https://127.0.0.1:{proxy.address[1]}")
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with TlsClient(proxy.address, context) as client:
        shown = hashlib.sha256(client.sock.getpeercert(binary_form=True)).hexdigest()
        assert shown == fingerprint.replace(":", "").lower()
        assert client.get().body == b"ok"


# --- client certificates -----------------------------------------------------------------------


def context_with(certificates, pair):
    context = trusting(certificates)
    if pair:
        context.load_cert_chain(*pair)
    return context


def test_a_client_certificate_is_passed_on_and_cannot_be_forged(start_proxy, backend, certificates, pair):
    proxy = start_proxy(*tls(pair), "--tls-client-ca", certificates.ca, backend.url)
    alice = certificates.sign("alice")
    with TlsClient(proxy.address, context_with(certificates, alice)) as client:
        client.get("/", "X-Client-Certificate-Subject: CN=root", "x-client-certificate-subject: CN=admin")
    subjects = backend.request.fields.get_all("x-client-certificate-subject")
    assert subjects == ["CN=alice,O=Tests"]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_without_a_valid_certificate_is_refused(start_proxy, backend, certificates, pair, tmp_path, version):
    proxy = start_proxy(*tls(pair), "--tls-client-ca", certificates.ca, "-v", backend.url)
    mallory = Certificates(tmp_path / "others", "Others").sign("mallory")
    for shown, alert in ((None, "certificate.required|handshake.failure"), (mallory, "unknown.ca")):
        context = context_with(certificates, shown)
        context.maximum_version = version
        with pytest.raises(ssl.SSLError, match="(?i)" + alert):
            with TlsClient(proxy.address, context) as client:
                client.get()
    assert backend.requests == []
    wait_until(lambda: "peer did not return a certificate" in proxy.stderr())
    wait_until(lambda: "CN=mallory" in proxy.stderr())


@pytest.mark.parametrize("version", ["-tls1_3", "-tls1_2"])
def test_an_old_session_does_not_bypass_required_certificates(
        start_proxy, backend, certificates, pair, tmp_path, version):
    keys, session = tmp_path / "ticket.keys", tmp_path / "session"
    keys.write_bytes(os.urandom(80))
    request = get("/", "Connection: close")
    resumes = (version, "-sess_in", session, "-ign_eof")
    before = start_proxy(*tls(pair), "--tls-ticket-keys", keys, backend.url)
    said = s_client(before, version, "-sess_out", session, "-ign_eof", send=request)
    assert "200 OK" in said
    said = s_client(before, *resumes, send=request)
    assert "Reused, " in said and "200 OK" in said, "the session is good where it was made"
    served = len(backend.requests)
    assert before.stop() == 0
    after = start_proxy(*tls(pair), "--tls-ticket-keys", keys, "--tls-client-ca", certificates.ca, "-v", backend.url)
    said = s_client(after, *resumes, send=request)
    assert "Reused, " not in said
    assert "200 OK" not in said
    assert len(backend.requests) == served
    wait_until(lambda: "peer did not return a certificate" in after.stderr())


def test_an_optional_certificate_may_be_left_out(start_proxy, backend, certificates, pair):
    proxy = start_proxy(*tls(pair), "--tls-client-ca", certificates.ca, "--tls-client-auth", "optional",
                        backend.url)
    with TlsClient(proxy.address, trusting(certificates)) as client:
        assert client.get("/", "X-Client-Certificate-Subject: CN=root").status == 200
    assert not backend.request.fields.has("x-client-certificate-subject")


def test_a_subject_cannot_be_forged_without_tls(hop):
    assert not hop.seen(get("/", "X-Client-Certificate-Subject: CN=root")).fields.has(
        "x-client-certificate-subject")


# --- clients that misbehave ----------------------------------------------------------------------


@pytest.mark.parametrize("request_line", ["GET / HTTP/1.1", "DELETE /x HTTP/1.1", "PRI * HTTP/2.0"])
def test_plain_http_gets_a_400_that_names_https(proxy, request_line):
    with proxy.client() as client:
        client.send(message(request_line, "Host: localhost"))
        response = client.read_final()
        assert response.status == 400
        assert b"HTTPS" in response.body
        assert client.how_it_ends() == "eof"


def test_noise_is_closed_and_does_not_affect_others(proxy, client):
    for noise in (b"\x00" * 100, b"\x16\x03\x01\x00\x05hello", os.urandom(1000).lstrip(b"\x16")):
        with proxy.client() as other:
            other.send_quietly(noise)
            other.how_it_ends()
    assert client.get().status == 200


def test_a_handshake_has_a_deadline(start_proxy, backend, pair):
    proxy = start_proxy(*tls(pair), "--tls-handshake-timeout", "300ms", backend.url)
    with proxy.client() as client:
        began = time.monotonic()
        client.send(b"\x16\x03\x01")
        assert client.how_it_ends() in ("eof", "reset")
        assert 0.2 < time.monotonic() - began < SOON


def test_a_client_that_just_leaves_is_not_logged(proxy, certificates):
    client = TlsClient(proxy.address, trusting(certificates))
    assert client.get().status == 200
    wait_until(lambda: "accepts connections" in proxy.stderr())
    before = proxy.stderr()
    client.leave_without_goodbye()
    time.sleep(0.3)
    assert proxy.stderr() == before


# --- new certificates ----------------------------------------------------------------------------


def shown_subject(proxy):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with TlsClient(proxy.address, context) as client:
        return hashlib.sha256(client.sock.getpeercert(binary_form=True)).hexdigest()


def test_certificates_are_replaced_without_dropping_a_connection(start_proxy, backend, tmp_path):
    own = Certificates(tmp_path / "own")
    first, second = own.sign("first", "localhost"), own.sign("second", "localhost")
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    shutil.copy(first[0], chain)
    shutil.copy(first[1], key)
    proxy = start_proxy("--tls", chain, "--tls-key", key, "-v", backend.url)
    before = shown_subject(proxy)
    with TlsClient(proxy.address, trusting(own)) as client:
        assert client.get().status == 200
        shutil.copy(second[0], chain)
        os.replace(shutil.copy(second[1], tmp_path / "new.key"), key)
        deadline = time.monotonic() + 10
        while shown_subject(proxy) == before:
            assert client.get().status == 200
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert client.get().status == 200
        after = shown_subject(proxy)
        chain.write_text("-----BEGIN CERTIFICATE-----\nbroken\n", encoding="ascii")
        wait_until(lambda: "old ones stay" in proxy.stderr(), 10)
        proxy.wait_for_message(str(chain))
        assert shown_subject(proxy) == after
        assert client.get().status == 200


def test_a_pipe_in_place_of_a_certificate_does_not_stop_a_reload(start_proxy, backend, tmp_path):
    own = Certificates(tmp_path / "own")
    first, second = own.sign("first", "localhost"), own.sign("second", "localhost")
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    shutil.copy(first[0], chain)
    shutil.copy(first[1], key)
    proxy = start_proxy("--tls", chain, "--tls-key", key, "-v", backend.url)
    before = shown_subject(proxy)
    chain.unlink()
    os.mkfifo(chain)
    wait_until(lambda: "old ones stay" in proxy.stderr(), 10)
    proxy.wait_for_message(f"{chain}: is a pipe")
    assert shown_subject(proxy) == before
    chain.unlink()
    shutil.copy(second[0], chain)
    shutil.copy(second[1], key)
    wait_until(lambda: shown_subject(proxy) != before, 10)


def test_a_certificate_may_come_through_a_pipe_at_the_start(start_proxy, backend, pair, tmp_path):
    through = tmp_path / "pipe"
    os.mkfifo(through)
    both = b"".join(Path(file).read_bytes() for file in pair[:2])
    writer = threading.Thread(target=through.write_bytes, args=[both])
    writer.start()
    proxy = start_proxy("--tls", through, "-v", backend.url)
    writer.join()
    shown = shown_subject(proxy)
    proxy.signal(signal.SIGHUP)
    wait_until(lambda: "HUP: reloaded" in proxy.stderr(), 10)
    assert shown_subject(proxy) == shown


# --- the program ---------------------------------------------------------------------------------


@pytest.fixture
def files(certificates, pair, tmp_path):
    (tmp_path / "garbage.pem").write_text("hello\n", encoding="ascii")
    subprocess.run(["openssl", "pkey", "-in", pair[1], "-aes128", "-passout", "pass:secret", "-out",
                    tmp_path / "locked.key"], check=True, capture_output=True)
    with open(tmp_path / "huge.pem", "wb") as huge:
        huge.truncate(1 << 40)
    other = certificates.sign("unrelated")
    return {"CERT": pair[0], "KEY": pair[1], "OTHER_KEY": other[1], "MISSING": str(tmp_path / "no.pem"),
            "HUGE": str(tmp_path / "huge.pem"), "GARBAGE": str(tmp_path / "garbage.pem"), "LOCKED": str(tmp_path / "locked.key")}


@pytest.mark.parametrize("flags, words", [
    (["--tls", "MISSING", "--tls-key", "KEY"], ["MISSING", "No such file"]),
    (["--tls", "CERT", "--tls-key", "MISSING"], ["MISSING", "No such file", "private key"]),
    (["--tls", "GARBAGE", "--tls-key", "KEY"], ["GARBAGE", "no certificate"]),
    (["--tls", "CERT", "--tls-key", "GARBAGE"], ["GARBAGE", "no private key"]),
    (["--tls", "CERT"], ["CERT", "no private key"]),
    (["--tls", "KEY", "--tls-key", "CERT"], ["KEY", "this is a private key"]),
    (["--tls", "CERT", "--tls-key", "OTHER_KEY"], ["OTHER_KEY", "does not belong", "CERT"]),
    (["--tls", "CERT", "--tls-key", "LOCKED"], ["LOCKED", "encrypted", "openssl pkey -in /"]),
    (["--tls", "CERT", "--tls-key", "KEY", "--tls-key", "KEY"], ["1 certificate", "2 keys"]),
    (["--tls-key", "KEY"], ["--tls CERT"]),
    (["--tls", "self", "--tls-key", "KEY"], ["--tls self"]),
    (["--tls-client-ca", "CERT"], ["need --tls"]),
    (["--tls", "self", "--tls-client-auth", "required"], ["--tls-client-ca"]),
    (["--tls", "self", "--tls-client-ca", "MISSING"], ["MISSING", "No such file"]),
    (["--tls", "/dev/zero"], ["/dev/zero", "is a device"]),
    (["--tls", "CERT", "--tls-key", "/dev/zero"], ["/dev/zero", "is a device", "private key"]),
    (["--tls", "self", "--tls-client-ca", "/dev/zero"], ["/dev/zero", "is a device"]),
    (["--tls", "self", "--tls-ticket-keys", "/dev/zero"], ["/dev/zero", "is a device"]),
    (["--tls", "HUGE"], ["HUGE", "larger than 1 MiB"]),
    (["--tls", "self", "--tls-client-auth", "sometimes"], ["sometimes", "required"]),
    (["--tls", "self", "--tls-ticket-keys", "GARBAGE"], ["GARBAGE", "80 bytes"]),
    (["-l", "https://127.0.0.1:0"], ["--tls CERT", "--tls self"]),
    (["--backend-ca", "CERT"], ["https://"]),
    (["--insecure"], ["https://"]),
])
def test_an_invalid_tls_setting_is_a_startup_error(files, flags, words):
    ended = run_onehop("-l", "127.0.0.1:0", *[files.get(flag, flag) for flag in flags],
                       "http://127.0.0.1:1")
    assert ended.returncode == 2, ended
    for word in words:
        assert files.get(word, word) in ended.stderr


def test_an_expired_certificate_is_a_warning(start_proxy, backend, tmp_path):
    own = Certificates(tmp_path / "own")
    proxy = start_proxy(*tls(own.expired("localhost")), backend.url)
    wait_until(lambda: "expired" in proxy.stderr())
    proxy.wait_for_message("2020-02-01")


def test_http_and_https_side_by_side(start_proxy, backend, certificates, pair):
    port = free_port()
    proxy = start_proxy(*tls(pair), "-l", f"http://127.0.0.1:{port}", backend.url)
    with TlsClient(proxy.address, trusting(certificates)) as client:
        assert client.get().body == b"ok"
    with Client(("127.0.0.1", port)) as client:
        assert client.get().body == b"ok"
    assert [request.fields.get("x-forwarded-proto") for request in backend.requests] == ["https", "http"]


def can_bind(port):
    try:
        with socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True):
            return True
    except OSError:
        return False


@pytest.mark.skipif(not (can_bind(80) and can_bind(443)), reason="ports 80 and 443 are not to be had")
def test_without_a_listener_https_is_served_and_http_redirected(backend, certificates, pair):
    process = subprocess.Popen([PROGRAM, *tls(pair), backend.url], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        line = process.stderr.readline()
        assert "https://" in line and ":443" in line and "redirects to https" in line
        with Client(("127.0.0.1", 80)) as client:
            response = client.ask(message("POST /a?b=c HTTP/1.1", "Host: localhost:80",
                                          "Content-Length: 0"))
            assert response.status == 308
            assert response.fields.get("location") == "https://localhost/a?b=c"
        with TlsClient(("127.0.0.1", 443), trusting(certificates)) as client:
            assert client.get().body == b"ok"
    finally:
        process.terminate()
        assert process.wait(PATIENCE) == 0
        process.stderr.close()


@pytest.mark.skipif(SANITIZED, reason="sanitizers have memory of their own")
def test_idle_connections_are_small(start_proxy, backend, certificates, pair):
    proxy = start_proxy(*tls(pair), backend.url)
    context = trusting(certificates)
    clients = [TlsClient(proxy.address, context) for _ in range(50)]
    for client in clients:
        client.get()
    before = proxy.resident_bytes()
    more = [TlsClient(proxy.address, context) for _ in range(300)]
    for client in more:
        client.get()
    per_connection = (proxy.resident_bytes() - before) / 300
    for client in clients + more:
        client.close()
    assert per_connection < 24 * 1024, per_connection


@pytest.mark.skipif("ONEHOP_EXAMPLES" not in os.environ, reason="the examples were not built")
def test_the_example_serves(certificates, pair):
    port = free_port()
    process = subprocess.Popen([os.path.join(os.environ["ONEHOP_EXAMPLES"], "tls_server"),
                                f"127.0.0.1:{port}", *pair])
    try:
        wait_until(lambda: can_connect(port))
        with TlsClient(("127.0.0.1", port), trusting(certificates)) as client:
            assert client.get().body == b"TLSv1.3 with TLS_AES_128_GCM_SHA256\n"
    finally:
        process.terminate()
        process.wait(PATIENCE)


def can_connect(port):
    try:
        connect(("127.0.0.1", port)).close()
        return True
    except OSError:
        return False
