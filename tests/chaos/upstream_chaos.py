# SPDX-License-Identifier: Apache-2.0
"""Scenes of upstreams and routes from a seed: endpoints die, stall and come back, and the configuration changes, under
the load of every kind of client.

While one good endpoint remains, no request that may be repeated fails, and any other one only if an endpoint may have
seen it. Each response is that of the right upstream, or of the route itself, and whole, or visibly cut. Clients that
are kept at an endpoint stay there. In the end everything works, nothing is held, and the metrics are right.
"""
import collections
import itertools
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1] / "integration")]

from admin import Admin, admin_address  # noqa: E402
from configured_proxy import ConfiguredProxy  # noqa: E402
from faulty_backend import content  # noqa: E402
from name_server import NameServer  # noqa: E402
from proxy_process import free_port  # noqa: E402
from raw_client import Client  # noqa: E402
from replicas import Replica  # noqa: E402
from routes_plan import DEFAULTS, FIXED, Endpoint, Plan, Upstream  # noqa: E402
from timeline import AFTERMATH, Timeline, Watchdog  # noqa: E402
from upstream_clients import (Ask, Got, Http2Stranger, Http2Talker, Loner, Regular, Stranger, Talker,  # noqa: E402
                              Uploader)
from upstream_faults import Faults  # noqa: E402
from wire import PATIENCE, message  # noqa: E402

SCENE = 20  # seconds of load
RECOVERY = 2.5  # seconds: the longest ejection, and the checks after it
FAILURES = (502, 503, 504)
SETTINGS = {"workers": 2, "access-log": "off", "admin": "127.0.0.1:0", "eject-time": "300ms",
            "max-eject-time": "1s", "response-timeout": "1s", "activity-timeout": "1s", "connect-timeout": "2s",
            "body-timeout": "2s", "retry-budget": "100%", "pool-idle-timeout": "1s"}
CLIENTS = ((Stranger, 4), (Http2Stranger, 3), (Uploader, 2), (Talker, 2), (Http2Talker, 1), (Loner, 2))


class ChaosReplica(Replica):
    PROGRAM = Path(__file__).with_name("chaos_replica.py")

    def __init__(self, endpoint, folder):
        self.journal = folder / endpoint.name
        self.journal.touch()
        super().__init__(endpoint.name, endpoint.host, endpoint.port)

    def arguments(self):
        return (*super().arguments(), self.journal)

    def tell(self, path):
        with Client(self.address) as client:
            client.ask(message(f"GET {path} HTTP/1.1", "Host: h"))

    def seen(self):
        """How often an endpoint was sent each request, by its id and method."""
        return collections.Counter(map(tuple, map(str.split, self.journal.read_text().splitlines())))


class UpstreamChaos:
    """Every third seed has an upstream whose endpoints are the addresses of a name, where a name server can run."""

    def __init__(self, seed, seconds):
        self.seed, self.seconds = seed, seconds
        self.problems = []
        self.outcomes = collections.Counter()  # of requests
        self.events = collections.Counter()
        self.statuses = collections.Counter()  # of complete responses
        self.lock = threading.Lock()
        self.requests = self.cut = 0
        self.deadline = None
        self.watchdog = Watchdog()
        self.timeline = Timeline(RECOVERY)
        self.made_again = set()  # upstreams that have lost their counters
        self.ports = set()
        self.temporary = tempfile.TemporaryDirectory(prefix="onehop-chaos-")
        self.folder = Path(self.temporary.name)
        self.names = None
        if seed % 3 == 0 and shutil.which("dnsmasq"):
            self.names = NameServer(self.folder, port=self.new_port())
        key = self.folder / "sticky.key"
        key.write_bytes(bytes(range(32)))
        self.plan = Plan(seed, str(key), self.new_port, self.named_upstream() if self.names else None)
        self.setup = self.plan.first
        self.history = [[float("-inf"), float("inf"), self.setup]]  # from when, and until when, each was in effect
        self.upstream_of = {one.name: upstream.name for upstream in self.setup.upstreams.values()
                            for one in upstream.endpoints}
        self.members = {upstream.name: [one.name for one in upstream.endpoints]
                        for upstream in self.setup.upstreams.values()}
        # Of these a path leads to an endpoint for sure.
        self.talkative = [name for name in self.members if name not in (self.setup.top, "alone")]

    def new_port(self):
        while (port := free_port()) in self.ports:
            pass
        self.ports.add(port)
        return port

    def named_upstream(self):
        port = self.new_port()
        endpoints = tuple(Endpoint(f"named{letter}", port, host=f"127.0.0.{number}")
                          for number, letter in enumerate("abc", 31))
        settings = {**DEFAULTS, "balance": "least", "resolve": "each", "dns-servers": ["%s:%d" % self.names.address]}
        return Upstream("named", endpoints, tuple(settings.items()), f"http://app.test:{port}")

    @property
    def repetition(self):
        """The command that repeats it, although not to the millisecond."""
        return f"tests/chaos/chaos.py --backend several --seed {self.seed} --seconds {self.seconds:g}"

    def __str__(self):
        endpoints = sum(map(len, self.members.values()))
        return (f"seed {self.seed}, {len(self.members)} upstreams with {endpoints} endpoints, "
                f"{len(self.setup.routes)} routes, {'a name server, ' if self.names else ''}{self.seconds:g} s")

    # --- the run ---

    def run(self):
        """The problems found, one line each."""
        self.replicas = {}
        try:
            self.start()
            self.measure_rest()
            self.deadline = time.monotonic() + self.seconds
            clients = [kind(self, number) for kind, count in CLIENTS for number in range(count)]
            clients += [Regular(self, number, name) for number, name in enumerate(
                2 * [name for name in self.talkative if self.setup.upstreams[name].get("sticky") == "cookie"])]
            for client in clients:
                client.start()
            Faults(self).run()
            self.join(clients)
            self.check_recovery()
            self.check_metrics()
            self.check_deliveries()
            self.check_rest()
        except AssertionError as problem:
            self.report(f"{str(problem)[-3000:]}")
        finally:
            self.stop()
        return self.problems

    def start(self):
        endpoints = [one for upstream in self.setup.upstreams.values() for one in upstream.endpoints]
        for endpoint in endpoints:
            self.timeline.add(endpoint.name)
            self.replicas[endpoint.name] = ChaosReplica(endpoint, self.folder)
        if self.names:
            self.names.set([one.host for one in self.setup.upstreams["named"].endpoints])
            self.names.start()
        self.proxy = ConfiguredProxy(self.folder, {**SETTINGS, **self.setup.tables()})
        self.admin = Admin(None, admin_address(self.proxy))

    def stop(self):
        self.watchdog.stop()
        if hasattr(self, "proxy"):
            code = self.proxy.stop()
            if code != 0:
                self.report(f"onehop ended with {code}: {self.proxy.stderr()[-2000:]}")
        for replica in self.replicas.values():
            replica.resume()
            replica.kill()
        if self.names:
            self.names.stop()
        self.temporary.cleanup()

    def join(self, clients):
        deadline = time.monotonic() + 30
        for client in clients:
            client.join(max(0.1, deadline - time.monotonic()))
            if client.is_alive():
                self.report(f"{client.name} does not end")

    def over(self):
        return time.monotonic() > self.deadline

    def report(self, problem):
        with self.lock:
            since = time.monotonic() - self.deadline + self.seconds if self.deadline else 0
            self.problems.append(f"at {since:.2f} s: {problem}")

    def count(self, event):
        self.events[event] += 1

    def sent(self, count):
        with self.lock:
            self.requests += count

    # --- the configuration ---

    def reload(self, setup):
        """The old and the new one may both be in effect meanwhile."""
        self.history.append([time.monotonic(), float("inf"), setup])
        self.proxy.reload(**setup.tables())
        self.setup = setup
        self.history[-2][1] = time.monotonic()

    def reload_in_vain(self):
        self.proxy.fail_to_reload(response_timeout="never")

    def set_addresses(self, upstream):
        """Changes the addresses of the name, which become known when its TTL is over."""
        self.setup = self.history[-1][2] = self.setup.with_upstream(upstream)
        self.names.set([one.host for one in upstream.endpoints])

    def outcomes_of(self, ask):
        """The possible outcomes of a request, by the configurations in effect while it was in progress."""
        return {setup.outcome(ask.host, ask.target, ask.method, ask.has_beta)
                for since, until, setup in list(self.history) if since <= ask.ended and until >= ask.began}

    # --- judgements ---

    def note(self, outcome, status=None):
        with self.lock:
            self.outcomes[outcome] += 1
            if status:
                self.statuses[status] += 1
            else:
                self.cut += 1

    def judge(self, ask, got, is_tunnel=False):
        """Judges a complete response."""
        outcomes = self.outcomes_of(ask)
        own = {(one.status, one.location) for one in outcomes if not one.upstream}
        if "x-endpoint" in got.fields:
            self.judge_content(ask, got, outcomes, is_tunnel)
        elif (got.status, got.fields.get("location", "")) in own:
            self.note("of a route", got.status)
        elif got.status == 408 and self.watchdog.stalled(ask.began, ask.ended):
            self.note("failed while the machine stalled", got.status)
        elif got.status in FAILURES and any(one.upstream for one in outcomes):
            self.note(self.judge_failure(ask, outcomes, f"{got.status} {got.body[:100]!r}"), got.status)
        else:
            self.report(f"{ask} got {got}, instead of {outcomes}")
            self.note("wrong", got.status)

    def judge_content(self, ask, got, outcomes, is_tunnel):
        name = got.fields["x-endpoint"]
        place = self.upstream_of[name], got.fields["x-path"]
        if place not in {(one.upstream, one.path) for one in outcomes}:
            self.report(f"{ask} went to {place}, instead of {outcomes}")
        if self.timeline.was_always(name, "gone", ask.began - self.patience_of(name), ask.ended):
            self.report(f"{ask} went to {name}, which is not in the list")
        size = 0 if is_tunnel or ask.method == "HEAD" else int(ask.wants.split()[0])
        if got.fields["x-id"] != ask.name or got.body != content(ask.name, size):
            self.report(f"{ask} got another response: {got.status} {got.fields} {got.body[:80]!r}")
        outcome = "complete"
        if got.status == 503:
            outcome = self.judge_unready(ask, name)
        elif got.status not in ((101, 200) if is_tunnel else (200,)):
            self.report(f"{ask} got {got.status} from {name}")
        self.note("tunnel" if is_tunnel else outcome, got.status)

    def patience_of(self, name):
        """How long an address may serve after the name server has removed it."""
        return 6 if self.upstream_of[name] == "named" else 0

    def judge_unready(self, ask, name):
        """Judges a 503 of an endpoint, instead of which another one may have been asked."""
        if not self.timeline.kinds(name, ask.began, ask.ended) & {"unready"}:
            self.report(f"{ask} got 503 from {name}")
        upstreams = {one.upstream for one in self.outcomes_of(ask)}
        asks_others = all(setup.upstreams[name].get("retry-status") for _, _, setup in self.history
                          for name in upstreams & set(setup.upstreams))
        if asks_others and ask.is_repeatable and not ask.size:
            return self.judge_failure(ask, self.outcomes_of(ask), f"503 of {name}")
        return "503 of an endpoint"

    def judge_failure(self, ask, outcomes, what):
        """Returns the excuse for it."""
        excuses = [self.excuse(ask, one.upstream) for one in outcomes if one.upstream]
        if any(excuses) or self.watchdog.stalled(ask.began, ask.ended):
            return next(filter(None, excuses), "failed while the machine stalled")
        states = {name: kinds for one in outcomes if one.upstream for name in self.members[one.upstream]
                  if (kinds := self.timeline.kinds(name, ask.began, ask.ended, RECOVERY))}
        self.report(f"{ask} failed, with {what}; troubles: {states}")
        return "failed"

    def excuse(self, ask, upstream):
        names = self.members[upstream]
        if not any(self.timeline.is_good(name, ask.began, ask.ended) for name in names):
            return "failed without a good endpoint"
        if not ask.is_repeatable and any(self.timeline.may_have_seen(name, ask.began, ask.ended) for name in names):
            return "failed, and may have been seen"
        return None

    def judge_cut(self, ask, problem, head):
        """Judges a response that has ended early, or did not begin."""
        names = [name for one in self.outcomes_of(ask) if one.upstream for name in self.members[one.upstream]]
        may_be = head and any(self.timeline.may_have_cut(name, ask.began, ask.ended) for name in names)
        if not may_be and not self.watchdog.stalled(ask.began, ask.ended):
            self.report(f"{ask} ended early: {problem!r}, after {head!r}")
        self.note("cut")

    def judge_tunnel(self, ask, endpoint, heard, problem):
        now = time.monotonic()
        may_be = self.timeline.may_have_ended_tunnels(endpoint, heard - AFTERMATH, now)
        if isinstance(problem, TimeoutError):
            may_be = "paused" in self.timeline.kinds(endpoint, heard, now)
        if not may_be:
            self.report(f"the tunnel {ask} to {endpoint} ended {now - heard:.2f} s after its last message: {problem!r}")
        with self.lock:
            self.cut += 1
            self.outcomes["tunnel ended"] += 1

    def end_counted_otherwise(self):
        """The status of one response that was seen may be counted as 499, or not at all."""
        with self.lock:
            self.cut += 1

    def judge_move(self, ask, before, since, endpoint, may_return=False):
        """Judges whether a client with a sticky endpoint may have moved to another one, or returned."""
        if endpoint == before or self.watchdog.stalled(since, ask.ended):
            return
        self.outcomes["moved"] += 1
        troubles = self.timeline.kinds(before, since, ask.ended, 2 * RECOVERY)
        if may_return:
            troubles |= self.timeline.kinds(endpoint, since, ask.ended, 2 * RECOVERY)
        if not troubles:
            self.report(f"{ask} moved from {before} to {endpoint}")

    def was_renamed(self, upstream, ask):
        return any("out" in self.timeline.kinds(name, ask.began, ask.ended, RECOVERY)
                   for name in self.members[upstream])

    # --- the end ---

    def ask_calmly(self, upstream, method="GET"):
        ask = Ask(f"calm{self.requests}", FIXED, f"/to-{upstream}/calm", method)
        self.sent(1)
        with self.proxy.client() as client:
            length = ["Content-Length: 0"] if method == "POST" else []
            head = client.ask(message(f"{method} {ask.target} HTTP/1.1", f"Host: {ask.host}",
                                      *map(": ".join, ask.pairs()), *length))
        self.statuses[head.status] += 1
        return Got(head.status, dict(head.fields), head.body)

    def measure_rest(self):
        for upstream in self.talkative + ["alone"]:
            if self.ask_calmly(upstream).status != 200:
                self.report(f"a clean request to {upstream} failed: {self.proxy.stderr()[-500:]}")
        time.sleep(1.5)
        self.descriptors = min(self.sampled_descriptors())

    def sampled_descriptors(self):
        for _ in range(20):
            yield self.proxy.descriptors()
            time.sleep(0.02)

    def check_recovery(self):
        """With the first configuration, every endpoint is up again, and no request fails."""
        if self.names:
            self.set_addresses(self.plan.first.upstreams["named"])
        self.reload(self.plan.first)
        deadline = time.monotonic() + 30
        upstreams = self.talkative + ["alone"]
        while True:
            for upstream in upstreams:
                self.ask_calmly(upstream)
            scrape = self.admin.scrape()
            states = {labels["endpoint"]: value for name, labels, value in scrape.samples
                      if name == "onehop_endpoint_up" and labels["upstream"] in upstreams}
            if all(states.values()) and len(states) == sum(len(self.members[name]) for name in upstreams):
                break
            if time.monotonic() > deadline:
                self.report(f"not everything is up again: {states}; {self.proxy.stderr()[-1500:]}")
                break
            time.sleep(0.02)
        for upstream, method in itertools.product(10 * upstreams, ("GET", "POST")):
            got = self.ask_calmly(upstream, method)
            if got.status != 200:
                return self.report(f"a clean {method} to {upstream} got {got} in the end")
        return None

    def check_metrics(self):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            scrape = self.admin.scrape()
            codes = {labels["code"] for name, labels, _ in scrape.samples if name == "onehop_requests_total"}
            counted = {code: scrape.value("onehop_requests_total", code=code) for code in codes}
            if sum(counted.values()) >= self.requests and scrape.value("onehop_requests_in_flight") == 0:
                break
            time.sleep(0.02)
        if sum(counted.values()) != self.requests:
            self.report(f"{sum(counted.values())} requests were counted, and {self.requests} sent")
        for status in {*map(int, counted), *self.statuses}:
            surplus = counted.get(str(status), 0) - self.statuses[status]
            if abs(surplus) > self.cut:
                self.report(f"{status} was counted {counted.get(str(status))} times, and seen {self.statuses[status]}"
                            f" times; {self.cut} were cut; counted: {counted}")
        if scrape.value("onehop_endpoint_requests_in_flight") != 0:
            self.report("requests are still with endpoints: " + "; ".join(
                line for line in scrape.text.splitlines() if "endpoint_requests_in_flight" in line))
        for upstream in self.setup.upstreams.values():
            for endpoint in upstream.endpoints:
                self.check_endpoint(scrape, upstream, endpoint)

    def check_endpoint(self, scrape, upstream, endpoint):
        """The counters of one whose list has named it all the time."""
        with_own = {route.upstream for _, _, setup in self.history for route in setup.routes if route.own}
        was_out = "out" in self.timeline.kinds(endpoint.name, 0, time.monotonic())
        if was_out or upstream.name in self.made_again | with_own:
            return
        label = f"{upstream.named}@{endpoint.host}" if upstream.named else endpoint.url
        label = next((labels["endpoint"] for name, labels, _ in scrape.samples if name == "onehop_endpoint_up"
                      and labels["endpoint"].replace("/@", "@").rstrip("/") == label), label)
        total = sum(self.replicas[endpoint.name].seen().values())
        counted = scrape.value("onehop_endpoint_requests_total", endpoint=label)
        is_spotless = self.timeline.is_spotless(endpoint.name) and not self.watchdog.stalls
        if counted < total or (is_spotless and counted != total):
            self.report(f"{endpoint.name} was sent {total} requests, and {counted} were counted")
        failures = scrape.value("onehop_endpoint_failures_total", endpoint=label)
        if is_spotless and failures:
            self.report(f"{endpoint.name} always worked, and has {failures} failures: {self.proxy.stderr()[-1500:]}")

    def check_deliveries(self):
        """No POST was sent twice."""
        seen = sum((replica.seen() for replica in self.replicas.values()), collections.Counter())
        for (name, method), count in seen.items():
            if method == "POST" and count > 1:
                self.report(f"{name}, a POST, was delivered {count} times")

    def check_rest(self):
        deadline = time.monotonic() + 10
        while (now := min(self.sampled_descriptors())) > self.descriptors + 2 and time.monotonic() < deadline:
            pass
        if now > self.descriptors + 2:
            self.report(f"{self.descriptors} descriptors have become {now}: {[*self.proxy.descriptor_targets()]}")
