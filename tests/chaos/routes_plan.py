# SPDX-License-Identifier: Apache-2.0
"""Upstreams and routes from a seed, how they change, and which responses a request may get."""
import dataclasses
import random
from dataclasses import dataclass, field

FIXED = "fixed.test"  # of routes that never change
HOSTS = ("a.test", "b.test", "x.w.test", "y.w.test", "other.test", FIXED)
PATTERNS = (None, "a.test", "b.test", "*.w.test")
PATHS = ("/*", "/s/*", "/s/t/*", "/api/*", "/x")
BALANCES = ("least", "round-robin", "random", "first")
H2C = 0.3  # share of the upstreams
CHECKS = ("off", "/healthz", "tcp")
CHECKED = {"health-check-interval": "200ms", "health-check-timeout": "500ms"}
SLOW_START = {"slow-start": "500ms"}
BETA = "X-Beta: yes"
# The settings that differ between upstreams, so that none inherits those at the top of the file.
DEFAULTS = {"max-attempts": 3, "sticky": "off", "health-check": "off", "retry-status": [], "failure-status": []}


@dataclass(frozen=True)
class Endpoint:
    """An endpoint as a configuration names it."""

    name: str
    port: int
    scheme: str = "http"
    host: str = "127.0.0.1"
    weight: float = 1
    backup: bool = False

    @property
    def url(self):
        return f"{self.scheme}://{self.host}:{self.port}"

    @property
    def text(self):
        weight = f" weight={self.weight:g}" if self.weight != 1 else ""
        return self.url + weight + (" backup" if self.backup else "")


@dataclass(frozen=True)
class Outcome:
    """A possible outcome of a request: a response of a backend, or one of the proxy itself."""

    upstream: str = ""
    path: str = ""
    status: int = 0
    location: str = ""


@dataclass(frozen=True)
class Route:
    host: str | None = None
    path: str = "/*"
    method: str | None = None
    header: bool = False
    upstream: str = ""
    strip: str = ""
    add: str = ""
    redirect: str = ""
    status: int = 0
    own: tuple = ()  # settings of the backend, which give the route connections of its own

    @property
    def key(self):
        return self.host, self.path, self.method, self.header

    def table(self):
        entries = {"host": [self.host] if self.host else None, "path": self.path, "method": self.method,
                   "header": BETA if self.header else None, "upstream": self.upstream, "strip-prefix": self.strip,
                   "add-prefix": self.add, "redirect": self.redirect, "status": self.status, **dict(self.own)}
        return {name: value for name, value in entries.items() if value}

    def takes(self, host, path, method, has_beta):
        below = self.path.removesuffix("/*")
        is_path = path == self.path or (self.path.endswith("/*") and (path == below or path.startswith(below + "/")))
        is_host = self.host in (None, host) or (self.host[0] == "*" and host.endswith(self.host[1:]))
        return is_path and is_host and self.method in (None, method) and (has_beta or not self.header)

    def rank(self):
        """The route with the greatest rank among those that match a request gets it."""
        host = (0, 0) if not self.host else (1, len(self.host)) if self.host[0] == "*" else (2, 0)
        path = (0, len(self.path)) if self.path.endswith("/*") else (1, len(self.path))
        return host, path, 2 if self.header else 1 if self.method else 0

    def outcome(self, path, query):
        changed = self.add + path.removeprefix(self.strip) or "/"
        if not changed.startswith("/"):
            changed = "/" + changed
        if self.redirect:
            return Outcome(status=self.status or 307, location=self.redirect.removesuffix("/*") + changed + query)
        if self.status:
            return Outcome(status=self.status)
        return Outcome(upstream=self.upstream, path=changed + query)


@dataclass(frozen=True)
class Upstream:
    name: str
    endpoints: tuple
    settings: tuple = ()  # pairs
    named: str = ""  # the URL whose name has the addresses of the endpoints

    def get(self, setting, default=None):
        return dict(self.settings).get(setting, default)

    def table(self):
        checks = {} if self.get("health-check") == "off" else CHECKED
        start = {} if self.get("balance", "first") == "first" else SLOW_START  # where there are shares
        return {"backend": [self.named] if self.named else [one.text for one in self.endpoints], **dict(self.settings),
                **checks, **start}

    def with_endpoint(self, changed):
        """Returns a copy with this endpoint, in place of any endpoint of the same name."""
        others = tuple(one for one in self.endpoints if one.name != changed.name)
        return dataclasses.replace(self, endpoints=tuple(sorted((*others, changed), key=lambda one: one.name)))

    def without(self, name):
        return dataclasses.replace(self, endpoints=tuple(one for one in self.endpoints if one.name != name))


@dataclass(frozen=True)
class Setup:
    """One state of the configuration."""

    upstreams: dict = field(default_factory=dict)
    routes: tuple = ()
    top: str = ""  # the upstream at the top of the file, if there is one

    def tables(self):
        """The settings of a ConfiguredProxy."""
        top = {**dict.fromkeys((*CHECKED, *SLOW_START)), **(self.upstreams[self.top].table() if self.top else {})}
        return {"upstream": {name: one.table() for name, one in self.upstreams.items() if name != self.top},
                "route": [route.table() for route in self.routes], **top}

    def outcome(self, host, target, method, has_beta):
        """The outcome of a request."""
        path, mark, query = target.partition("?")
        taken = [route for route in self.routes if route.takes(host, path, method, has_beta)]
        if taken:
            return max(taken, key=Route.rank).outcome(path, mark + query)
        return Outcome(upstream=self.top, path=target) if self.top else Outcome(status=404)

    def with_upstream(self, changed):
        return dataclasses.replace(self, upstreams={**self.upstreams, changed.name: changed})

    def with_route(self, route):
        return dataclasses.replace(self, routes=(*self.routes, route))

    def without_route(self, route):
        return dataclasses.replace(self, routes=tuple(one for one in self.routes if one is not route))


class Plan:
    """The first configuration of a seed, and dice for its changes. `key_file` is one with a key for sticky cookies;
    `port()` returns a free port. `named` is the upstream whose endpoints a name server knows, if there is one."""

    def __init__(self, seed, key_file, port, named=None):
        self.dice = random.Random(f"{seed}/routes")
        self.key_file = key_file
        self.upstreams = {}
        for number in range(self.dice.randint(2, 3)):
            self.add_upstream(f"u{number}", port)
        alone = {**DEFAULTS, "sticky": self.dice.choice(["client", "header:X-User", "header:X-User"])}
        self.upstreams["alone"] = Upstream("alone", self.endpoints("alone", 3, "http", port), tuple(alone.items()))
        if named:
            self.upstreams[named.name] = named
        self.top = "u0" if self.dice.random() < 0.5 else ""
        # Clients that stay at an endpoint need a path that leads to it.
        fixed = [Route(FIXED, f"/to-{name}/*", upstream=name, strip=self.dice.choice(["", f"/to-{name}"]))
                 for name in self.upstreams if name != self.top]
        setup = Setup(self.upstreams, tuple(fixed), self.top)
        for _ in range(self.dice.randint(4, 9)):
            setup = self.add_route(setup)
        self.first = setup

    def endpoints(self, upstream, count, scheme, port):
        return tuple(Endpoint(upstream + letter, port(), scheme) for letter in "abcde"[:count])

    def add_upstream(self, name, port):
        dice = self.dice
        scheme = "h2c" if dice.random() < H2C else "http"
        endpoints = list(self.endpoints(name, dice.randint(2, 4), scheme, port))
        for at, endpoint in enumerate(endpoints):
            endpoints[at] = dataclasses.replace(endpoint, weight=dice.choice([1, 1, 1, 2, 0.5]))
        if len(endpoints) > 2 and dice.random() < 0.4:
            endpoints[-1] = dataclasses.replace(endpoints[-1], backup=True)
        settings = {**DEFAULTS, "balance": dice.choice(BALANCES), "max-attempts": dice.choice([3, 3, 5, 16]),
                    "health-check": dice.choice(CHECKS)}
        if name == "u1" or dice.random() < 0.4:
            settings.update({"sticky": "cookie", **({"sticky-key": self.key_file} if dice.random() < 0.5 else {})})
        for setting in ("retry-status", "failure-status"):
            settings[setting] = dice.choice([[], ["503"]])
        self.upstreams[name] = Upstream(name, tuple(endpoints), tuple(settings.items()))

    def add_route(self, setup):
        """Adds a route that differs from all others, or returns the same configuration if there is none left."""
        dice = self.dice
        path = dice.choice(PATHS)
        below = path.removesuffix("/*")
        condition = dice.choice(["", "", "", "method", "header"])
        destination = dice.choice([*6 * ["upstream"], "redirect", "status"])
        route = Route(
            dice.choice(PATTERNS), path, method="POST" if condition == "method" else None,
            header=condition == "header",
            strip=below if destination != "status" and below and dice.random() < 0.5 else "",
            add="/v2" if destination != "status" and dice.random() < 0.3 else "")
        if destination == "upstream":
            names = [name for name in setup.upstreams if name not in (setup.top, "alone")]
            own = (("response-timeout", "1100ms"),) if dice.random() < 0.15 else ()
            route = dataclasses.replace(route, upstream=dice.choice(names), own=own)
        elif destination == "redirect":
            route = dataclasses.replace(route, redirect="https://new.test/*", status=dice.choice([0, 301, 308]))
        else:
            route = dataclasses.replace(route, status=dice.choice([204, 403, 410]))
        everything = Route() if setup.top else None
        taken = [one.key for one in (*setup.routes, everything) if one]
        return setup if route.key in taken else setup.with_route(route)

    def remove_route(self, setup):
        may_go = [route for route in setup.routes if route.host != FIXED]
        return setup.without_route(self.dice.choice(may_go)) if may_go else setup

    def change_settings(self, setup):
        """Changes an upstream that stays the same for its clients, although the proxy makes it again."""
        upstream = self.dice.choice([one for one in setup.upstreams.values() if one.name not in ("alone", "named")])
        settings = dict(upstream.settings)
        settings.update({"balance": self.dice.choice(BALANCES), "health-check": self.dice.choice(CHECKS)})
        return setup.with_upstream(dataclasses.replace(upstream, settings=tuple(settings.items())))

    @staticmethod
    def targets(setup, dice):
        """A host, a target and whether there is the field of BETA, such that routes are met often."""
        if dice.random() < 0.3:
            name = dice.choice([name for name in setup.upstreams if name not in (setup.top, "alone")])
            return FIXED, f"/to-{name}/p", False
        path = dice.choice([*(route.path for route in setup.routes if route.host != FIXED), *PATHS, "/none/*"])
        if path.endswith("/*"):
            path = path.removesuffix("/*") + dice.choice(["", "/", "/p", "/p/q"])
        query = dice.choice(["", "", "?q=1"])
        return dice.choice(HOSTS), (path or "/") + query, dice.random() < 0.2
