# SPDX-License-Identifier: Apache-2.0
"""Fixtures of every test: `hop` is onehop in front of a scripted backend. Proxies are shared: one process per set of
flags for the whole run. The backend is reset between tests."""
import os
import signal
import time
from pathlib import Path

import pytest

from admin import Admin
from browser import Browser
from configured_proxy import ConfiguredProxy
from dashboard_mock import Mock
from proxy_process import SANITIZED, Proxy
from scripted_backend import ScriptedBackend
from siege import Siege
from upgraded_proxy import UpgradedProxy
from wire import OK, answer

SECONDS_PER_TEST = 240 if SANITIZED else 60

# The modules that test how single messages are forwarded. The others test operation: processes, signals, reloads, load.
PROTOCOL = {"test_" + name for name in """
    body_streaming connection_authentication differential errors exchange_orders forwarded grpc h2_tls_backend
    h2c_backend hop_by_hop http10 http2 informational matrix message_framing parsing pipelining_keepalive
    request_fields request_id response_fields trailers upgrade url_join websocket examples tls_server tls_backend
""".split()}
assert all((Path(__file__).parent / (name + ".py")).is_file() for name in PROTOCOL)


def pytest_collection_modifyitems(config, items):
    """A build with ONEHOP_TEST_SET runs a part: "protocol", or "threads" for all that is not."""
    wanted = os.environ.get("ONEHOP_TEST_SET", "all")
    if wanted == "all":
        return
    left_out = [item for item in items if (item.path.stem in PROTOCOL) != (wanted == "protocol")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in set(left_out)]


def pytest_make_parametrize_id(config, val, argname):
    """The environment of the processes that a test starts contains the name of the test, and its size has a limit."""
    return f"{argname}-{len(val)}" if isinstance(val, (bytes, str)) and len(val) > 1000 else None


class Hop:
    """A client side, a proxy, a scripted backend."""

    def __init__(self, flags, path=""):
        self.backend = ScriptedBackend()
        self.proxy = Proxy(*flags, self.backend.url + path)
        self.clients = []

    @property
    def address(self):
        return self.proxy.address

    def client(self):
        """A new connection to the proxy; closed when the test ends."""
        self.clients.append(self.proxy.client())
        return self.clients[-1]

    def exchange(self, request, response=OK, method="GET"):
        """Sends one request and returns the backend's view of it and the client's response."""
        self.backend.answers(response)
        answer = self.client().ask(request, method)
        return self.backend.request, answer

    def seen(self, request):
        """Returns the backend's view of a request."""
        return self.exchange(request)[0]

    def returned(self, response):
        """Returns the client's response to GET when the backend sends `response`."""
        return self.exchange(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", response)[1]

    def refusal(self, request):
        """Returns the response to a request that must not reach the backend; the connection closes."""
        client = self.client()
        answer = client.send_quietly(request).read_final()
        client.how_it_ends()
        assert client.buffer == b"", "bytes behind the refused request were answered"
        assert self.backend.received == b""
        assert answer.fields.tokens("connection") == ["close"]
        return answer

    def assert_serves(self):
        """Checks that a new client is served."""
        self.backend.answers(OK)
        assert self.client().get("/health").status == 200

    def end_test(self):
        for client in self.clients:
            client.close()
        self.clients = []
        self.backend.end_test()
        assert self.proxy.process.poll() is None, f"onehop died: {self.proxy.stderr()}"


class Hops:
    def __init__(self):
        self.by_flags = {}
        self.in_use = []

    def get(self, *flags, path=""):
        hop = self.by_flags.get((flags, path))
        if hop is None:
            hop = self.by_flags[flags, path] = Hop(flags, path)
        if hop not in self.in_use:
            self.in_use.append(hop)
        return hop

    def end_test(self):
        in_use, self.in_use = self.in_use, []
        for hop in in_use:
            hop.end_test()


@pytest.fixture(scope="session")
def all_hops():
    hops = Hops()
    yield hops
    for (flags, _), hop in hops.by_flags.items():
        code = hop.proxy.stop()
        hop.backend.close()
        assert code == 0, f"onehop {flags} ended with {code}: {hop.proxy.stderr()[-2000:]}"


@pytest.fixture
def hop_with(all_hops):
    """hop_with("--max-body", "1KiB"): a hop whose proxy runs with these flags."""
    yield all_hops.get
    all_hops.end_test()


@pytest.fixture
def hop(hop_with):
    return hop_with()


@pytest.fixture
def start_proxy():
    """Starts a proxy of this test's own; it must end cleanly, or killed by the test."""
    started = []

    def start(*args, **options):
        started.append(Proxy(*args, **options))
        return started[-1]

    yield start
    for proxy in started:
        code = proxy.stop()
        assert code in (0, -signal.SIGKILL), f"onehop ended with {code}: {proxy.stderr()[-2000:]}"


@pytest.fixture
def start_backend():
    """Starts a scripted backend of this test's own."""
    started = []

    def start(**options):
        started.append(ScriptedBackend(**options))
        return started[-1]

    yield start
    for backend in started:
        backend.end_test()
        backend.close()


@pytest.fixture
def backend(start_backend):
    """A scripted backend of this test's own, which responds with OK."""
    return start_backend()


@pytest.fixture
def admin(start_proxy):
    """admin.start(...) starts a proxy of this test's own with an admin listener."""
    return Admin(start_proxy)


@pytest.fixture
def siege(start_proxy, start_backend):
    sieges = []

    def begin(*flags, **backend):
        sieges.append(Siege(start_proxy, start_backend(**backend), *flags))
        return sieges[-1]

    yield begin
    for one in sieges:
        one.lift()


@pytest.fixture(autouse=True)
def bounded_time():
    """Fails a test that hangs, where it hangs."""

    def too_late(*_):
        raise TimeoutError(f"the test took more than {SECONDS_PER_TEST} s")

    previous = signal.signal(signal.SIGALRM, too_late)
    signal.alarm(SECONDS_PER_TEST)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, previous)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """Prints the output of the proxies with a failed test."""
    outcome = yield
    report = outcome.get_result()
    hops = item.funcargs.get("all_hops")
    if report.failed and hops:
        for used in hops.in_use:
            report.sections.append(("onehop's messages", used.proxy.stderr()[-3000:]))
            report.sections.append(("onehop's access log", used.proxy.stdout()[-3000:]))


os.environ.setdefault("ASAN_OPTIONS", "detect_leaks=1")


@pytest.fixture
def configured(tmp_path):
    """Starts a proxy with a file: `max_body` is max-body. It must end well."""
    started = []

    def start(*flags, **settings):
        started.append(ConfiguredProxy(tmp_path, {name.replace("_", "-"): value for name, value in settings.items()},
                                       *flags))
        return started[-1]

    yield start
    for proxy in started:
        code = proxy.stop()
        assert code == 0, f"onehop ended with {code}: {proxy.stderr()[-2000:]}"


@pytest.fixture
def upgraded(tmp_path, backend):
    """Starts a proxy with its own copy of the program; its file has these settings, too."""
    proxies = []

    def start(environment=(), prefix=(), program=None, **settings):
        settings = {name.replace("_", "-"): value for name, value in settings.items()}
        backend.answers(answer(b"ok"))
        proxy = UpgradedProxy(tmp_path, {"backend": backend.url, "access-log": "off", **settings}, environment, prefix,
                              program)
        proxies.append(proxy)
        return proxy

    yield start
    for proxy in proxies:
        proxy.stop()
        print(proxy.stderr())


@pytest.fixture(scope="module")
def chromium():
    """One for all tests of a module."""
    started = Browser()
    yield started
    started.close()


@pytest.fixture
def browser(chromium):
    """Chromium, with a page that the test opens."""
    yield chromium
    chromium.leave()


@pytest.fixture
def mock():
    """mock(feed) or mock(an overview, repeated four times a second): the URL of a dashboard."""
    started = []

    def start(feed):
        def repeat(send):
            while True:
                passed = time.monotonic() - began
                send({**feed, "time": feed["time"] + passed, "monotonic": feed["monotonic"] + passed})
                time.sleep(0.25)

        began = time.monotonic()
        started.append(Mock(feed if callable(feed) else repeat))
        return started[-1].url

    yield start
    for one in started:
        one.close()
