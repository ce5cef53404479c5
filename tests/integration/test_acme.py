# SPDX-License-Identifier: Apache-2.0
"""Certificates by ACME, from Pebble: the challenges, what can go wrong, renewals under load, a shared store."""
import fcntl
import hashlib
import json
import os
import signal
import shutil
import socket
import ssl
import stat
import subprocess
import threading
import time

import pytest

import browser
from acme_authority import DEBIAN, NEW, Pebble
from configured_proxy import ConfiguredProxy
from process_files import is_alive, of_threads
from proxy_process import IN_CI, Proxy, free_port, open_to_all, run_onehop
from upgraded_proxy import UpgradedProxy
from wire import PATIENCE

NAME = "app.example.com"
CERTUTIL = shutil.which("certutil")
# An order takes some seconds on a busy machine.
LONG = 6 * PATIENCE

pytestmark = pytest.mark.skipif(not (NEW or DEBIAN) and not IN_CI, reason="no pebble")
needs_new = pytest.mark.skipif(not NEW, reason="no pebble with renewal information")


class Site:
    """A proxy whose ports the authority connects to."""

    def __init__(self, folder, backend, environment=(), **options):
        self.http, self.https = free_port(), free_port()
        self.folder, self.backend = folder, backend
        self.authority = Pebble(folder / "pebble", http_port=self.http, tls_port=self.https, environment=environment,
                                **options)
        self.proxies = []

    def flags(self, *more, names=(NAME,), listen=None, state="state"):
        listen = listen or [f"https://127.0.0.1:{self.https}", f"http://127.0.0.1:{self.http}"]
        return [*(part for one in listen for part in ("-l", one)), *self.authority.flags, "--state",
                self.folder / state, "--host", ",".join(names), *more, self.backend.url]

    def start(self, *more, **options):
        self.proxies.append(Proxy(*self.flags(*more, **options), configured=("127.0.0.1", self.https)))
        return self.proxies[-1]

    def file(self, name=NAME, state="state"):
        return self.folder / state / "acme" / "certificates" / f"{name}.pem"

    def state(self, name=NAME):
        return json.loads(self.file(name).with_suffix(".json").read_text(encoding="utf-8"))

    def request_renewal(self, name=NAME):
        (self.folder / "state" / "acme" / "requests" / f"renew-{name}").write_text("", encoding="utf-8")

    def close(self):
        for proxy in self.proxies:
            proxy.stop()
        self.authority.stop()


@pytest.fixture
def site(start_site):
    return start_site()


@pytest.fixture
def start_site(tmp_path, start_backend):
    sites = []

    def start(**options):
        sites.append(Site(tmp_path, start_backend(), **options))
        return sites[-1]

    yield start
    for one in sites:
        one.close()


def connect(port, name=NAME, ca=None, protocols=(), host="127.0.0.1"):
    """A TLS connection, verified if `ca` is given."""
    context = ssl.create_default_context(cafile=ca)
    if ca is None:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context.wrap_socket(socket.create_connection((host, port), timeout=PATIENCE), server_hostname=name)


def served(port, name=NAME):
    """The fingerprint of the certificate that a client gets."""
    with connect(port, name) as client:
        return hashlib.sha256(client.getpeercert(binary_form=True)).hexdigest()


def wait_for(condition, proxy, patience=LONG):
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, proxy.stderr()
        assert proxy.process.poll() is None, proxy.stderr()
        time.sleep(0.05)


def is_trusted(port, ca, name=NAME):
    try:
        connect(port, name, ca).close()
        return True
    except ssl.SSLCertVerificationError:
        return False


def wait_until_trusted(site, proxy, name=NAME, port=None):
    ca = site.authority.roots()
    wait_for(lambda: is_trusted(port or site.https, ca, name), proxy)


def test_a_self_signed_certificate_is_served_until_one_is_issued(site):
    proxy = site.start()
    first = served(site.https)
    proxy.wait_for_message(f"{NAME}: serving a self-signed certificate until 127.0.0.1")
    wait_until_trusted(site, proxy)
    assert served(site.https) != first
    with connect(site.https, ca=site.authority.roots()) as client:
        client.sendall(f"GET / HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n".encode())
        assert client.recv(100).startswith(b"HTTP/1.1 200 ")
    proxy.wait_for_message("agrees to the terms of service of 127.0.0.1")


def test_each_name_has_a_certificate_of_its_own(site):
    names = "a.example.com", "b.example.com"
    proxy = site.start(names=names)
    for name in names:
        wait_until_trusted(site, proxy, name)
    assert served(site.https, names[0]) != served(site.https, names[1])


def test_certificate_files_are_private_and_work_with_the_tls_flag(site):
    proxy = site.start()
    wait_until_trusted(site, proxy)
    for path in (site.folder / "state" / "acme").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    port = free_port()
    other = Proxy("-l", f"https://127.0.0.1:{port}", "--tls", site.file(), site.backend.url,
                  configured=("127.0.0.1", port))
    assert served(port) == served(site.https)
    other.stop()


def test_tls_alpn_01_needs_only_the_https_port(site):
    proxy = site.start("--acme-challenge", "tls-alpn-01", listen=[f"https://127.0.0.1:{site.https}"])
    wait_until_trusted(site, proxy)
    # No order is pending now, so a client with that protocol is refused.
    with pytest.raises((ssl.SSLError, ConnectionError)):
        connect(site.https, protocols=["acme-tls/1"])


def test_the_other_challenge_is_tried_if_one_port_is_closed(site):
    proxy = site.start(listen=[f"https://127.0.0.1:{site.https}"])
    wait_until_trusted(site, proxy)


def test_a_redirect_listener_responds_to_challenges_and_redirects_the_rest(site):
    proxy = site.start("--acme-challenge", "http-01",
                       listen=[f"https://127.0.0.1:{site.https}", f"redirect://127.0.0.1:{site.http}"])
    wait_until_trusted(site, proxy)
    with socket.create_connection(("127.0.0.1", site.http), timeout=PATIENCE) as client:
        client.sendall(f"GET /.well-known/acme-challenge/{'a' * 43} HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode())
        assert client.recv(100).startswith(b"HTTP/1.1 308 ")  # no order is pending


@pytest.mark.parametrize("environment", [
    {"PEBBLE_WFE_NONCEREJECT": "90"}, {"PEBBLE_AUTHZREUSE": "100"},
    {"PEBBLE_VA_NOSLEEP": "0", "PEBBLE_VA_SLEEPTIME": "3"}, {"PEBBLE_CHAIN_LENGTH": "3"}])
def test_certificates_are_issued_by_a_difficult_authority(start_site, environment):
    site = start_site(environment=environment)
    proxy = site.start()
    wait_until_trusted(site, proxy)
    if "PEBBLE_AUTHZREUSE" in environment:
        before = served(site.https)
        site.request_renewal()
        wait_for(lambda: served(site.https) != before, proxy)


def test_debians_pebble_works_too(tmp_path, start_backend):
    if not DEBIAN:
        pytest.skip("no pebble of Debian")
    site = Site(tmp_path, start_backend())
    site.authority.stop()
    site.authority = Pebble(tmp_path / "old", program=DEBIAN, http_port=site.http, tls_port=site.https)
    try:
        wait_until_trusted(site, site.start())
    finally:
        site.close()


def test_an_external_account(start_site, tmp_path):
    key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
    site = start_site(externalAccountBindingRequired=True, externalAccountMACKeys={"kid-1": key})
    proxy = site.start()
    proxy.wait_for_message("requires an external account: add --acme-eab FILE", patience=LONG)
    proxy.stop()
    file = tmp_path / "eab"
    file.write_text(f"kid-1 {key}\n", encoding="ascii")
    site.request_renewal()
    proxy = site.start("--acme-eab", file)
    wait_until_trusted(site, proxy)
    # The account is there, so a command does not need the file.
    ended = run_onehop("acme", "revoke", NAME, "--state", site.folder / "state", "--acme-ca-file",
                       site.authority.ca_file)
    assert ended.returncode == 0, ended.stderr


@needs_new
def test_the_configured_profile_is_requested(start_site):
    site = start_site(profiles={"default": {"description": "", "validityPeriod": 7776000},
                                "shortlived": {"description": "", "validityPeriod": 518400}})
    proxy = site.start("--acme-profile", "shortlived")
    wait_until_trusted(site, proxy)
    with connect(site.https, ca=site.authority.roots()) as client:
        end = ssl.cert_time_to_seconds(client.getpeercert()["notAfter"])
    assert end - time.time() < 7 * 24 * 3600


@needs_new
def test_renewal_follows_the_advice_of_the_authority(site):
    proxy = site.start("-v")
    wait_until_trusted(site, proxy)
    proxy.wait_for_message("the authority advises to renew from", patience=LONG)
    assert site.state()["window"]["start"] <= site.state()["renewAt"] <= site.state()["window"]["end"]
    proxy.stop()
    # Pretend that the time of renewal has come.
    state = site.state()
    state["obtained"] = state["renewAt"] = state["window"]["start"] = "2026-01-01T00:00:00Z"
    site.file().with_suffix(".json").write_text(json.dumps(state), encoding="utf-8")
    before = site.file().read_bytes()
    proxy = site.start("-v")
    wait_for(lambda: site.file().read_bytes() != before, proxy)


def test_an_unreachable_authority_does_not_prevent_a_start(site):
    site.authority.stop()
    proxy = site.start()
    proxy.wait_for_message("the next attempt is at", patience=LONG)
    served(site.https)
    site.authority.start()
    ended = run_onehop("acme", "renew", NAME, "--state", site.folder / "state")
    assert ended.returncode == 0, ended.stderr
    wait_until_trusted(site, proxy)


def test_the_second_authority_is_used_if_the_first_is_unreachable(site):
    dead = f"https://127.0.0.1:{free_port()}/dir"
    flags = site.flags()
    flags[flags.index("--acme-ca") + 1] = f"{dead},{site.authority.directory}"
    proxy = Proxy(*flags, configured=("127.0.0.1", site.https))
    site.proxies.append(proxy)
    wait_until_trusted(site, proxy)


def test_no_handshake_fails_while_certificates_are_renewed(site):
    proxy = site.start()
    wait_until_trusted(site, proxy)
    ca = site.authority.roots()
    failures, count, stop = [], [0], threading.Event()

    def ask():
        while not stop.is_set():
            try:
                with connect(site.https, ca=ca) as client:
                    client.sendall(f"GET / HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n".encode())
                    assert client.recv(100).startswith(b"HTTP/1.1 200 ")
                count[0] += 1
            except (OSError, AssertionError) as error:
                failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            before = served(site.https)
            site.request_renewal()
            wait_for(lambda: served(site.https) != before, proxy)  # pylint: disable=cell-var-from-loop
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not failures and count[0] > 10


def test_the_store_of_a_killed_process_is_usable_by_the_next_one(site):
    for pause in (0.3, 0.8, 1.5, 2.2, 3.0):
        proxy = site.start()
        time.sleep(pause)
        proxy.signal(signal.SIGKILL)
        proxy.wait()
    proxy = site.start()
    wait_until_trusted(site, proxy)


def test_two_processes_share_a_store(site):
    other = free_port()
    first = site.start()
    second = site.start(listen=[f"https://127.0.0.1:{other}"])
    wait_until_trusted(site, first)
    wait_until_trusted(site, second, port=other)
    assert served(site.https) == served(other)
    before = served(other)
    ended = run_onehop("acme", "renew", NAME, "--state", site.folder / "state")
    assert ended.returncode == 0, ended.stderr
    wait_for(lambda: served(site.https) != before, first)
    wait_for(lambda: served(other) == served(site.https), second)
    # One of them: the first certificate and the renewal are all that was ordered.
    obtained = f"{NAME}: a certificate of 127.0.0.1"
    assert first.stderr().count(obtained) + second.stderr().count(obtained) == 2
    before = served(other)
    first.stop()
    site.request_renewal()
    second.stop()
    third = site.start()
    wait_for(lambda: served(site.https) != before, third)


def test_commands_show_renew_and_revoke(site):
    proxy = site.start()
    wait_until_trusted(site, proxy)
    state = "--state", site.folder / "state"
    listed = run_onehop("acme", "list", *state)
    assert listed.returncode == 0 and NAME in listed.stdout and "valid until 20" in listed.stdout
    before = served(site.https)
    asked = run_onehop("acme", "renew", NAME, *state)
    assert asked.returncode == 0 and "renewal requested" in asked.stdout, asked.stderr
    wait_for(lambda: served(site.https) != before, proxy)
    before = served(site.https)
    revoked = run_onehop("acme", "revoke", NAME, "keyCompromise", *state, "--acme-ca-file", site.authority.ca_file)
    assert revoked.returncode == 0, revoked.stderr
    assert "revoked by 127.0.0.1" in revoked.stdout
    wait_for(lambda: served(site.https) != before, proxy)
    proxy.stop()
    request = site.folder / "state" / "acme" / "requests" / f"renew-{NAME}"
    for _ in range(2):  # the second one finds that it is revoked
        request.unlink(missing_ok=True)
        ended = run_onehop("acme", "revoke", NAME, *state, "--acme-ca-file", site.authority.ca_file)
        assert ended.returncode == 0 and request.exists(), ended.stderr
    for words in (["acme"], ["acme", "forget"], ["acme", "renew"], ["acme", "revoke", NAME, "boredom"],
                  ["acme", "list", "all"]):
        assert run_onehop(*words, *state).returncode == 2, words
    assert run_onehop("acme", "renew", "other.example.com", *state).returncode == 1


@pytest.mark.skipif((browser.MISSING or not CERTUTIL) and not IN_CI, reason="no browser, or no certutil")
def test_a_browser_that_trusts_the_authority_trusts_the_site(site, tmp_path):
    proxy = site.start()
    wait_until_trusted(site, proxy)
    trusted = tmp_path / ".pki" / "nssdb"
    trusted.mkdir(parents=True)
    certutil = [CERTUTIL, "-d", f"sql:{trusted}"]
    subprocess.run([*certutil, "-N", "--empty-password"], check=True, timeout=PATIENCE)
    subprocess.run([*certutil, "-A", "-t", "C,,", "-n", "pebble", "-i", site.authority.roots()], check=True,
                   timeout=PATIENCE)
    page = browser.Browser(["--host-resolver-rules=MAP *.example.com 127.0.0.1"], {**os.environ, "HOME": str(tmp_path)})
    try:
        page.open(f"https://{NAME}:{site.https}/")
        assert page.js("return location.protocol") == "https:"
        page.open(f"https://other.example.com:{site.https}/")  # a name that is not in the certificate
        assert page.js("return location.protocol") == "chrome-error:"
    finally:
        page.close()


def test_a_reload_adds_and_removes_names(site, tmp_path):
    names = ["a.example.com", "b.example.com"]
    settings = {"backend": site.backend.url, "acme": "ops@example.org", "acme-ca": [site.authority.directory],
                "acme-ca-file": site.authority.ca_file, "state": str(tmp_path / "state"), "host": names[:1],
                "listen": [f"https://127.0.0.1:{site.https}", f"http://127.0.0.1:{site.http}"]}
    proxy = ConfiguredProxy(tmp_path, settings)
    try:
        wait_until_trusted(site, proxy, names[0])
        before = served(site.https, names[0])
        proxy.change(host=names)
        assert "reloaded; changed: host" in proxy.hup()
        wait_until_trusted(site, proxy, names[1])
        assert served(site.https, names[0]) == before
        proxy.change(host=names[1:])
        assert "reloaded; changed: host" in proxy.hup()
        other = served(site.https, names[1])
        wait_for(lambda: served(site.https, names[0]) == other, proxy)  # no longer a name of its own
        kept = site.file(names[0]).read_bytes()
        for name in names:
            site.request_renewal(name)
        wait_for(lambda: served(site.https, names[1]) != other, proxy)
        assert site.file(names[0]).read_bytes() == kept
    finally:
        proxy.stop()


def test_the_hosts_of_routes_get_certificates(site, tmp_path):
    settings = {"acme": "ops@example.org", "acme-ca": [site.authority.directory], "state": str(tmp_path / "state"),
                "acme-ca-file": site.authority.ca_file,
                "listen": [f"https://127.0.0.1:{site.https}", f"http://127.0.0.1:{site.http}"],
                "route": [{"host": [NAME, "*.other.example.com"], "backend": site.backend.url}]}
    proxy = ConfiguredProxy(tmp_path, settings)
    try:
        wait_until_trusted(site, proxy)
        assert sorted(path.name for path in site.file().parent.glob("*.pem")) == [f"{NAME}.pem"]
    finally:
        proxy.stop()


def threads(pid):
    return [comm.strip() for comm in of_threads(pid, "comm").values()]


def test_after_an_upgrade_only_the_new_process_renews(site, tmp_path):
    settings = {"backend": site.backend.url, "acme": "ops@example.org", "acme-ca": [site.authority.directory],
                "acme-ca-file": site.authority.ca_file, "state": str(tmp_path / "state"), "host": [NAME],
                "listen": [f"https://127.0.0.1:{site.https}", f"http://127.0.0.1:{site.http}"],
                "drain-timeout": "5m", "landlock": "off"}
    proxy = UpgradedProxy(tmp_path, settings)
    site.backend.play(lambda peer: (peer.read_request(), peer.wait_for_close()))
    try:
        wait_until_trusted(site, proxy)
        before = served(site.https)
        assert "onehop/acme" in threads(proxy.pid)
        with connect(site.https) as held:
            held.sendall(f"GET / HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode())
            site.backend.wait_for_requests(1)
            proxy.upgrade()
            assert served(site.https) == before
            old, new = proxy.pids
            wait_for(lambda: "onehop/acme" not in threads(old) and "onehop/acme" in threads(new), proxy)
            os.kill(new, signal.SIGSTOP)
            try:
                site.request_renewal()
                kept = site.file().read_bytes()
                time.sleep(5)
                assert site.file().read_bytes() == kept
            finally:
                os.kill(new, signal.SIGCONT)
            wait_for(lambda: served(site.https) != before, proxy)
            assert is_alive(old)
    finally:
        proxy.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_an_unprivileged_user_can_obtain_certificates(site):
    open_to_all(site.folder)
    proxy = site.start("--user", "nobody")
    wait_until_trusted(site, proxy)
    assert site.file().exists(), proxy.stderr()
    assert site.file().owner() == "nobody"


def test_a_store_that_does_not_respond_does_not_delay_a_stop(site, tmp_path):
    lock = tmp_path / "state" / "acme" / "lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    asked = []
    before = signal.signal(signal.SIGIO, lambda *_: asked.append(True))
    # Until the lease is given back, open() for writing waits, for 45 s at most.
    lease = os.open(lock, os.O_RDONLY)
    try:
        fcntl.fcntl(lease, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        proxy = site.start()
        wait_for(lambda: asked, proxy)
        proxy.signal()
        proxy.wait_for_message("stopping")
        assert proxy.wait(2 * PATIENCE) == 0, proxy.stderr()
    finally:
        os.close(lease)
        signal.signal(signal.SIGIO, before)


def test_an_unwritable_folder_is_a_startup_error(site, tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "acme").write_text("a file\n", encoding="ascii")
    ended = run_onehop(*site.flags())
    assert ended.returncode != 0
    assert str(tmp_path / "state" / "acme") in ended.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_folder_that_the_user_cannot_reach_is_a_startup_error(site, tmp_path):
    open_to_all(site.folder)
    (tmp_path / "closed").mkdir(mode=0o700)
    flags = site.flags("--user", "nobody", state="closed/state")
    checked = run_onehop("check", *flags)
    assert checked.returncode == 2
    assert "user 'nobody' cannot reach it" in checked.stderr + checked.stdout
    ended = run_onehop(*flags)
    assert ended.returncode != 0
    assert "user 'nobody' cannot reach it" in ended.stderr
    checked = run_onehop("check", *flags)  # the folder is there now
    assert checked.returncode == 2
    assert "user 'nobody' cannot reach it" in checked.stderr + checked.stdout


def test_check_finds_what_an_authority_would_not_accept(site, tmp_path):
    def check(*flags):
        return run_onehop("check", "--acme", "ops@example.org", *flags, "http://127.0.0.1:1")

    state = "--state", tmp_path / "state"
    ended = check(*state, "--host", NAME, "--acme-ca", site.authority.directory)
    assert ended.returncode == 0 and "warning" not in ended.stderr
    ended = check(*state, "--host", NAME, "--acme-ca", site.authority.directory, "-l", "https://:8443")
    assert ended.returncode == 0 and "port 80 (http-01) or 443" in ended.stderr + ended.stdout
    for flags, words in [(("--host", "*.example.com"), "wildcard"), (("--host", "192.0.2.1"), "address"),
                         (("--host", "localhost"), "not a public name"),
                         (("--host", NAME, "--acme-eab", "/none"), "/none"),
                         (("--host", NAME, "--acme-ca-file", "/none"), "/none")]:
        ended = check(*state, *flags)
        assert ended.returncode == 2 and words in ended.stderr + ended.stdout, flags
    (tmp_path / "file").write_text("", encoding="ascii")
    ended = check("--state", tmp_path / "file", "--host", NAME)
    assert ended.returncode == 2 and "not a directory" in ended.stderr + ended.stdout


def test_the_state_is_in_metrics_and_status(site):
    admin = free_port()
    proxy = site.start("--admin", f"127.0.0.1:{admin}")
    wait_until_trusted(site, proxy)
    with socket.create_connection(("127.0.0.1", admin), timeout=PATIENCE) as client:
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        text = client.makefile("rb").read().decode()
    assert f'onehop_acme_certificate_valid{{name="{NAME}"}} 1' in text
    assert "onehop_acme_certificates_total 1" in text
    assert f'onehop_acme_renewal_seconds{{name="{NAME}"}}' in text
    with socket.create_connection(("127.0.0.1", admin), timeout=PATIENCE) as client:
        client.sendall(b"GET /status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        body = client.makefile("rb").read().decode().split("\r\n\r\n", 1)[1]
    assert "renewed about 20" in body
