"""The fault suite in a short form: `make faults` runs it at full size."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubbub.testing import Cluster, ServerProcess

from .suite.plan import draw
from .suite.run import run

SEED = 20

pytestmark = [pytest.mark.slow, pytest.mark.timeout(150)]


async def test_nothing_is_lost_or_doubled_on_one_server(own_server: ServerProcess, tmp_path: Path):
    outcome = await run(draw(SEED, tasks=60, blows=8), own_server, tmp_path)
    print(outcome.report)
    assert not outcome.ledger.wrong, outcome.report


async def test_nothing_is_lost_or_doubled_on_a_cluster(cluster: Cluster, tmp_path: Path):
    outcome = await run(draw(SEED, tasks=40, blows=4, clustered=True), cluster, tmp_path)
    print(outcome.report)
    assert not outcome.ledger.wrong, outcome.report


def test_a_seed_is_a_plan():
    assert draw(7, tasks=30, blows=5) == draw(7, tasks=30, blows=5)
    assert draw(7, tasks=30, blows=5) != draw(8, tasks=30, blows=5)
