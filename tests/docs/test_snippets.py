"""Every snippet of the documentation does what it shows."""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import re
import shutil
import sys
import tomllib
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from hubbub import AgentMessage, NATSConfig
from hubbub.testing import ServerProcess

from .console import NOT_RUN, console
from .pages import PAGES, ROOT, Block, blocks_of, commands_of
from .scenery import scenery

_DEADLINE = 110.0
_LANGUAGES = {"python", "console", "toml", "json", "conf", "text"}
_WITH_SNIPPETS = [
    str(page.relative_to(ROOT))
    for page in PAGES
    if any(block.language in ("python", "console") for block in blocks_of(page))
]


@pytest.mark.parametrize("name", _WITH_SNIPPETS)
async def test_the_snippets_of_a_page_run(
    name: str, on_mesh: ServerProcess, tmp_path: Path
) -> None:
    page = ROOT / name
    if page.parts[-3] == "examples":
        shutil.copytree(page.parent, tmp_path, dirs_exist_ok=True)
    async with asyncio.timeout(_DEADLINE), console(tmp_path) as terminal, scenery(name) as names:
        for block in blocks_of(page):
            if block.title:
                (tmp_path / block.title).write_text(block.text)
            elif block.language == "python" and not _is_of_a_framework(block):
                await _execute(block, names)
            elif block.language == "console":
                await terminal.block(commands_of(block))


def _is_of_a_framework(block: Block) -> bool:
    """Tell whether `make adapters` runs a block, where its framework is installed."""
    return (
        re.search(r"^from (autogen|ag2|pydantic_ai) import", block.text, re.MULTILINE) is not None
    )


async def _execute(block: Block, names: dict[str, Any]) -> None:
    """Run a block as `python -m asyncio` would, in the names of its page."""
    # Lines are counted as on the page.
    text = "\n" * (block.line - 1) + block.text
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    code: CodeType = compile(text, str(block.page), "exec", flags=flags, dont_inherit=True)
    names.setdefault("__name__", "__main__")
    result = eval(code, names)
    if code.co_flags & inspect.CO_COROUTINE:
        await result


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_says_what_it_is(page: Path) -> None:
    for block in blocks_of(page):
        assert block.language in _LANGUAGES, f"{block}: {block.language!r}"
    # Nothing that looks like a fence has been passed over.
    fences = [line for line in page.read_text().splitlines() if line.startswith("```")]
    assert len(fences) == 2 * len(blocks_of(page)), page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_of_a_page_is_used(page: Path) -> None:
    blocks = blocks_of(page)
    lines = [
        command.line
        for block in blocks
        if block.language == "console"
        for command in commands_of(block)
    ]
    for block in blocks:
        # A second configuration is an alternative to the first; it is read below.
        if block.title and block.language == "python":
            assert any(block.title in line for line in lines), f"{block}: {block.title}"


def test_every_reason_not_to_run_a_command_is_needed() -> None:
    lines = [
        command.line
        for page in PAGES
        for block in blocks_of(page)
        if block.language == "console"
        for command in commands_of(block)
    ]
    for beginning in NOT_RUN:
        assert any(line.startswith(beginning) for line in lines), beginning


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_data_on_the_pages_can_be_read(page: Path, tmp_path: Path) -> None:
    for block in blocks_of(page):
        if block.language == "json":
            assert AgentMessage.from_bytes(block.text.encode()).to_builtins() == json.loads(
                block.text
            )
        elif block.language == "toml":
            values = tomllib.loads(block.text)
            NATSConfig(**values.get("tool", {}).get("hubbub", values))


async def test_server_configurations_are_valid(tmp_path: Path) -> None:
    program = Path(sys.executable).parent / "nats-server"
    for block in blocks_of(ROOT / "docs/nats-server.md"):
        if block.language == "conf":
            file = tmp_path / block.title
            file.write_text(block.text)
            process = await asyncio.create_subprocess_exec(program, "-t", "-c", file)
            assert await process.wait() == 0, block


def test_the_readme_shows_the_first_examples() -> None:
    shown = [block for block in blocks_of(ROOT / "README.md") if block.title]
    assert len(shown) == 2
    for block in shown:
        assert (ROOT / "examples" / block.title).read_text().endswith(block.text)
