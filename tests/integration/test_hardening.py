# SPDX-License-Identifier: Apache-2.0
"""The hardening flags that the program was compiled and linked with, as far as its file shows them."""
import json
import platform
import re
import subprocess
from pathlib import Path

import pytest

from proxy_process import PROGRAM, ROOT, SANITIZED

pytestmark = pytest.mark.skipif(SANITIZED, reason="not what users run")


def said(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


@pytest.fixture(scope="module")
def symbols():
    return said("readelf", "--dyn-syms", "--wide", PROGRAM)


# The presets without optimisation.
is_optimised = Path(PROGRAM).parent.name not in ("debug", "coverage")
of_optimised = pytest.mark.skipif(not is_optimised, reason="not an optimised build")


def test_the_program_is_loaded_at_a_random_address():
    assert re.search(r"Type: +DYN", said("readelf", "-h", PROGRAM))
    assert re.search(r"FLAGS_1.*PIE", said("readelf", "-d", PROGRAM))


def test_function_tables_are_read_only():
    assert "GNU_RELRO" in said("readelf", "-l", PROGRAM)
    assert re.search(r"BIND_NOW|FLAGS_1.*NOW", said("readelf", "-d", PROGRAM))


def test_the_stack_is_not_executable():
    assert re.search(r"GNU_STACK.*\n? +.* RW +0", said("readelf", "-l", "--wide", PROGRAM))


def test_no_memory_is_both_writable_and_executable():
    loads = re.findall(r"^ +LOAD .* ([R ][W ][E ]) ", said("readelf", "-l", "--wide", PROGRAM), re.MULTILINE)
    assert loads and "RWE" not in loads


def test_functions_have_stack_canaries(symbols):
    assert "__stack_chk_fail" in symbols


@of_optimised
def test_calls_to_the_c_library_are_fortified(symbols):
    assert re.search(r"__(memcpy|memmove|read|recv|snprintf)_chk", symbols)


@of_optimised
def test_every_source_is_compiled_with_the_hardening_flags():
    """Checks of sizes that are only known at run time, and no jump over the guard page of a stack."""
    commands = [one["command"] for one in json.loads(Path(PROGRAM).with_name("compile_commands.json").read_bytes())
                if one["file"].startswith(str(ROOT / "src") + "/") and not one["file"].endswith("_test.cpp")
                and " fuzz/" not in one["command"]]
    assert len(commands) > 100
    for flag in ("-D_FORTIFY_SOURCE=3", "-fstack-clash-protection", "-fstack-protector-strong"):
        assert [command for command in commands if flag not in command.split()] == [], flag


@of_optimised
@pytest.mark.skipif(platform.machine() != "x86_64", reason="of x86-64")
def test_targets_of_indirect_calls_are_marked():
    """Each function whose address is taken begins with endbr64, for processors with indirect branch tracking."""
    main = said("objdump", "-d", "--no-show-raw-insn", "--disassemble=main", PROGRAM)
    assert re.search(r"<main>:\n.*endbr64", main)


@of_optimised
def test_the_program_does_not_contain_the_build_path():
    folder = str(Path(PROGRAM).resolve().parents[2]) + "/"
    assert len(folder) > 4
    content = Path(PROGRAM).read_bytes()
    assert re.findall(re.escape(folder).encode() + rb"(?:build|src|include)/[^\0]*", content) == []
