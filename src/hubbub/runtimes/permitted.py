"""Which model servers may be called: all of them, unless a test forbids the real ones."""

from __future__ import annotations

from collections.abc import Collection

from hubbub.errors import HubbubError

__all__ = ["SCRIPTED", "RealModelForbidden", "permit_only_scripted", "require_permitted"]

SCRIPTED: set[str] = set()
"""The addresses of the scripted models that run in this process."""

_others: frozenset[str] | None = None


class RealModelForbidden(HubbubError):
    """A model was called in a test that forbids real ones.

    Attributes:
        base_url: where the model is, without secrets.
    """

    is_permanent = True

    def __init__(self, base_url: str) -> None:
        from hubbub.security.credentials import without_secrets

        shown = without_secrets(base_url)
        super().__init__(
            f"This test forbids real models, and {shown} is none that is scripted: "
            "give the agent the `base_url` of a `ScriptedModel`, or name the address in `allow`"
        )
        self.base_url = shown


def permit_only_scripted(others: Collection[str] | None) -> frozenset[str] | None:
    """Permit scripted models only, and some others; None permits all.

    Returns:
        What was permitted until now, to go back to.
    """
    global _others
    before = _others
    _others = None if others is None else frozenset(url.rstrip("/") for url in others)
    return before


def require_permitted(base_url: str) -> None:
    """See that a model may be called.

    Raises:
        RealModelForbidden: a test forbids it.
    """
    if _others is not None and base_url not in _others and base_url not in SCRIPTED:
        raise RealModelForbidden(base_url)
