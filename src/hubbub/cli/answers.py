"""`hubbub tasks answer`, `steer`, `replay` and `rerun`."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer

from hubbub.cli.dialogue import answer_at_prompt
from hubbub.cli.keyboard import Keyboard, is_interactive
from hubbub.cli.options import As, Json, TaskID
from hubbub.cli.output import console, print_json, safe
from hubbub.cli.questions import answering_command, choices_read
from hubbub.cli.running import on_mesh, run_async
from hubbub.cli.screen import as_text
from hubbub.errors import QuestionNotFound
from hubbub.wire.codec import JSON
from hubbub.wire.questions import Question

__all__ = ["register"]


def register(commands: typer.Typer) -> None:
    """Add the commands to those of `hubbub tasks`."""
    commands.command()(answer)
    commands.command()(steer)
    commands.command()(replay)
    commands.command()(rerun)


def answer(
    task_id: TaskID,
    text: Annotated[
        str | None,
        typer.Argument(metavar="[ANSWER]", help="A text, or choices by number or name."),
    ] = None,
    question: Annotated[
        str | None, typer.Option(metavar="ID", help="Which question; needed if several are open.")
    ] = None,
    approve: Annotated[
        bool | None, typer.Option("--approve/--reject", help="Decide about the use of a tool.")
    ] = None,
    comment: Annotated[str, typer.Option(help="What to say to the decision.")] = "",
    arguments: Annotated[
        str | None, typer.Option(metavar="JSON", help="Use the tool with these instead.")
    ] = None,
    sender: As = None,
    json: Json = False,
) -> None:
    """Answer a question of a task; without an answer, on a terminal, be asked."""
    decision = _decision(text, approve, comment, arguments)
    run_async(_answer(task_id, text, question, decision, sender, json))


def steer(
    task_id: TaskID,
    text: Annotated[str, typer.Argument(help="What to say to it.")],
    sender: As = None,
    json: Json = False,
) -> None:
    """Send a note to a task while it runs; agents with a model see it before their next step."""
    run_async(_steer(task_id, text, sender, json))


def replay(task_id: TaskID, json: Json = False) -> None:
    """Run today's code against a task's record, without doing anything, and say if it fits."""
    run_async(_replay(task_id, json))


def rerun(
    task_id: TaskID,
    after: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="N",
            help="Only with what is on record up to event N, as `hubbub tasks show --log` shows "
            "them; 0 begins at the top.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Run a task again as a new one, with what is on record: nobody is asked or paid again."""
    run_async(_rerun(task_id, after, json))


def _decision(
    text: str | None, approve: bool | None, comment: str, arguments: str | None
) -> dict[str, Any] | None:
    """Return the decision that the options make, None if they make none.

    Raises:
        typer.BadParameter: they contradict each other, or the arguments are no JSON object.
    """
    if approve is None:
        if comment or arguments is not None:
            raise typer.BadParameter("--comment and --arguments need --approve or --reject")
        return None
    if text is not None:
        raise typer.BadParameter("a decision is --approve or --reject, without a text beside it")
    changed: dict[str, Any] | None = None
    if arguments is not None:
        try:
            changed = msgspec.json.decode(arguments.encode(), type=dict[str, Any])
        except msgspec.MsgspecError as error:
            raise typer.BadParameter(f"--arguments must be a JSON object: {error}") from None
    decision = "approve" if approve else "reject"
    return {"decision": decision, "arguments": changed, "comment": comment}


async def _answer(
    task_id: str,
    text: str | None,
    question_id: str | None,
    decision: dict[str, Any] | None,
    sender: str | None,
    json: bool,
) -> None:
    if text is None and decision is None and (json or not is_interactive()):
        raise typer.BadParameter("say what the answer is, or --approve or --reject")
    async with on_mesh(sender) as mesh:
        task = await mesh.find_task(task_id)
        handle = mesh.task(task.agent, task_id)
        if text is None and decision is None:
            asked = _question(task_id, (await handle.snapshot()).questions, question_id)
            try:
                await answer_at_prompt(handle, asked, Keyboard(), by=mesh.name)
            except EOFError:
                raise typer.Abort from None
        else:
            given: JSON = decision
            if text is not None:
                given = _typed(text, (await handle.snapshot()).questions, question_id)
            asked = await handle.answer(given, question_id, by=mesh.name)
    if json:
        print_json({"task_id": task_id, "question_id": asked.id, "by": mesh.name})
    else:
        console.print(f"Answered: {safe(asked.prompt)}")


async def _steer(task_id: str, text: str, sender: str | None, json: bool) -> None:
    async with on_mesh(sender) as mesh:
        note_id = await mesh.steer_task(task_id, text)
        by = mesh.name
    if json:
        print_json({"task_id": task_id, "id": note_id, "by": by})
    else:
        console.print(
            f"Sent to task {safe(task_id)}, which reads it when its handler asks for notes"
        )


async def _replay(task_id: str, json: bool) -> None:
    async with on_mesh() as mesh:
        report = await mesh.replay_task(task_id)
    if json:
        print_json(report)
    else:
        console.print(safe(report.message))
        if not report.fits:
            console.print(f"  at        {safe(report.departs_at)}")
            console.print(f"  recorded  {safe(as_text(report.recorded))}")
            console.print(f"  found     {safe(as_text(report.found))}")
    if not report.fits:
        raise typer.Exit(1)


async def _rerun(task_id: str, after: int | None, json: bool) -> None:
    async with on_mesh() as mesh:
        handle = await mesh.rerun_task(task_id, after)
    if json:
        print_json({"task_id": handle.task_id, "agent": handle.agent, "rerun_of": task_id})
    else:
        console.print(f"{safe(handle.agent)} goes on with it as task {handle.task_id}")
        console.print(f"Follow it with: hubbub tasks show {handle.task_id} --follow", style="dim")


def _typed(text: str, questions: list[Question], question_id: str | None) -> JSON:
    """Return what a text means as the answer to the question it is for; the mesh checks it."""
    asked = [one for one in questions if question_id in (None, one.id)]
    if len(asked) != 1 or asked[0].kind not in ("choice", "choices"):
        return text
    chosen = choices_read(text, asked[0].choices)
    if asked[0].kind == "choices":
        return [text] if chosen is None else [*chosen]
    return text if chosen is None or len(chosen) != 1 else chosen[0]


def _question(task_id: str, questions: list[Question], question_id: str | None) -> Question:
    """Return the question to be asked at the prompt.

    Raises:
        QuestionNotFound: there is none, or several and none is named.
    """
    asked = [one for one in questions if question_id in (None, one.id)]
    if len(asked) == 1:
        return asked[0]
    if not asked:
        raise QuestionNotFound(task_id, question_id, "it asks nothing now")
    commands = (answering_command(task_id, one, alone=False) for one in asked)
    raise QuestionNotFound(task_id, None, f"it asks several things: {'; '.join(commands)}")
