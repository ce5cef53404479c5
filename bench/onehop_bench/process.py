# SPDX-License-Identifier: Apache-2.0
"""Starts, pins, measures and ends the processes of a bench run. Every process starts in a new session, so that its
whole group (a master and its workers) can be measured and ended together. stop_all() ends those still running."""

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
    """The core of the proxy and the core of everything else."""

    def __init__(self):
        cores = sorted(os.sched_getaffinity(0))
        self.proxy, self.load = cores[0], cores[-1]
        self.shared = len(cores) == 1


def prepare(cores):
    """Moves this process to the load core and sets the priority and the descriptors that its children inherit."""
    os.sched_setaffinity(0, {cores.load})
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    try:
        os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)
    except PermissionError:
        pass  # not root: the numbers are only noisier


def descriptor_limit():
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def free_port():
    return first_free_port(1)


def first_free_port(count):
    """Returns the first of `count` free ports in a row. Later calls return others, until all were returned once."""
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
    """Popen on one core. This process lends its affinity, so no code runs between fork and exec."""
    home = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        process = subprocess.Popen(command, start_new_session=True, **options)
    finally:
        os.sched_setaffinity(0, home)
    _running.append(process)
    try:  # a session is scheduled as one group, whose own priority counts
        with open(f"/proc/{process.pid}/autogroup", "w") as group:
            group.write(str(PRIORITY))
    except OSError:
        pass
    return process


def stop(process):
    """Ends a process group that start() made: with TERM, and then with KILL."""
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
    """Waits for a process to end and returns its output; kills it at the timeout."""
    try:
        return process.communicate(input=send, timeout=timeout)[0]
    finally:
        stop(process)


def wait_for_port(process, port, limit=10):
    """Returns true once the port accepts connections; false if the process ends or the time is up."""
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 0.5).close()
            return True
        except OSError:
            time.sleep(0.001)
    return False


def members(process):
    """The living processes of the group."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as stat:
                    # the name before these fields may itself hold blanks and parentheses
                    state, _, group = stat.read().rpartition(")")[2].split()[:3]
            except OSError:
                continue
            if int(group) == process.pid and state not in "ZX":
                found.append(int(entry))
    return found


def cpu_seconds(process):
    """User plus system time of the group so far, including threads that have ended."""
    total = 0.0
    for pid in members(process):
        try:
            total += time.clock_gettime(cpu_clock(pid))
        except OSError:
            pass  # ended meanwhile
    return total


def cpu_clock(pid):
    """The clock that clock_getcpuclockid(3) returns for another process, exact to the nanosecond."""
    return ~pid << 3 | 2


def memory_kib(process):
    """The memory that the group has allocated, shared pages counted once. File pages are left out: the kernel shares
    them with other processes, so they describe the machine rather than the process."""
    total = 0
    for pid in members(process):
        try:
            with open(f"/proc/{pid}/smaps_rollup") as smaps:
                total += sum(int(line.split()[1]) for line in smaps
                             if line.startswith(("Pss_Anon:", "Pss_Shmem:")))
        except OSError:
            pass  # ended meanwhile
    return total
