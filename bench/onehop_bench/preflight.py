# SPDX-License-Identifier: Apache-2.0
"""Compares the content of every kind of answer, byte for byte, before anything is measured.

The load generator checks status and length of every answer; this checks what is inside them.
"""

import http.client
import socket
import struct

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


def problems(port, upgrade):
    """What is wrong with the answers on the port, as lines; `upgrade` is a WebSocket request."""
    found = []
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
        found += websocket_problems(port, upgrade)
    except OSError as error:
        found.append(f"WebSocket: {error!r}")
    return found


def websocket_problems(port, upgrade):
    payload, mask = PATTERN[:300], b"\x05\x06\x07\x08"
    masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
    frame = b"\x82" + struct.pack("!BH", 0x80 | 126, len(payload)) + mask + masked
    echo = b"\x82" + struct.pack("!BH", 126, len(payload)) + payload
    with socket.create_connection(("127.0.0.1", port), 10) as stream:
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
