# SPDX-License-Identifier: Apache-2.0
"""Fifty upgrades under the load of every kind of client lose no request, tunnel or stream."""
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from persistent_load import PersistentLoad
from proxy_process import IN_CI, SANITIZED, free_port
from tls_peers import Certificates, trusting
from upgraded_proxy import UpgradedProxy

pytestmark = pytest.mark.skipif(not shutil.which("node") and not IN_CI, reason="needs node")

UPGRADES = 10 if SANITIZED else 50
DRAIN = 4  # seconds, at the end


def test_upgrades_lose_nothing(tmp_path):
    signal.alarm(180)  # a busy machine takes more than the minute of a test
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
            load.wait_for_more(3)
            for number in range(UPGRADES):
                proxy.wait_for_drains(1)  # a third one would end the oldest
                load.upgrade(proxy)
                if number % 10 == 9:
                    load.wait_for_more(1)
            proxy.wait_for_drains(0)
            assert load.outlived >= UPGRADES // 10
            text = proxy.stderr()
            proxy.configure(drain_timeout=f"{DRAIN}s")
            assert proxy.command("reload").returncode == 0
            load.cut_what_lasts(proxy, DRAIN)
            load.end()
        finally:
            load.over.set()
            proxy.stop()
            backend.kill()
    assert " error " not in text and " warning " not in text, text[-2000:]
    assert text.count("has taken over,") == UPGRADES
    end = proxy.stderr()[len(text):]
    assert " error " not in end and end.count(" warning ") == end.count("cut when the server stopped") == 3, end
    assert "stopped; 3 connections with requests in progress were cut" in end
