"""What a requester is told when there is no answer: an error as NATS micro services write it."""

from __future__ import annotations

from hubbub.errors import HubbubError, InvalidMessage, RateLimited
from hubbub.mesh.complaints import text_of
from hubbub.mesh.transport.headers import ERROR, ERROR_CODE, FINAL, HANDED_BACK, RETRY_AFTER

__all__ = ["GoingAway", "refusal"]

_HEADER_CHARACTERS = 300


class GoingAway(HubbubError):
    """The instance stops before the request is done.

    Attributes:
        begun: whether its handler had been started.
    """

    def __init__(self, *, begun: bool) -> None:
        super().__init__("it is going away")
        self.begun = begun


def refusal(error: Exception, *, limited_for: float = 0.0) -> tuple[dict[str, str], str, str]:
    """Return the headers of an error reply, the name of the error, and its message.

    Args:
        error: what happened.
        limited_for: for a request above the rate limit, seconds after which it may be taken.
    """
    kind = "HubbubError" if isinstance(error, GoingAway) else type(error).__name__
    reason = text_of(error)
    # A header holds one line of ASCII; the body has the text as it was.
    line = f"{kind}: {reason}"[:_HEADER_CHARACTERS].encode("ascii", "replace").decode()
    headers = {
        ERROR: "".join(c if c.isprintable() else " " for c in line),
        ERROR_CODE: _code(error, limited_for),
        FINAL: "1",
    }
    if limited_for:
        headers[RETRY_AFTER] = f"{limited_for:.3f}"
    if isinstance(error, GoingAway) and not error.begun:
        headers[HANDED_BACK] = "1"
    return headers, kind, reason


def _code(error: Exception, limited_for: float) -> str:
    # A handler may raise `RateLimited`, too, about something else.
    if isinstance(error, RateLimited) and limited_for:
        return "429"
    if isinstance(error, GoingAway):
        return "503"
    return "400" if isinstance(error, InvalidMessage) else "500"
