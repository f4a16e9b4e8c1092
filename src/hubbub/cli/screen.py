"""One task on the terminal: its events as lines, and its text while it is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from hubbub.cli.happenings import Piece
from hubbub.cli.output import console, print_json, safe
from hubbub.cli.questions import answer_shown, answering_command, lines_of
from hubbub.wire.codec import JSON, encode
from hubbub.wire.events import EventKind, TaskEvent
from hubbub.wire.questions import Question

__all__ = ["TaskScreen", "as_text"]

_LONGEST = 200


@dataclass(slots=True)
class _Line:
    """A text that is being written on the last line of the screen."""

    key: str
    attempt: int
    text: str = ""


class TaskScreen:
    """Prints what happens to a task.

    Args:
        task_id: the task.
        who: the agent that it belongs to, to be named in what is printed; empty if that is clear.
        json: whether it prints JSON, an event a line.

    Attributes:
        hints: whether it prints questions, and how they can be answered.
    """

    def __init__(
        self, task_id: str, *, who: str = "", json: bool = False, hints: bool = True
    ) -> None:
        self._task_id = task_id
        self._who = f"{who} " if who else ""
        self._json = json
        self.hints = hints
        self._asked: dict[str, Question] = {}
        self._open: set[str] = set()
        self._line: _Line | None = None
        self._texts: dict[str, _Line] = {}
        self._said = set[str]()

    def tell(self, sequence: int, event: TaskEvent) -> None:
        """Print one event."""
        self._keep(event)
        if self._json:
            facts = {"task_id": self._task_id, "sequence": sequence}
            print_json({**self._shown(event), **facts, "kind": event.kind, "at": event.at})
            return
        data = event.data
        if event.kind == "said" and self._told_while_written(data):
            return
        lines = self._lines(event)
        if not lines:
            return
        written = "" if self._line is None else self._line.text.strip()
        self.finish_line()
        if event.kind == EventKind.COMPLETED and written == as_text(data.get("result")).strip():
            return
        for line in lines:
            console.print(safe(line))

    def write(self, piece: Piece) -> None:
        """Print a piece of text where the last one ended, unless it has been seen before."""
        if self._json or piece.key in self._said:
            return
        line = self._texts.get(piece.key) if piece.key else self._line
        if line is None or (line.key, line.attempt) != (piece.key, piece.attempt):
            line = self._texts[piece.key] = _Line(piece.key, piece.attempt)
        done = len(line.text)
        if piece.key and piece.offset > done:
            return  # pieces were lost: the whole comes with the log
        text = piece.text[done - piece.offset :] if piece.key else piece.text
        if not text:
            return
        if self._line is not line:
            self.finish_line()
            self._line = line
            console.print("  ", end="")
        line.text += text
        console.print(safe(text), end="")

    def finish_line(self) -> None:
        """End the line that a text is being written on."""
        if self._line is not None:
            self._line = None
            console.print()

    def _told_while_written(self, data: dict[str, Any]) -> bool:
        """Tell whether a text stands on the screen; complete it if it is the one being written."""
        key, text, line = str(data.get("key", "")), str(data.get("text", "")), self._line
        if key:
            self._said.add(key)
        if line is not None and line.text and line.key == key and text.startswith(line.text):
            console.print(safe(text[len(line.text) :]), end="")
            self.finish_line()
            return True
        # A runtime shows its text under another key, and what it says next may be quicker.
        found = next(
            (one for one in self._texts.values() if one.text.strip() == text.strip()), None
        )
        if found is None or not text.strip():
            return False
        if found is line:
            self.finish_line()
        found.text = ""
        self._said.add(found.key)
        return True

    def _keep(self, event: TaskEvent) -> None:
        if event.kind == "asked":
            question = msgspec.convert(event.data["question"], Question)
            self._asked[question.id] = question
            self._open.add(question.id)
        elif event.kind in ("answered", "timed_out"):
            self._open.discard(str(event.data.get("id")))

    def _shown(self, event: TaskEvent) -> dict[str, Any]:
        """Return the facts of an event, without what was typed as a secret."""
        question = self._asked.get(str(event.data.get("id")))
        if event.kind == "answered" and (question is None or question.secret):
            return {**event.data, "answer": None}
        return event.data

    def _lines(self, event: TaskEvent) -> list[str]:
        match event.kind:
            case "asked":
                return self._question(event.data["question"]["id"])
            case "answered":
                question = self._asked.get(str(event.data.get("id")))
                by = event.data.get("by") or "somebody"
                return [f"  {by} answered: {answer_shown(question, event.data.get('answer'))}"]
            case "timed_out":
                question = self._asked.get(str(event.data.get("id")))
                return [f"  nobody answered in time: {question.prompt if question else ''}"]
            case _:
                return _lines(event)

    def _question(self, question_id: str) -> list[str]:
        if not self.hints:
            return []
        question = self._asked[question_id]
        first, *rest = lines_of(question)
        command = answering_command(self._task_id, question, alone=len(self._open) == 1)
        return [
            f"  {self._who}asks: {first}",
            *(f"  {line}" for line in rest),
            f"    answer with: {command}",
        ]


def as_text(value: JSON) -> str:
    """Return a text as it is, and any other JSON value in its JSON form."""
    return value if isinstance(value, str) else encode(value).decode()


def _lines(event: TaskEvent) -> list[str]:
    data = event.data
    match event.kind:
        case EventKind.CLAIMED:
            again = f" (attempt {data['attempt']})" if data.get("attempt", 1) != 1 else ""
            return [f"  started{again}"] if not data.get("wake_sequence") else []
        case EventKind.RETRYING:
            return [f"  failed: {data.get('error')}; again in {data.get('after')} s"]
        case EventKind.RELEASED:
            return ["  handed back: its process is going away"]
        case "said":
            who = f"{data['agent']}: " if data.get("agent") else ""
            return [f"  {who}{data.get('text')}"]
        case "steered":
            return [f"  {data.get('by') or 'somebody'} steered: {data.get('text')}"]
        case "notes_read":
            return []
        case "progress":
            return [f"  {data.get('text')}"]
        case "image":
            where = data.get("url") or data.get("media_type")
            return [f"  image: {data.get('caption') or 'without a caption'} ({where})"]
        case "tool_call":
            return [f"  calls {data.get('name')} {_short(data.get('arguments'))}"]
        case "tool_result":
            return [f"  {data.get('name')} returned {_short(data.get('result'))}"]
        case "step":
            end = f"failed: {data['error']}" if data.get("error") else "done"
            return [f"  step {data.get('name')}: {_short(end)}"]
        case "sleeping":
            return [f"  sleeps until {data.get('until')}"]
        case "sent":
            return [f"  {data.get('message_type')} to {data.get('to_agent')}"]
        case "unsent":
            return [f"  could not send to {data.get('to_agent')}: {data.get('error')}"]
        case EventKind.COMPLETED:
            return [as_text(data.get("result"))]
        case _:
            return []


def _short(value: Any) -> str:
    text = as_text(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
