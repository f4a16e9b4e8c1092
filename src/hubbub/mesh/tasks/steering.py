"""A note to a task that runs: stored until the task has taken it in, once under each id."""

from __future__ import annotations

from hubbub.errors import TaskFinished, TooManyNotes
from hubbub.mesh.tasks.inputs import read_inputs, write_input
from hubbub.mesh.tasks.log import read_log
from hubbub.mesh.transport.connection import Connection
from hubbub.wire import clock
from hubbub.wire.envelope import new_id
from hubbub.wire.events import fold
from hubbub.wire.inputs import Note, check_note, is_note, note_key
from hubbub.wire.recording import Recording
from hubbub.wire.subjects import parse

__all__ = ["send_note"]

_MOST_UNREAD = 100


async def send_note(
    connection: Connection,
    agent: str,
    task_id: str,
    text: str,
    *,
    by: str,
    note_id: str | None = None,
) -> str:
    """Store a note for a task, and return its id.

    Args:
        connection: the mesh.
        agent: token of the agent the task belongs to.
        task_id: the task.
        text: what is said; 16,000 characters at the most.
        by: who says it.
        note_id: under the same id a task takes in one note.

    Raises:
        TaskFinished: the task has ended.
        TooManyNotes: it has not read so many yet.
        InvalidMessage: the text is empty or too long, or the id cannot be one.
        ConnectionLost: the server does not confirm it.
    """
    note_id = new_id() if note_id is None else note_id
    check_note(note_id, text, by)
    # First: what is taken in meanwhile is then found twice, and not missed.
    keys = [parse(one.subject) for one in await read_inputs(connection, agent, task_id)]
    events = await read_log(connection, agent, task_id)
    recording = Recording(event for _, event in events)
    if note_id in recording.notes:
        return note_id
    state = fold(event for _, event in events).state
    if state.is_final:
        raise TaskFinished(task_id, state)
    key = note_key(note_id)
    unread = {address.key for address in keys if address is not None and is_note(address.key)}
    unread.difference_update(map(note_key, recording.read))
    unread.update(map(note_key, recording.unread()))
    if key not in unread and len(unread) >= _MOST_UNREAD:
        raise TooManyNotes(task_id, _MOST_UNREAD)
    note = Note(id=note_id, text=text, by=by, at=clock.now())
    await write_input(connection, agent, task_id, key, note.to_bytes())
    # It may have ended meanwhile: then nobody takes the note in.
    after = events[-1][0] if events else 0
    later = [event for _, event in await read_log(connection, agent, task_id, after=after)]
    if later and later[-1].is_final and note_id not in Recording(later).notes:
        raise TaskFinished(task_id, later[-1].kind)
    return note_id
