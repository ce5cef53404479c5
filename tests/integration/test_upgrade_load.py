# SPDX-License-Identifier: Apache-2.0
"""Fifty upgrades under the load of every protocol lose no request."""
import shutil
import subprocess
from pathlib import Path

import pytest

from mixed_load import PersistentLoad
from proxy_process import IN_CI, SANITIZED, free_port
from tls_peers import Certificates, trusting
from upgraded_proxy import UpgradedProxy
from wire import PATIENCE

pytestmark = pytest.mark.skipif(not shutil.which("node") and not IN_CI, reason="needs node")

UPGRADES = 10 if SANITIZED else 50


def test_upgrades_lose_nothing(tmp_path):
    authority = Certificates(tmp_path / "certificates")
    script = Path(__file__).with_name("reload_backend.js")
    chain, key = authority.sign("localhost")
    plain, tls = (("127.0.0.1", free_port()) for _ in range(2))
    with subprocess.Popen(["node", script, *authority.sign("localhost", "localhost", "127.0.0.1")],
                          stdout=subprocess.PIPE, text=True) as backend:
        port = backend.stdout.readline().split()[0]
        proxy = UpgradedProxy(tmp_path, {
            "backend": f"http://127.0.0.1:{port}", "listen": ["http://%s:%d" % plain, "https://%s:%d" % tls],
            "workers": 2, "tls": [chain], "tls-key": [key], "access-log": "off"})
        context = trusting(authority)
        context.ca = authority.ca
        load = PersistentLoad(plain, tls, context)
        try:
            load.wait_for_all(3)
            for number in range(UPGRADES):
                before = proxy.pid
                proxy.upgrade()
                proxy.wait_for_end(before, 6 * PATIENCE)
                if number % 10 == 9:
                    load.wait_for_all(load.least_served() + 1)
            load.end()
        finally:
            load.over.set()
            proxy.stop()
            backend.kill()
    text = proxy.stderr()
    assert " error " not in text and " warning " not in text, text[-2000:]
    assert text.count("has taken over,") == UPGRADES
