# SPDX-License-Identifier: Apache-2.0
"""A collector of traces. It checks every request against the JSON mapping of opentelemetry-proto: ids in hexadecimal, 64
bits as strings, enumerations as numbers, known keys only."""
import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from wire import PATIENCE

NANOSECONDS = 10**9
DAY = 24 * 3600 * NANOSECONDS


def check_object(value, required, optional=()):
    assert isinstance(value, dict), value
    assert set(required) <= set(value) <= set(required) | set(optional), sorted(value)


def check_id(value, digits):
    assert re.fullmatch(rf"[0-9a-f]{{{digits}}}", value) and set(value) != {"0"}, value


def check_time(value):
    assert isinstance(value, str) and value.isdigit(), value
    assert abs(int(value) - time.time_ns()) < DAY, value


def check_value(value):
    assert len(value) == 1, value
    (kind, inner), = value.items()
    if kind == "stringValue":
        assert isinstance(inner, str)
    elif kind == "intValue":
        assert isinstance(inner, str) and re.fullmatch(r"-?\d+", inner), inner
    elif kind == "boolValue":
        assert isinstance(inner, bool)
    else:
        assert kind == "arrayValue", kind
        check_object(inner, ["values"])
        for one in inner["values"]:
            check_value(one)


def check_attributes(attributes):
    for attribute in attributes:
        check_object(attribute, ["key", "value"])
        assert isinstance(attribute["key"], str) and attribute["key"]
        check_value(attribute["value"])
    keys = [attribute["key"] for attribute in attributes]
    assert len(set(keys)) == len(keys), keys


def check_span(span):
    check_object(span, ["traceId", "spanId", "name", "kind", "startTimeUnixNano", "endTimeUnixNano"],
                 ["parentSpanId", "traceState", "flags", "attributes", "events", "status"])
    check_id(span["traceId"], 32)
    check_id(span["spanId"], 16)
    if "parentSpanId" in span:
        check_id(span["parentSpanId"], 16)
    assert isinstance(span["flags"], int) and 0 <= span["flags"] < 2**32
    assert span["kind"] in (2, 3) and not isinstance(span["kind"], bool)
    check_time(span["startTimeUnixNano"])
    check_time(span["endTimeUnixNano"])
    assert int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"])
    check_attributes(span["attributes"])
    for event in span["events"]:
        check_object(event, ["name", "timeUnixNano"])
        check_time(event["timeUnixNano"])
        assert int(span["startTimeUnixNano"]) <= int(event["timeUnixNano"]) <= int(span["endTimeUnixNano"])
    if "status" in span:
        check_object(span["status"], ["code"], ["message"])
        assert span["status"]["code"] == 2


def check_export(text):
    """Returns the spans of a request, which must be valid."""
    message = json.loads(text.decode("utf-8", "strict"))
    check_object(message, ["resourceSpans"])
    spans = []
    for resource_spans in message["resourceSpans"]:
        check_object(resource_spans, ["resource", "scopeSpans"])
        check_object(resource_spans["resource"], ["attributes"])
        check_attributes(resource_spans["resource"]["attributes"])
        resource = flat(resource_spans["resource"])
        assert resource["service.name"] == "onehop"
        assert re.fullmatch(r"\d+\.\d+\.\d+.*", resource["service.version"])
        assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
                            resource["service.instance.id"])
        for scope_spans in resource_spans["scopeSpans"]:
            check_object(scope_spans, ["scope", "spans"])
            check_object(scope_spans["scope"], ["name", "version"])
            for span in scope_spans["spans"]:
                check_span(span)
                spans.append(span)
    assert 0 < len(spans) <= 512 + 8
    return spans


def flat(thing):
    """The attributes as a dictionary of plain values."""

    def plain(value):
        (kind, inner), = value.items()
        if kind == "arrayValue":
            return [plain(one) for one in inner["values"]]
        return int(inner) if kind == "intValue" else inner

    return {attribute["key"]: plain(attribute["value"]) for attribute in thing["attributes"]}


class Collector:
    """responses: the (status, fields, body) of the requests to come; the last one is repeated. None: no response."""

    def __init__(self, *responses):
        self.responses = list(responses) or [(200, {}, b"{}")]
        self.requests = []  # the spans of each
        self.problems = []
        self.times = []
        self.changed = threading.Condition()
        self.released = threading.Event()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                collector.take(self)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return "http://127.0.0.1:%d" % self.server.server_address[1]

    def take(self, handler):
        text = handler.rfile.read(int(handler.headers["Content-Length"]))
        spans = []
        try:
            assert handler.path == "/v1/traces", handler.path
            assert handler.headers["Content-Type"] == "application/json"
            assert handler.headers["traceparent"] is None, "the requests of the exporter are not traced"
            spans = check_export(text)
        except Exception as problem:  # pylint: disable=broad-except
            self.problems.append(f"{problem!r} in {text[:3000]!r}")
        with self.changed:
            self.requests.append(spans)
            self.times.append(time.monotonic())
            response = self.responses.pop(0) if len(self.responses) > 1 else self.responses[0]
            self.changed.notify_all()
        if response is None:
            self.released.wait(60)
            handler.close_connection = True
            return
        status, fields, body = response
        handler.send_response(status)
        for name, value in fields.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def wait_for_requests(self, count, patience=2 * PATIENCE):
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.requests) >= count, patience), len(self.requests)

    @property
    def spans(self):
        """All spans, once the process has ended."""
        assert self.problems == []
        return [span for spans in self.requests for span in spans]

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
