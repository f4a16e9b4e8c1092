"""A question asked at the prompt, until there is an answer that fits."""

from __future__ import annotations

import asyncio
import difflib
import os
import shlex
import tempfile
from pathlib import Path
from typing import Any

import msgspec
from rich.text import Text

from hubbub.cli.keyboard import Keyboard
from hubbub.cli.output import console, safe
from hubbub.cli.questions import choices_read, lines_of, pretty
from hubbub.wire.codec import JSON
from hubbub.wire.questions import Question

__all__ = ["ask"]

_COLOURS = {"+": "green", "-": "red"}


async def ask(keyboard: Keyboard, question: Question) -> JSON:
    """Ask a person, and return an answer in the form that the question wants.

    Raises:
        EOFError: the person will not answer.
    """
    first, *rest = lines_of(question)
    console.print(Text(f"? {safe(first)}", style="bold"))
    for line in rest:
        console.print(safe(line))
    match question.kind:
        case "text":
            return await keyboard.line("> ", secret=question.secret)
        case "choice":
            return (await _chosen(keyboard, question, "Number: ", one=True))[0]
        case "choices":
            return [*await _chosen(keyboard, question, "Numbers, with commas: ", one=False)]
        case "approval":
            return await _decided(keyboard, question)


async def _chosen(keyboard: Keyboard, question: Question, prompt: str, *, one: bool) -> list[str]:
    while True:
        chosen = choices_read(await keyboard.line(prompt), question.choices)
        if chosen is not None and (len(chosen) == 1 or not one):
            return chosen
        console.print(f"  Please type {'one number' if one else 'numbers'} of the list")


async def _decided(keyboard: Keyboard, question: Question) -> JSON:
    arguments: dict[str, Any] = question.arguments
    while True:
        word = (await keyboard.line("Approve? [y]es, [n]o, [e]dit: ")).strip().casefold()
        match word:
            case "y" | "yes":
                changed = None if arguments == question.arguments else arguments
                return {"decision": "approve", "arguments": changed, "comment": ""}
            case "n" | "no":
                why = await keyboard.line("Why not? ")
                return {"decision": "reject", "arguments": None, "comment": why.strip()}
            case "e" | "edit":
                arguments = await _edited(keyboard, arguments)
                _show_difference(question.arguments, arguments)
            case _:
                console.print("  Please type y, n or e")


async def _edited(keyboard: Keyboard, arguments: dict[str, Any]) -> dict[str, Any]:
    """Let a person change the arguments, in an editor if one is named, else in a line."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    text = await _in_editor(editor, pretty(arguments)) if editor else None
    while True:
        if text is None:
            text = await keyboard.line("Arguments, as JSON (empty leaves them): ")
        if not text.strip():
            return arguments
        try:
            return msgspec.json.decode(text.encode(), type=dict[str, Any])
        except msgspec.MsgspecError as error:
            console.print(f"  That is no JSON object: {error}")
            text = None


async def _in_editor(editor: str, text: str) -> str | None:
    with tempfile.TemporaryDirectory(prefix="hubbub-") as folder:
        file = Path(folder) / "arguments.json"
        file.write_text(text + "\n", "utf-8")
        try:
            process = await asyncio.create_subprocess_exec(*shlex.split(editor), str(file))
        except (OSError, ValueError) as error:
            console.print(f"  {editor} cannot be started: {error}")
            return None
        try:
            code = await process.wait()
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()
        if code:
            console.print(f"  {editor} ended with {code}")
            return None
        return file.read_text("utf-8")


def _show_difference(before: dict[str, Any], after: dict[str, Any]) -> None:
    old, new = pretty(before).splitlines(), pretty(after).splitlines()
    lines = [*difflib.unified_diff(old, new, "proposed", "yours", n=1, lineterm="")]
    if not lines:
        console.print("  Nothing has changed")
    for line in lines:
        console.print(Text(f"  {safe(line)}", style=_COLOURS.get(line[:1], "dim")))
