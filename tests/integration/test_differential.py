# SPDX-License-Identifier: Apache-2.0
"""Sends thousands of odd requests through onehop to the parsers of Node, Python and Go: all of them must see the same
requests and bodies as onehop."""
import collections
import concurrent.futures
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from odd_requests import OddRequests
from proxy_process import SANITIZED
from raw_client import connect

HERE = Path(__file__).parent / "recording_backends"
CASES = int(os.environ.get("ONEHOP_DIFFERENTIAL_CASES", "500" if SANITIZED else "6000"))
SEED = int(os.environ.get("ONEHOP_DIFFERENTIAL_SEED", "1"))
CLIENTS = 8
FLAGS = ("--access-log", "json", "--header-timeout", "250ms", "--body-timeout", "250ms", "--idle-timeout", "2s")


def command_of(peer, folder):
    """Returns how to start a backend, or None if it is not installed."""
    if peer == "python":
        return [sys.executable, str(HERE / "python.py")]
    if peer == "node" and shutil.which("node"):
        return ["node", str(HERE / "node.js")]
    if peer == "go" and shutil.which("go"):
        program = folder / "recording_backend"
        subprocess.run(["go", "build", "-o", program, str(HERE / "go.go")], check=True, capture_output=True,
                       env={**os.environ, "GO111MODULE": "off", "GOFLAGS": ""})
        return [str(program)]
    return None


class Peer:
    """A backend of one kind and onehop in front of it."""

    def __init__(self, command, start_proxy):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}"
        self.proxy = start_proxy(*FLAGS, self.url)

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def records(self):
        """The requests that the backend's parser saw, in order."""
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(self.url + "/records") as got:
            return json.load(got)

    def logged(self):
        """The requests that onehop passed on: method, target, bytes of content."""
        entries = [json.loads(line) for line in self.proxy.stdout().splitlines()]
        return [f'{entry["method"]} {origin_form(entry["target"])} {entry["request_body"]}'
                for entry in entries if entry["status"] == 200]


def origin_form(target):
    path = re.sub(r"^https?://[^/?#]*", "", target).replace("#", "%23")
    return path if path.startswith("/") else "/" + path


def answers_to(address, case):
    """The responses to a client's bytes: the backend's view, or only the status."""
    received = b""
    with connect(address) as sock:
        try:
            sock.sendall(case)
        except ConnectionError:
            pass
        try:
            while data := sock.recv(65536):
                received += data
        except ConnectionError:
            pass
    answers = []
    for head in re.split(rb"(?=HTTP/1\.1 \d{3} )", received)[1:]:
        saw = re.search(rb"\r\nX-Saw: ([^\r]+)\r\n", head, re.IGNORECASE)
        answers.append(saw[1].decode() if saw else head[9:12].decode())
    return answers


@pytest.fixture
def peers(start_proxy, tmp_path):
    commands = {name: command_of(name, tmp_path) for name in ("node", "python", "go")}
    started = {name: Peer(command, start_proxy) for name, command in commands.items() if command}
    if len(started) < 2:
        pytest.skip("needs two of Node, Python and Go")
    yield started
    for peer in started.values():
        peer.stop()


@pytest.fixture
def enough_time(bounded_time):  # pylint: disable=unused-argument
    """No timeout for a long run."""
    signal.alarm(120 + CASES // 20)


def without_number(saw):
    return saw.partition(" ")[2]


def test_no_parser_sees_another_request_than_onehop_does(enough_time, peers):  # pylint: disable=unused-argument
    cases = OddRequests(SEED).cases(CASES)
    with concurrent.futures.ThreadPoolExecutor(CLIENTS * len(peers)) as pool:
        runs = {name: pool.map(lambda case, at=peer.proxy.address: answers_to(at, case), cases)
                for name, peer in peers.items()}
        answers = {name: list(run) for name, run in runs.items()}
    for name, peer in peers.items():
        told = [saw for case in answers[name] for saw in case if " " in saw]
        assert len(told) > 0.8 * CASES, f"{name}: too few of the requests are understood"
        assert differences(told, peer.records()) == [], f"{name} saw requests that nobody was answered"
        assert wait_for_log(peer, len(told)) == sorted(body_lengths(told)), name
    compare(cases, answers)


def differences(one, other):
    one, other = collections.Counter(one), collections.Counter(other)
    return sorted(((one - other) + (other - one)).elements())


def body_lengths(told):
    return [without_number(saw).rpartition(" ")[0] for saw in told]


def wait_for_log(peer, count):
    deadline = time.monotonic() + 5
    while len(peer.logged()) < count and time.monotonic() < deadline:
        time.sleep(0.05)
    return sorted(peer.logged())


def compare(cases, answers):
    """Checks that no two backends received different requests. One that refuses more is merely strict."""
    refusals = 0
    for number, case in enumerate(cases):
        lists = {name: [without_number(saw) if " " in saw else saw for saw in got[number]]
                 for name, got in answers.items()}
        sent = f"seed {SEED}, case {number}: {case!r} became {lists}"
        assert len({len(saw) for saw in lists.values()}) == 1, sent
        for saws in zip(*lists.values()):
            assert len({saw for saw in saws if " " in saw}) <= 1, sent
            refusals += len({" " in saw for saw in saws}) > 1
    assert refusals < len(cases) / 20, "the backends refuse too much of what onehop passes on"
