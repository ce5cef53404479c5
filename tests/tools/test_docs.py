# SPDX-License-Identifier: Apache-2.0
"""What the documents promise about the tests is there."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_every_test_that_message_framing_names_exists():
    text = (ROOT / "docs" / "message_framing.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+)`", text))
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests" / "integration").glob("test_*.py"))
    assert len(named) > 40
    assert [name for name in sorted(named) if f"def {name}(" not in sources] == []


def test_every_row_of_message_framing_names_its_test():
    for line in (ROOT / "docs" / "message_framing.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("| ") and not line.startswith(("| ---", "| What arrives")):
            assert "`test_" in line.rpartition(" | ")[2], line
