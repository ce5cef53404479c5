# SPDX-License-Identifier: Apache-2.0
"""tools/count_tests counts the cases of CTest's reports, and counts no failure as a success."""
import subprocess
from pathlib import Path

import pytest

COUNT_TESTS = Path(__file__).resolve().parents[2] / "tools" / "count_tests"
CASES = '<testsuites><testcase/><testcase/><testcase><skipped/></testcase>{}</testsuites>'


@pytest.mark.parametrize("status, report, counted", [
    ("run", CASES.format(""), "2 passed, 0 failed"),
    ("fail", CASES.format("<testcase><failure/></testcase>"), "2 passed, 1 failed"),
    ("run", None, "1 passed, 0 failed"),
    ("fail", None, "0 passed, 1 failed"),
    ("fail", CASES.format(""), "2 passed, 1 failed"),
    ("run", "<testsuites><testcase/>", "0 passed, 1 failed"),
    ("fail", "", "0 passed, 1 failed"),
])
def test_an_executable_and_its_report(tmp_path, status, report, counted):
    (tmp_path / "ctest.xml").write_text(f'<testsuite><testcase name="one_tests" status="{status}"/></testsuite>')
    if report is not None:
        (tmp_path / "one_tests.xml").write_text(report)
    run = subprocess.run([COUNT_TESTS, tmp_path], capture_output=True, text=True, check=True)
    assert run.stdout == counted + "\n"
