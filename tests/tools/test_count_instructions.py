# SPDX-License-Identifier: Apache-2.0
"""tools/count_instructions: which figures it accepts."""
import importlib.machinery
import importlib.util
import pathlib

import pytest

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools" / "count_instructions"
LOADER = importlib.machinery.SourceFileLoader("count_instructions", str(TOOL))
COUNT = importlib.util.module_from_spec(importlib.util.spec_from_loader(LOADER.name, LOADER))
LOADER.exec_module(COUNT)


@pytest.mark.parametrize("value, failed", [(900, 0), (1000, 0), (1030, 0), (1031, 1)])
def test_more_than_three_percent_above_the_known_figure_fails(value, failed):
    assert COUNT.compare({"small": value}, {"instructions": {"small": 1000}}) == failed


def test_a_figure_that_is_not_yet_counted_is_not_judged(capsys):
    assert COUNT.compare({"small": 1031, "tls": 5}, {"instructions": {"small": 1000, "tls": None}}) == 1
    assert capsys.readouterr().out.splitlines()[-1].split() == ["tls", "5", "no", "figure", "yet"]


def test_a_workload_without_a_known_figure_fails(capsys):
    assert COUNT.compare({"small": 1000, "tls": 2000}, {"instructions": {"small": 1000}}) == 1
    assert "new  TOO MANY" in capsys.readouterr().out


def test_every_workload_has_a_known_figure():
    known = COUNT.json.loads(COUNT.FIGURES.read_text(encoding="utf-8"))
    assert known["instructions"].keys() == COUNT.RUNS.keys()
    assert known["made_with"]["compilers"]
