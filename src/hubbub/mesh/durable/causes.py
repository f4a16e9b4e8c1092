"""Which calls an error came from: they are made anew when what failed of it is tried again."""

from __future__ import annotations

from hubbub.mesh.durable.branches import Call
from hubbub.mesh.durable.failures import with_causes

__all__ = ["Causes"]


class Causes:
    """The errors that the calls of a run have raised."""

    def __init__(self) -> None:
        # With the error, for an id is free again when its object is gone.
        self._raised: dict[int, tuple[BaseException, list[str]]] = {}

    def note(self, call: Call, error: BaseException, led: list[str] | None = None) -> list[str]:
        """Remember which call an exception came from.

        Args:
            call: the call.
            error: what it raised.
            led: the calls inside of it whose failure led to that, if it is on record.

        Returns:
            Those calls.
        """
        if led is None:
            # A message is known by its id, wherever it is sent.
            inside = f"{call.key}/", "sent:"
            led = [key for key in self.behind(error) if key.startswith(inside)]
        self._raised[id(error)] = (error, [*led, call.key])
        return led

    def behind(self, error: BaseException) -> list[str]:
        """Return the calls whose failure led to an error, so that they are made again."""
        found: list[str] = []
        for one in with_causes(error, lambda one: id(one) in self._raised):
            if id(one) in self._raised:
                found += self._raised[id(one)][1]
        return found
