# SPDX-License-Identifier: Apache-2.0
"""Each fault of a backend at each point of an exchange, for each kind of request, over real sockets.

tests/faults/ does the same in memory, byte by byte. Here are the kernel, its buffers and resets, and
the descriptors of the program. The order and the details depend on a seed alone.
"""
import itertools
import random
import sys
import threading
from pathlib import Path

import pytest

from proxy_process import SANITIZED
from wire import PATIENCE

sys.path.append(str(Path(__file__).resolve().parents[1] / "chaos"))
from chaos import BACKENDS, Asking, AskingHttp2, Chaos, Question  # noqa: E402
from faulty_backend import Plan, content  # noqa: E402

WAYS = ["close", "reset", "stall", "delay", "garble"]
POINTS = {
    "h1": ["unread", "in request", "before head", "in status line", "in fields", "between head and body",
           "in chunk size", "in chunk data", "before last chunk", "in trailers", "in body", "behind"],
    "h2": ["unread", "before head", "behind head", "in body", "behind"],
}
REQUESTS = {  # method, size of the content, chunked or not
    "GET": ("GET", 0, False), "HEAD": ("HEAD", 0, False), "DELETE": ("DELETE", 0, False),
    "small POST": ("POST", 10, False), "large POST": ("POST", 60_000, False),
    "chunked POST": ("POST", 5000, True), "PUT": ("PUT", 5000, False),
}
IN_CHUNKS = ("in chunk size", "in chunk data", "before last chunk", "in trailers")
BEHIND_THE_HEAD = (*IN_CHUNKS, "in body", "between head and body", "behind head")
SEED = 1


def is_silent_death(request, point, way):
    """A fault of an idle connection: only the next request can notice it, and only by waiting."""
    return way == "stall" and (point == "behind" or (request == "HEAD" and point in BEHIND_THE_HEAD))


class FaultAt(Plan):
    """One response with one fault at an exact point."""

    def __init__(self, name, number, point, way):
        super().__init__(SEED, name, number)
        # No other fault.
        self.hints, self.hints_in_request, self.early, self.challenges = 0, False, False, False
        self.goes_away, self.is_shut, self.first_window = False, False, 65_535
        self.size = 5000
        self.kind = "chunked" if point in IN_CHUNKS else "length"
        # There is nothing to garble, and content of a known length is right whatever it is.
        self.way = "delay" if way == "garble" and point in ("unread", "in request", "in body") else way
        self.point = point

    def response(self, name, method):
        head, body = super().response(name, method)
        if self.kind == "chunked" and body:
            body = body[:-2] + b"X-Sum: 1\r\n\r\n"
        return head, body

    def offset(self, head, body):
        last = body.rfind(b"0\r\nX-Sum") if self.kind == "chunked" else 0
        first = body.find(b"\r\n") + 2
        places = {"in status line": 5, "in fields": head.find(b"\r\n") + 10, "between head and body": len(head),
                  "in chunk size": len(head) + 1, "in chunk data": len(head) + first + 3,
                  "before last chunk": len(head) + last, "in trailers": len(head) + len(body) - 6}
        at = places.get(self.point, super().offset(head, body))
        return at if at is None else min(at, len(head) + len(body))

    @property
    def must_be_whole(self):
        return self.point in (None, "behind") or self.way == "delay"


class Matrix(Chaos):
    """A case for each number: the request, the fault, and a request after it on the same connection."""

    def __init__(self, backend, client):
        cases = [case for case in itertools.product(REQUESTS, POINTS[backend], WAYS) if not is_silent_death(*case)]
        random.Random(SEED).shuffle(cases)
        self.cases = cases[::3] if SANITIZED else cases
        # As many retries as needed: requests after a fault must not suffer from it.
        super().__init__(SEED, backend, requests=len(self.cases), flags=("--retry-budget", "100%"))
        self.clients = (client,)
        self.backend.plan_for = self.plan_for

    def case(self, name):
        return self.cases[int(name.strip("rn")) - 1] if name.startswith("r") else None

    def plan_for(self, name, number):
        case = self.case(name)
        if case is None or number > 1 or name.endswith("n"):
            plan = FaultAt(name, number, None, None)
        else:
            plan = FaultAt(name, number, *case[1:])
        return plan

    def interrupt_while(self, clients):
        for client in clients:
            client.join()

    def end_fault(self, name):
        """The request `name` has had its fault; lasting effects end here."""


class GoingAway(Matrix):
    """The same for a backend that closes and stops listening: one request at a time."""

    at_once = 1

    def __init__(self, backend, client):
        super().__init__(backend, client)
        self.cases = [(request, point, "refuse") for request in ("GET", "small POST", "chunked POST")
                      for point in POINTS[backend]]
        self.most = len(self.cases)
        self.gone = threading.Event()
        self.backend.go_away = self.go_away

    def go_away(self):
        self.backend.stop()
        self.gone.set()

    def end_fault(self, name):
        if not name.endswith("n"):
            assert self.gone.wait(PATIENCE)
            self.gone.clear()
            self.backend.listen()


class Planned(Question):
    """The request of a case, and the one after it."""

    def __init__(self, chaos, name, connection):
        super().__init__(chaos, name, connection)
        case = chaos.case(name)
        self.leaves, self.credentials, self.stalls = None, None, 0
        self.fault = case[1:]
        self.method, size, self.is_chunked = ("GET", 0, False) if name.endswith("n") else REQUESTS[case[0]]
        self.body = content(name, size)

    def met_a_closing(self, outcome):
        """A POST that crossed the end of an idle connection, where the fault followed another request's response: the
        backend has not read it, but the proxy cannot know that and must not send it twice."""
        return (self.method == "POST" and outcome == "502 of the proxy"
                and self.chaos.backend.tries[self.name] == 0)

    def run(self):
        try:
            outcome, connection = super().run()
        finally:
            self.chaos.end_fault(self.name)
        # With requests whose faults hit their connection.
        is_shared = self.chaos.backend.scheme != "http" and self.chaos.at_once > 1
        if self.name.endswith("n"):
            if outcome != "complete" and not is_shared:
                self.chaos.problems.append(f"{self.name} behind {self.fault}: {outcome}")
            return outcome, connection
        plan = FaultAt(self.name, 1, *self.fault)
        if plan.must_be_whole and outcome != "complete" and not is_shared and not self.met_a_closing(outcome):
            self.chaos.problems.append(f"{self.name} {self.fault}: {outcome}")
        if connection:
            _, connection = type(self)(self.chaos, self.name + "n", connection).run()
        return outcome, connection


class PlannedHttp1(Planned, Asking):
    pass


class PlannedHttp2(Planned, AskingHttp2):
    SIZES = Asking.SIZES


@pytest.mark.parametrize("client", [PlannedHttp1, PlannedHttp2], ids=["from_h1", "from_h2"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_each_fault_at_each_point_for_each_kind_of_request(backend, client):
    matrix = Matrix(backend, client)
    assert matrix.run() == []
    assert sum(matrix.outcomes.values()) == len(matrix.cases)
    assert matrix.outcomes["complete"] > len(matrix.cases) / 10
    # Over HTTP/2 a connection's fault ends its other requests before their own faults.
    assert len(matrix.backend.faults) > len(POINTS[backend])


@pytest.mark.parametrize("client", [PlannedHttp1, PlannedHttp2], ids=["from_h1", "from_h2"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_backend_that_takes_no_more_connections(backend, client):
    matrix = GoingAway(backend, client)
    assert matrix.run() == []
    assert set(matrix.outcomes) <= {"complete", "502 of the proxy", "cut", "reset"}
    assert sum(matrix.outcomes.values()) == len(matrix.cases) == sum(matrix.backend.faults.values())
    whole = sum(point == "behind" for _, point, _ in matrix.cases)
    # A backend of HTTP/2 closes with frames unread, which resets: that may overtake the end of a response.
    assert (1 if backend == "h2" else whole) <= matrix.outcomes["complete"] <= whole
