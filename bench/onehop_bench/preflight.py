# SPDX-License-Identifier: Apache-2.0
"""Compares every kind of response byte for byte before the measurements.

The load generators check only status and length.
"""

import http.client
import socket
import ssl
import struct
import subprocess
import tempfile

from .workloads import H2C, PLAIN, TLS

PATTERN = bytes(ord("a") + i % 23 for i in range(1 << 20))
HTTP_CASES = (
    ("GET", "/bytes/128", None, 200, PATTERN[:128]),
    ("GET", "/bytes/10240", None, 200, PATTERN[:10240]),
    ("GET", "/bytes/1000003", None, 200, PATTERN[:1000003]),
    ("GET", "/bytes/0", None, 200, b""),
    ("GET", "/chunked", None, 200, PATTERN[:1024]),
    ("POST", "/echo", PATTERN[:4096], 200, PATTERN[:4096]),
    ("POST", "/echo", PATTERN, 200, PATTERN),
    ("POST", "/upload", PATTERN, 200, b"1048576"),
    ("GET", "/nothing", None, 404, b""),
)
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # RFC 6455 section 1.3, for the key of the request


HTTP2_CASES = (
    ("/bytes/128", None, PATTERN[:128]),
    ("/bytes/10240", None, PATTERN[:10240]),
    ("/bytes/1000003", None, PATTERN[:1000003]),
    ("/bytes/0", None, b""),
    ("/echo", PATTERN[:4096], PATTERN[:4096]),
    ("/echo", PATTERN, PATTERN),
)


def problems(port, setup, certificate, upgrade):
    """Returns the problems with the responses on the port, as lines. `upgrade` is a WebSocket request."""
    found = []
    if setup == TLS:
        context = ssl.create_default_context(cafile=certificate)
        found += tls_problems(port, context) or http1_problems(port, context, upgrade)
    if setup == PLAIN:
        found += http1_problems(port, None, upgrade)
    if setup != PLAIN:
        found += http2_problems(f"{'http' if setup == H2C else 'https'}://127.0.0.1:{port}")
    return found


def tls_problems(port, context):
    """Checks that the proxy speaks TLS 1.3, which the load generators require, with the certificate of the run."""
    try:
        with connected(port, context) as stream:
            version = stream.version()
    except OSError as error:
        return [f"TLS: {error!r}"]
    return [] if version == "TLSv1.3" else [f"TLS: {version}"]


def connected(port, context):
    stream = socket.create_connection(("127.0.0.1", port), 10)
    return context.wrap_socket(stream, server_hostname="127.0.0.1") if context else stream


def http2_problems(origin):
    found = []
    for path, body, expected in HTTP2_CASES:
        answer = nghttp([origin + path], body)
        if answer != expected:
            found.append(f"HTTP/2 {path}: {len(answer)} bytes, expected {len(expected)}")
    if b":status: 404" not in nghttp(["--verbose", "--null-out", "--no-dep", f"{origin}/nothing"]):
        found.append("HTTP/2 /nothing: not answered with 404")
    return found


def nghttp(arguments, body=None):
    with tempfile.NamedTemporaryFile() as data:
        data.write(body or b"")
        data.flush()
        posting = ["--data", data.name] if body else []
        return subprocess.run(["nghttp", "--no-verify-peer", "--timeout=10", *posting, *arguments],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL).stdout


def http1_problems(port, context, upgrade):
    found = []
    if context:
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context)
    else:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    for method, path, body, status, expected in HTTP_CASES:
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            found.append(f"{method} {path}: {error!r}")
            connection.close()
            continue
        if answer.status != status or content != expected:
            found.append(f"{method} {path}: status {answer.status}, {len(content)} bytes, "
                         f"expected {status}, {len(expected)}")
    connection.close()
    try:
        found += websocket_problems(port, context, upgrade)
    except OSError as error:
        found.append(f"WebSocket: {error!r}")
    return found


def websocket_problems(port, context, upgrade):
    payload, mask = PATTERN[:300], b"\x05\x06\x07\x08"
    masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
    frame = b"\x82" + struct.pack("!BH", 0x80 | 126, len(payload)) + mask + masked
    echo = b"\x82" + struct.pack("!BH", 126, len(payload)) + payload
    with connected(port, context) as stream:
        stream.settimeout(10)
        stream.sendall(upgrade)
        head = received(stream, lambda data: b"\r\n\r\n" in data)
        if not head.startswith(b"HTTP/1.1 101 ") or ACCEPT not in head:
            return [f"WebSocket: refused with {head[:60]!r}"]
        stream.sendall(frame)
        answer = received(stream, lambda data: len(data) >= len(echo))
    return [] if answer == echo else [f"WebSocket: echo of {len(answer)} bytes differs"]


def received(stream, complete):
    data = b""
    while not complete(data):
        more = stream.recv(65536)
        if not more:
            break
        data += more
    return data
