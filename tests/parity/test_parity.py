# SPDX-License-Identifier: Apache-2.0
"""The parity table tells the truth: every test it names exists, and every row is there."""
import ast
import re
from pathlib import Path

HERE = Path(__file__).parent
TABLE = (HERE / "parity.md").read_text(encoding="utf-8")
ROWS = [line for line in TABLE.splitlines() if re.match(r"\| [A-Z]+\d\d", line)]

# How many rows each section of the specification has.
LAST = {"U": 39, "R": 11, "HO": 26, "HI": 33, "HH": 19, "XF": 14, "B": 39, "T": 18, "I": 20, "UP": 28,
        "E": 20, "C": 14, "G": 18}


def functions_of(file):
    tree = ast.parse((HERE.parent / "integration" / f"test_{file}.py").read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_test_in_the_table_exists():
    named = re.findall(r"(\w+)::(test_\w+)", TABLE)
    assert len(named) > 150
    missing = [f"{file}::{name}" for file, name in named if name not in functions_of(file)]
    assert not missing


def test_every_row_names_a_test():
    empty = [row for row in ROWS if "::test_" not in row and "unit: " not in row]
    assert not empty


def expanded(text):
    """The IDs in a text, "S40 to S59" included."""
    found = set(re.findall(r"\b[A-Z]{1,2}\d\d\b", text))
    for kind, first, last in re.findall(r"\b([A-Z]{1,2})(\d\d) to [A-Z]{1,2}(\d\d)\b", text):
        found |= {f"{kind}{number:02}" for number in range(int(first), int(last) + 1)}
    return found


def test_every_behaviour_is_in_the_table():
    found = expanded(TABLE)
    wanted = {f"{kind}{n:02}" for kind, last in LAST.items() for n in range(1, last + 1)}
    wanted |= {f"S{n:02}" for n in [*range(1, 34), *range(40, 71)]}
    wanted |= {f"P{n:02}" for n in [*range(1, 18), *range(20, 42), *range(50, 71)]}
    assert not sorted(wanted - found)
