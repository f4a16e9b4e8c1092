"""What can go wrong with the weights of the local model."""

from __future__ import annotations

from hubbub.runtimes.errors import ModelError

__all__ = ["WeightsError"]


class WeightsError(ModelError):
    """The weights could not be fetched, or are not the published file."""
