"""What `import hubbub` costs a program, and what it loads."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from bench.rows import Row, at_most, row
from bench.sizes import Sizes

__all__ = ["rows"]

_FRAMEWORKS = {
    *("a2a", "ag2", "agents", "autogen", "crewai", "fastagency", "fastapi", "langchain_core"),
    *("langgraph", "llama_index", "mcp", "openai", "pydantic_ai", "semantic_kernel", "starlette"),
}
_IMPORT = "import hubbub"
_USE = "import hubbub; hubbub.Agent, hubbub.connect"


async def rows(sizes: Sizes) -> list[Row]:
    """Measure imports, each in fresh processes, less what Python itself takes to start."""
    imported: list[float] = []
    used: list[float] = []
    for number in range(sizes.rounds + 1):
        nothing, one, other = (_milliseconds(code, sizes) for code in ("", _IMPORT, _USE))
        if number:
            imported.append(one - nothing)
            used.append(other - nothing)
    loaded = _frameworks_after(_USE)
    return [
        row("import hubbub", "ms", imported, goal=at_most(150)),
        row("import hubbub, and use Agent and connect", "ms", used),
        row(
            "frameworks loaded by them",
            "",
            [float(len(loaded))],
            goal=at_most(0),
            note=", ".join(loaded),
        ),
    ]


def _milliseconds(code: str, sizes: Sizes) -> float:
    took: list[float] = []
    for _ in range(sizes.starts):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        took.append(time.perf_counter() - began)
    return statistics.median(took) * 1_000


def _frameworks_after(code: str) -> list[str]:
    tell = "import sys; print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", f"{code}; {tell}"], check=True, capture_output=True, text=True
    )
    return sorted(_FRAMEWORKS & set(run.stdout.split()))
