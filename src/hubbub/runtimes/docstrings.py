"""What a Google docstring says about a function and its parameters."""

from __future__ import annotations

import inspect
import re

__all__ = ["describe"]

_SECTION = re.compile(r"^(Args|Arguments|Parameters|Returns?|Raises|Yields?|Examples?|Notes?):\s*$")
_PARAMETER = re.compile(r"^\*{0,2}(\w+)\s*(?:\([^)]*\))?:\s*(.*)$")


def describe(docstring: str | None) -> tuple[str, dict[str, str]]:
    """Return the description and, by name, what is said of each parameter.

    The description is all text before the first section. A parameter's text may go on over
    several lines as long as these are indented further than its name.
    """
    lines = inspect.cleandoc(docstring or "").splitlines()
    starts = [number for number, line in enumerate(lines) if _SECTION.match(line)]
    head = lines[: starts[0]] if starts else lines
    parameters: dict[str, str] = {}
    for start in starts:
        if lines[start].strip() in ("Args:", "Arguments:", "Parameters:"):
            following = [other for other in starts if other > start]
            body = lines[start + 1 : following[0] if following else len(lines)]
            parameters.update(_parameters(inspect.cleandoc("\n".join(["", *body])).splitlines()))
    return "\n".join(head).strip(), parameters


def _parameters(lines: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    name = ""
    for line in lines:
        begin = _PARAMETER.match(line)
        if begin:
            name, text = begin[1], begin[2].strip()
            found[name] = text
        elif name and line.startswith(" "):
            found[name] = f"{found[name]} {line.strip()}".strip()
        elif line.strip():
            break  # text at the margin that is no parameter ends the section
    return found
