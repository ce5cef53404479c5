# SPDX-License-Identifier: Apache-2.0
"""Measures one target under one workload: one cell of the table.

A sample is a dict with "value" in the workload's unit, or with "error" if its numbers are invalid.
"""

import http.client
import json
import re
import select
import shutil
import statistics
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from . import h2load, preflight, process, targets, tools
from .failure import Failure
from .workloads import BACKENDS, BALANCE, H2C, PER_GIB, PLAIN, TLS, WORKLOADS

WARM_UP = 0.4  # seconds
STARTS = 5  # per sample of the startup workload
MEAN_SERVICE = "1000"  # mean time of the backends of BALANCE for a request, in microseconds
SETTLED = 3  # seconds after which a proxy has freed the memory that it needed to open connections


class Bench:
    """The backends, the certificate, the scratch folder and the settings shared by all cells."""

    def __init__(self, cores, seconds, idle_connections):
        self.cores = cores
        self.seconds = seconds
        self.idle_connections = idle_connections
        self.directory = Path(tempfile.mkdtemp(prefix="onehop-bench-"))
        for workload in WORKLOADS.values():
            self.request_file(workload).write_bytes(workload.request())
        self.certificate, self.key = make_certificate(self.directory)
        port = self._start_backend("backend")
        self.ports = {PLAIN: port, TLS: port, H2C: self._start_backend("backend_h2"),
                      BALANCE: self._start_backend("queue_backends", str(BACKENDS), MEAN_SERVICE, ports=BACKENDS)}

    def _start_backend(self, name, *arguments, ports=1):
        port = process.first_free_port(ports)
        backend = process.start([tools.path(name), str(port), *arguments], self.cores.load,
                                stdin=subprocess.DEVNULL)
        if not process.wait_for_port(backend, port):
            raise SystemExit(f"bench: {name} did not start")
        return port

    def close(self):
        process.stop_all()
        shutil.rmtree(self.directory, ignore_errors=True)

    def request_file(self, workload):
        return self.directory / f"{workload.name}.request"

    @contextmanager
    def running(self, target, setup):
        """Starts the target, yields its (process, port, time of start), and ends it."""
        directory = Path(tempfile.mkdtemp(prefix=f"{target.name}-", dir=self.directory))
        place = targets.Place(directory, process.free_port(), self.ports[setup],
                              process.descriptor_limit(), setup, self.certificate, self.key)
        command = target.command(place)
        log = directory / "log"
        with open(log, "wb") as output:
            begin = time.monotonic()
            server = process.start(command, self.cores.proxy, stdin=subprocess.DEVNULL,
                                   stdout=output, stderr=output, cwd=directory)
        try:
            if not process.wait_for_port(server, place.listen):
                raise Failure(f"did not start: {last_words(server, log)}")
            yield server, place.listen, begin
        finally:
            process.stop(server)
            shutil.rmtree(directory, ignore_errors=True)

    def preflight(self, target, setup):
        """Returns the problems with the target's responses. If there are none, the target may be measured."""
        if setup == BALANCE:  # PLAIN checks the same programs
            return []
        try:
            with self.running(target, setup) as (_, port, _):
                return preflight.problems(port, setup, self.certificate,
                                          WORKLOADS["websocket"].request())
        except Failure as failure:
            return [str(failure)]

    def sample(self, target, workload):
        measure = {"idle": self._idle, "startup": self._startup, "wrk": self._wrk,
                   "h2load": self._h2load}
        try:
            return measure.get(workload.mode, self._load)(target, workload)
        except (Failure, OSError, ValueError, subprocess.SubprocessError) as failure:
            return {"error": str(failure)[:300]}

    def _load_command(self, workload, port, seconds, connections):
        tool = "load_tls" if workload.setup == TLS else "load"
        return [tools.path(tool), workload.mode, "--port", str(port), "--secs", str(seconds),
                "--request", str(self.request_file(workload)), "--body", str(workload.body),
                "--status", str(workload.status), "--expect", str(workload.expect),
                "--conns", str(connections)]

    def _run_load(self, workload, port, seconds):
        command = self._load_command(workload, port, seconds, workload.conns)
        load = process.start(command, self.cores.load, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE)
        return checked(json.loads(process.finish(load, seconds + 30)))

    def _load(self, target, workload):
        with self.running(target, workload.setup) as (server, port, _):
            self._run_load(workload, port, min(WARM_UP, self.seconds))
            before = process.cpu_seconds(server)
            result = self._run_load(workload, port, self.seconds)
            used = process.cpu_seconds(server) - before
            return summary(workload, result, used, process.memory_kib(server))

    def _h2load(self, target, workload):
        with self.running(target, workload.setup) as (server, port, _):
            rate = h2load.warm_up(workload, port, self.cores.load, min(WARM_UP, self.seconds))
            before = process.cpu_seconds(server)
            result = h2load.run(workload, port, self.cores.load, rate * self.seconds)
            used = process.cpu_seconds(server) - before
            return summary(workload, result, used, process.memory_kib(server))

    def _wrk(self, target, workload):
        with self.running(target, workload.setup) as (server, port, _):
            before = process.cpu_seconds(server)
            command = ["wrk", "-t1", f"-c{workload.conns}", f"-d{max(1, round(self.seconds))}s",
                       "--latency", workload.url(port)]
            wrk = process.start(command, self.cores.load, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, text=True)
            result = parse_wrk(process.finish(wrk, self.seconds + 30))
            used = process.cpu_seconds(server) - before
            return summary(workload, result, used, process.memory_kib(server))

    def _idle(self, target, workload):
        small = WORKLOADS["small"]
        connections = self.idle_connections
        with self.running(target, workload.setup) as (server, port, _):
            self._run_load(small, port, 0.2)  # allocates the buffers that a busy proxy has anyway
            before = process.memory_kib(server)
            command = self._load_command(workload, port, 0, connections)
            load = process.start(command, self.cores.load, stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE)
            try:
                ready, _, _ = select.select([load.stdout], [], [], 60)
                if not ready or load.stdout.readline() != b"ready\n":
                    raise Failure("the connections were not opened in time")
                time.sleep(SETTLED)
                after = process.memory_kib(server)
            except Failure:
                process.stop(load)
                raise
            checked(json.loads(process.finish(load, 60, send=b"\n")))
            return {"value": (after - before) / connections, "memory_kib": after,
                    "connections": connections}

    def _startup(self, target, workload):
        times, memory = [], []
        for _ in range(STARTS):
            with self.running(target, workload.setup) as (server, port, begin):
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
                try:
                    connection.request("GET", "/bytes/128")
                    answer = connection.getresponse()
                    content = answer.read()
                except http.client.HTTPException as error:
                    raise Failure(f"first answer: {error!r}") from error
                finally:
                    connection.close()
                times.append((time.monotonic() - begin) * 1e3)
                memory.append(process.memory_kib(server))
                if answer.status != 200 or content != preflight.PATTERN[:128]:
                    raise Failure(f"first answer: status {answer.status}, {len(content)} bytes")
        return {"value": statistics.median(times), "memory_kib": statistics.median(memory)}


def make_certificate(directory):
    """Writes a certificate for 127.0.0.1 and its key (ECDSA, P-256) into the folder, and returns the two paths."""
    certificate, key = directory / "certificate.pem", directory / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
                   check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return certificate, key


def last_words(server, log):
    status = server.poll()
    ended = "nothing on its port" if status is None else f"ended with status {status}"
    said = log.read_text(errors="replace").strip().splitlines()
    return " | ".join([ended, *said[-3:]])


def checked(result):
    """Returns the load generator's result. Raises Failure unless every response was correct."""
    errors = result["wrong"] + result["failed"] + result["unfinished"]
    if errors:
        raise Failure(f"{errors} wrong or failed of {result['done'] + errors}: "
                      f"{result['first_error'] or 'unfinished'}")
    if not result["done"]:
        raise Failure("no answer at all")
    return result


def summary(workload, result, used, memory):
    done, seconds = result["done"], result["seconds"]
    value = used * 1e6 / done
    if workload.unit == PER_GIB:
        value = used * 1e3 / (done * workload.per_exchange() / 2**30)
    return {"value": value, "rate": done / seconds, "busy": used / seconds,
            "p50_us": result.get("p50_us"), "p99_us": result.get("p99_us"), "memory_kib": memory}


def parse_wrk(text):
    """Returns wrk's report in the format of our own load generators."""
    done = re.search(r"(\d+) requests in", text)
    rate = re.search(r"Requests/sec:\s*([\d.]+)", text)
    if not done or not rate or not int(done[1]):
        raise Failure("wrk: " + text.strip()[-200:])
    if "Non-2xx" in text or "Socket errors" in text:
        raise Failure("wrk: " + re.search(r".*(?:Non-2xx|Socket errors).*", text)[0].strip())
    return {"done": int(done[1]), "seconds": int(done[1]) / float(rate[1]),
            "p50_us": wrk_latency(text, "50"), "p99_us": wrk_latency(text, "99")}


def wrk_latency(text, percent):
    number, unit = re.search(rf"^\s+{percent}%\s+([\d.]+)(us|ms|s)\b", text, re.M).groups()
    return float(number) * {"us": 1, "ms": 1e3, "s": 1e6}[unit]
