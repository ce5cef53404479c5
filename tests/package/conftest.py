# SPDX-License-Identifier: Apache-2.0
"""The packages of `make deb`, and a minimal Debian to install them in."""
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from chroot import ROOT, SUITE, Chroot

PACKAGES = Path(os.environ.get("ONEHOP_PACKAGES", ROOT / "build" / "deb"))


def package(name):
    found = list(PACKAGES.glob(f"{name}_*.deb"))
    assert len(found) == 1, f"{name}: run `make deb` first ({found})"
    return found[0]


@pytest.fixture(scope="session")
def program_package():
    return package("onehop")


@pytest.fixture(scope="session")
def library_package():
    return package("libonehop-dev")


@pytest.fixture(scope="module")
def debian(tmp_path_factory):
    """Debian with the packages that the tests need: systemd to check the units, curl and Python for a request."""
    folder = tmp_path_factory.mktemp("debian")
    yield Chroot(SUITE, folder, "systemd", "curl", "python3-minimal", "libpython3-stdlib", "man-db", "logrotate")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def older_package(program_package, tmp_path_factory):
    """The same package with an older version and another conffile."""
    folder = tmp_path_factory.mktemp("older")
    subprocess.run(["dpkg-deb", "--raw-extract", program_package, folder / "tree"], check=True)
    control = folder / "tree" / "DEBIAN" / "control"
    text = control.read_text(encoding="utf-8")
    version = next(line for line in text.splitlines() if line.startswith("Version: "))
    control.write_text(text.replace(version, "Version: 0.0.1"), encoding="utf-8")
    settings = folder / "tree" / "etc" / "onehop" / "onehop.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + "# of the older version\n", encoding="utf-8")
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", folder / "tree", folder / "onehop_0.0.1.deb"], check=True,
                   capture_output=True)
    return folder / "onehop_0.0.1.deb"
