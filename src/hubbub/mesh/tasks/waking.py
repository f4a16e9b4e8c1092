"""An input that was delivered: what is to be done with it, as the log of its task has it."""

from __future__ import annotations

import logging
from enum import Enum, auto

from hubbub.errors import InvalidMessage
from hubbub.mesh.tasks.inbox import Delivery
from hubbub.mesh.tasks.inputs import is_of_use, read_inputs
from hubbub.mesh.tasks.job import Job
from hubbub.mesh.tasks.timing import timing_of
from hubbub.mesh.transport.answers import StoredMessage
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.streams import WAKE
from hubbub.wire import clock
from hubbub.wire.inputs import CANCEL, settling
from hubbub.wire.subjects import parse

__all__ = ["Wake", "take_in_stored", "what_to_do"]

log = logging.getLogger("hubbub.tasks")


class Wake(Enum):
    """What is to be done with an input."""

    CLOSE = auto()
    """Its task has ended under it: what follows the end is to be repeated."""
    DROP = auto()
    """Nobody will take it in any more."""
    WORK = auto()
    """Its task is to go on, and it is the lease."""
    HAND_OVER = auto()
    """Somebody is at work on its task, and is to hear of it."""


def what_to_do(key: str, delivery: Delivery, job: Job) -> Wake:
    """Return what is to be done with an input.

    Args:
        key: its key.
        delivery: the input.
        job: its task, with what is on record.
    """
    before = job.before
    is_lease = before.wake_sequence == delivery.sequence
    if before.state.is_final:
        return Wake.CLOSE if is_lease else Wake.DROP
    if is_lease:
        # Its process died, or handed it back, unless that was after the task came to rest again.
        return Wake.DROP if before.is_parked else Wake.WORK
    if not is_of_use(key, delivery, job):
        return Wake.DROP
    return Wake.WORK if before.is_parked else Wake.HAND_OVER


async def take_in_stored(connection: Connection, agent: str, job: Job) -> None:
    """Put on record what a task was told before it was claimed again.

    Times that it waited for, and need not any more, are removed: each would wake it once.

    Raises:
        Fenced: it has another owner by now.
        ConnectionLost: the server does not confirm it.
    """
    later = list[tuple[str, StoredMessage]]()
    for stored in await read_inputs(connection, agent, job.task_id):
        address = parse(stored.subject)
        if address is None:
            continue
        if clock.seconds_until(timing_of(stored.headers).not_before):
            later.append((address.key, stored))
            continue
        try:
            event = settling(address.key, stored.data, job.recording)
        except InvalidMessage as error:
            log.warning("%s: an input of task %s: %s", agent, job.task_id, error)
            event = None
        if event is not None:
            job.recording.add(await job.log.append(*event))
        if address.key != CANCEL and stored.sequence != job.delivery.sequence:
            await connection.remove(WAKE, stored.sequence)
    # Now that the answers are on record: times that nobody waits for any more.
    for key, stored in later:
        if not is_of_use(key, stored, job) and stored.sequence != job.delivery.sequence:
            await connection.remove(WAKE, stored.sequence)
