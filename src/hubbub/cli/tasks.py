"""`hubbub tasks`: what has been set to work, how it stands, and the way to cancel it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from hubbub.cli import answers
from hubbub.cli.following import follow
from hubbub.cli.options import Json, TaskID
from hubbub.cli.output import console, print_json, safe
from hubbub.cli.questions import answered_by, answering_command, lines_of
from hubbub.cli.running import on_mesh, run_async
from hubbub.cli.screen import TaskScreen, as_text
from hubbub.mesh.tasks.summary import TaskSummary
from hubbub.wire.events import TaskState

__all__ = ["register"]

_COLOURS = {
    TaskState.SUBMITTED: "blue",
    TaskState.WORKING: "yellow",
    TaskState.INPUT_REQUIRED: "magenta",
    TaskState.AUTH_REQUIRED: "magenta",
    TaskState.COMPLETED: "green",
    TaskState.FAILED: "red",
    TaskState.CANCELED: "dim",
    TaskState.REJECTED: "red",
}

_ID_COLUMNS = 36
_LONGEST_TEXT = 160

_commands = typer.Typer(
    help="Show tasks, the one that changed last first.",
    rich_markup_mode=None,
    no_args_is_help=False,
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    answers.register(_commands)
    app.add_typer(_commands, name="tasks")


@_commands.callback(invoke_without_command=True)
def tasks(
    context: typer.Context,
    agent: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only tasks of this agent.")
    ] = None,
    state: Annotated[
        list[TaskState] | None, typer.Option(help="Only tasks in this state; may be repeated.")
    ] = None,
    conversation: Annotated[
        str | None, typer.Option("--context", metavar="ID", help="Only this conversation.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many.")] = 30,
    before: Annotated[
        str | None, typer.Option(metavar="CURSOR", help="Go on behind an earlier list.")
    ] = None,
    json: Json = False,
) -> None:
    """Show tasks, the one that changed last first."""
    if context.invoked_subcommand is None:
        run_async(_list(agent, state, conversation, limit, before, json))


@_commands.command()
def show(
    task_id: TaskID,
    following: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until it has ended.")
    ] = False,
    log: Annotated[
        bool,
        typer.Option("--log", help="Show each event of its log, by its sequence, and no more."),
    ] = False,
    json: Json = False,
) -> None:
    """Show a task, and everything that has happened to it."""
    if log:
        run_async(_show_log(task_id, json))
    else:
        run_async(_show(task_id, following, json))


@_commands.command()
def cancel(task_id: TaskID, json: Json = False) -> None:
    """Ask for the end of a task, and of what it has opened."""
    run_async(_cancel(task_id, json))


async def _list(
    agent: str | None,
    states: list[TaskState] | None,
    context: str | None,
    limit: int,
    before: str | None,
    json: bool,
) -> None:
    async with on_mesh() as mesh:
        page = await mesh.tasks(
            agent, state=states or None, context=context, limit=limit, before=before
        )
    if json:
        print_json(page)
    elif page.tasks:
        console.print(_table(page.tasks))
        if page.before is not None:
            console.print(f"More with --before {page.before}", style="dim")
    else:
        chosen = agent or states or context or before
        hint = (
            "Without options, all are shown." if chosen else "`hubbub send AGENT TEXT` opens one."
        )
        console.print(f"No such tasks. {hint}" if chosen else f"No tasks. {hint}")


async def _show(task_id: str, following: bool, json: bool) -> None:
    async with on_mesh() as mesh:
        task = await mesh.find_task(task_id)
        handle = mesh.task(task.agent, task_id)
        if following:
            await follow(mesh, handle, json=json)
            return
        if json:
            print_json(task)
            return
        for name, value in _facts(task):
            line = Text(f"{name:<9} ", style="dim")
            line.append(safe(value), style=_COLOURS[task.state] if name == "state" else "")
            console.print(line)
        screen = TaskScreen(task_id, hints=False)
        for sequence, event in await handle.stored_log():
            screen.tell(sequence, event)
        for question in task.questions:
            first, *rest = lines_of(question)
            command = answering_command(task_id, question, alone=len(task.questions) == 1)
            last = answered_by(question, task.held_up) or f"answer with: {command}"
            console.print(Text(f"? {safe(first)}", style="bold"))
            for line in (*rest, f"  {last}"):
                console.print(safe(line))


async def _show_log(task_id: str, json: bool) -> None:
    async with on_mesh() as mesh:
        task = await mesh.find_task(task_id)
        screen = TaskScreen(task_id, json=json)
        for sequence, event in await mesh.task(task.agent, task_id).stored_log():
            if json:
                screen.tell(sequence, event)
            else:
                key = safe(str(event.data.get("key", "")))
                console.print(f"{sequence:>8}  {safe(event.kind):<12} {key}".rstrip())


async def _cancel(task_id: str, json: bool) -> None:
    async with on_mesh() as mesh:
        task = await mesh.find_task(task_id)
        handle = mesh.task(task.agent, task_id)
        await handle.cancel()
        state = await handle.state()
    if json:
        print_json({"task_id": task_id, "agent": task.agent, "state": state})
    elif state.is_final:
        console.print(f"Task {task_id} is {state}")
    else:
        console.print(f"Asked {task.agent} to end task {task_id}; it is {state} until it has")


def _facts(task: TaskSummary) -> list[tuple[str, str]]:
    facts = [
        ("task", task.id),
        ("agent", task.agent),
        ("state", str(task.state)),
        ("from", task.from_agent),
        ("owner", task.owner),
        ("content", as_text(task.content)),
        ("metadata", as_text(task.metadata) if task.metadata else ""),
        ("context", task.context_id),
        ("parent", " ".join(task.parent) if task.parent else ""),
        ("retry of", task.retry_of),
        ("version", task.version),
        ("held up", task.held_up),
        ("attempt", str(task.attempt) if task.attempt else ""),
        ("usage", ", ".join(f"{name} {count}" for name, count in task.usage.items())),
        ("error", task.error),
        ("sent", task.created_at),
        ("changed", task.updated_at),
    ]
    return [(name, value) for name, value in facts if value]


def _table(tasks: list[TaskSummary]) -> Table:
    grid = Table(box=None, pad_edge=False, header_style="bold")
    # What people copy from here is the id.
    grid.add_column("TASK", no_wrap=True, min_width=_ID_COLUMNS)
    for column in ("AGENT", "STATE", "CHANGED"):
        grid.add_column(column, no_wrap=not console.is_terminal, overflow="fold")
    grid.add_column("WHAT", overflow="ellipsis", no_wrap=True, ratio=1)
    for task in tasks:
        text = task.error if task.state is TaskState.FAILED else as_text(task.content)
        if waits := _why_it_waits(task):
            text = f"{waits} | {text}"
        grid.add_row(
            Text(task.id),
            Text(safe(task.agent)),
            Text(str(task.state), style=_COLOURS[task.state]),
            _when(task.updated_at),
            Text(safe(" ".join(text.split()))[:_LONGEST_TEXT]),
        )
    return grid


def _why_it_waits(task: TaskSummary) -> str:
    """Return why nothing happens, although no person is asked any more; empty if there is none."""
    answered = (answered_by(question, task.held_up) for question in task.questions)
    return next(filter(None, answered), task.held_up)


def _when(timestamp: str) -> str:
    try:
        moment = datetime.fromisoformat(timestamp).astimezone()
    except (ValueError, OverflowError):
        return timestamp
    today = moment.date() == datetime.now().astimezone().date()
    return moment.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M")
