# SPDX-License-Identifier: Apache-2.0
"""Short, repeatable runs of tests/chaos; `make chaos` runs longer."""
import sys
from pathlib import Path

import pytest

from proxy_process import SANITIZED

sys.path.append(str(Path(__file__).resolve().parents[1] / "chaos"))
from chaos import Chaos  # noqa: E402
from upstream_chaos import UpstreamChaos  # noqa: E402


@pytest.mark.parametrize("backend", ["h1", "h2"])
def test_every_response_is_complete_or_a_clear_failure(backend):
    chaos = Chaos(1, backend, requests=400 if SANITIZED else 1000)
    chaos.backend.may_be_early = True
    assert chaos.run() == []
    assert chaos.outcomes["complete"] > chaos.next / 4
    assert len(chaos.backend.faults) > 20, "too few kinds of faults to mean anything"


@pytest.mark.skipif(SANITIZED, reason="a sanitizer makes the program slower than the times of the scene allow")
@pytest.mark.parametrize("seed", [4, 15])  # the second one has a name server
def test_no_request_fails_needlessly_while_one_endpoint_works(seed):
    scene = UpstreamChaos(seed, seconds=8)
    problems = scene.run()
    assert problems == [], f"repeat it with {scene.repetition}"
    assert scene.outcomes["complete"] > scene.requests / 2
    assert scene.outcomes["tunnel"] > 2
    assert len(scene.events) > 4, "too few kinds of faults to mean anything"
