"""What comes of running a recorded task against today's code, without doing anything."""

from __future__ import annotations

import msgspec

from hubbub.wire.codec import JSON

__all__ = ["REPLAY", "ReplayReport"]

REPLAY = "hubbub.replay"
"""In the metadata of a request: the task that whoever serves the agent is to run again."""


class ReplayReport(msgspec.Struct, frozen=True, kw_only=True):
    """Whether code fits the record of a task.

    Attributes:
        task_id: the task.
        agent: display name of the agent.
        fits: whether the code does what is on record, as far as that goes.
        departs_at: the key of the first call that differs; empty if none does, or if what differs
            is how the task ended.
        recorded: what is on record there.
        found: what the code does there.
        steps: how many recorded outcomes the code was given.
        version: the version of the code that was run.
        message: the same in one sentence.
    """

    task_id: str
    agent: str
    fits: bool
    departs_at: str = ""
    recorded: JSON = None
    found: JSON = None
    steps: int = 0
    version: str = ""
    message: str = ""
