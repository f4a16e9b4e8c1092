"""The snippets of the page about frameworks run where their framework is installed."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any

import pytest

from docs.pages import Block, blocks_of
from hubbub.runtimes.scripted import ScriptedModel
from hubbub.testing import ServerProcess

from .kit import INSTALLED, why_not

PAGE = Path(__file__).parents[2] / "docs/frameworks.md"
PACKAGES = {"pydantic-ai": "pydantic_ai", "ag2": "ag2", "autogen": "autogen"}


def _block(package: str) -> Block:
    (found,) = [
        block
        for block in blocks_of(PAGE)
        if block.language == "python" and f"\nfrom {package} import" in block.text
    ]
    return found


@pytest.mark.parametrize("extra", list(PACKAGES))
async def test_the_snippet_runs(
    extra: str,
    own_server: ServerProcess,
    server: ScriptedModel,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    block = _block(PACKAGES[extra])
    if not INSTALLED[extra]:
        pytest.skip(why_not(extra))
    monkeypatch.setenv("NATS_URL", own_server.url)
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    code = compile(block.text, str(PAGE), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    names: dict[str, Any] = {"__name__": "__main__"}
    result = eval(code, names)
    if code.co_flags & inspect.CO_COROUTINE:
        await result
    said = {"pydantic-ai": "Roses", "ag2": "four", "autogen": "teacher said"}
    assert said[extra] in capsys.readouterr().out
