"""No test calls a real model by mistake."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from hubbub.runtimes.permitted import RealModelForbidden, permit_only_scripted

if TYPE_CHECKING:
    from collections.abc import Collection, Generator

__all__ = ["RealModelForbidden", "no_real_models"]


@contextmanager
def no_real_models(*, allow: Collection[str] = ()) -> Generator[None]:
    """Forbid this process to call any model but the scripted ones that run in it.

    A call of another one is a `RealModelForbidden`, before anything is sent.

    Args:
        allow: base URLs that may be called all the same, such as that of a scripted model in
            another process.
    """
    before = permit_only_scripted(allow)
    try:
        yield
    finally:
        permit_only_scripted(before)
