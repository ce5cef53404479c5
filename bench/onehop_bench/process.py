# SPDX-License-Identifier: Apache-2.0
"""Starts, pins, measures and ends the processes of a benchmark run.

Every process starts in a new session, so that its whole group (a master and its workers) can be measured and ended
together. stop_all() ends all that still run.
"""

import os
import resource
import signal
import socket
import subprocess
import time

PRIORITY = -15  # as root: shields the run from other work on the machine
FIRST_PORT, LAST_PORT = 20000, 29999  # below the kernel's range for outgoing connections

_running = []
_next_port = FIRST_PORT + os.getpid() % 5000


class Cores:
    """The core of the proxy, and the core of the backend and the load generator."""

    def __init__(self):
        cores = sorted(os.sched_getaffinity(0))
        self.proxy, self.load = cores[0], cores[-1]
        self.shared = len(cores) == 1


def prepare(cores):
    """Moves this process to the load core, and sets the priority and the descriptor limit that its children inherit."""
    os.sched_setaffinity(0, {cores.load})
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    try:
        os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)
    except PermissionError:
        pass  # without root the numbers are noisier, but valid


def descriptor_limit():
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def free_port():
    return first_free_port(1)


def first_free_port(count):
    """Returns the first of `count` consecutive free ports. Later calls return others, until the range is used up."""
    global _next_port
    for _ in range(LAST_PORT - FIRST_PORT):
        first = _next_port if _next_port + count <= LAST_PORT + 1 else FIRST_PORT
        _next_port = first + count
        if all(is_free(port) for port in range(first, first + count)):
            return first
    raise SystemExit("bench: no free port on 127.0.0.1")


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def start(command, core, **options):
    """Starts a process on one core. The child inherits the affinity, so no code runs between fork and exec."""
    home = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        process = subprocess.Popen(command, start_new_session=True, **options)
    finally:
        os.sched_setaffinity(0, home)
    _running.append(process)
    try:  # the kernel schedules a session as one group, by the group's own priority
        with open(f"/proc/{process.pid}/autogroup", "w") as group:
            group.write(str(PRIORITY))
    except OSError:
        pass
    return process


def stop(process):
    """Ends a process group that start() made: with SIGTERM, and with SIGKILL if it still runs after 1 s."""
    for number, patience in ((signal.SIGTERM, 1), (signal.SIGKILL, 5)):
        if process.poll() is not None and not members(process):
            break
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline and (process.poll() is None or members(process)):
            time.sleep(0.005)
    process.poll()
    for stream in (process.stdin, process.stdout):
        if stream:
            stream.close()
    if process in _running:
        _running.remove(process)


def stop_all():
    for process in list(_running):
        stop(process)


def finish(process, timeout, send=None):
    """Waits for a process to end and returns its output. Stops the process at the timeout."""
    try:
        return process.communicate(input=send, timeout=timeout)[0]
    finally:
        stop(process)


def wait_for_port(process, port, limit=10):
    """Returns True once the port accepts connections, or False if the process ends or `limit` seconds have passed."""
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 0.5).close()
            return True
        except OSError:
            time.sleep(0.001)
    return False


def members(process):
    """Returns the ids of the live processes of the group."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as stat:
                    # The name before these fields may contain blanks and parentheses.
                    state, _, group = stat.read().rpartition(")")[2].split()[:3]
            except OSError:
                continue
            if int(group) == process.pid and state not in "ZX":
                found.append(int(entry))
    return found


def cpu_seconds(process):
    """Returns the group's user plus system time so far, including threads that have ended."""
    total = 0.0
    for pid in members(process):
        try:
            total += time.clock_gettime(cpu_clock(pid))
        except OSError:
            pass  # the process has ended meanwhile
    return total


def cpu_clock(pid):
    """Returns the clock that clock_getcpuclockid(3) has for another process. Its resolution is a nanosecond."""
    return ~pid << 3 | 2


def memory_kib(process):
    """Returns the memory that the group has allocated, with shared pages counted once.

    File pages are left out: the kernel shares them with other processes, so they describe the machine rather than the
    process.
    """
    total = 0
    for pid in members(process):
        try:
            with open(f"/proc/{pid}/smaps_rollup") as smaps:
                total += sum(int(line.split()[1]) for line in smaps
                             if line.startswith(("Pss_Anon:", "Pss_Shmem:")))
        except OSError:
            pass  # the process has ended meanwhile
    return total
