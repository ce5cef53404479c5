# SPDX-License-Identifier: Apache-2.0
"""fuzz/oss_fuzz_build with a build system that only notes its arguments. `make oss-fuzz` runs it with a compiler."""
import os
import subprocess
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "fuzz" / "oss_fuzz_build"
FAKE_CMAKE = """#!/bin/bash
printf '%s\\n' "$@" >>"$WORK/arguments"
if [ "$1" = --build ]; then
  mkdir -p "$2/fuzz"
  for target in "${@:4}"; do cp "$(type -P true)" "$2/fuzz/$target"; done
fi
"""


@pytest.fixture
def build(tmp_path):
    for name in ("bin", "work", "out"):
        (tmp_path / name).mkdir()
    cmake = tmp_path / "bin" / "cmake"
    cmake.write_text(FAKE_CMAKE, encoding="ascii")
    cmake.chmod(0o755)

    def run(**variables):
        environment = {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "WORK": str(tmp_path / "work"),
                       "OUT": str(tmp_path / "out"), "CXX": "some-clang++", "CXXFLAGS": "-O1 -stdlib=libc++ -g",
                       "LIB_FUZZING_ENGINE": "/engine/lib.a", **variables}
        for name in [name for name, value in environment.items() if value is None]:
            del environment[name]
        return subprocess.run([SCRIPT], env=environment, capture_output=True, text=True, timeout=60, check=False)
    run.out = tmp_path / "out"
    run.arguments = lambda: (tmp_path / "work" / "arguments").read_text(encoding="utf-8").splitlines()
    return run


def test_the_script_honours_the_variables(build):
    ended = build()
    assert (ended.returncode, ended.stderr) == (0, "")
    arguments = build.arguments()
    assert "-DCMAKE_CXX_COMPILER=some-clang++" in arguments
    assert "-DCMAKE_CXX_FLAGS=-O1  -g" in arguments
    assert "-DONEHOP_FUZZ_ENGINE=/engine/lib.a" in arguments


def test_each_target_has_its_corpus_dictionary_and_options(build):
    assert build().returncode == 0
    for source in (ROOT / "fuzz").glob("*_fuzz.cpp"):
        target = source.stem
        assert os.access(build.out / target, os.X_OK)
        own = ROOT / "fuzz" / f"{target.removesuffix('_fuzz')}.dict"
        words = own if own.exists() else ROOT / "fuzz" / "http.dict"
        assert (build.out / f"{target}.dict").read_bytes() == words.read_bytes()
        assert "[libfuzzer]" in (build.out / f"{target}.options").read_text(encoding="ascii")
        with zipfile.ZipFile(build.out / f"{target}_seed_corpus.zip") as corpus:
            seeds = {path.name for path in (ROOT / "fuzz" / "corpus" / target.removesuffix("_fuzz")).iterdir()}
            assert set(corpus.namelist()) == seeds and seeds
    assert b"max-body" in (build.out / "config_fuzz.dict").read_bytes(), "one of its own"


def test_only_the_requested_targets_are_built(build):
    assert build(TARGETS="url_fuzz").returncode == 0
    assert {path.name for path in build.out.iterdir()} == {"url_fuzz", "url_fuzz.dict", "url_fuzz.options",
                                                           "url_fuzz_seed_corpus.zip", "lib"}


@pytest.mark.parametrize("name", ["CXX", "OUT", "WORK", "LIB_FUZZING_ENGINE"])
def test_a_missing_variable_is_named(build, name):
    ended = build(**{name: None})
    assert ended.returncode != 0 and name in ended.stderr
