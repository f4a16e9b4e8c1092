"""Lines that a person types, awaited, so that other things go on and the wait can be given up."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Generator

from hubbub.cli.output import console

__all__ = ["Keyboard", "is_interactive"]

_MOST_BYTES = 65_536


def is_interactive() -> bool:
    """Tell whether there is a person to be asked at the other end."""
    return sys.platform != "win32" and sys.stdin.isatty() and sys.stdout.isatty()


class Keyboard:
    """The terminal that standard input is."""

    def __init__(self) -> None:
        self._fd = sys.stdin.fileno()
        self._typed = b""
        self._prompt = ""

    async def line(self, prompt: str, *, secret: bool = False) -> str:
        """Return the next line, without its end.

        Args:
            prompt: shown in front of it.
            secret: whether what is typed must not be seen.

        Raises:
            EOFError: there is none: Ctrl-D, or the terminal has gone.
        """
        loop = asyncio.get_running_loop()
        came: asyncio.Future[None] = loop.create_future()

        def on_input() -> None:
            data = self._read()
            self._typed += data
            if not came.done() and (b"\n" in self._typed or not data):
                came.set_result(None)

        self._prompt = prompt
        with _hidden(self._fd) if secret else contextlib.nullcontext():
            self.show_again()
            loop.add_reader(self._fd, on_input)
            try:
                if b"\n" not in self._typed:
                    await came
            finally:
                self._prompt = ""
                loop.remove_reader(self._fd)
        if secret:
            console.print()  # nobody saw the person's own line end
        if b"\n" not in self._typed:
            raise EOFError
        line, _, self._typed = self._typed.partition(b"\n")
        return line.decode(errors="replace").removesuffix("\r")

    @property
    def waits(self) -> bool:
        """Whether a line is being waited for."""
        return bool(self._prompt)

    def show_again(self) -> None:
        """Show the prompt, after something else was printed."""
        console.print(self._prompt, end="")
        sys.stdout.flush()

    def _read(self) -> bytes:
        try:
            return os.read(self._fd, _MOST_BYTES)
        except OSError:
            return b""  # the terminal has gone


@contextlib.contextmanager
def _hidden(fd: int) -> Generator[None]:
    """Let the terminal not show what is typed while the context lasts."""
    if sys.platform == "win32":
        yield
        return
    import termios

    before = termios.tcgetattr(fd)
    quiet = [*before]
    quiet[3] &= ~termios.ECHO
    termios.tcsetattr(fd, termios.TCSADRAIN, quiet)
    try:
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)
