# SPDX-License-Identifier: Apache-2.0
"""The announcement that make prints before a long build."""
import pathlib
import subprocess

import pytest

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools" / "announce_build"


@pytest.fixture
def build(tmp_path):
    """A folder with 200 files to build, and 10 of them for the target few."""
    names = [f"file{number}" for number in range(200)]
    lines = ["rule make", "  command = touch $out", *(f"build {name}: make" for name in names)]
    lines += ["rule again", "  command = touch $out", "  generator = 1", "build build.ninja: again newer", ""]  # as CMake does
    lines += ["build few: phony " + " ".join(names[:10]), "build all: phony " + " ".join(names), "default all", ""]
    (tmp_path / "newer").touch()  # first: the file is up to date
    (tmp_path / "build.ninja").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


def announced(folder, *args):
    (folder / "newer").touch()
    args = folder, *args
    return subprocess.run([TOOL, *map(str, args)], capture_output=True, text=True, timeout=60, check=True).stdout


def test_a_long_build_is_announced_whatever_was_built_before(build):
    subprocess.run(["ninja", "-C", build, "few"], check=True, capture_output=True, timeout=60)
    assert announced(build, 2) == "Building 190 files with 2 jobs: about 5 minutes\n"
    assert announced(build, 8) == "Building 190 files with 8 jobs: about 1 minute\n"


def test_a_short_build_is_not(build):
    assert announced(build, 2, "few") == ""
    subprocess.run(["ninja", "-C", build, "all"], check=True, capture_output=True, timeout=60)
    assert announced(build, 1) == ""
