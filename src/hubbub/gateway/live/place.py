"""How far a page has read: a place in each stream that it is fed from."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hubbub.errors import InvalidCursor
from hubbub.mesh.history.pages import Place

__all__ = ["LivePlace"]

_FORM = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})\.([0-9]{1,18}\.[0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class LivePlace:
    """The last sequences that lie before a place; the same on every gateway of a mesh.

    Attributes:
        tasks: of the logs of tasks.
        dead: of the dead letters.
        history: of what was said, as a cursor of the history.
    """

    tasks: int
    dead: int
    history: str

    def __str__(self) -> str:
        return f"{self.tasks}.{self.dead}.{self.history}"

    @classmethod
    def of(cls, text: str) -> LivePlace:
        """Read a place.

        Raises:
            InvalidCursor: it is none.
        """
        match = _FORM.fullmatch(text)
        if match is None:
            raise InvalidCursor(f"{text[:40]!r} is no place: use the `seq` of a frame")
        return cls(int(match[1]), int(match[2]), match[3])

    @property
    def said(self) -> Place:
        """The place in what was said."""
        return Place.of(self.history)
