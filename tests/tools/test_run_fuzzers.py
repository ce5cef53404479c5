# SPDX-License-Identifier: Apache-2.0
"""tools/run_fuzzers with targets that only note their arguments."""
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FAKE_TARGET = """#!/bin/sh
echo "$@"
"""


@pytest.fixture
def run(tmp_path):
    for folder in ("tools", "fuzz/corpus/config", "build/fuzz/fuzz"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(ROOT / "tools" / "run_fuzzers", tmp_path / "tools")
    for words in ("http.dict", "config.dict"):
        (tmp_path / "fuzz" / words).touch()
    for name in ("config_fuzz", "url_fuzz"):
        target = tmp_path / "build" / "fuzz" / "fuzz" / name
        target.write_text(FAKE_TARGET, encoding="ascii")
        target.chmod(0o755)

    def start(targets):
        return subprocess.run([tmp_path / "tools" / "run_fuzzers", "7"], env={**os.environ, "TARGETS": targets},
                              capture_output=True, text=True, timeout=60, check=False)

    start.log = lambda name: (tmp_path / "build" / "fuzz" / "found" / f"{name}.log").read_text(encoding="ascii")
    return start


def test_each_target_has_its_words_and_its_corpus(run):
    assert run("").returncode == 0
    assert "-max_total_time=7 " in run.log("config") and " -dict=fuzz/config.dict " in run.log("config")
    assert run.log("config").endswith(" build/fuzz/found/config fuzz/corpus/config\n")
    assert " -dict=fuzz/http.dict " in run.log("url") and run.log("url").endswith(" build/fuzz/found/url\n")


def test_targets_are_chosen_by_name(run):
    assert "config: fuzzing" not in run("url_fuzz").stdout
    assert "-max_total_time=7 " in run.log("url")
    with pytest.raises(FileNotFoundError):
        run.log("config")
    ended = run("url_fuzz other_fuzz")
    assert ended.returncode == 1 and "other_fuzz is not built" in ended.stderr


@pytest.mark.parametrize("words", sorted((ROOT / "fuzz").glob("*.dict")), ids=lambda path: path.stem)
def test_a_dictionary_is_one_of_a_target_in_the_form_of_libfuzzer(words):
    assert words.stem == "http" or (ROOT / "fuzz" / f"{words.stem}_fuzz.cpp").exists()
    lines = words.read_text(encoding="ascii").splitlines()
    entries = [line for line in lines if line and not line.startswith("#")]
    assert len(entries) > 10 and len(set(entries)) == len(entries)
    assert all(len(line) > 2 and line[0] == line[-1] == '"' for line in entries)
