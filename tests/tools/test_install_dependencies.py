# SPDX-License-Identifier: Apache-2.0
"""tools/install_dependencies on a machine made of stubs: its announcement before a download, and its output on
failure."""
import os
import pathlib
import shutil
import subprocess

import pytest

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools" / "install_dependencies"
BASICS = ("bash", "env", "dirname", "sed", "grep", "awk", "tail", "mkdir", "cat", "rm", "tee", "chmod", "id")


class Machine:
    """A copy of the tool in its own folder, and a PATH of stubs that record their calls."""

    def __init__(self, folder):
        self.folder = folder
        self.bin = folder / "bin"
        self.bin.mkdir()
        for name in BASICS:
            found = shutil.which(name)
            if found:
                (self.bin / name).symlink_to(found)
        (folder / "tools").mkdir()
        shutil.copy(TOOL, folder / "tools")
        self.stub("dpkg-query", "echo 'ii clang-19'")
        self.apt()

    def stub(self, name, script):
        path = self.bin / name
        path.write_text(f"#!{shutil.which('bash')}\n{script}\n", encoding="utf-8")
        path.chmod(0o755)

    def apt(self, update="true", install="true"):
        self.stub("apt-get", f"""
echo "$@" >> "{self.folder}/calls"
case "$*" in
  *--print-uris*) echo "'http://a/x.deb' x.deb 1500000 SHA256:1"; echo "'http://a/y.deb' y.deb 700000 SHA256:2" ;;
  *update*) echo "chatter of update"; {update} ;;
  *install*) echo "chatter of install"; {install} ;;
esac""")

    def run(self, *args, **environment):
        return subprocess.run([self.folder / "tools" / "install_dependencies", *args], capture_output=True, text=True,
                              env={"PATH": str(self.bin), **environment}, stdin=subprocess.DEVNULL, check=False)

    def calls(self):
        path = self.folder / "calls"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


needs_root = pytest.mark.skipif(os.getuid() != 0, reason="as another user it would ask sudo")


@needs_root
def test_reports_the_download_size_and_hides_the_output_of_apt(machine):
    ended = machine.run("build")
    assert ended.returncode == 0, ended.stderr
    assert "(2 packages, 3 MB, with what they need)" in ended.stdout
    assert "cmake" in ended.stdout and "clang-19" not in ended.stdout.split()
    assert "chatter" not in ended.stdout + ended.stderr
    assert "chatter of install" in (machine.folder / "build" / "apt.log").read_text(encoding="utf-8")


@needs_root
def test_a_dead_network_is_detected_at_the_update(machine):
    machine.apt(update='[[ "$*" != *Error-Mode=any* ]] || { echo "E: no route to host"; exit 100; }')
    ended = machine.run("build")
    assert ended.returncode == 1
    assert "E: no route to host" in ended.stderr
    assert "apt-get update failed" in ended.stderr
    assert not [call for call in machine.calls() if "install" in call]


@needs_root
def test_a_failed_installation_shows_what_apt_said(machine):
    machine.apt(install='echo "E: no space left"; exit 100')
    ended = machine.run("build")
    assert ended.returncode == 1
    assert "E: no space left" in ended.stderr
    assert "build/apt.log" in ended.stderr


@needs_root
def test_without_root_and_sudo_both_commands_are_named(machine):
    setpriv = shutil.which("setpriv")
    if not setpriv:
        pytest.skip("setpriv is missing")
    for path in [machine.folder, *machine.folder.parents][:3]:
        path.chmod(0o755)
    ended = subprocess.run([setpriv, "--reuid", "65534", "--clear-groups", machine.folder / "tools" / TOOL.name, "build"],
                           capture_output=True, text=True, env={"PATH": str(machine.bin)}, check=False)
    assert ended.returncode == 1
    assert "as root, run: apt-get update && apt-get install --no-install-recommends lld-19 cmake" in ended.stderr


def test_without_cmake_it_names_cmake(machine):
    ended = machine.run("build", SKIP_DEPENDENCIES="1")
    assert ended.returncode == 1
    assert "cmake is missing" in ended.stderr
    for name in ("cmake", "ninja", "pkg-config"):
        machine.stub(name, "true")
    assert machine.run("build", SKIP_DEPENDENCIES="1").returncode == 0
    assert not machine.calls()


def test_make_run_passes_flags_on_and_does_without_the_release(tmp_path):
    root = TOOL.parents[1]
    shutil.copy(root / "Makefile", tmp_path)
    commands = subprocess.run(["make", "-n", "run", "BACKEND=:8000", "LISTEN=:8080", "ARGS=--tls self", "JOBS=2"],
                              cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert "exec build/quick/onehop -l ':8080' --tls self" in commands
    assert "':8000'" in commands
    assert "release" not in commands
    for variable, started in (("CONFIG=a.toml", "--config 'a.toml'\n"), ("LISTEN=:8080", "demo -l ':8080'\n")):
        commands = subprocess.run(["make", "-n", "run", variable, "JOBS=2"], cwd=tmp_path, capture_output=True, text=True,
                                  check=True).stdout
        assert f"exec build/quick/onehop {started}" in commands
    released = tmp_path / "build" / "release" / "onehop"
    released.parent.mkdir(parents=True)
    released.touch()
    commands = subprocess.run(["make", "-n", "run"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert "exec build/release/onehop demo" in commands
