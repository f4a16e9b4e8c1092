"""The text of an error that a handler raised, fit to travel whatever it is."""

from __future__ import annotations

__all__ = ["text_of"]

_CHARACTERS = 2_000


def text_of(error: BaseException) -> str:
    """Return what an error says, shortened, or else what it is."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - an error's own `__str__` may fail, too
        text = ""
    # Lone surrogates are text to Python, but have no UTF-8.
    text = text[:_CHARACTERS].encode(errors="replace").decode()
    return text or type(error).__name__
