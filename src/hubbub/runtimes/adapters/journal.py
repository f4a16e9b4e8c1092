"""What an interrupted run has done so far, so that it can be gone on with anywhere.

A framework that stands in the middle of a chat cannot be saved. Its run is played again from the
top instead, with the answers of its models and tools taken from here, which leads it back to where
it stood.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from hubbub.runtimes.shapes import JsonObject, object_in

__all__ = ["Journal"]


@dataclass(slots=True)
class Journal:
    """The record of one run, kept as JSON in its state.

    Attributes:
        models: facts of model calls by content and number.
        tools: results of tool calls by id.
        answers: answers to questions by id.
    """

    models: dict[str, JsonObject] = field(default_factory=dict[str, JsonObject])
    tools: dict[str, JsonObject] = field(default_factory=dict[str, JsonObject])
    answers: dict[str, Any] = field(default_factory=dict[str, Any])
    _counts: Counter[str] = field(default_factory=Counter[str])

    @classmethod
    def of(cls, saved: JsonObject) -> Journal:
        """Return the journal that was saved."""
        return cls(
            dict(object_in(saved.get("models"))),
            dict(object_in(saved.get("tools"))),
            dict(object_in(saved.get("answers"))),
        )

    @property
    def is_empty(self) -> bool:
        """Whether nothing has happened yet."""
        return not (self.models or self.tools)

    def saved(self) -> JsonObject:
        """Return it as JSON."""
        return {
            "models": dict(self.models),
            "tools": dict(self.tools),
            "answers": dict(self.answers),
        }

    async def once_by_content(
        self, kind: str, content: bytes, make: Callable[[], Awaitable[dict[str, Any]]]
    ) -> tuple[dict[str, Any], bool]:
        """Return the facts of a call, and whether they were here."""
        digest = f"{kind}:{hashlib.blake2b(content, digest_size=8).hexdigest()}"
        self._counts[digest] += 1
        key = f"{digest}#{self._counts[digest]}"
        if key in self.models:
            return self.models[key], True
        facts = await make()
        self.models[key] = facts
        return facts, False
