"""The server inside the process that `LocalModel` starts: llama.cpp's own, on loopback."""

from __future__ import annotations

import importlib
import os
from importlib import resources
from pathlib import Path
from typing import Any

from hubbub.errors import MissingExtra

__all__ = ["serve_weights"]


def serve_weights(
    path: Path,
    name: str,
    *,
    port: int = 0,
    context: int = 4096,
    slots: int = 2,
    low_mem: bool = False,
) -> Any:
    """Start the server in threads of this process and return it; it lives as long as the object.

    Args:
        path: the weights.
        name: what the model is called over HTTP.
        port: where to listen; 0 picks a free port.
        context: tokens of a conversation.
        slots: requests worked on at once.
        low_mem: do without a second copy of the weights in the processor's favourite layout.

    Raises:
        MissingExtra: the engine is not installed.
    """
    # Threads of OpenMP spin while they wait, which starves everything else on a small machine.
    # The library reads this when it is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        engine: Any = importlib.import_module("xllamacpp")
    except ImportError as error:
        raise MissingExtra("The local model", "local") from error
    cores = min(os.cpu_count() or 2, 16)
    params: Any = engine.CommonParams()
    params.model.path = str(path)
    params.model_alias = {name}
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_parallel = slots
    params.n_ctx = context * slots
    params.cpuparams.n_threads = max(1, cores // 2)  # generation is bound by memory
    params.cpuparams_batch.n_threads = cores
    params.use_jinja = True  # without it there are no tools
    # The model's own template loses its calls; with this one the server recognises them.
    template = resources.files("hubbub.runtimes.local").joinpath("json-tools.jinja")
    params.chat_template = template.read_text("utf-8")
    params.verbosity = 1
    params.cache_ram_mib = 256
    params.ui = False
    params.endpoint_slots = False
    params.cors_origins = "http://127.0.0.1"  # by default any web page could drive it
    params.no_extra_bufts = low_mem
    return engine.Server(params)
