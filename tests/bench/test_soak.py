"""A short day's traffic: what is kept stays within its limits, and nothing leaks."""

from __future__ import annotations

import os

import pytest
from bench.soak import soak

from hubbub import NATSConfig

MESSAGES = 200_000 if float(os.environ.get("HUBBUB_TEST_SCALE") or 0) >= 1 else 3_000
KEPT = MESSAGES // 6


@pytest.mark.slow
@pytest.mark.timeout(1_200)
async def test_memory_and_disk_stay_within_bounds(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("CRITICAL", "hubbub")  # some tasks shall fail
    config = NATSConfig(
        keep_logs=KEPT,
        history_messages=max(1_000, KEPT),
        janitor_seconds=0.5,
        retry_seconds=0.05,
    )
    taken = await soak(config, MESSAGES, samples=6)
    first, last = taken[0], taken[-1]
    assert last.streams["INBOX"] == (0, 0)
    assert last.streams["WAKE"] == (0, 0)
    assert last.streams["HISTORY"][0] <= max(1_000, KEPT)
    # A round may be on its way.
    assert last.logs <= 2 * KEPT
    assert last.process_mib < first.process_mib + 16
    assert last.server_mib < 512
