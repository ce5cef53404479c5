# SPDX-License-Identifier: Apache-2.0
"""The package in a minimal Debian: installed, used, upgraded and purged. The tests are one story, in this order."""
import os
import platform
import re
import shutil
import subprocess
import sys

import pytest

from chroot import ROOT, SUITE

SETTINGS = "etc/onehop/onehop.toml"


@pytest.fixture(scope="module")
def before(debian):
    """The files and accounts before the installation."""
    return debian.files(), (debian.path / "etc" / "passwd").read_text(encoding="utf-8")


def test_the_package_is_installed_with_its_dependencies(debian, before, older_package):
    assert not any("onehop" in path for path in before[0])
    debian.install(older_package)
    assert debian.run("onehop", "version").stdout.startswith("onehop ")
    for path in (SETTINGS, "etc/logrotate.d/onehop", "usr/share/man/man1/onehop.1.gz",
                 "usr/share/bash-completion/completions/onehop", "usr/share/zsh/vendor-completions/_onehop",
                 "usr/share/fish/vendor_completions.d/onehop.fish", "usr/share/onehop/onehop.schema.json",
                 "usr/share/doc/onehop/onehop.spdx.json", "usr/share/doc/onehop/copyright"):
        assert (debian.path / path).is_file(), path


def test_the_bill_of_materials_is_that_of_the_installed_program(debian):
    checked = subprocess.run([ROOT / "tests" / "install" / "check_sbom",
                              debian.path / "usr" / "share" / "doc" / "onehop" / "onehop.spdx.json",
                              debian.path / "usr" / "bin" / "onehop"], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_no_account_is_created_and_no_service_is_enabled(debian, before):
    assert (debian.path / "etc" / "passwd").read_text(encoding="utf-8") == before[1]
    links = [path for path in debian.files() if path.startswith("etc/systemd/system/") and "onehop" in path]
    assert links == []


def test_the_example_is_a_configuration_that_can_be_used(debian):
    checked = debian.run("onehop", "check", "--config", f"/{SETTINGS}")
    assert checked.stdout == "the configuration is good\n"


def test_systemd_understands_the_units(debian):
    verified = debian.run("systemd-analyze", "verify", "onehop.service", "onehop.socket", check=False)
    said = [line for line in (verified.stdout + verified.stderr).splitlines() if "onehop" in line]
    assert (verified.returncode, said) == (0, [])


def test_logrotate_understands_its_file(debian):
    (debian.path / "var" / "log" / "onehop").mkdir()
    rotated = debian.run("logrotate", "--debug", "/etc/logrotate.d/onehop")
    assert "error" not in rotated.stderr
    (debian.path / "var" / "log" / "onehop").rmdir()


def test_the_manual_page_can_be_read(debian):
    assert "SYNOPSIS" in debian.run("man", "--warnings", "--local-file", "/usr/share/man/man1/onehop.1.gz").stdout


def test_a_changed_setting_survives_an_upgrade(debian, program_package):
    settings = debian.path / SETTINGS
    changed = settings.read_text(encoding="utf-8").replace('"30s"', '"31s"')
    settings.write_text(changed, encoding="utf-8")
    debian.install(program_package)
    assert settings.read_text(encoding="utf-8") == changed
    version = debian.run("dpkg-query", "--show", "--showformat=${Version} ${Status}", "onehop").stdout
    assert re.fullmatch(r"0\.1\.\S+ install ok installed", version)


def test_the_installed_program_forwards_a_request(debian):
    """debian/tests/proxies, which autopkgtest runs where systemd is process 1."""
    name = debian.put(ROOT / "debian" / "tests" / "proxies")
    assert "a request went through" in debian.run("sh", name).stdout


@pytest.mark.skipif(platform.freedesktop_os_release().get("VERSION_CODENAME") != SUITE,
                    reason="the program needs the libraries of another Debian")
def test_a_day_of_the_installed_program(debian):
    """tests/integration/test_day.py, with a browser and clients of HTTP/1.1 and HTTP/2: on this machine."""
    program = debian.path / "usr" / "bin" / "onehop"
    day = subprocess.run([sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_day.py"],
                         cwd=ROOT / "tests" / "integration", env={**os.environ, "ONEHOP": str(program), "CI": "true"},
                         capture_output=True, text=True, timeout=1200, check=False)
    assert day.returncode == 0 and "1 passed" in day.stdout, day.stdout + day.stderr


def test_purging_leaves_nothing(debian, before):
    for folder in ("var/log/onehop", "var/lib/onehop"):
        (debian.path / folder).mkdir(exist_ok=True)
        (debian.path / folder / "file").write_text("", encoding="utf-8")
    debian.run("apt-get", "remove", "-y", "onehop")
    assert (debian.path / SETTINGS).is_file()
    assert not (debian.path / "usr" / "bin" / "onehop").exists()
    debian.run("apt-get", "purge", "-y", "onehop")
    # Libraries that it needed stay until `apt autoremove`.
    left = {path for path in debian.files() - before[0] if "onehop" in path}
    assert left == set()
    debian.run("apt-get", "autoremove", "--purge", "-y")
    grown = {path for path in debian.files() - before[0] if not path.startswith(("etc/ld.so.cache", "var/log/", "run/"))}
    assert grown == set()


def test_a_program_can_use_the_installed_library(debian, library_package):
    """debian/tests/library."""
    debian.install(library_package, "cmake", "g++", "ninja-build", "pkg-config")
    for folder in ("debian/tests", "tests/install", "examples"):
        shutil.copytree(ROOT / folder, debian.path / "tmp" / "sources" / folder)
    used = debian.run("sh", "/tmp/sources/debian/tests/library")
    assert used.stdout.count(" works\n") == 2


def test_the_symbols_of_the_program_are_in_a_package_of_their_own(program_package):
    contents = subprocess.run(["dpkg-deb", "--contents", program_package.with_name(
        program_package.name.replace("onehop_", "onehop-dbgsym_"))], capture_output=True, text=True, check=True).stdout
    assert ".build-id/" in contents


def test_an_upgrade_of_the_package_does_not_stop_the_service(program_package, tmp_path):
    """debhelper adds its own lines to the scripts."""
    subprocess.run(["dpkg-deb", "--control", program_package, tmp_path], check=True)
    scripts = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir() if path.name.endswith(("inst", "rm"))}
    assert "onehop_as_service upgrade" in scripts["postinst"]
    asked = {(name, asked) for name, text in scripts.items() for asked in re.findall(r"deb-systemd-invoke (\S+)", text)}
    assert asked == {("postinst", "try-restart"), ("prerm", "stop")}
    assert '[ "$1" = remove ]' in scripts["prerm"]
