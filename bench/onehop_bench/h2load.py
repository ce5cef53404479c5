# SPDX-License-Identifier: Apache-2.0
"""Runs h2load for HTTP/2 load, and checks the statuses and the number of bytes in its report."""

import re
import subprocess

from . import process
from .failure import Failure
from .workloads import TLS

CIPHER = "TLS_AES_128_GCM_SHA256"
GROUP = "X25519"


def command(workload, port, *amount):
    return ["h2load", "-t1", f"-c{workload.conns}", f"-m{workload.streams}", *amount,
            f"--tls13-ciphers={CIPHER}", f"--groups={GROUP}", workload.url(port)]


def output_of(command_line, core, limit):
    load = process.start(command_line, core, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True)
    return process.finish(load, limit)


def warm_up(workload, port, core, seconds):
    """Loads the proxy for `seconds` and returns its requests per second."""
    text = output_of(command(workload, port, f"-D{round(seconds * 1000)}ms"), core, seconds + 30)
    return checked(workload, text)["rate"]


def run(workload, port, core, requests):
    """Sends about `requests` requests and returns the result in the format of our own load generators."""
    count = max(1, round(requests / workload.conns)) * workload.conns
    text = output_of(command(workload, port, f"-n{count}"), core, 90)
    found = checked(workload, text)
    if found["succeeded"] != count or found["data"] != count * workload.expect:
        raise Failure(f"h2load: {found['succeeded']} right answers of {count} with "
                      f"{found['data']} bytes, expected {count * workload.expect}")
    return {"done": count, "seconds": count / found["rate"]}


def checked(workload, text):
    """Returns the numbers of a report. Raises Failure unless every response succeeded over the intended protocol."""
    numbers = {name: number(pattern, text) for name, pattern in (
        ("rate", r"finished in [^,]+, ([\d.]+) req/s"), ("succeeded", r"(\d+) succeeded"),
        ("failed", r"(\d+) failed"), ("errored", r"(\d+) errored"), ("good", r"(\d+) 2xx"),
        ("data", r"\((\d+)\) data"))}
    if None in numbers.values():
        raise Failure(f"h2load: {text.strip()[-200:]}")
    if numbers["failed"] or numbers["errored"] or not numbers["succeeded"]:
        raise Failure(f"h2load: {re.search(r'requests: .*', text)[0]}")
    if numbers["good"] < numbers["succeeded"]:
        raise Failure(f"h2load: {re.search(r'status codes: .*', text)[0]}")
    for wanted in protocol(workload):
        if wanted not in text:
            raise Failure(f"h2load: the report does not say {wanted!r}")
    return numbers


def number(pattern, text):
    found = re.search(pattern, text)
    return float(found[1]) if found else None


def protocol(workload):
    if workload.setup == TLS:
        return ("TLS Protocol: TLSv1.3", f"Cipher: {CIPHER}", f"Server Temp Key: {GROUP}",
                "Application protocol: h2\n")
    return ("Application protocol: h2c\n",)
