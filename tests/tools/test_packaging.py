# SPDX-License-Identifier: Apache-2.0
"""The systemd units, checked by systemd itself, and the scripts beside them."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

PACKAGING = pathlib.Path(__file__).resolve().parents[2] / "packaging"
UNIT = PACKAGING / "onehop.service"
SOCKET = PACKAGING / "onehop.socket"

IN_CI = bool(os.environ.get("CI"))  # where a test fails if it cannot run
needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze") and not IN_CI, reason="needs systemd-analyze")


def analyze(*args):
    return subprocess.run(["systemd-analyze", *map(str, args)], capture_output=True, text=True, timeout=60, check=False)


@needs_systemd
def test_systemd_understands_every_line(tmp_path):
    # Neither the program nor its manual page need be installed here.
    text = UNIT.read_text(encoding="utf-8")
    for line, other in (("ExecStart=onehop ", "ExecStart=/bin/true "), ("ExecReload=onehop ", "ExecReload=/bin/true ")):
        assert line in text
        text = text.replace(line, other)
    units = [tmp_path / UNIT.name, tmp_path / SOCKET.name]
    units[0].write_text(without_manual(text), encoding="utf-8")
    units[1].write_text(without_manual(SOCKET.read_text(encoding="utf-8")), encoding="utf-8")
    ended = analyze("verify", *units)
    assert (ended.returncode, ended.stderr) == (0, "")


def without_manual(text):
    return re.sub(r"^Documentation=.*\n", "", text, flags=re.MULTILINE)


@needs_systemd
def test_the_sandbox_is_tight():
    ended = analyze("security", "--offline=true", UNIT)
    exposure = re.search(r"Overall exposure level for onehop.service: (\d+\.\d+)", ended.stdout)
    if not exposure and not IN_CI:
        pytest.skip("this systemd cannot judge a unit that is not loaded")
    assert float(exposure[1]) < 2.0, ended.stdout


@pytest.mark.parametrize("line", [
    "NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet=CAP_NET_BIND_SERVICE",
    "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX", "SystemCallFilter=@system-service", "DynamicUser=yes",
    "SystemCallFilter=landlock_create_ruleset landlock_add_rule landlock_restrict_self",
    "RestartPreventExitStatus=2", "ExecStart=onehop --config /etc/onehop/onehop.toml",
    "ExecReload=onehop reload --config /etc/onehop/onehop.toml", "Type=notify", "NotifyAccess=main", "WatchdogSec=30", "KillMode=mixed", "StateDirectory=onehop",
    "RuntimeDirectory=onehop", "EnvironmentFile=-/etc/default/onehop",
])
def test_the_unit_has_the_documented_settings(line):
    assert line in UNIT.read_text(encoding="utf-8").splitlines()


def test_the_sockets_have_the_name_of_the_documents():
    assert {"ListenStream=80", "FileDescriptorName=web", "DeferAcceptSec=1", "NoDelay=yes"} <= set(
        SOCKET.read_text(encoding="utf-8").splitlines())


def test_every_process_opens_its_log_again():
    """The oldest process may be draining, so its log is not the only one that matters."""
    rotation = (PACKAGING / "logrotate" / "onehop").read_text(encoding="utf-8")
    assert re.findall(r"pkill .*onehop", rotation) == ["pkill -USR1 -x onehop"]


# The programs that the script calls: each writes what it was asked, and fails if a file says so.
STUB = """#!/bin/sh
echo "$(basename "$0") $*" >>"$CALLS/calls"
if [ "$1" = show ]; then cat "$CALLS/main"; fi
if [ "$(basename "$0")" = onehop ]; then echo "$ONEHOP_BACKEND|$ONEHOP_TRUST|$SECRET" >>"$CALLS/variables"; fi
test ! -e "$CALLS/fails-$(basename "$0")-$1"
"""


def run_postinst(folder, failing=(), main="0"):
    """Returns the end of the script, and the commands that it ran but for those of systemctl."""
    for name in ("onehop", "systemctl", "deb-systemd-invoke"):
        (folder / name).write_text(STUB, encoding="utf-8")
        (folder / name).chmod(0o755)
    (folder / "main").write_text(f"{main}\n", encoding="utf-8")
    for name in failing:
        (folder / f"fails-{name}").touch()
    script = PACKAGING.parent / "debian" / "onehop.postinst"
    ended = subprocess.run(
        ["unshare", "-m", "sh", "-ec",
         f"mount -t tmpfs none /run; mkdir -p /run/systemd/system; exec sh {script} configure 0.1.0"],
        env={"PATH": f"{folder}:{os.environ['PATH']}", "CALLS": str(folder)}, capture_output=True, text=True,
        timeout=30, check=False)
    assert ended.returncode == 0, ended.stderr
    asked = [line.replace(" --config /etc/onehop/onehop.toml", "")
             for line in (folder / "calls").read_text(encoding="utf-8").splitlines()]
    return ended, [line for line in asked if not line.startswith("systemctl ")]


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, for a name space of files")


@needs_root
@pytest.mark.parametrize("failing, calls", [
    ([], ["onehop upgrade"]),
    (["systemctl-is-active"], []),
    (["onehop-check"], ["onehop upgrade"]),  # the service itself lets the new program check the settings
    (["onehop-upgrade", "onehop-check"], ["onehop upgrade", "onehop check"]),
    (["onehop-upgrade"], ["onehop upgrade", "onehop check", "deb-systemd-invoke try-restart onehop.service"]),
    (["onehop-upgrade", "deb-systemd-invoke-try-restart"],
     ["onehop upgrade", "onehop check", "deb-systemd-invoke try-restart onehop.service"]),
])
def test_an_upgrade_of_the_package_upgrades_the_service(tmp_path, failing, calls):
    ended, asked = run_postinst(tmp_path, failing)
    assert asked == calls
    assert ("have mistakes" in ended.stderr) == ({"onehop-upgrade", "onehop-check"} <= set(failing))


@needs_root
def test_an_upgrade_of_the_package_has_the_variables_of_the_service(tmp_path):
    """A file may lack what /etc/default/onehop has, such as the backend, or the socket of the commands."""
    service = {"ONEHOP_BACKEND": "http://a b\n'c\"", "ONEHOP_TRUST": "", "SECRET": "hush"}
    with subprocess.Popen(["sleep", "60"], env=service) as main:
        run_postinst(tmp_path, ["onehop-upgrade"], main.pid)
        main.kill()
    assert (tmp_path / "variables").read_text(encoding="utf-8") == 2 * "http://a b\n'c\"||\n"
