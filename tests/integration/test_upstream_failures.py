# SPDX-License-Identifier: Apache-2.0
"""Several backends behind one proxy, while one of them is killed, paused, slowed down or replaced: clients notice
nothing as long as their requests may be repeated."""
import time
from collections import Counter

import pytest

from proxy_process import Proxy
from raw_client import Client
from replicas import Load, Replica
from wire import get, post


@pytest.fixture
def replicas():
    started = [Replica(name) for name in "abc"]
    yield started
    for replica in started:
        replica.resume()
        replica.kill()


@pytest.fixture
def balance(replicas):
    """balance("--balance", "first"): a proxy to the three, with these settings and a budget for every retry."""
    proxies = []

    def start(*flags, budget=("--retry-budget", "100%"), backends=None):
        proxies.append(Proxy("--access-log", "off", *budget, *flags,
                             *(backends or [replica.url for replica in replicas])))
        return proxies[-1]

    yield start
    for proxy in proxies:
        assert proxy.stop() == 0, proxy.stderr()


def names(answers):
    return {name for (_, name), count in answers.items() if count}


def assert_all_succeeded(load):
    failed = {answer: count for answer, count in load.answers.items() if answer[0] != 200}
    assert failed == {}


def test_three_backends_on_the_command_line_are_balanced(balance):
    proxy = balance()
    with Client(proxy.address) as client:
        seen = {client.get("/").body for _ in range(60)}
    assert seen == {b"a", b"b", b"c"}


def test_a_killed_endpoint_causes_no_failures(balance, replicas):
    proxy = balance()
    with Load(proxy.address) as load:
        load.wait_until(lambda answers: names(answers) == set("abc"))
        replicas[0].kill()
        load.wait_until(lambda answers: sum(answers.values()) > 500)
        replicas[0].start()
        load.wait_until(lambda answers: "a" in names(answers), patience=60)
    assert_all_succeeded(load)
    proxy.wait_for_message("endpoint %s is ejected" % replicas[0].url)


def test_a_paused_endpoint_is_passed_over(balance, replicas):
    proxy = balance("--response-timeout", "500ms", "--connect-timeout", "1s")
    with Load(proxy.address) as load:
        load.wait_until(lambda answers: names(answers) == set("abc"))
        replicas[1].pause()
        time.sleep(3)
        load.wait_until(lambda answers: sum(answers.values()) > 200 and "b" not in names(answers))
        replicas[1].resume()
        load.wait_until(lambda answers: "b" in names(answers), patience=60)
    assert_all_succeeded(load)


def test_with_the_default_budget_a_killed_endpoint_costs_no_request(balance, replicas):
    proxy = balance(budget=())
    with Load(proxy.address) as load:
        load.wait_until(lambda answers: names(answers) == set("abc"))
        replicas[0].kill()
        load.wait_until(lambda answers: sum(answers.values()) > 300)
    assert_all_succeeded(load)
    proxy.wait_for_message("endpoint %s is ejected" % replicas[0].url)


def test_with_the_default_budget_a_paused_endpoint_costs_no_request(balance, replicas):
    proxy = balance("--response-timeout", "2s", budget=())
    with Load(proxy.address) as load:
        load.wait_until(lambda answers: names(answers) == set("abc"))
        replicas[1].pause()
        time.sleep(5)
        load.wait_until(lambda answers: sum(answers.values()) > 200 and "b" not in names(answers))
    assert_all_succeeded(load)
    assert load.slowest > 1.9, "some waited for it, and were asked of another one"


@pytest.mark.parametrize("budget, failed", [((), 10), (("--retry-budget", "100%"), 0)], ids=["default", "all"])
def test_the_budget_bounds_the_retries_for_a_paused_endpoint(balance, replicas, budget, failed):
    """Of 120 concurrent requests, 40 go to the paused endpoint. The budget always allows 30 retries in ten seconds."""
    proxy = balance("--balance", "round-robin", "--workers", "1", "--response-timeout", "3s", budget=budget)
    replicas[0].pause()
    clients = [Client(proxy.address) for _ in range(120)]
    for client in clients:
        client.send(get("/"))
    statuses = Counter(client.read_final().status for client in clients)
    for client in clients:
        client.close()
    assert (statuses[200], statuses[504]) == (120 - failed, failed)


def test_a_slow_endpoint_gets_fewer_requests(balance, replicas):
    proxy = balance()
    for replica, delay in zip(replicas, (10, 10, 100)):
        replica.slow_down(delay)
    with Load(proxy.address, clients=12) as load:
        time.sleep(3)
    assert_all_succeeded(load)
    fast = min(load.answers[200, "a"], load.answers[200, "b"])
    assert 0 < load.answers[200, "c"] < fast / 2


def test_a_refused_post_is_retried_and_a_cut_one_is_not(balance, replicas):
    proxy = balance("--balance", "first")
    replicas[0].kill()
    with Client(proxy.address) as client:
        assert client.ask(post(b"x")).body == b"b"
    replicas[1].slow_down(60_000)
    with Client(proxy.address) as client:
        client.send(post(b"x"))
        time.sleep(0.5)
        replicas[1].kill()
        assert client.read_final().status == 502


@pytest.mark.parametrize("kind", ["/healthz", "tcp"])
def test_checks_remove_a_failing_endpoint_and_restore_it(balance, replicas, kind):
    proxy = balance("--health-check", kind, "--health-check-interval", "200ms", "--health-check-timeout", "200ms")
    fail = (lambda: replicas[2].report_health(500)) if kind != "tcp" else replicas[2].kill
    mend = (lambda: replicas[2].report_health(200)) if kind != "tcp" else replicas[2].start
    with Load(proxy.address) as load:
        load.wait_until(lambda answers: names(answers) == set("abc"))
        fail()
        time.sleep(2)
        load.wait_until(lambda answers: sum(answers.values()) > 300)
        before = load.snapshot()
        time.sleep(0.5)
        assert names(load.since(before)) == set("ab")
        mend()
        load.wait_until(lambda answers: "c" in names(answers), patience=30)
    assert_all_succeeded(load)
    proxy.wait_for_message("endpoint %s is down" % replicas[2].url)
    proxy.wait_for_message("endpoint %s is up again" % replicas[2].url)


def test_a_backup_serves_when_no_other_does(balance, replicas):
    proxy = balance(backends=[replicas[0].url, replicas[1].url + " backup"])
    with Client(proxy.address) as client:
        assert {client.get("/").body for _ in range(20)} == {b"a"}
        replicas[0].kill()
        assert {client.get("/").body for _ in range(20)} == {b"b"}


def test_weights_are_shares(balance, replicas):
    proxy = balance("--balance", "round-robin", "--workers", "1",
                    backends=[replicas[0].url + " weight=3", replicas[1].url])
    with Client(proxy.address) as client:
        bodies = [client.get("/").body for _ in range(40)]
    assert (bodies.count(b"a"), bodies.count(b"b")) == (30, 10)


def test_a_cookie_keeps_a_client_at_its_endpoint(balance, replicas):
    proxy = balance("--sticky", "cookie")
    with Client(proxy.address) as client:
        first = client.get("/")
        cookie = first.fields.get("set-cookie").partition(";")[0]
        for _ in range(20):
            answer = client.get("/", f"Cookie: {cookie}")
            assert (answer.body, answer.fields.get("set-cookie")) == (first.body, None)
        next(replica for replica in replicas if replica.name.encode() == first.body).kill()
        moved = client.get("/", f"Cookie: {cookie}")
        assert moved.status == 200 and moved.body != first.body
        assert moved.fields.get("set-cookie")


@pytest.mark.parametrize("sticky", ["client", "header:X-User"])
def test_an_address_or_field_keeps_a_client_at_its_endpoint(balance, sticky):
    proxy = balance("--sticky", sticky)
    with Client(proxy.address) as client:
        bodies = {client.get("/", "X-User: alice").body for _ in range(30)}
    assert len(bodies) == 1
    if sticky != "client":
        with Client(proxy.address) as client:
            assert len({client.get("/", f"X-User: {number}").body for number in range(60)}) == 3


def test_a_retry_status_is_retried_at_another_endpoint(balance, replicas):
    proxy = balance("--balance", "first", "--retry-status", "503")
    replicas[0].report_health(503)
    with Client(proxy.address) as client:
        assert client.get("/healthz").body == b"b"
        replicas[1].report_health(503)
        replicas[2].report_health(503)
        assert client.get("/healthz").status == 503
