"""The pages of the documentation, and the fenced blocks in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PAGES", "ROOT", "Block", "blocks_of", "commands_of"]

ROOT = Path(__file__).parents[2]

PAGES = sorted(
    page
    for pattern in ("*.md", "docs/*.md", "docs/decisions/*.md", "examples/**/*.md")
    for page in ROOT.glob(pattern)
)

_FENCE = re.compile(r'^```(\w*)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block.

    Attributes:
        page: where it stands.
        line: the line of its first line of text, from 1.
        language: what is written behind the fence.
        title: the file that it is, if it is one.
        text: what is in it.
    """

    page: Path
    line: int
    language: str
    title: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@dataclass(frozen=True, slots=True)
class Command:
    """A command of a console block, and the output that is shown below it."""

    block: Block
    line: str
    shown: str


def blocks_of(page: Path) -> list[Block]:
    """Return the fenced blocks of a page."""
    text = page.read_text("utf-8")
    return [
        Block(page, text.count("\n", 0, found.start(3)) + 1, found[1], found[2] or "", found[3])
        for found in _FENCE.finditer(text)
    ]


def commands_of(block: Block) -> list[Command]:
    """Return the commands of a console block."""
    commands: list[Command] = []
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        line, _, shown = part.partition("\n")
        commands.append(Command(block, line.strip(), shown.strip("\n")))
    return commands
