"""What can go wrong between an agent and its model: one class a condition."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from hubbub.errors import HubbubError

__all__ = [
    "BadModelAnswer",
    "ModelCircuitOpen",
    "ModelError",
    "ModelFailed",
    "ModelKeyRefused",
    "ModelNotFound",
    "ModelTimeout",
    "ModelUnreachable",
    "without_secrets",
]


def without_secrets(url: str) -> str:
    """Return a URL without the user, password and query it may carry."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


class ModelError(HubbubError):
    """The root of all errors about models.

    Attributes:
        base_url: the model server, without secrets; empty if it does not matter.
    """

    def __init__(self, message: str, *, base_url: str = "") -> None:
        super().__init__(message)
        self.base_url = without_secrets(base_url)


class ModelUnreachable(ModelError):
    """Nothing answers at the model server's address."""

    def __init__(self, base_url: str, reason: str = "") -> None:
        why = f" ({reason})" if reason else ""
        super().__init__(
            f"Nothing answers at {without_secrets(base_url)}{why}: "
            "start LM Studio or Ollama, or set OPENAI_BASE_URL",
            base_url=base_url,
        )


class ModelKeyRefused(ModelError):
    """The model server wants a key, or another one."""

    is_permanent = True

    def __init__(self, base_url: str) -> None:
        super().__init__(
            f"The model server at {without_secrets(base_url)} refused the key: set OPENAI_API_KEY",
            base_url=base_url,
        )


class ModelNotFound(ModelError):
    """The model server does not have the model.

    Attributes:
        model: what was asked for; None if the server lists no model at all.
        available: what the server lists instead.
    """

    def __init__(self, base_url: str, model: str | None, available: list[str]) -> None:
        shown = without_secrets(base_url)
        if model is None:
            message = f"The model server at {shown} lists no model: load one there"
        else:
            there = ", ".join(available[:10]) if available else "none"
            message = f"The model server at {shown} has no model {model!r}. It lists: {there}"
        super().__init__(message, base_url=base_url)
        self.model = model
        self.available = available


class ModelTimeout(ModelError, TimeoutError):
    """The model server took the request and then was silent for too long.

    Attributes:
        seconds: how long the silence was.
    """

    def __init__(self, base_url: str, seconds: float) -> None:
        super().__init__(
            f"The model server at {without_secrets(base_url)} said nothing for {seconds:g} s. "
            "Raise HUBBUB_MODEL_TIMEOUT if it is merely slow",
            base_url=base_url,
        )
        self.seconds = seconds


class ModelFailed(ModelError):
    """The model server answered with an error.

    Attributes:
        status: the HTTP status; None if the error came inside a stream.
        reason: what the server said.
        broken: whether the connection broke off, rather than an error being sent.
        retry_after: seconds after which the server wants to be asked again, if it said so.
    """

    def __init__(
        self,
        base_url: str,
        status: int | None,
        reason: str,
        *,
        broken: bool = False,
        retry_after: float | None = None,
    ) -> None:
        code = f" with HTTP {status}" if status else ""
        super().__init__(
            f"The model server at {without_secrets(base_url)} failed{code}: {reason}",
            base_url=base_url,
        )
        self.status = status
        self.reason = reason
        self.broken = broken
        self.retry_after = retry_after


class BadModelAnswer(ModelError):
    """The model or its server gave an answer that cannot be used."""


class ModelCircuitOpen(ModelError):
    """The model server failed too often in a row and gets a pause.

    Attributes:
        retry_after: seconds until the next attempt is let through.
    """

    def __init__(self, base_url: str, failures: int, retry_after: float) -> None:
        super().__init__(
            f"The model server at {without_secrets(base_url)} failed {failures} times in a row; "
            f"it is asked again in {retry_after:.0f} s",
            base_url=base_url,
        )
        self.retry_after = retry_after
