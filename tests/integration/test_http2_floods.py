# SPDX-License-Identifier: Apache-2.0
"""Floods over HTTP/2: bounded in memory, ended with GOAWAY, and without effect on other clients."""
import os
import struct
import threading
import time

import pytest

from h2_client import (CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, HEADERS, PING, PRIORITY,
                       RST_STREAM, SETTINGS, WINDOW_UPDATE, H2Client, block, frame, request_fields)
from proxy_process import SANITIZED
from scripted_backend import shut_down
from wire import OK, PATIENCE

MIB = 1024 * 1024
MOST_GROWTH = (400 if SANITIZED else 24) * MIB  # a sanitizer keeps much more than the program uses
CANCEL = struct.pack(">I", 8)


class Flood:
    """Sends until the proxy ends the connection, while a well-behaved client is served."""

    def __init__(self, hop):
        self.hop = hop
        hop.backend.answers(OK)
        hop.assert_serves()
        self.before = hop.proxy.resident_bytes()
        self.served = 0
        self.stop = threading.Event()

    def serve_others(self):
        with H2Client(self.hop.address) as clean:
            while not self.stop.is_set():
                assert clean.ask().status == 200
                self.served += 1

    def run(self, frames, most=64 * MIB, client=None):
        others = threading.Thread(target=self.serve_others)
        others.start()
        try:
            with client or H2Client(self.hop.address) as attacker:
                sent = 0
                for bytes in frames:
                    if not attacker.send_quietly(bytes):
                        break
                    sent += len(bytes)
                    if sent > most:
                        break
                code = attacker.read_until_closed()
            deadline = time.monotonic() + PATIENCE
            while not self.served and time.monotonic() < deadline:
                time.sleep(0.01)
        finally:
            self.stop.set()
            others.join()
        assert self.served > 0, "a clean client was not served"
        growth = self.hop.proxy.resident_bytes() - self.before
        assert growth < MOST_GROWTH, f"{growth // MIB} MiB"
        self.hop.assert_serves()
        return code


@pytest.fixture(autouse=True)
def little_freed_memory_is_kept(monkeypatch):
    """AddressSanitizer would keep 256 MiB of what was freed, which a flood fills on a fast machine."""
    monkeypatch.setenv("ASAN_OPTIONS", os.environ["ASAN_OPTIONS"] + ":quarantine_size_mb=16")


@pytest.fixture
def flood(hop):
    return Flood(hop)


def for_ever(bytes):
    while True:
        yield bytes


def test_ping(flood):
    assert flood.run(for_ever(frame(PING, 0, 0, b"12345678") * 100)) in (ENHANCE_YOUR_CALM, None)


def test_settings(flood):
    assert flood.run(for_ever(frame(SETTINGS, 0, 0) * 100)) in (ENHANCE_YOUR_CALM, None)


def test_priority(flood):
    bytes = frame(PRIORITY, 0, 1, struct.pack(">IB", 0, 15)) * 100
    assert flood.run(for_ever(bytes)) in (ENHANCE_YOUR_CALM, None)


def test_unknown_frames_are_ignored(flood):
    """They cost only the time to read them, and clients may send extensions."""
    with H2Client(flood.hop.address) as client:
        for _ in range(1000):
            client.send(frame(0xbe, 0, 0, b"x") * 100)
        assert client.ask().status == 200
    assert flood.hop.proxy.resident_bytes() - flood.before < MOST_GROWTH


def test_window_updates(flood):
    bytes = frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1)) * 100
    assert flood.run(for_ever(bytes)) in (ENHANCE_YOUR_CALM, None)


def test_empty_data(flood):
    def frames():
        yield frame(HEADERS, END_HEADERS, 1, block(*request_fields(method="POST")))
        yield from for_ever(frame(DATA, 0, 1) * 100)

    assert flood.run(frames()) in (ENHANCE_YOUR_CALM, None)


def test_rapid_reset(flood):
    def frames():
        for stream in range(1, 2_000_000, 2):
            yield (frame(HEADERS, END_HEADERS | END_STREAM, stream, block(*request_fields()))
                   + frame(RST_STREAM, 0, stream, CANCEL))

    assert flood.run(frames()) in (ENHANCE_YOUR_CALM, None)
    # The proxy's limits per connection bound the work of the backend.
    assert len(flood.hop.backend.connections) < 400


def test_resets_provoked_from_the_proxy(flood):
    def frames():
        for stream in range(1, 2_000_000, 2):
            yield (frame(HEADERS, END_HEADERS, stream, block(*request_fields(method="POST")))
                   + frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", 0x7fffffff)))

    assert flood.run(frames()) in (ENHANCE_YOUR_CALM, None)


def test_malformed_requests(flood):
    def frames():
        for stream in range(1, 2_000_000, 2):
            yield frame(HEADERS, END_HEADERS | END_STREAM, stream, block(*request_fields(("X", "y"))))

    assert flood.run(frames()) in (ENHANCE_YOUR_CALM, None)


def test_continuation_without_end(flood):
    def frames():
        yield frame(HEADERS, END_STREAM, 1, block(*request_fields()))
        yield from for_ever(frame(CONTINUATION, 0, 1, block(("a", "x" * 1000)) * 10))

    assert flood.run(frames()) in (ENHANCE_YOUR_CALM, None)


def test_empty_continuations(flood):
    def frames():
        yield frame(HEADERS, END_STREAM, 1, block(*request_fields()))
        yield from for_ever(frame(CONTINUATION, 0, 1) * 100)

    assert flood.run(frames()) in (ENHANCE_YOUR_CALM, None)


def header_bomb(name, lines=10_000):
    """One byte per line of 4 KiB: the same entry of the dynamic table, again and again."""
    entry = b"\x40" + bytes([len(name)]) + name + b"\x7f\xa1\x1e" + b"x" * 4000
    return block(*request_fields()) + entry + b"\xbe" * lines


@pytest.mark.parametrize("name", [b"a", b"cookie"])
def test_header_bombs(flood, name):
    def frames():
        for stream in range(1, 401, 2):
            yield frame(HEADERS, END_HEADERS | END_STREAM, stream, header_bomb(name))

    client = H2Client(flood.hop.address)
    # The proxy may refuse each request instead of the connection.
    leaving = threading.Timer(2, shut_down, [client.sock])
    leaving.start()
    try:
        flood.run(frames(), client=client)
    finally:
        leaving.cancel()
        leaving.join()
    assert not any(b"x" * 100 in bytes(seen) for seen in [flood.hop.backend.received])


def test_a_small_bomb_gets_431(hop):
    with H2Client(hop.address) as client:
        stream = client.new_stream()
        client.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, header_bomb(b"a", 40)))
        assert client.read_answer(stream).status == 431
        hop.backend.answers(OK)
        assert client.ask().status == 200


def test_a_large_bomb_resets_only_its_stream(hop):
    with H2Client(hop.address) as client:
        stream = client.new_stream()
        client.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, header_bomb(b"a")))
        assert client.read_answer(stream).reset == ENHANCE_YOUR_CALM
        hop.backend.answers(OK)
        assert client.ask().status == 200
        assert client.ask((b"x-after", b"the table is in step")).status == 200
