"""Importing the package is cheap, and its names are there."""

from __future__ import annotations

import subprocess
import sys

import hubbub.runtimes


def test_importing_loads_no_framework() -> None:
    code = (
        "import sys, hubbub.runtimes as r; r.ToolLoop, r.OODA, r.execute, r.Tool\n"
        "print([n for n in ('openai', 'httpx2', 'pydantic', 'stamina') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_name_is_there() -> None:
    for name in hubbub.runtimes.__all__:
        assert getattr(hubbub.runtimes, name) is not None
    assert not hasattr(hubbub.runtimes, "nonsense")
