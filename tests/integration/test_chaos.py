# SPDX-License-Identifier: Apache-2.0
"""A short, repeatable run of tests/chaos; `make chaos` runs longer."""
import sys
from pathlib import Path

import pytest

from proxy_process import SANITIZED

sys.path.append(str(Path(__file__).resolve().parents[1] / "chaos"))
from chaos import Chaos  # noqa: E402


@pytest.mark.parametrize("backend", ["h1", "h2"])
def test_whatever_fails_answers_are_whole_or_failures(backend):
    chaos = Chaos(1, backend, requests=400 if SANITIZED else 1000)
    chaos.backend.may_be_early = True
    assert chaos.run() == []
    assert chaos.outcomes["complete"] > chaos.next / 4
    assert len(chaos.backend.faults) > 20, "too few kinds of faults to mean anything"
