"""Fresh ids, made many at once: to ask the system for random numbers costs more than an id."""

from __future__ import annotations

import os

__all__ = ["new_id"]

_AT_ONCE = 256

# Version 4 of RFC 9562: x is a random digit, y one of four.
_FORM = b"xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx "
_Y = bytes.maketrans(b"0123456789abcdef", b"89ab" * 4)

_unused: list[str] = []

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unused.clear)  # or both processes would use them


def new_id() -> str:
    """Return a fresh random id: a version 4 UUID (RFC 9562)."""
    try:
        return _unused.pop()
    except IndexError:
        # Not to be popped: another thread may be faster.
        one, *others = _fresh_ids()
        _unused.extend(others)
        return one


def _fresh_ids() -> list[str]:
    digits = os.urandom(_AT_ONCE * 16).hex().encode()
    text = bytearray(_FORM * _AT_ONCE)
    # Digit by digit, each in all ids.
    for number, place in enumerate(at for at, kind in enumerate(_FORM) if kind in b"xy"):
        random = digits[number::32]
        text[place :: len(_FORM)] = random.translate(_Y) if _FORM[place] == ord("y") else random
    return text.decode().split()
