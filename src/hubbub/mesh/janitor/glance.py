"""A glance at an event of a log: what one must know of very many of them."""

from __future__ import annotations

import msgspec

from hubbub.wire.events import FINAL_KINDS

__all__ = ["Glance", "glance"]


class _Opening(msgspec.Struct):
    inbox_sequence: int = 0


class Glance(msgspec.Struct):
    """The kind of an event and little more; the rest of its bytes is passed over.

    Attributes:
        kind: its kind; empty for what is no event.
        data: holds `inbox_sequence`, the entry that the log came from; 0 if it does not tell.
    """

    kind: str = ""
    data: _Opening = msgspec.field(default_factory=_Opening)

    @property
    def is_final(self) -> bool:
        """Whether this event ends the log."""
        return self.kind in FINAL_KINDS


_decoder = msgspec.json.Decoder(Glance)


def glance(data: bytes) -> Glance:
    """Look at the bytes of an event."""
    try:
        return _decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return Glance()
