"""Tracebacks as users need them: from where their own code begins."""

from __future__ import annotations

import traceback
from pathlib import Path
from types import TracebackType

import hubbub

__all__ = ["users_trace"]

_HOME = str(Path(hubbub.__file__).parent)


def users_trace(error: BaseException) -> str:
    """Return the traceback of an error without the frames of ours that lead to it."""
    trace: TracebackType | None = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        place = trace.tb_frame.f_code.co_filename
        if not place.startswith((_HOME, "<")) and "concurrent/futures" not in place:
            break
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace)).rstrip()
