"""A task followed on a terminal, by a person who answers what it asks."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import msgspec

from hubbub.cli.following import raise_failure
from hubbub.cli.happenings import Happening, Piece, happenings
from hubbub.cli.interview import ask
from hubbub.cli.keyboard import Keyboard
from hubbub.cli.output import console, safe
from hubbub.cli.questions import answering_command
from hubbub.cli.screen import TaskScreen
from hubbub.errors import AlreadyAnswered, InvalidAnswer, QuestionNotFound
from hubbub.mesh.mesh import Mesh
from hubbub.mesh.tasks.handle import TaskHandle
from hubbub.wire.events import TaskEvent
from hubbub.wire.questions import Question

__all__ = ["answer_at_prompt", "converse"]


async def converse(mesh: Mesh, handle: TaskHandle, keyboard: Keyboard) -> None:
    """Print what happens to a task until it has ended, and ask its questions meanwhile.

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


class _Dialogue:
    def __init__(self, mesh: Mesh, handle: TaskHandle, keyboard: Keyboard) -> None:
        self._mesh = mesh
        self._handle = handle
        self._keyboard = keyboard
        self._screen = TaskScreen(handle.task_id, hints=False)
        self._open: dict[str, Question] = {}
        self._mine = set[str]()
        self._answers = True

    async def run(self) -> None:
        async with happenings(self._mesh, self._handle, pieces=True) as heard:
            hearing = asyncio.create_task(heard.get())
            asking: asyncio.Task[str] | None = None
            try:
                while True:
                    if asking is None and self._open and self._answers and heard.empty():
                        self._screen.finish_line()
                        asking = asyncio.create_task(self._ask(next(iter(self._open.values()))))
                    tasks = {hearing, asking} if asking is not None else {hearing}
                    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                    if asking is not None and asking.done():
                        self._open.pop(asking.result(), None)
                        asking = None
                    if hearing in done:
                        one = hearing.result()
                        if one is None:
                            return
                        if asking is not None and self._settles(one, asking):
                            await _ended(asking)
                            asking = None
                            console.print()
                        self._hear(one)
                        hearing = asyncio.create_task(heard.get())
            finally:
                await _ended(hearing)
                if asking is not None:
                    await _ended(asking)

    def _settles(self, one: Happening, asking: asyncio.Task[str]) -> bool:
        """Tell whether the question at the prompt needs no answer from here any more."""
        if not isinstance(one, tuple) or not self._keyboard.waits:
            return False  # what has been typed is on its way; the mesh says whether it counts
        event = one[1]
        settled = event.kind in ("answered", "timed_out")
        return event.is_final or (settled and event.data.get("id") == asking.get_name())

    def _hear(self, one: tuple[int, TaskEvent] | Piece) -> None:
        # What comes while somebody types stands above the prompt.
        typing = self._keyboard.waits
        if isinstance(one, Piece):
            if not typing:
                self._screen.write(one)
            return
        _, event = one
        if event.kind == "asked":
            question = msgspec.convert(event.data["question"], Question)
            self._open[question.id] = question
        elif event.kind in ("answered", "timed_out"):
            self._open.pop(str(event.data.get("id")), None)
        if event.kind == "answered" and event.data.get("id") in self._mine:
            return  # the person has just typed it
        with console.capture() if typing else contextlib.nullcontext() as told:
            self._screen.tell(*one)
        lines = told.get() if told is not None else ""
        if lines:
            console.file.write(f"\n{lines}")
            self._keyboard.show_again()
        raise_failure(self._handle.task_id, event)

    async def _ask(self, question: Question) -> str:
        """Ask and answer; return the question's id."""
        task = asyncio.current_task()
        if task is not None:
            task.set_name(question.id)
        self._mine.add(question.id)
        try:
            await answer_at_prompt(self._handle, question, self._keyboard, by=self._mesh.name)
        except (AlreadyAnswered, QuestionNotFound) as error:
            self._mine.discard(question.id)
            console.print(f"  {safe(str(error))}")
        except EOFError:
            self._answers, self._screen.hints = False, True
            self._mine.discard(question.id)
            command = answering_command(self._handle.task_id, question, alone=True)
            console.print(f"\n  Left for others: {command}")
        except asyncio.CancelledError:
            self._mine.discard(question.id)
            raise
        return question.id


async def _ended(task: asyncio.Task[Any]) -> None:
    """Cancel a task, and wait until it has ended; how does not matter any more."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()
