"""A `hubbub` command on a terminal of its own, typed into and read from."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import sys
from collections.abc import AsyncGenerator

from .conftest import PATIENCE_SECONDS

__all__ = ["Terminal", "terminal"]


class Terminal:
    """A running command, and the screen that it writes on."""

    def __init__(self, process: asyncio.subprocess.Process, screen: int) -> None:
        self.process = process
        self.seen = ""
        self._screen = screen
        self._more = asyncio.Event()
        self._at = 0

    def on_output(self) -> None:
        """Read what is there; a terminal that nobody holds open any more has an error."""
        try:
            data = os.read(self._screen, 65_536)
        except OSError:
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self._screen)
        self.seen += data.decode(errors="replace").replace("\r\n", "\n")
        self._more.set()

    async def until(self, text: str) -> None:
        """Wait for a text behind the one that was waited for last."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while (found := self.seen.find(text, self._at)) < 0:
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            raise AssertionError(f"{text!r} did not come:\n{self.seen[self._at :]}") from None
        self._at = found + len(text)

    async def answer(self, prompt: str, line: str) -> None:
        """Type a line at a prompt."""
        await self.until(prompt)
        self.press(line + "\n")

    def press(self, keys: str) -> None:
        """Type some keys, such as \\x03 for Ctrl-C."""
        os.write(self._screen, keys.encode())

    async def end(self) -> int:
        """Wait for the end of the command, and return its exit code."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.process.wait()


@contextlib.asynccontextmanager
async def terminal(
    environment: dict[str, str], *arguments: str, **more: str
) -> AsyncGenerator[Terminal]:
    """Run a command while the context lasts."""
    screen, inner = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        # Ctrl-C goes to the foreground processes of the terminal that one controls.
        "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
        "from hubbub.cli import main; main()",
        *arguments,
        stdin=inner,
        stdout=inner,
        stderr=inner,
        env={**environment, "TERM": "dumb", **more},
        start_new_session=True,
    )
    os.close(inner)
    shown = Terminal(process, screen)
    loop = asyncio.get_running_loop()
    loop.add_reader(screen, shown.on_output)
    try:
        yield shown
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        loop.remove_reader(screen)
        os.close(screen)
