# SPDX-License-Identifier: Apache-2.0
"""Standard output or standard error is a pipe that is not read: the process ends without waiting for it."""
import fcntl
import os
import signal
import subprocess
import time

import pytest

from proxy_process import PROGRAM, free_port
from raw_client import Client, connect
from wire import OK, PATIENCE, get


class FullPipe:
    """A pipe that is full and is not read."""

    def __init__(self):
        self.reader, self.writer = os.pipe()
        flags = fcntl.fcntl(self.writer, fcntl.F_GETFL)
        fcntl.fcntl(self.writer, fcntl.F_SETFL, flags | os.O_NONBLOCK)
        for size in (4096, 1):
            try:
                while True:
                    os.write(self.writer, b"x" * size)
            except BlockingIOError:
                pass
        fcntl.fcntl(self.writer, fcntl.F_SETFL, flags)

    def close(self):
        os.close(self.reader)
        os.close(self.writer)


@pytest.fixture
def full_pipe():
    pipe = FullPipe()
    yield pipe
    pipe.close()


@pytest.fixture
def start_stuck(full_pipe):
    """start_stuck(["stdout"], *arguments): a process whose named streams are full, and its address."""
    started = []

    def start(streams, *arguments):
        address = ("127.0.0.1", free_port())
        wanted = {name: full_pipe.writer if name in streams else subprocess.DEVNULL for name in ("stdout", "stderr")}
        started.append(subprocess.Popen([PROGRAM, "-l", "%s:%d" % address, *map(str, arguments)],
                                        stdin=subprocess.DEVNULL, **wanted))
        return started[-1], address

    yield start
    for process in started:
        process.kill()
        process.wait()


def wait_until_it_serves(address):
    deadline = time.monotonic() + 2 * PATIENCE
    while True:
        try:
            return connect(address).close()
        except OSError:
            assert time.monotonic() < deadline, "it does not serve"
            time.sleep(0.005)


STREAMS = [["stdout"], ["stderr"], ["stdout", "stderr"]]


@pytest.mark.parametrize("streams", STREAMS, ids="+".join)
@pytest.mark.parametrize("form", ["text", "off"])
def test_term_ends_the_process(start_stuck, start_backend, streams, form):
    backend = start_backend()
    backend.answers(OK)
    process, address = start_stuck(streams, "--access-log", form, backend.url)
    wait_until_it_serves(address)
    with Client(address) as client:
        assert client.get().status == 200
    process.terminate()
    assert process.wait(2 * PATIENCE) == 0


@pytest.mark.parametrize("streams", STREAMS, ids="+".join)
def test_a_second_term_ends_the_process_at_once(start_stuck, start_backend, streams):
    backend = start_backend()
    backend.play(lambda peer: (peer.read_request(), peer.wait_for_close()))
    process, address = start_stuck(streams, "--drain-timeout", "10m", backend.url)
    wait_until_it_serves(address)
    with Client(address) as client:
        client.send(get())
        backend.wait_for_requests(1)
        process.terminate()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        process.terminate()
        # After the abort a further signal is for impatient users.
        assert process.wait(2 * PATIENCE) == 0


@pytest.mark.parametrize("streams", STREAMS, ids="+".join)
def test_the_demo_ends(start_stuck, streams):
    process, address = start_stuck(streams, "demo")
    wait_until_it_serves(address)
    process.terminate()
    assert process.wait(2 * PATIENCE) == 0


def test_a_startup_error_ends_the_process(start_stuck):
    process, address = start_stuck(["stderr"], "http://127.0.0.1:1")
    wait_until_it_serves(address)
    second, _ = start_stuck(["stderr"], "-l", "%s:%d" % address, "http://127.0.0.1:1")
    assert second.wait(2 * PATIENCE) == 1
    process.terminate()
    assert process.wait(2 * PATIENCE) == 0


def test_a_usage_error_ends_the_process(start_stuck):
    process, _ = start_stuck(["stderr"], "--no-such-flag")
    assert process.wait(2 * PATIENCE) == 2


def test_requests_are_served_while_standard_error_is_full(start_stuck):
    """Lines are dropped if there is no room for them; requests are served all the same."""
    process, address = start_stuck(["stderr"], "--access-log", "off", "http://127.0.0.1:1")
    wait_until_it_serves(address)
    with Client(address) as client:
        assert [client.get().status for _ in range(50)] == [502] * 50
    process.terminate()
    assert process.wait(2 * PATIENCE) == 0


def test_remaining_lines_are_written_to_an_active_reader(start_backend):
    backend = start_backend()
    backend.answers(OK)
    process = subprocess.Popen([PROGRAM, "-l", "127.0.0.1:0", backend.url], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    line = process.stderr.readline()
    address = ("127.0.0.1", int(line.rsplit(":", 1)[1]))
    with Client(address) as client:
        for _ in range(20):
            assert client.get().status == 200
    process.send_signal(signal.SIGTERM)
    output, messages = process.communicate(timeout=2 * PATIENCE)
    assert process.returncode == 0
    assert output.count("GET / HTTP/1.1") == 20
    assert messages.rstrip().endswith("info stopped")


def test_lines_lost_to_a_full_disk_are_counted(start_backend, tmp_path):
    backend = start_backend()
    backend.answers(OK)
    address = ("127.0.0.1", free_port())
    messages = tmp_path / "stderr"
    with open("/dev/full", "w", encoding="ascii") as disk, messages.open("w") as stderr:
        process = subprocess.Popen([PROGRAM, "-l", "%s:%d" % address, backend.url], stdin=subprocess.DEVNULL, stdout=disk,
                                   stderr=stderr)
    try:
        wait_until_it_serves(address)
        for _ in range(3):
            with Client(address) as client:
                assert client.get("/").status == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(2 * PATIENCE) == 0
    finally:
        process.kill()
        process.wait()
    assert "the access log lost 3 lines: standard output could not be written (No space left on device)" in \
        messages.read_text()


def test_closed_standard_descriptors_are_not_reused_for_sockets(start_backend):
    """The kernel assigns the lowest numbers first, and the logs are written to 1 and 2."""
    backend = start_backend()
    backend.answers(OK)
    address = ("127.0.0.1", free_port())
    arguments = [PROGRAM, "-l", "%s:%d" % address, backend.url]
    process = subprocess.Popen(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *map(str, arguments)])
    try:
        wait_until_it_serves(address)
        with Client(address) as client:
            assert client.get("/").status == 200
        assert [os.readlink(f"/proc/{process.pid}/fd/{number}") for number in range(3)] == ["/dev/null"] * 3
        process.send_signal(signal.SIGTERM)
        assert process.wait(2 * PATIENCE) == 0
    finally:
        process.kill()
        process.wait()
