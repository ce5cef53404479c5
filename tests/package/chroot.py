# SPDX-License-Identifier: Apache-2.0
"""A Debian in a folder, of which each test module has a copy of its own, without network."""
import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SUITE = os.environ.get("ONEHOP_SUITE", "bookworm")
BASES = ROOT / "build" / "chroots"
# Written by every use of dpkg and apt.
OF_PACKAGES = ("var/lib/dpkg/", "var/lib/apt/", "var/cache/", "var/log/dpkg.log", "var/log/apt/", "var/log/alternatives.log",
               "var/lib/systemd/deb-systemd", "tmp/", "proc/", "sys/", "dev/", "root/")


class Chroot:
    def __init__(self, suite, folder, *packages):
        base = BASES / suite
        subprocess.run([ROOT / "tools" / "make_chroot", suite, base, *packages], check=True)
        self.path = Path(folder)
        subprocess.run(["cp", "-a", "--reflink=auto", f"{base}/.", self.path], check=True)
        (self.path / "dev" / "shm").mkdir(exist_ok=True)

    def run(self, *command, check=True, network=False, environment=()):
        """Runs a command to its end, in namespaces of its own: its processes end with it."""
        inside = 'mount -t proc proc "$0/proc"; ' + ("" if network else "ip link set lo up; ") + 'exec chroot "$0" "$@"'
        namespaces = ["--mount", "--pid", "--fork", "--kill-child", *([] if network else ["--net"])]
        ended = subprocess.run(["unshare", *namespaces, "sh", "-ec", inside, self.path, *map(str, command)],
                               capture_output=True, text=True, timeout=900, check=False, stdin=subprocess.DEVNULL,
                               env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8", "HOME": "/root",
                                    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                    **dict(environment)})
        assert not check or ended.returncode == 0, f"{command}: {ended.stdout}{ended.stderr}"
        return ended

    def install(self, *packages):
        """Installs packages of the distribution, and files."""
        names = [self.put(package) if isinstance(package, Path) else package for package in packages]
        self.run("apt-get", "update", "-qq", network=True)
        return self.run("apt-get", "install", "-y", "-q", "--no-install-recommends", "-o", "Dpkg::Options::=--force-confold",
                        *names, network=True)

    def put(self, file):
        """Copies a file into /tmp, and returns its name there."""
        shutil.copy(file, self.path / "tmp" / file.name)
        return f"/tmp/{file.name}"

    def files(self):
        """Every file and folder that is not the package manager's own."""
        found = set()
        for folder, folders, names in os.walk(self.path):
            for name in folders + names:
                path = str(Path(folder, name).relative_to(self.path))
                if not (path + "/").startswith(OF_PACKAGES):
                    found.add(path)
        return found
