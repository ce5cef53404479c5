# SPDX-License-Identifier: Apache-2.0
"""--trace: the spans that a collector gets, the W3C fields that the backend gets, and collectors that fail."""
import re
import statistics
import time

import pytest

from h2_client import H2Client
from proxy_process import SANITIZED, free_port, run_onehop
from trace_collector import Collector, flat
from wire import OK, answer, get

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
SERVER, CLIENT = 2, 3
TRUST = ("--trust", "127.0.0.0/8")
ALL = ("--trace-sample", "100%")


@pytest.fixture
def backend(start_backend):
    backend = start_backend()
    backend.answers(OK)
    return backend


@pytest.fixture
def start_collector():
    started = []

    def start(*responses):
        started.append(Collector(*responses))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture
def collector(start_collector):
    return start_collector()


@pytest.fixture(params=["1.1", "2"])
def ask(request):
    """ask(proxy, "traceparent: a"): the status of the response over one version."""

    def over_h1(proxy, *lines, path="/"):
        with proxy.client() as client:
            return client.send(get(path, *lines)).read_final().status

    def over_h2(proxy, *lines, path="/"):
        with H2Client(proxy.address) as client:
            fields = [(line.split(": ", 1)[0].lower(), line.split(": ", 1)[1]) for line in lines]
            return client.ask(*fields, path=path).status

    ask = over_h1 if request.param == "1.1" else over_h2
    ask.version = request.param
    return ask


def passed_on(backend, name):
    return [value.decode() for value in re.findall(rb"(?im)^%s: *(.*?)\r$" % name.encode(), backend.received)]


def exported(proxy, collector):
    """The spans, once the process has ended."""
    assert proxy.stop() == 0
    return collector.spans


def by_kind(spans, kind):
    return [span for span in spans if span["kind"] == kind]


def test_an_exchange_is_a_server_span_and_a_client_span(start_proxy, backend, collector, ask):
    proxy = start_proxy("--trace", collector.url, *ALL, "--request-id", "--access-log", "json", backend.url)
    assert ask(proxy, "User-Agent: probe/1", path="/a?b=c&sig=secret") == 200
    spans = exported(proxy, collector)
    assert sorted(span["kind"] for span in spans) == [SERVER, CLIENT]
    server, client = by_kind(spans, SERVER)[0], by_kind(spans, CLIENT)[0]
    assert server["traceId"] == client["traceId"]
    assert client["parentSpanId"] == server["spanId"] and "parentSpanId" not in server
    assert passed_on(backend, "traceparent") == [f"00-{client['traceId']}-{client['spanId']}-01"]
    assert (server["name"], client["name"]) == ("GET", "GET")
    assert (server["flags"], client["flags"]) == (0x101, 0x101)
    facts = flat(server)
    made = facts.pop("http.request.header.x-request-id")
    assert re.fullmatch("[0-9a-f]{32}", made[0])
    host = {"1.1": "example.test", "2": "h"}[ask.version]
    assert facts == {
        "http.request.method": "GET", "url.scheme": "http", "url.path": "/a", "url.query": "b=c&sig=REDACTED",
        "http.response.status_code": 200, "server.address": host, "client.address": "127.0.0.1",
        "network.peer.address": "127.0.0.1", "network.protocol.name": "http", "network.protocol.version": ask.version,
        "user_agent.original": "probe/1", "http.request.body.size": 0, "http.response.body.size": 2,
        "onehop.outcome": "complete"}
    address, port = backend.address
    assert flat(client) == {
        "http.request.method": "GET", "url.full": f"{backend.url}/a?b=c&sig=REDACTED", "server.address": address,
        "server.port": port, "network.peer.address": address, "network.peer.port": port,
        "network.protocol.name": "http", "network.protocol.version": "1.1", "http.response.status_code": 200}
    assert [event["name"] for event in server["events"]] == [
        "request head received", "connection available", "request sent", "response head received"]
    assert [event["name"] for event in client["events"]] == ["connected", "request sent", "response head received"]
    assert "status" not in server and "status" not in client
    assert f'"trace_id":"{server["traceId"]}"' in proxy.stdout()


def test_spans_name_the_route(configured, backend, collector):
    proxy = configured(trace=collector.url, trace_sample="100%", backend=backend.url,
                       route=[{"host": "a.example", "path": "/api/*", "backend": backend.url}])
    with proxy.client() as client:
        assert client.ask(get("/api/17?secret", host="a.example")).status == 200
        assert client.ask(get("/17", host="a.example")).status == 200
    spans = exported(proxy, collector)
    routes = {flat(span)["url.path"]: (span["name"], flat(span)["http.route"]) for span in by_kind(spans, SERVER)}
    assert routes == {"/api/17": ("GET a.example/api/*", "a.example/api/*"), "/17": ("GET /*", "/*")}
    for span in by_kind(spans, CLIENT):
        assert span["name"] == "GET" and "http.route" not in flat(span)


KEY_256, TENANT, SYSTEM = "z" * 256, "t" * 241, "v" * 14
MEMBERS_32 = ",".join(f"bar{number:02}={number:02}" for number in range(1, 33))
# The cases of the W3C's own tests (trace-context/test): the fields, whether the trace continues, and the tracestate
# that is passed on.
W3C = {
    "both missing": ([], False, []),
    "traceparent alone": ([f"traceparent: {PARENT}"], True, []),
    "not sampled": ([f"traceparent: 00-{TRACE}-00f067aa0ba902b7-00"], True, []),
    "state without parent": (["tracestate: foo=1"], False, []),
    "included": ([f"traceparent: {PARENT}", "tracestate: foo=1,bar=2"], True, ["foo=1,bar=2"]),
    "included in another order": (["tracestate: foo=1", f"traceparent: {PARENT}"], True, ["foo=1"]),
    "two parents": ([f"traceparent: {PARENT}", f"traceparent: {PARENT}", "tracestate: foo=1"], False, []),
    "parent in capitals": ([f"TraceParent: {PARENT}", "TraceState: foo=1"], True, ["foo=1"]),
    "version cc": ([f"traceparent: cc{PARENT[2:]}"], True, []),
    "version cc with more": ([f"traceparent: cc{PARENT[2:]}-what-the-future-will-be-like"], True, []),
    "version cc with a bad end": ([f"traceparent: cc{PARENT[2:]}.what-the-future-will-not-be-like"], False, []),
    "version ff": ([f"traceparent: ff{PARENT[2:]}"], False, []),
    "version 00 with more": ([f"traceparent: {PARENT}-what"], False, []),
    "illegal version": ([f"traceparent: .0{PARENT[2:]}"], False, []),
    "version too long": ([f"traceparent: 000{PARENT[2:]}"], False, []),
    "version too short": ([f"traceparent: 0{PARENT[2:]}"], False, []),
    "trace id zero": ([f"traceparent: 00-{'0' * 32}-00f067aa0ba902b7-01", "tracestate: foo=1"], False, []),
    "trace id with capitals": ([f"traceparent: 00-{TRACE.upper()}-00f067aa0ba902b7-01"], False, []),
    "trace id illegal": ([f"traceparent: 00-.{TRACE[1:]}-00f067aa0ba902b7-01"], False, []),
    "trace id too long": ([f"traceparent: 00-{TRACE}0-00f067aa0ba902b7-01"], False, []),
    "trace id too short": ([f"traceparent: 00-{TRACE[1:]}-00f067aa0ba902b7-01"], False, []),
    "parent id zero": ([f"traceparent: 00-{TRACE}-{'0' * 16}-01"], False, []),
    "parent id illegal": ([f"traceparent: 00-{TRACE}-.0f067aa0ba902b7-01"], False, []),
    "parent id too long": ([f"traceparent: 00-{TRACE}-00f067aa0ba902b70-01"], False, []),
    "parent id too short": ([f"traceparent: 00-{TRACE}-00f067aa0ba902b-01"], False, []),
    "flags illegal": ([f"traceparent: {PARENT[:-2]}.0"], False, []),
    "flags too long": ([f"traceparent: {PARENT[:-2]}001"], False, []),
    "flags too short": ([f"traceparent: {PARENT[:-1]}"], False, []),
    "blanks around the parent": ([f"traceparent:  {PARENT} "], True, []),
    "several states": ([f"traceparent: {PARENT}", "tracestate: foo=1,", "tracestate: bar=2,rojo=1"], True,
                       ["foo=1,", "bar=2,rojo=1"]),
    "empty state": ([f"traceparent: {PARENT}", "tracestate: foo=1", "tracestate: "], True, ["foo=1", ""]),
    "blanks in the state": ([f"traceparent: {PARENT}", "tracestate: foo=1 \t , \t bar=2"], True, ["foo=1 \t , \t bar=2"]),
    "a key twice": ([f"traceparent: {PARENT}", "tracestate: foo=1,foo=1"], True, ["foo=1,foo=1"]),
    "all characters of a key": ([f"traceparent: {PARENT}", "tracestate: a0_-*/=1,0a_-*/@b0_-*/=2"], True,
                                ["a0_-*/=1,0a_-*/@b0_-*/=2"]),
    "blank in a key": ([f"traceparent: {PARENT}", "tracestate: foo =1"], True, []),
    "capitals in a key": ([f"traceparent: {PARENT}", "tracestate: FOO=1"], True, []),
    "dot in a key": ([f"traceparent: {PARENT}", "tracestate: foo.bar=1"], True, []),
    "no system": ([f"traceparent: {PARENT}", "tracestate: foo@=1,bar=2"], True, []),
    "no tenant": ([f"traceparent: {PARENT}", "tracestate: @foo=1,bar=2"], True, []),
    "two at": ([f"traceparent: {PARENT}", "tracestate: foo@@bar=1"], True, []),
    "three parts": ([f"traceparent: {PARENT}", "tracestate: foo@bar@baz=1"], True, []),
    "longest keys": ([f"traceparent: {PARENT}", f"tracestate: {KEY_256}=1,{TENANT}@{SYSTEM}=1"], True,
                     [f"{KEY_256}=1,{TENANT}@{SYSTEM}=1"]),
    "key too long": ([f"traceparent: {PARENT}", f"tracestate: z{KEY_256}=1"], True, []),
    "tenant too long": ([f"traceparent: {PARENT}", f"tracestate: t{TENANT}@v=1"], True, []),
    "system too long": ([f"traceparent: {PARENT}", f"tracestate: t@v{SYSTEM}=1"], True, []),
    "no value": ([f"traceparent: {PARENT}", "tracestate: foo="], True, []),
    "no equals": ([f"traceparent: {PARENT}", "tracestate: foo"], True, []),
    "equals in a value": ([f"traceparent: {PARENT}", "tracestate: foo=bar=baz"], True, []),
    "32 members": ([f"traceparent: {PARENT}", f"tracestate: {MEMBERS_32}"], True, [MEMBERS_32]),
    "33 members": ([f"traceparent: {PARENT}", f"tracestate: {MEMBERS_32},bar33=33"], True, []),
}


def new_parent(backend):
    (parent,) = passed_on(backend, "traceparent")
    return re.fullmatch(r"00-([0-9a-f]{32})-([0-9a-f]{16})-(0[01])", parent).groups()


@pytest.fixture(scope="module")
def idle_collector():
    collector = Collector()
    yield collector
    collector.close()


@pytest.mark.parametrize("case", W3C)
def test_the_trace_fields_of_a_trusted_peer_follow_w3c_rules(hop_with, idle_collector, ask, case):
    lines, continues, states = W3C[case]
    hop = hop_with("--trace", idle_collector.url, "--trace-sample", "0%", *TRUST)
    assert ask(hop.proxy, *lines) == 200
    trace_id, span_id, flags = new_parent(hop.backend)
    assert (trace_id == TRACE) is continues
    assert span_id not in ("0" * 16, "00f067aa0ba902b7")
    sampled = continues and case != "not sampled"
    assert flags == ("01" if sampled else "00")
    assert [value.strip() for value in passed_on(hop.backend, "tracestate")] == states


@pytest.mark.parametrize("case", ["included", "several states", "trace id zero", "both missing", "two parents"])
def test_an_untrusted_peer_starts_a_new_trace(hop_with, idle_collector, ask, case):
    hop = hop_with("--trace", idle_collector.url, "--trace-sample", "0%")
    assert ask(hop.proxy, *W3C[case][0]) == 200
    trace_id, _, flags = new_parent(hop.backend)
    assert trace_id not in (TRACE, "0" * 32) and flags == "00", "a client cannot force it on"
    assert passed_on(hop.backend, "tracestate") == []


def test_without_the_flag_trace_fields_pass_unchanged(hop_with, ask):
    hop = hop_with()
    assert ask(hop.proxy, "traceparent: nonsense", "tracestate: FOO=1") == 200
    assert passed_on(hop.backend, "traceparent") == ["nonsense"]
    assert passed_on(hop.backend, "tracestate") == ["FOO=1"]


def test_a_span_of_a_continued_trace_has_its_parent(start_proxy, backend, collector, ask):
    proxy = start_proxy("--trace", collector.url, "--trace-sample", "0%", *TRUST, backend.url)
    assert ask(proxy, f"traceparent: {PARENT}", "tracestate: foo=1") == 200
    spans = exported(proxy, collector)
    server, client = by_kind(spans, SERVER)[0], by_kind(spans, CLIENT)[0]
    assert (server["traceId"], server["parentSpanId"], server["traceState"]) == (TRACE, "00f067aa0ba902b7", "foo=1")
    assert server["flags"] == 0x301, "the parent is remote"
    assert (client["traceId"], client["parentSpanId"], client["flags"]) == (TRACE, server["spanId"], 0x101)


def test_unsampled_requests_are_not_exported(start_proxy, backend, collector, ask):
    proxy = start_proxy("--trace", collector.url, "--trace-sample", "0%", backend.url)
    for _ in range(20):
        assert ask(proxy) == 200
    assert exported(proxy, collector) == []


def test_a_failure_is_exported_even_if_unsampled(start_proxy, collector, ask):
    port = free_port()
    proxy = start_proxy("--trace", collector.url, "--trace-sample", "0%", f"http://127.0.0.1:{port}")
    assert ask(proxy) == 502
    spans = exported(proxy, collector)
    server, client = by_kind(spans, SERVER)[0], by_kind(spans, CLIENT)[0]
    assert server["flags"] == client["flags"] == 0x100, "for ourselves alone"
    for span in (server, client):
        assert span["status"] == {"code": 2, "message": span["status"]["message"]}
        assert "Connection refused" in span["status"]["message"]
        assert flat(span)["error.type"] == "connection_refused"
    assert flat(server)["http.response.status_code"] == 502
    assert "http.response.status_code" not in flat(client) and "network.peer.address" not in flat(client)


def test_each_attempt_is_a_span_of_its_own(start_proxy, backend, collector):
    def script(peer):
        peer.read_request()
        peer.send(answer(b"ok"))
        backend.answers(OK)
        peer.read_request()
        peer.close()

    backend.play(script)
    proxy = start_proxy("--trace", collector.url, *ALL, backend.url)
    with proxy.client() as client:
        client.get("/1")
        assert client.get("/2").status == 200
    spans = exported(proxy, collector)
    server = next(span for span in by_kind(spans, SERVER) if flat(span)["url.path"] == "/2")
    first, second = [span for span in by_kind(spans, CLIENT) if span["parentSpanId"] == server["spanId"]]
    assert first["status"]["code"] == 2 and "http.response.status_code" not in flat(first)
    assert flat(second)["http.request.resend_count"] == 1 and flat(second)["http.response.status_code"] == 200
    assert first["events"][0]["name"] == "connection reused"
    sent = [re.fullmatch(r"00-[0-9a-f]{32}-([0-9a-f]{16})-01", value).group(1)
            for value in passed_on(backend, "traceparent")]
    assert sent[1:] == [first["spanId"], second["spanId"]]


def test_hostile_text_stays_valid_json(start_proxy, backend, collector):
    proxy = start_proxy("--trace", collector.url, *ALL, backend.url)
    with proxy.client() as client:
        client.get('/"\\x\'' + "y" * 4000, "User-Agent: a\"b\\c\t\x9b[31m\xff")
    server = by_kind(exported(proxy, collector), SERVER)[0]
    assert len(flat(server)["url.path"]) == 1024
    assert flat(server)["user_agent.original"].startswith('a"b\\c\t')


def test_a_full_batch_does_not_wait(start_proxy, backend, collector):
    proxy = start_proxy("--trace", collector.url, *ALL, backend.url)
    with proxy.client() as client:
        for _ in range(257):
            client.get("/")
    collector.wait_for_requests(1)
    assert len(exported(proxy, collector)) == 514
    assert len(collector.requests[0]) == 512


def latencies(proxy, requests=300):
    """The time of each request, in seconds."""
    times = []
    with proxy.client() as client:
        for _ in range(requests):
            began = time.monotonic()
            assert client.get("/").status == 200
            times.append(time.monotonic() - began)
    return times


@pytest.mark.parametrize("kind", ["dead", "silent", "refusing", "busy"])
def test_a_collector_that_fails_delays_no_request(start_proxy, backend, start_collector, kind):
    responses = {"silent": [None], "refusing": [(400, {}, b"no")], "busy": [(503, {"Retry-After": "60"}, b"")]}
    url = f"http://127.0.0.1:{free_port()}" if kind == "dead" else start_collector(*responses[kind]).url
    proxy = start_proxy("--trace", url, *ALL, backend.url)
    before = proxy.resident_bytes()
    plain, traced, without = [], [], start_proxy(backend.url)
    for _ in range(10):  # alternating, since others share the machine
        plain += latencies(without)
        traced += latencies(proxy)
    assert max(traced) < 2
    assert statistics.median(traced) < 1.5 * statistics.median(plain) + 0.0005
    # A sanitizer keeps freed memory.
    assert SANITIZED or proxy.resident_bytes() - before < 64 * 1024 * 1024
    began = time.monotonic()
    assert proxy.stop() == 0
    assert time.monotonic() - began < 6, "the rest is given up within a second"
    proxy.wait_for_message(f"warning traces cannot be exported to {url}/v1/traces: ")


def test_a_batch_is_retried_once_after_the_delay_of_the_collector(start_proxy, backend, start_collector):
    collector = start_collector((429, {"Retry-After": "1"}, b""), (200, {}, b"{}"))
    proxy = start_proxy("--trace", collector.url, *ALL, backend.url)
    with proxy.client() as client:
        for _ in range(256):
            client.get("/")
    collector.wait_for_requests(2)
    assert collector.times[1] - collector.times[0] >= 0.9
    assert proxy.stop() == 0
    assert collector.problems == []
    assert collector.requests[0] == collector.requests[1]
    assert "traces" not in proxy.stderr()


def test_spans_that_the_collector_rejects_are_reported(start_proxy, backend, start_collector):
    body = b'{"partialSuccess":{"rejectedSpans":"1","errorMessage":"too old"}}'
    collector = start_collector((200, {}, body), (200, {}, b"{}"))
    proxy = start_proxy("--trace", collector.url, *ALL, backend.url)
    latencies(proxy, 256)
    collector.wait_for_requests(1)
    latencies(proxy, 256)
    collector.wait_for_requests(2)
    assert proxy.stop() == 0
    proxy.wait_for_message(f"warning traces cannot be exported to {collector.url}/v1/traces: too old")
    proxy.wait_for_message("again; 1 span was dropped")


@pytest.mark.parametrize("flags, why", [
    (["--trace", "collector:4318"], "did you mean http://collector:4318?"),
    (["--trace", "ftp://collector"], "this is not the URL of a collector"),
    (["--trace", "http://c:4318", "--trace-sample", "120%"], "'120%' is not a share between 0% and 100%"),
    (["--trace-sample", "5%"], "--trace-sample is for --trace URL, which is not set"),
])
def test_an_invalid_trace_flag_is_a_startup_error(flags, why):
    ended = run_onehop("-l", "127.0.0.1:0", *flags, "http://127.0.0.1:1")
    assert ended.returncode == 2
    assert why in ended.stderr
