"""A signal to stop, heard early: servers wait for open streams before they tell the app."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Generator
from types import FrameType
from typing import Any

__all__ = ["on_stop_signals"]


@contextlib.contextmanager
def on_stop_signals(listener: Callable[[], object]) -> Generator[None]:
    """Call a function in this loop at SIGTERM or SIGINT, beside whoever hears them already.

    Does nothing where signals are not ours to hear: outside of the main thread, and under a server
    that has not said what it does with them.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before: dict[int, Callable[[int, FrameType | None], Any]] = {}

    def hear(number: int, frame: FrameType | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has just been closed
            loop.call_soon_threadsafe(listener)
        before[number](number, frame)

    for number in (signal.SIGTERM, signal.SIGINT):
        handler = signal.getsignal(number)
        if callable(handler) and handler is not signal.default_int_handler:
            before[number] = handler
            signal.signal(number, hear)
    try:
        yield
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is hear:
                signal.signal(number, handler)
