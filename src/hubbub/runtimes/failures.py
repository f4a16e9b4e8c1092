"""Say in our words what went wrong in a call of a model."""

from __future__ import annotations

import re

import httpx2
import openai

from hubbub.runtimes.errors import (
    BadModelAnswer,
    ModelError,
    ModelFailed,
    ModelKeyRefused,
    ModelNotFound,
    ModelTimeout,
    ModelUnreachable,
)
from hubbub.runtimes.normalise.stream import BROKEN_STREAM
from hubbub.runtimes.shapes import object_in

__all__ = ["is_missing_model", "is_servers_fault", "is_transient", "named"]

_LONGEST_REASON = 300
_TRANSIENT_STATUS = {408, 409, 425, 429, 500, 502, 503, 504, 529}
_MISSING_MODEL = re.compile(
    r"model.*(not found|not exist|not loaded)|no models? loaded", re.IGNORECASE | re.DOTALL
)


def named(error: Exception, base_url: str, *, model: str, seconds: float, key: str) -> ModelError:
    """Return the error that says what an exception of the SDK or of httpx2 means.

    Args:
        error: the exception.
        base_url: the model server.
        model: the model that was asked.
        seconds: the silence that is allowed, in case it was exceeded.
        key: taken out of what the server said.
    """
    if isinstance(error, ModelError):
        return error
    cause = error.__cause__ if isinstance(error, openai.APIConnectionError) else error
    if isinstance(cause, httpx2.ConnectTimeout):
        return ModelUnreachable(base_url, "timed out")
    if isinstance(cause, httpx2.TimeoutException | openai.APITimeoutError):
        return ModelTimeout(base_url, seconds)
    if isinstance(cause, httpx2.RemoteProtocolError | httpx2.ReadError):
        reason = "it broke off the connection, or speaks no HTTP"
        return ModelFailed(base_url, None, reason, broken=True)
    if isinstance(cause, httpx2.HTTPError) or isinstance(error, openai.APIConnectionError):
        return ModelUnreachable(base_url, _short(str(cause or "no connection"), key))
    if isinstance(error, openai.APIStatusError):
        return _refused(error, base_url, model, key)
    if isinstance(error, openai.APIError):
        broken = object_in(error.body).get("type") == BROKEN_STREAM
        return ModelFailed(base_url, None, _reason(error, key), broken=broken)
    return BadModelAnswer(
        f"The answer of {model} cannot be read: {_short(str(error), key)}", base_url=base_url
    )


def _refused(error: openai.APIStatusError, base_url: str, model: str, key: str) -> ModelError:
    reason = _reason(error, key)
    if error.status_code in (401, 403):
        return ModelKeyRefused(base_url)
    if error.status_code in (400, 404) and _MISSING_MODEL.search(reason):
        return ModelNotFound(base_url, model, [])
    return ModelFailed(
        base_url, error.status_code, reason, retry_after=_retry_after(error.response.headers)
    )


def _reason(error: openai.APIError, key: str) -> str:
    told = object_in(error.body).get("message")
    return _short(told if isinstance(told, str) and told else error.message, key)


def _short(text: str, key: str) -> str:
    """Return one line of what a server said, never the key it may have repeated."""
    if key:
        text = text.replace(key, "***")
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}..."


def _retry_after(headers: httpx2.Headers) -> float | None:
    try:
        return max(0.0, float(headers.get("retry-after", "")))
    except ValueError:
        return None


def is_transient(error: BaseException) -> bool:
    """Tell whether the same call may well succeed a moment later."""
    if isinstance(error, ModelFailed):
        return error.broken or error.status in _TRANSIENT_STATUS
    return isinstance(error, ModelUnreachable)


def is_servers_fault(error: BaseException) -> bool:
    """Tell whether an error says that the server is not well, which opens its circuit."""
    if isinstance(error, ModelFailed):
        return error.broken or (error.status or 0) >= 500
    return isinstance(error, ModelUnreachable | ModelTimeout | BadModelAnswer)


def is_missing_model(error: BaseException) -> bool:
    """Tell whether the server has no such model; what it has instead is still to be asked."""
    return isinstance(error, ModelNotFound) or (
        isinstance(error, ModelFailed) and error.status == 404
    )
