"""A task followed on a terminal, by a person who answers what it asks."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Any

import msgspec

from hubbub.cli.following import raise_failure
from hubbub.cli.happenings import Absence, Entry, Happening, Piece, happenings
from hubbub.cli.interview import ask
from hubbub.cli.keyboard import Keyboard
from hubbub.cli.output import console, safe
from hubbub.cli.questions import answering_command
from hubbub.cli.screens import Screens
from hubbub.errors import AlreadyAnswered, InvalidAnswer, QuestionNotFound
from hubbub.mesh.mesh import Mesh
from hubbub.mesh.tasks.handle import TaskHandle
from hubbub.wire.questions import Question

__all__ = ["answer_at_prompt", "converse"]


async def converse(mesh: Mesh, handle: TaskHandle, keyboard: Keyboard) -> None:
    """Print what happens to a task until it has ended, and ask its questions meanwhile.

    The questions of tasks that it has opened, and of those that they have opened, are asked too.

    Raises:
        TaskFailed: it failed or was rejected.
        TaskCanceled: it was canceled.
    """
    await _Dialogue(mesh, handle, keyboard).run()


async def answer_at_prompt(
    handle: TaskHandle, question: Question, keyboard: Keyboard, *, by: str
) -> None:
    """Ask a question at the prompt, and give the answer.

    Raises:
        EOFError: the person will not answer.
        AlreadyAnswered: somebody else was first.
        QuestionNotFound: it is not asked any more.
    """
    while True:
        answer = await ask(keyboard, question)
        try:
            await handle.answer(answer, question.id, by=by)
        except InvalidAnswer as error:
            console.print(f"  {safe(str(error))}")
        else:
            return


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question, and the task that asks it."""

    handle: TaskHandle
    question: Question

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from all others."""
        return self.handle.task_id, self.question.id

    def command(self, *, alone: bool) -> str:
        """Return the command that answers it."""
        return answering_command(self.handle.task_id, self.question, alone=alone)


class _Dialogue:
    def __init__(self, mesh: Mesh, handle: TaskHandle, keyboard: Keyboard) -> None:
        self._mesh = mesh
        self._handle = handle
        self._keyboard = keyboard
        self._screens = Screens(handle, hints=False)
        self._open: dict[tuple[str, str], _Asked] = {}
        self._mine = set[tuple[str, str]]()
        self._answers = True

    async def run(self) -> None:
        async with happenings(self._mesh, self._handle, pieces=True, family=True) as heard:
            hearing = asyncio.create_task(heard.get())
            asking: asyncio.Task[None] | None = None
            asked: _Asked | None = None
            try:
                while True:
                    if asking is None and self._open and self._answers and heard.empty():
                        self._screens.own.finish_line()
                        asked = next(iter(self._open.values()))
                        asking = asyncio.create_task(self._ask(asked))
                    tasks = {hearing, asking} if asking is not None else {hearing}
                    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                    if asking is not None and asked is not None and asking.done():
                        asking.result()
                        self._open.pop(asked.key, None)
                        asking = None
                    if hearing in done:
                        one = hearing.result()
                        if one is None:
                            return
                        if asking is not None and asked is not None and self._settles(one, asked):
                            await _ended(asking)
                            asking = None
                            console.print()
                        self._hear(one)
                        hearing = asyncio.create_task(heard.get())
            finally:
                await _ended(hearing)
                if asking is not None:
                    await _ended(asking)

    def _settles(self, one: Happening, asked: _Asked) -> bool:
        """Tell whether the question at the prompt needs no answer from here any more."""
        if not isinstance(one, Entry) or not self._keyboard.waits:
            return False  # what has been typed is on its way; the mesh says whether it counts
        if one.event.is_final:
            return one.handle.task_id in (self._handle.task_id, asked.handle.task_id)
        settled = one.event.kind in ("answered", "timed_out")
        return settled and _key(one) == asked.key

    def _hear(self, one: Entry | Piece | Absence) -> None:
        # What comes while somebody types stands above the prompt.
        typing = self._keyboard.waits
        if isinstance(one, Piece):
            if not typing:
                self._screens.own.write(one)
            return
        if isinstance(one, Entry):
            self._keep(one)
            if one.event.kind == "answered" and _key(one) in self._mine:
                return  # the person has just typed it
        with console.capture() if typing else contextlib.nullcontext() as told:
            self._screens.tell(one)
        lines = told.get() if told is not None else ""
        if lines:
            console.file.write(f"\n{lines}")
            self._keyboard.show_again()
        if isinstance(one, Entry) and one.handle is self._handle:
            raise_failure(self._handle.task_id, one.event)

    def _keep(self, one: Entry) -> None:
        """Keep in mind what is open."""
        event = one.event
        if event.kind == "asked":
            asked = _Asked(one.handle, msgspec.convert(event.data["question"], Question))
            self._open[asked.key] = asked
        elif event.kind in ("answered", "timed_out"):
            self._open.pop(_key(one), None)
        elif event.is_final:
            for key in [key for key in self._open if key[0] == one.handle.task_id]:
                del self._open[key]

    async def _ask(self, asked: _Asked) -> None:
        self._mine.add(asked.key)
        if asked.handle is not self._handle:
            console.print(f"{safe(asked.handle.agent)} asks:")
        try:
            await answer_at_prompt(asked.handle, asked.question, self._keyboard, by=self._mesh.name)
        except (AlreadyAnswered, QuestionNotFound) as error:
            self._mine.discard(asked.key)
            console.print(f"  {safe(str(error))}")
        except EOFError:
            self._mine.discard(asked.key)
            self._leave_to_others()
        except asyncio.CancelledError:
            self._mine.discard(asked.key)
            raise

    def _leave_to_others(self) -> None:
        """Ask nothing more here; say how what is open can be answered, and what comes."""
        self._answers = False
        self._screens.show_hints()
        console.print()
        for one in self._open.values():
            alone = sum(key[0] == one.handle.task_id for key in self._open) == 1
            console.print(f"  Left for others: {one.command(alone=alone)}")


def _key(one: Entry) -> tuple[str, str]:
    return one.handle.task_id, str(one.event.data.get("id"))


async def _ended(task: asyncio.Task[Any]) -> None:
    """Cancel a task, and wait until it has ended; how does not matter any more."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()
