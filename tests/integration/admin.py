# SPDX-License-Identifier: Apache-2.0
"""The admin listener of a proxy: its address, its pages, and its metrics as numbers."""
import re
import subprocess
import time

from raw_client import Client
from wire import PATIENCE, get

SAMPLE = re.compile(r"([a-z_0-9]+)(?:\{(.*)\})? (\S+)\Z")
LABEL = re.compile(r'([a-z_0-9]+)="((?:[^"\\]|\\.)*)"')


class Scrape:
    """The samples of one scrape."""

    def __init__(self, text):
        self.text = text
        self.samples = []
        for line in text.splitlines():
            if not line or line.startswith("#"):
                continue
            name, labels, value = SAMPLE.match(line).groups()
            self.samples.append((name, dict(LABEL.findall(labels or "")), float(value)))

    def value(self, metric, /, **labels):
        """The sum of the samples with these labels; 0 without any."""
        return sum(value for name, its, value in self.samples
                   if name == metric and labels.items() <= its.items())

    def names(self):
        return {name for name, _, _ in self.samples}

    def counters(self):
        """The value of each series that must not go back."""
        counts = set(re.findall(r"^# TYPE (\S+) counter$", self.text, re.MULTILINE))
        for name in re.findall(r"^# TYPE (\S+) histogram$", self.text, re.MULTILINE):
            counts |= {f"{name}_{part}" for part in ("bucket", "sum", "count")}
        return {(name, *sorted(labels.items())): value for name, labels, value in self.samples if name in counts}

    def series(self):
        return {(name, tuple(sorted(labels.items()))) for name, labels, _ in self.samples}


def admin_address(proxy):
    """The address of a proxy's first admin listener, which it logs before it says that it serves."""
    return ("127.0.0.1", int(re.search(r"admin pages on https?://\S+:(\d+)/", proxy.stderr())[1]))


class Admin:
    """--admin of one proxy, on a port that the system chooses."""

    def __init__(self, start_proxy, address=None):
        """`address` is that of a proxy that runs already."""
        self.start_proxy, self.address = start_proxy, address

    def start(self, *args, place="127.0.0.1:0"):
        """Starts the proxy."""
        proxy = self.start_proxy("--admin", place, *args)
        self.address = admin_address(proxy)
        return proxy

    def page(self, path, *fields, method="GET", host=None):
        host = host if host is not None else "%s:%d" % self.address
        with Client(self.address) as client:
            request = get(path, *fields, "Connection: close", host=host)
            return client.ask(request.replace(b"GET", method.encode(), 1), method)

    def scrape(self, over=None):
        answer = over.ask(get("/metrics", host="%s:%d" % self.address)) if over else self.page("/metrics")
        assert answer.status == 200
        return Scrape(answer.body.decode())

    def wait_for(self, condition, patience=PATIENCE, over=None):
        """Returns the first scrape for which the condition holds: requests are counted when they end, which a client
        may see a little earlier. `over`, if given, is the client that scrapes."""
        deadline = time.monotonic() + patience
        while True:
            scrape = self.scrape(over)
            if condition(scrape):
                return scrape
            assert time.monotonic() < deadline, scrape.text
            time.sleep(0.02)

    def wait_for_requests(self, count):
        return self.wait_for(lambda scrape: scrape.value("onehop_requests_total") >= count)

    def wait_until_idle(self, count):
        """A request is counted as ended a moment before it is no longer in flight."""
        return self.wait_for(lambda scrape: scrape.value("onehop_requests_total") >= count
                             and scrape.value("onehop_requests_in_flight") == 0)


def promtool(*args, text=None):
    ended = subprocess.run(["promtool", *map(str, args)], input=text, capture_output=True, text=True, timeout=60,
                           check=False)
    return ended.returncode, ended.stdout + ended.stderr
