# SPDX-License-Identifier: Apache-2.0
"""The systemd unit, checked by systemd itself."""
import pathlib
import re
import shutil
import subprocess

import pytest

UNIT = pathlib.Path(__file__).resolve().parents[2] / "packaging" / "onehop.service"

needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")


def analyze(*args):
    return subprocess.run(["systemd-analyze", *map(str, args)], capture_output=True, text=True, timeout=60, check=False)


@needs_systemd
def test_systemd_understands_every_line(tmp_path):
    # The program need not be installed here.
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text(encoding="utf-8").replace("ExecStart=onehop", "ExecStart=/bin/true"), encoding="utf-8")
    ended = analyze("verify", unit)
    assert (ended.returncode, ended.stderr) == (0, "")


@needs_systemd
def test_the_sandbox_is_tight():
    ended = analyze("security", "--offline=yes", UNIT)
    exposure = re.search(r"Overall exposure level for onehop.service: (\d+\.\d+)", ended.stdout)
    if not exposure:
        pytest.skip("this systemd cannot judge a unit that is not loaded")
    assert float(exposure[1]) <= 2.0, ended.stdout


@pytest.mark.parametrize("line", [
    "NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet=CAP_NET_BIND_SERVICE",
    "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX", "SystemCallFilter=@system-service", "DynamicUser=yes",
    "RestartPreventExitStatus=2", "ExecReload=kill -HUP $MAINPID",
])
def test_what_the_documents_promise_is_in_the_unit(line):
    assert line in UNIT.read_text(encoding="utf-8").splitlines()
