# SPDX-License-Identifier: Apache-2.0
"""Backends found by name: each address of a host, the servers of a service, which dnsmasq changes over time."""
import os
import shutil
import socket
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from name_server import FailingNameServer, NameServer
from proxy_process import IN_CI, PROGRAM, Proxy, free_port
from raw_client import Client
from replicas import Load, Replica
from wire import PATIENCE

SERVER = "127.0.0.77"
pytestmark = [pytest.mark.skipif((not shutil.which("dnsmasq") or os.geteuid() != 0) and not IN_CI,
                                 reason="needs dnsmasq, and root for port 53 and a mount"),
              pytest.mark.xdist_group("the name server's port")]


class NamedProxy(Proxy):
    """A proxy with its own resolv.conf."""

    def __init__(self, folder, *arguments):
        resolv = folder / "resolv.conf"
        resolv.write_text(f"nameserver {SERVER}\noptions timeout:1\n", encoding="utf-8")
        self.address = ("127.0.0.1", free_port())
        self.output, self.messages = (open(folder / name, "w+", encoding="utf-8") for name in ("out", "err"))
        self.process = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c",
             f'mount --bind {resolv} /etc/resolv.conf && exec "$@"', "sh", PROGRAM, "-l", "%s:%d" % self.address,
             "--access-log", "off", *arguments], stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.messages)
        self.wait_until_ready()


@pytest.fixture
def server(tmp_path):
    server = NameServer(tmp_path, SERVER)
    yield server
    server.stop()


@pytest.fixture
def replicas():
    port = free_port()
    started = [Replica(name, host=f"127.0.0.{number}", port=port) for number, name in enumerate("abc", 11)]
    yield started
    for replica in started:
        replica.kill()


@pytest.fixture
def named(tmp_path):
    proxies = []

    def start(*arguments):
        proxies.append(NamedProxy(tmp_path, *arguments))
        return proxies[-1]

    yield start
    for proxy in proxies:
        assert proxy.stop() == 0, proxy.stderr()


def names(answers):
    return {name for (_, name), count in answers.items() if count}


def reaches(load, wanted, patience=4 * PATIENCE):
    """Waits until responses come only from these."""
    deadline = time.monotonic() + patience
    while True:
        before = load.snapshot()
        time.sleep(0.7)
        seen = names(load.since(before))
        if seen == set(wanted):
            return
        assert time.monotonic() < deadline, f"answers of {seen}"


def address(replica):
    return replica.address[0]


def test_each_address_is_an_endpoint_as_the_name_changes(server, named, replicas):
    server.set(map(address, replicas[:2]))
    server.start()
    proxy = named("--resolve", "each", "http://app.test:%d" % replicas[0].address[1])
    with Load(proxy.address) as load:
        reaches(load, "ab")
        server.set(map(address, replicas))
        reaches(load, "abc")
        server.set(map(address, replicas[2:]))
        reaches(load, "c")
        server.set([])  # does not exist: the last good DNS response counts
        time.sleep(5)
        reaches(load, "c")
        server.stop()
        reaches(load, "c")
        server.set(map(address, replicas[:1]))
        server.start()
        reaches(load, "a")
    assert {answer: count for answer, count in load.answers.items() if answer[0] != 200} == {}
    proxy.wait_for_message("only 1 of 3 endpoints remain")


def connections_to(replica):
    host, port = replica.address
    remote = bytes(reversed(socket.inet_aton(host))).hex().upper() + f":{port:04X}"
    lines = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    return sum(line[2] == remote and line[3] == "01" for line in lines)


def test_connections_to_an_address_that_is_gone_are_closed(server, named, replicas):
    server.set(map(address, replicas[:2]))
    server.start()
    proxy = named("--resolve", "each", "--balance", "round-robin", "--pool-idle-timeout", "1h",
                  "http://app.test:%d" % replicas[0].address[1])
    with Load(proxy.address) as load:
        reaches(load, "ab")
    assert connections_to(replicas[0]) and connections_to(replicas[1])
    server.set(map(address, replicas[1:2]))
    deadline = time.monotonic() + PATIENCE
    while connections_to(replicas[0]):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert connections_to(replicas[1])


def test_a_name_is_one_endpoint_by_default(server, named, replicas):
    server.set(map(address, replicas))
    server.start()
    proxy = named("http://app.test:%d" % replicas[0].address[1])
    with Client(proxy.address) as client:
        assert len({client.get("/").body for _ in range(30)}) == 1


def test_two_hundred_addresses_share_the_requests(server, named):
    addresses = [f"127.1.0.{number}" for number in range(1, 201)]
    server.set(addresses)
    server.start()
    everywhere = Replica("x", host="0.0.0.0", port=free_port())
    try:
        proxy = named("--resolve", "each", "--balance", "round-robin", "--workers", "1",
                      "http://app.test:%d" % everywhere.address[1])
        proxy.wait_for_message("app.test: 200 endpoints")
        with Client(proxy.address) as client:
            seen, deadline = set(), time.monotonic() + PATIENCE
            while len(seen) < 200:  # the list takes effect after the message
                seen.add(client.get("/-/address").body.decode())
                assert time.monotonic() < deadline, len(seen)
            turns = Counter(client.get("/-/address").body.decode() for _ in range(400))
        assert turns == {address: 2 for address in addresses}
    finally:
        everywhere.kill()


def serves_on(proxy, load):
    proxy.wait_for_message("app.test: ", "; the last good response is kept", patience=3 * PATIENCE)
    reaches(load, "ab")
    assert names(load.answers) == set("ab"), "from the first request to the last"


def test_a_name_server_that_fails_changes_nothing(server, named, replicas):
    failing = FailingNameServer()
    try:
        server.set(map(address, replicas[:2]))
        server.start(f"--server=/app.test/127.0.0.1#{failing.port}")  # for names that dnsmasq does not know
        proxy = named("--resolve", "each", "http://app.test:%d" % replicas[0].address[1])
        with Load(proxy.address) as load:
            reaches(load, "ab")
            before = failing.queries
            server.set([])
            serves_on(proxy, load)
            assert failing.queries > before
            server.set(map(address, replicas[2:]))
            reaches(load, "c")
        assert {status for status, _ in load.answers} == {200}
    finally:
        failing.stop()


def test_a_name_without_addresses_changes_nothing(server, named, replicas):
    server.set(map(address, replicas[:2]))
    server.start("--txt-record=app.test,it exists")
    proxy = named("--resolve", "each", "http://app.test:%d" % replicas[0].address[1])
    with Load(proxy.address) as load:
        reaches(load, "ab")
        server.set([])
        serves_on(proxy, load)
        proxy.wait_for_message("app.test: ", "no data; the last")
        server.set(map(address, replicas[2:]))
        reaches(load, "c")
    assert {status for status, _ in load.answers} == {200}


def test_a_service_has_servers_weights_and_backups(server, named, replicas):
    server.set([])
    port = replicas[0].address[1]
    records = [f"--host-record={replica.name}.test,{address(replica)}" for replica in replicas]
    services = [f"--srv-host=_http._tcp.app.test,a.test,{port},10,30", f"--srv-host=_http._tcp.app.test,b.test,{port},10,10",
                f"--srv-host=_http._tcp.app.test,c.test,{port},20,10"]
    server.start(*records, *services)
    proxy = named("--balance", "round-robin", "--workers", "1", "srv://_http._tcp.app.test")
    with Client(proxy.address) as client:
        deadline = time.monotonic() + PATIENCE
        while client.get("/").status != 200 and time.monotonic() < deadline:
            time.sleep(0.05)
        bodies = [client.get("/").body for _ in range(40)]
        assert (bodies.count(b"a"), bodies.count(b"b"), bodies.count(b"c")) == (30, 10, 0)
        replicas[0].kill()
        replicas[1].kill()
        assert client.get("/").body == b"c"
