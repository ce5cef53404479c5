# SPDX-License-Identifier: Apache-2.0
"""A hundred reloads under the load of every kind of client lose no request and close no tunnel."""
import shutil
import subprocess
from pathlib import Path

import pytest

from configured_proxy import ConfiguredProxy
from mixed_load import Load
from proxy_process import IN_CI, SANITIZED, free_port
from tls_peers import Certificates, trusting

pytestmark = pytest.mark.skipif(not shutil.which("node") and not IN_CI, reason="needs node")

RELOADS = 30 if SANITIZED else 100
BACKENDS = ("http", "h2c", "https")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("authority") / "certificates")


@pytest.fixture(scope="module")
def backend_ports(authority):
    script = Path(__file__).with_name("reload_backend.js")
    with subprocess.Popen(["node", script, *authority.sign("localhost", "localhost", "127.0.0.1")],
                          stdout=subprocess.PIPE, text=True) as process:
        yield dict(zip(BACKENDS, process.stdout.readline().split()))
        process.kill()


@pytest.mark.parametrize("kind, defer_accept", [*((kind, "off") for kind in BACKENDS), ("http", "on")])
def test_reloads_lose_nothing(tmp_path, authority, backend_ports, kind, defer_accept):
    chain, key = authority.sign("localhost")
    plain, tls, more = (("127.0.0.1", free_port()) for _ in range(3))
    unix = str(tmp_path / "onehop.sock")
    places = ["http://%s:%d" % plain, "https://%s:%d" % tls, f"unix:{unix}"]
    host = "localhost" if kind == "https" else "127.0.0.1"
    # ThreadSanitizer needs the names of functions for its suppressions, and another program to find them.
    settings = {"backend": f"{kind}://{host}:{backend_ports[kind]}", "listen": places, "workers": 2,
                "landlock": "off" if SANITIZED else "auto",
                "tls": [chain], "tls-key": [key], "access-log": "off", "defer-accept": defer_accept,
                **({"backend-ca": authority.ca} if kind == "https" else {})}
    proxy = ConfiguredProxy(tmp_path, settings)
    proxy.address = plain
    context = trusting(authority)
    context.ca = authority.ca
    proxy.reload(listen=[*places, "http://%s:%d" % more])
    load = Load(plain, tls, context, passing=more, unix=unix)
    load.wait_for_more(3)
    for number in range(RELOADS):
        if number % 10 == 0:
            authority.sign("localhost")  # another certificate
        listen = [*places, "http://%s:%d" % more] if number % 2 == 0 else places
        proxy.reload(header_down=[f"X-Number: {number}"], max_streams=100 + number % 7, listen=listen,
                     idle_timeout=f"{60 + number}s", max_client_connections=1000 + number,
                     response_timeout=f"{60 + number // 3}s")  # a new pool
        if number % 10 == 8:  # with the listener that comes and goes
            load.wait_for_more(1)
    load.end()
    assert load.cut <= RELOADS // 4, "the listener was removed twice as often"
    assert proxy.stop() == 0, proxy.stderr()[-2000:]
    assert " error " not in proxy.stderr() and " warning " not in proxy.stderr(), proxy.stderr()[-2000:]
