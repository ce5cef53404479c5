# SPDX-License-Identifier: Apache-2.0
"""X-Request-ID and traceparent: in both log formats, forwarded, and generated with --request-id."""
import json
import re

import pytest

from h2_client import H2Client
from wire import OK, get

MADE = re.compile(r"[0-9a-f]{32}")
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.fixture
def backend(start_backend):
    backend = start_backend()
    backend.answers(OK)
    return backend


@pytest.fixture(params=["1.1", "2"])
def ask(request):
    """ask(proxy, "X-Request-ID: a"): the response over one version."""

    def over_h1(proxy, *lines):
        with proxy.client() as client:
            answer = client.send(get("/", *lines)).read_final()
            return answer.status, answer.body

    def over_h2(proxy, *lines):
        with H2Client(proxy.address) as client:
            fields = [(line.split(": ", 1)[0].lower(), line.split(": ", 1)[1]) for line in lines]
            answer = client.ask(*fields)
            return answer.status, answer.body

    return over_h1 if request.param == "1.1" else over_h2


def logged(proxy):
    return json.loads(proxy.wait_for_log_lines(1)[-1])


def passed_on(backend, name):
    return [value.decode() for value in re.findall(rb"(?im)^%s: *(.*?)\r$" % name.encode(), backend.received)]


def test_the_clients_ids_are_in_both_log_formats(start_proxy, backend, ask):
    for form in ("json", "text"):
        proxy = start_proxy("--access-log", form, backend.url)
        assert ask(proxy, "X-Request-ID: an id", f"traceparent: {PARENT}")[0] == 200
        line = proxy.wait_for_log_lines(1)[0]
        if form == "json":
            assert (json.loads(line)["request_id"], json.loads(line)["trace_id"]) == ("an id", TRACE)
        else:
            assert f' request_id="an id" trace_id={TRACE} ' in line
    assert passed_on(backend, "X-Request-ID") == ["an id"] * 2
    assert passed_on(backend, "traceparent") == [PARENT] * 2


def test_missing_ids_are_null(start_proxy, backend, ask):
    proxy = start_proxy("--access-log", "json", backend.url)
    assert ask(proxy)[0] == 200
    assert (logged(proxy)["request_id"], logged(proxy)["trace_id"]) == (None, None)
    assert passed_on(backend, "X-Request-ID") == []


def test_a_traceparent_that_is_not_valid_is_passed_on_and_not_logged(start_proxy, backend, ask):
    proxy = start_proxy("--access-log", "json", backend.url)
    assert ask(proxy, f"traceparent: {PARENT}-more")[0] == 200
    assert logged(proxy)["trace_id"] is None
    assert passed_on(backend, "traceparent") == [f"{PARENT}-more"]


@pytest.mark.parametrize("lines", [(), ("X-Request-ID: forged",)], ids=["none", "forged"])
def test_an_untrusted_client_gets_a_generated_id(start_proxy, backend, ask, lines):
    proxy = start_proxy("--access-log", "json", "--request-id", backend.url)
    assert ask(proxy, *lines)[0] == 200
    made = logged(proxy)["request_id"]
    assert MADE.fullmatch(made)
    assert passed_on(backend, "X-Request-ID") == [made]


def test_the_id_of_a_trusted_peer_is_kept(start_proxy, backend, ask):
    proxy = start_proxy("--access-log", "json", "--request-id", "--trust", "127.0.0.0/8", backend.url)
    assert ask(proxy, "X-Request-ID: theirs")[0] == 200
    assert logged(proxy)["request_id"] == "theirs"
    assert passed_on(backend, "X-Request-ID") == ["theirs"]


@pytest.mark.parametrize("trust", [(), ("--trust", "127.0.0.0/8")], ids=["any", "trusted"])
def test_no_similar_field_passes_for_the_id(start_proxy, backend, ask, trust):
    """CGI makes one variable of all of these."""
    proxy = start_proxy("--access-log", "json", "--request-id", *trust, backend.url)
    lines = ["X_Request_ID: forged", "X-Request-ID: one", "X-Request-ID: two", "x.request-id: forged", "X_Other: o"]
    assert ask(proxy, *lines)[0] == 200
    logged_id = logged(proxy)["request_id"]
    assert passed_on(backend, "X.Request.ID") == [logged_id]
    assert passed_on(backend, "X_Other") == ["o"]
    assert logged_id == "one" if trust else MADE.fullmatch(logged_id)


def test_a_trusted_peer_without_an_id_gets_one(start_proxy, backend, ask):
    proxy = start_proxy("--access-log", "json", "--request-id", "--trust", "127.0.0.0/8", backend.url)
    assert ask(proxy)[0] == 200
    assert MADE.fullmatch(logged(proxy)["request_id"])
    assert passed_on(backend, "X-Request-ID") == [logged(proxy)["request_id"]]


def test_the_id_is_in_the_error_body(start_proxy, ask):
    proxy = start_proxy("--access-log", "json", "--request-id", "http://127.0.0.1:1")
    status, body = ask(proxy, "Accept: application/json", "X-Request-ID: forged")
    assert status == 502
    made = logged(proxy)["request_id"]
    assert MADE.fullmatch(made)
    assert json.loads(body)["request_id"] == made


def test_a_refused_request_has_an_id(start_proxy, start_backend, ask):
    backend = start_backend()
    backend.play(lambda peer: (peer.read_request(), peer.wait_for_close()))
    proxy = start_proxy("--access-log", "json", "--request-id", "--max-requests-per-client", "1", backend.url)
    with proxy.client() as client:
        client.send(get())
        backend.wait_for_requests(1)
        status, body = ask(proxy, "Accept: application/json", "X-Request-ID: forged")
        assert status == 429
        assert MADE.fullmatch(logged(proxy)["request_id"])
        assert json.loads(body)["request_id"] == logged(proxy)["request_id"]
