# SPDX-License-Identifier: Apache-2.0
"""docs/parity.md is correct: every test it names exists, and every row that a comment names is there."""
import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TABLE = (ROOT / "docs" / "parity.md").read_text(encoding="utf-8")
ROWS = {line[2:].partition(" ")[0]: line.rstrip(" |").rpartition(" | ")[2].strip()
        for line in TABLE.splitlines() if re.match(r"\| [A-Z]{1,2}\d\d \|", line)}
# Rows about Go's own API, with which nothing here can be compared.
WITHOUT_TESTS = 35


def functions_of(file):
    tree = ast.parse((ROOT / "tests" / "integration" / f"test_{file}.py").read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_test_in_the_table_exists():
    named = re.findall(r"`(\w+)::(test_\w+)`", TABLE)
    assert len(named) > 400
    missing = [f"{file}::{name}" for file, name in named if name not in functions_of(file)]
    assert not missing


def test_every_floor_in_the_table_has_unit_tests():
    floors = {floor for row in ROWS.values() for cell in re.findall(r"unit: ([a-z, ]+)", row)
              for floor in re.split(r", ?", cell) if floor}
    assert floors and all(any((ROOT / "src" / floor).glob("*_test.cpp")) for floor in floors), floors


def test_every_row_names_a_test():
    without = [name for name, tests in ROWS.items() if "::test_" not in tests and "unit: " not in tests]
    assert len(without) == WITHOUT_TESTS, without


def test_no_row_is_missing_or_duplicated():
    names = re.findall(r"^\| ([A-Z]{1,2}\d\d) \|", TABLE, re.MULTILINE)
    assert len(names) == len(set(names)) > 400
    for kind in {name[:-2] for name in names} - {"S", "P"}:  # of these, sections begin at round numbers
        numbers = [int(name[-2:]) for name in names if name[:-2] == kind]
        assert numbers == list(range(1, len(numbers) + 1)), kind


def test_every_row_that_a_comment_names_exists():
    named = {}
    for path in [*(ROOT / "src").rglob("*_test.cpp"), *(ROOT / "tests").rglob("*.cpp")]:
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("// ") and (ids := re.match(r"// ((?:[A-Z]{1,2}\d\d(?:, |[.:]? ?))+)", line)):
                for name in re.findall(r"[A-Z]{1,2}\d\d", ids[1]):
                    named[name] = path.name
    assert len(named) > 50
    assert {name: file for name, file in named.items() if name not in ROWS} == {}
