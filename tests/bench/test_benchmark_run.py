"""Every group of the benchmarks runs, in sizes that say nothing about speed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

REPOSITORY = Path(__file__).parents[2]

# The demo is left out: it has tests of its own, and would take most of the time. So is the Synadia
# agent SDK, which comes over the network.
GROUPS = {
    "talking": ["requests", "stored", "broadcast", "codec"],
    "working": ["tasks", "workflows", "queue", "priority", "crowd"],
    "starting": ["imports", "server", "crash"],
}


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=220,
        check=False,
    )


@pytest.mark.timeout(240)  # much of the machine may be at other work
@pytest.mark.parametrize("groups", GROUPS.values(), ids=GROUPS)
def test_groups_run_and_report(groups: list[str], tmp_path: Path) -> None:
    file = tmp_path / "results" / "bench.json"

    run = bench("--quick", "--only", *groups, "--json", str(file))

    assert run.returncode == 0, run.stderr
    report = msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
    assert report["machine"]["cores"] > 0
    assert report["machine"]["packages"]["nats-py"]
    assert len(report["rows"]) >= len(groups)
    for row in report["rows"]:
        assert row["name"] in run.stdout
        assert row["ours"]["low"] <= row["ours"]["median"] <= row["ours"]["high"]
        assert row["is_met"] in ((None,) if row["goal"] is None else (True, False))


def test_nothing_is_lost_or_misplaced_in_a_queue(tmp_path: Path) -> None:
    file = tmp_path / "bench.json"

    run = bench("--quick", "--only", "queue", "--json", str(file))

    assert run.returncode == 0, run.stderr
    rows = msgspec.json.decode(file.read_bytes(), type=dict[str, Any])["rows"]
    assert [row["ours"]["median"] for row in rows if "out of order" in row["name"]] == [0]


def test_an_urgent_message_does_not_wait_for_the_ordinary_ones(tmp_path: Path) -> None:
    file = tmp_path / "bench.json"

    run = bench("--quick", "--only", "priority", "--json", str(file))

    assert run.returncode == 0, run.stderr
    rows = msgspec.json.decode(file.read_bytes(), type=dict[str, Any])["rows"]
    (wait,) = [row for row in rows if "urgent" in row["name"]]
    # Fifty of two milliseconds each lie before it where nothing is more urgent than another.
    assert wait["theirs"]["median"] > 50
    assert wait["ratio"]["median"] < 0.5


def test_an_unknown_group_is_named_with_those_that_there_are() -> None:
    run = bench("--only", "nonsense")

    assert run.returncode == 2
    assert "nonsense" in run.stderr
    assert "requests" in run.stderr
