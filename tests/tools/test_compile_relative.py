# SPDX-License-Identifier: Apache-2.0
"""The script that runs the compiler with relative names, with the real compiler and compiler cache."""
import os
import pathlib
import subprocess

import pytest

TOOL = pathlib.Path(__file__).resolve().parents[2] / "cmake" / "compile_relative"


@pytest.fixture
def make(tmp_path):
    """make("a") compiles, in a new folder "a", a source with a precompiled header, and returns the name of its object.
    All folders share a cache."""
    cache = {**os.environ, "CCACHE_DIR": str(tmp_path / "cache"), "CCACHE_SLOPPINESS": "pch_defines,time_macros"}

    def run(name):
        sources = tmp_path / name
        build = sources / "build" / "release"
        build.mkdir(parents=True)
        (build / "pch.hxx").write_text("#include <string>\n", encoding="utf-8")
        (build / "pch.hxx.cxx").write_text("/* made by CMake */\n", encoding="utf-8")
        (sources / "main.cpp").write_text("std::string text;\nconst char* where = __FILE__;\n", encoding="utf-8")
        compiler = [TOOL, sources, build, "ccache", "clang++-19", "-Xclang", "-fno-pch-timestamp"]
        included = ["-Xclang", "-include", "-Xclang", build / "pch.hxx"]
        precompile = ["-Xclang", "-emit-pch", "-x", "c++-header", "-o", "pch.pch", "-c", build / "pch.hxx.cxx"]
        compile_main = ["-Xclang", "-include-pch", "-Xclang", build / "pch.pch", "-o", "main.o",
                        "-c", sources / "main.cpp"]
        for arguments in (precompile, compile_main):
            subprocess.run([*compiler, *included, *arguments], cwd=build, env=cache, check=True, timeout=60)
        return build / "main.o"

    return run


def test_objects_do_not_contain_the_folder(make):
    assert b"../../main.cpp\0" in make("a").read_bytes()


def test_a_folder_does_not_get_the_precompiled_header_of_another(make, tmp_path):
    make("a")
    (tmp_path / "a").rename(tmp_path / "moved")
    make("b")
