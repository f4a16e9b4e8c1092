"""The version of this program, where every layer can reach it."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
