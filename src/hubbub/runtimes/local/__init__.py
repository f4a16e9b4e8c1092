"""A small real model that runs on this machine, without any other program: the extra `local`.

path = pull()                      # once: fetches 1.1 GB and checks it
async with LocalModel() as model:  # a server of its own, in a process of its own
    client = ModelClient(base_url=model.base_url)
"""

from hubbub.runtimes.local.catalogue import DEFAULT_MODEL, WEIGHTS, Weights
from hubbub.runtimes.local.errors import WeightsError
from hubbub.runtimes.local.process import LocalModel, has_engine
from hubbub.runtimes.local.store import is_pulled, pull

__all__ = [
    "DEFAULT_MODEL",
    "WEIGHTS",
    "LocalModel",
    "Weights",
    "WeightsError",
    "has_engine",
    "is_pulled",
    "pull",
]
