# SPDX-License-Identifier: Apache-2.0
"""Exchanges of one client connection in every order of their states: unread interim responses, an incomplete upload,
an incomplete final response, a full socket, a client that leaves. Everything is generated from a seed."""
import random
import socket
import struct
import threading

import pytest

from h2_client import CANCEL, DATA, END_STREAM, RST_STREAM, H2Client, frame
from proxy_process import SANITIZED
from raw_client import Client, close_with_reset
from scripted_backend import shut_down
from wire import Truncated, chunk, get, message

SEEDS = 12 if SANITIZED else 24
AT_ONCE = 6


def content(name, size):
    """The only correct content of that size for the request `name`."""
    return (name.encode() + b".") * (size // (len(name) + 1) + 1)


def script(peer):
    """Responds to each request as the dice of its name decide, until the proxy closes."""
    try:
        respond_to_all(peer)
    except (Truncated, OSError):
        pass


def respond_to_all(peer):
    while True:
        head = peer.read_request_head()
        name = head.target[1:]
        dice = random.Random(f"backend/{name}")
        hint = message("HTTP/1.1 103 Early Hints", "Link: " + "l" * dice.choice([500, 20_000]))
        interim = hint * dice.choice([0, 1, 60])
        if head.fields.has("expect") and dice.random() < 0.7:
            interim += message("HTTP/1.1 100 Continue")
        peer.send(interim)
        early = dice.random() < 0.5
        if not early:
            peer.read_body(head)
        size = dice.choice([0, 10, 3000, 80_000, 400_000])
        body = content(name, size)[:size]
        fields = [f"X-Name: {name}", f"Content-Length: {size}"]
        if early and (head.fields.has("content-length") or head.fields.has("transfer-encoding")):
            fields.append("Connection: close")
        peer.send(message(f"HTTP/1.1 {dice.choice(['200 OK', '404 Not Found'])}", *fields, body=body))
        if early and fields[-1] == "Connection: close":
            peer.wait_for_close()
            return


def requests_of(seed, dice):
    """Names, and the bytes of the requests of one connection."""
    for number in range(dice.randint(1, 4)):
        name = f"s{seed}n{number}"
        size = dice.choice([0, 5, 2000, 60_000])
        if dice.random() < 0.4:
            yield name, "GET", get(f"/{name}")
            continue
        fields = ["Host: h"] + (["Expect: 100-continue"] if dice.random() < 0.4 else [])
        if dice.random() < 0.5:
            yield name, "POST", message(f"POST /{name} HTTP/1.1", *fields, f"Content-Length: {size}", body=b"u" * size)
        else:
            body = (chunk(b"u" * size) if size else b"") + b"0\r\n\r\n"
            yield name, "POST", message(f"POST /{name} HTTP/1.1", *fields, "Transfer-Encoding: chunked", body=body)


def narrow(sock, dice):
    """The proxy's side of the connection is soon full."""
    if dice.random() < 0.7:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32_768)


def widen(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)


def check(name, status, fields, body):
    if "x-name" not in fields:  # one of the proxy's own
        assert status in (408, 413, 502, 503, 504), (name, status)
        return False
    assert fields["x-name"] == name
    assert body == content(name, len(body))[:len(body)], name
    assert len(body) == int(fields["content-length"]), name
    return True


def drive_http1(proxy, seed, whole):
    dice = random.Random(f"client/{seed}")
    client = Client(proxy.address)
    narrow(client.sock, dice)
    asked = list(requests_of(seed, dice))
    bytes = b"".join(request for _, _, request in asked)
    # Sends without reading as far as possible, and perhaps not everything.
    most = len(bytes) if dice.random() < 0.7 else int(len(bytes) * dice.random())
    client.sock.settimeout(dice.choice([0.01, 0.1]))
    sent = 0
    try:
        while sent < most:
            sent += client.sock.send(bytes[sent:min(most, sent + dice.choice([50, 3000, 100_000]))])
    except (TimeoutError, ConnectionError):
        pass
    if dice.random() < 0.3:
        return close_with_reset(client.sock) if dice.random() < 0.5 else client.close()
    widen(client.sock)
    rest = threading.Thread(target=client.send_quietly, args=(bytes[sent:],), daemon=True)
    rest.start()
    try:
        for name, method, _ in asked:
            got = client.read_final(method)
            if check(name, got.status, {key.lower(): value for key, value in got.fields}, got.body):
                whole.append(name)
            if "close" in got.fields.tokens("connection"):
                break
    except (Truncated, ConnectionError):
        pass
    shut_down(client.sock, socket.SHUT_RDWR)
    rest.join()
    client.close()


def drive_http2(proxy, seed, whole):
    dice = random.Random(f"client/{seed}")
    window = dice.choice([1000, 65_535])
    with H2Client(proxy.address, settings=[(4, window)]) as client:
        names = {}
        for number in range(dice.randint(1, 6)):
            name = f"s{seed}h{number}"
            has_content = dice.random() < 0.6
            stream = client.request(method="POST" if has_content else "GET", path=f"/{name}", end=not has_content)
            names[stream] = name
            if has_content:
                for _ in range(dice.randint(0, 4)):
                    client.send_quietly(frame(DATA, 0, stream, b"u" * dice.choice([1, 2000])))
                if dice.random() < 0.7:
                    client.send_quietly(frame(DATA, END_STREAM, stream))
            if dice.random() < 0.25:
                client.send_quietly(frame(RST_STREAM, 0, stream, struct.pack(">I", CANCEL)))
                del names[stream]
        if dice.random() < 0.3:
            return
        client.send_quietly(frame(8, 0, 0, struct.pack(">I", 1 << 24)))
        for stream, name in names.items():
            if dice.random() < 0.2:
                continue
            client.send_quietly(frame(8, 0, stream, struct.pack(">I", 1 << 20)))
            try:
                client.sock.settimeout(1)
                got = client.read_answer(stream)
            except (Truncated, OSError):
                return
            if got.reset is None and check(name, got.status, got.fields, bytes(got.body)):
                whole.append(name)


@pytest.mark.parametrize("drive", [drive_http1, drive_http2], ids=["http1", "http2"])
def test_every_order_leaves_responses_whole_and_the_proxy_alive(start_proxy, start_backend, drive):
    backend = start_backend()
    backend.play(script)
    proxy = start_proxy("--body-timeout", "1s", "--response-timeout", "1s", "--write-timeout", "2s",
                        "--access-log", "off", backend.url)
    problems, whole = [], []  # names of requests whose responses came whole

    def run(first):
        for seed in range(first, SEEDS, AT_ONCE):
            try:
                drive(proxy, seed, whole)
            except Exception as problem:  # pylint: disable=broad-except
                problems.append((seed, repr(problem)))

    threads = [threading.Thread(target=run, args=(first,)) for first in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert len(whole) > SEEDS / 2, "hardly anything was held against what it should be"
    with proxy.client() as client:
        assert client.get("/s0n0").status in (200, 404)
