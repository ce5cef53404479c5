# SPDX-License-Identifier: Apache-2.0
"""The duties of the old process of an upgrade, and the limits of the new one."""
import os
import shutil
import socket
import struct
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from admin import Scrape
from lasting_exchanges import Tunnel
from process_files import is_alive
from proxy_process import free_port, free_privileged_port, open_to_all
from raw_client import Client
from tls_peers import Certificates
from wire import OK, PATIENCE, get, message

FIRST_UNPRIVILEGED_PORT = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text(encoding="ascii"))
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


class CountingNameServer:
    """Every name has the address 127.0.0.1, for a second."""

    def __init__(self):
        self.queries = Counter()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    @property
    def address(self):
        return "%s:%d" % self.socket.getsockname()

    def serve(self):
        while True:
            query, peer = self.socket.recvfrom(512)
            if not query:
                return
            question = query[12:query.index(b"\0", 12) + 5]
            self.queries[question[1:1 + question[0]].decode()] += 1
            is_ipv4 = question[-4:-2] == b"\0\1"
            record = b"\xc0\x0c\0\1\0\1" + struct.pack(">IH", 1, 4) + socket.inet_aton("127.0.0.1") if is_ipv4 else b""
            counts = struct.pack(">HHHH", 1, is_ipv4, 0, 0)
            self.socket.sendto(query[:2] + b"\x81\x80" + counts + question + record, peer)

    def close(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self.socket.getsockname())
        self.thread.join(PATIENCE)
        self.socket.close()


def echo_or_be_healthy(peer):
    while peer.read_request().target == "/healthz":
        peer.send(OK)
    peer.send(message("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket"))
    while data := peer.sock.recv(100):
        peer.send(data)


def replace_below_a_tunnel(proxy, peer, **settings):
    """Returns a tunnel that keeps the process which an upgrade to these settings replaces."""
    peer.play(echo_or_be_healthy)
    tunnel = Tunnel(proxy.address)
    proxy.configure(**settings)
    proxy.upgrade()
    return tunnel


def test_a_draining_process_runs_no_checks_and_no_name_lookups(upgraded, backend):
    """Each process has a name of its own for the backend, and for the checks."""
    names = CountingNameServer()

    def checks(host):
        return sum(head.fields.get("Host") == host for head in list(backend.requests))

    def wait_for_more(of, tunnel=None):
        """Waits for two queries more of each type, whose responses count for a second, and as many checks."""
        wanted = checks(of) + 2, names.queries[of] + 4
        deadline = time.monotonic() + 2 * PATIENCE
        while checks(of) < wanted[0] or names.queries[of] < wanted[1]:
            assert time.monotonic() < deadline, f"{names.queries}, {proxy.stderr()}"
            if tunnel:  # a silent one is closed
                tunnel.echo(1)
            time.sleep(0.01)

    try:
        port = backend.address[1]
        proxy = upgraded(backend=f"http://before.test:{port}", resolve="each", dns_servers=[names.address],
                         health_check="/healthz", health_check_host="before", health_check_interval="100ms",
                         drain_timeout="1m")
        first = proxy.pid
        wait_for_more("before")
        tunnel = replace_below_a_tunnel(proxy, backend, backend=f"http://after.test:{port}", health_check_host="after")
        proxy.wait_for_message("draining: waiting for 1 request")
        wait_for_more("after", tunnel)
        before = checks("before"), names.queries["before"]
        wait_for_more("after", tunnel)
        assert (checks("before"), names.queries["before"]) == before
        assert is_alive(first)
        tunnel.end()
        tunnel.close()
        proxy.wait_for_end(first)
    finally:
        names.close()


def test_a_draining_process_may_hold_half_of_the_memory(upgraded, backend):
    """A sixteenth of --max-memory is not counted in either limit."""
    proxy = upgraded(max_memory="64MiB", drain_timeout="1m", verbose=True)
    first = proxy.pid
    tunnel = replace_below_a_tunnel(proxy, backend)
    proxy.wait_for_message("memory limit lowered from 60 MiB to 28 MiB while this process drains")
    with Client(str(proxy.socket)) as admin:
        scrape = Scrape(admin.ask(get("/metrics")).body.decode())
    assert scrape.value("onehop_memory_limit_bytes") == 60 << 20, "of the new process"
    tunnel.end()
    tunnel.close()
    proxy.wait_for_end(first)


def test_the_log_has_the_number_of_tunnels_that_were_cut(upgraded, backend):
    proxy = upgraded(drain_timeout="1s")
    first = proxy.pid
    tunnel = replace_below_a_tunnel(proxy, backend)
    proxy.wait_for_end(first)
    tunnel.close()
    proxy.wait_for_message("stopped; 1 connection with a request in progress was cut")


@as_root
@pytest.mark.skipif(FIRST_UNPRIVILEGED_PORT < 1024, reason="every user may listen with every port of this machine")
def test_with_user_an_old_privileged_port_stays_and_a_new_one_is_an_error(upgraded, tmp_path):
    open_to_all(tmp_path)
    places = [f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_privileged_port()}"]
    proxy = upgraded(user="nobody", listen=places)
    first = proxy.pid
    proxy.upgrade()
    proxy.wait_for_end(first)
    with Client(("127.0.0.1", int(places[1].partition(":")[2]))) as client:
        assert client.get().status == 200
    new = f"127.0.0.1:{free_privileged_port()}"
    proxy.configure(listen=[*places, new])
    printed = proxy.fail_to_upgrade()
    assert f"cannot listen on {new}: ports below 1024 need a privilege" in printed, printed


@as_root
def test_with_user_a_key_that_only_root_may_read_is_an_error(upgraded, tmp_path):
    open_to_all(tmp_path)
    chain, key = Certificates(tmp_path / "certificates").sign("localhost")
    proxy = upgraded(user="nobody")
    os.chmod(key, 0o600)
    proxy.configure(listen=[*proxy.settings["listen"], f"https://127.0.0.1:{free_port()}"], tls=[chain], tls_key=[key])
    printed = proxy.fail_to_upgrade()
    assert "cannot use the settings (exit code 2)" in printed, printed
    assert f"{key}: Permission denied" in printed, printed
    shutil.chown(key, "nobody")
    proxy.upgrade()
