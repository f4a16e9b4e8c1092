"""What a task shows to whoever follows it: text, images, tools at work, progress."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

from hubbub.agents.recorded import Recorded
from hubbub.errors import InvalidMessage
from hubbub.mesh.durable.branches import Call
from hubbub.wire.codec import JSON

__all__ = ["Saying", "Text", "is_url"]

Record = Callable[[str, dict[str, Any]], Coroutine[Any, Any, None]]
Show = Callable[..., Awaitable[None]]

_IMAGES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"RIFF": "image/webp",
}


class Text:
    """A text that is shown while it is being written; made by `Task.say_stream`.

    Attributes:
        text: what has been written so far.
    """

    def __init__(self, show: Show | None, key: str) -> None:
        self.text = ""
        self._show = show
        self._key = key

    async def write(self, piece: str, *, known: bool = False) -> None:
        """Add a piece.

        Args:
            piece: what to add.
            known: whether it has been shown in an earlier attempt.
        """
        offset, self.text = len(self.text), self.text + piece
        if self._show is not None and not known:
            await self._show(piece, key=self._key, offset=offset)


class Saying(Recorded):
    """What a task shows; part of `Task`. All of it is kept in the log, once for all attempts."""

    _record: Record
    _show: Show

    def say(self, text: str) -> Coroutine[Any, Any, None]:
        """Say something to whoever follows the task."""
        return self._record("said", {"text": text})

    @contextlib.asynccontextmanager
    async def say_stream(self) -> AsyncGenerator[Text]:
        """Say something piece by piece; it is kept whole when the context ends.

        Example:
            ```python
            async with task.say_stream() as out:
                await out.write("Once upon ")
                await out.write("a time")
            ```

        Raises:
            HubbubError: beside the handler's own asyncio task it needs a `branch`.
        """
        call, out = self.begin_text()
        yield out
        await self.end_text(call, out)

    def begin_text(self) -> tuple[Call, Text]:
        """Begin to say something piece by piece; see `say_stream`."""
        run = self.run
        run.waits.check()
        call = run.mark_in_order("said")
        return call, Text(None if call.key in run.recording.marks else self._show, call.key)

    async def end_text(self, call: Call, out: Text) -> None:
        """Keep what has been said piece by piece, once."""
        if call.key not in self.run.recording.marks:
            await self.run.put("said", call, {"text": out.text})

    async def show(self, text: str) -> None:
        """Show a piece of text while it is being made; nothing of it is kept."""
        await self._show(text)

    def shown_text(self) -> Text:
        """Return a text to write that is shown as `say_stream` shows it, and kept nowhere."""
        return Text(self._show, self.run.branch.mark("shown").key)

    async def image(
        self, image: bytes | str | Path, *, caption: str = "", media_type: str | None = None
    ) -> None:
        """Show an image.

        Args:
            image: its bytes, the path of a file, or a URL, which viewers load if they like.
            caption: what is to be seen.
            media_type: such as `image/png`; found out from the bytes unless given.

        Raises:
            InvalidMessage: it is no image we know, or too large for the log: give a URL then.
        """
        if not (isinstance(image, str) and is_url(image)) and not isinstance(image, bytes):
            image = await asyncio.to_thread(Path(image).read_bytes)
        await self.record_image(image, caption, media_type)

    def record_image(
        self, image: bytes | str, caption: str, media_type: str | None
    ) -> Coroutine[Any, Any, None]:
        """Show an image that is here, or has a URL; see `image`."""
        facts: dict[str, Any] = {"caption": caption}
        if isinstance(image, str):
            facts["url"] = image
        else:
            kinds = (kind for start, kind in _IMAGES.items() if image.startswith(start))
            kind = media_type or next(kinds, None)
            if kind is None:
                raise InvalidMessage("these bytes are no PNG, JPEG, GIF or WebP: give media_type")
            facts |= {"media_type": kind, "data": base64.b64encode(image).decode()}
        return self._record("image", facts)

    def progress(self, text: str, fraction: float | None = None) -> Coroutine[Any, Any, None]:
        """Tell how far the work is.

        Args:
            text: what is being done.
            fraction: how much is done, from 0 to 1, if known.
        """
        return self._record("progress", {"text": text, "fraction": fraction})

    def tool_call(
        self, name: str, arguments: JSON, *, call_id: str = ""
    ) -> Coroutine[Any, Any, None]:
        """Put on record that a tool is called."""
        return self._record("tool_call", {"name": name, "arguments": arguments, "id": call_id})

    def tool_result(
        self, name: str, result: JSON, *, call_id: str = ""
    ) -> Coroutine[Any, Any, None]:
        """Put on record what a tool returned."""
        return self._record("tool_result", {"name": name, "result": result, "id": call_id})

    def record(self, kind: str, data: dict[str, Any]) -> Coroutine[Any, Any, None]:
        """Put anything else on record.

        Args:
            kind: what happened, a word of your own.
            data: the facts, JSON.
        """
        return self._record(kind, data)


def is_url(image: str) -> bool:
    """Tell whether an image is named by where it is on the web."""
    return image.startswith(("https://", "http://"))
