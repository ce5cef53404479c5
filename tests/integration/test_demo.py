# SPDX-License-Identifier: Apache-2.0
"""`onehop demo`: the proxy in front of a built-in backend, with every URL it prints."""
import asyncio
import contextlib
import re
import signal
import subprocess
import time

import pytest
import websockets

from proxy_process import PROGRAM, free_port
from raw_client import Client, connect
from wire import PATIENCE, message, post


class Demo:
    def __init__(self, messages, *flags):
        self.address = ("127.0.0.1", free_port())
        self.messages = messages
        self.process = subprocess.Popen([PROGRAM, "demo", "-l", "%s:%d" % self.address, *flags],
                                        stdout=messages, stderr=messages, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 2 * PATIENCE
        while len(self.urls()) < 4:
            assert self.process.poll() is None and time.monotonic() < deadline, self.text()
            time.sleep(0.005)
        connect(self.address).close()

    def text(self):
        with open(self.messages.name, encoding="utf-8") as file:
            return file.read()

    def urls(self):
        """The paths that the demo suggests."""
        return re.findall(r"(?:http|ws)s?://[^/\s]+:%d(/\S*)?" % self.address[1], self.text())

    def path(self, word):
        return next(path for path in self.urls() if word in path)

    def client(self):
        return Client(self.address)


@contextlib.contextmanager
def running(folder, *flags):
    with open(folder / "messages", "w", encoding="utf-8") as messages:
        demo = Demo(messages, *flags)
        yield demo
        demo.process.send_signal(signal.SIGTERM)
        assert demo.process.wait(2 * PATIENCE) == 0


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    with running(tmp_path_factory.mktemp("demo")) as made:
        yield made


def test_the_page_shows_the_request(demo):
    with demo.client() as client:
        got = client.get("/", "X-Probe: seen")
    assert got.status == 200
    assert b"X-Probe" in got.body and b"seen" in got.body
    assert b"X-Forwarded-For" in got.body


def test_the_page_escapes_the_request(demo):
    with demo.client() as client:
        got = client.get("/", "X-Probe: <script>alert(1)</script>", "Accept: text/html")
    assert b"<script>alert(1)" not in got.body


def test_the_stream_arrives_piece_by_piece(demo):
    with demo.client() as client:
        client.send(message(f"GET {demo.path('stream')} HTTP/1.1", "Host: h"))
        assert client.read_response_head().status == 200
        first = client.read_chunk()
        began = time.monotonic()
        second = client.read_chunk()
        assert first and second
        assert time.monotonic() - began > 0.02, "both at once"


def test_server_sent_events_arrive(demo):
    with demo.client() as client:
        client.send(message(f"GET {demo.path('event')} HTTP/1.1", "Host: h", "Accept: text/event-stream"))
        head = client.read_response_head()
        assert head.fields.get("content-type").startswith("text/event-stream")
        assert b"data:" in client.read_chunk()


def test_the_echo_returns_a_post(demo):
    body = bytes(range(256)) * 1000
    with demo.client() as client:
        assert body in client.ask(post(body, demo.path("echo"))).body


def test_the_websocket_echoes(demo):
    path = next(path for path in demo.urls() if "ws" in path or "socket" in path)

    async def talk():
        async with websockets.connect("ws://%s:%d" % demo.address + path) as socket:
            await socket.send("hello")
            return await asyncio.wait_for(socket.recv(), PATIENCE)

    assert "hello" in asyncio.run(talk())


def test_every_url_that_is_printed_works(demo):
    for path in demo.urls():
        with demo.client() as client:
            client.send(message(f"GET {path or '/'} HTTP/1.1", "Host: h"))
            assert client.read_response_head().status in (200, 400, 405, 426)


# The printed commands run as they are; only websocat may be missing here.
@pytest.mark.parametrize("flags, versions", [([], ["1.1", "2"]), (["--tls", "self"], ["2", "1.1"])],
                         ids=["in-clear", "tls"])
def test_the_commands_that_are_printed_work(tmp_path, flags, versions):
    with running(tmp_path, *flags) as demo:
        commands = [line.strip().split("  ")[0].split() for line in demo.text().splitlines() if " curl " in line]
        front = [command for command in commands if command[-1].endswith("%d/" % demo.address[1])]
        assert len(front) == 2 and len(commands) == 5
        for command, version in zip(front, versions):
            ended = subprocess.run([*command, "-sS", "-w", "%{stderr}%{http_version}"], capture_output=True,
                                   timeout=20, check=True)
            assert b"X-Forwarded-Proto: " + (b"https" if flags else b"http") + b"\n" in ended.stdout
            assert ended.stderr.decode() == version
        if flags:
            assert "SHA-256" in demo.text() and "wss://" in demo.text()
