"""Which durable call is being made, and whether it is the one that the record has at its place."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Generator

from hubbub.errors import StepMismatch
from hubbub.mesh.durable.branches import AmbiguousCall, Branch, Call, current_branch, here
from hubbub.wire.recording import NOTES_READ, Recording, branch_of
from hubbub.wire.reruns import Lineage

__all__ = ["Calls"]


class Calls:
    """The calls that a handler makes, in their branches; part of `Run`.

    Args:
        agent: display name of the agent that works on the task.
        task_id: the task.
        recording: what is on record.
        is_kept: whether what is done is put on record.
    """

    def __init__(self, agent: str, task_id: str, recording: Recording, *, is_kept: bool) -> None:
        self.agent = agent
        self.task_id = task_id
        self.recording = recording
        self.is_kept = is_kept
        self._identity = object()
        self._root = Branch(self._identity, "")
        self._mismatch: StepMismatch | None = None

    # Where the caller is

    def belongs_to(self, owner: object) -> None:
        """Let an asyncio task, or a thread, be the handler's own."""
        self._root.owner = owner

    @property
    def branch(self) -> Branch:
        """The branch in which the caller runs."""
        branch = current_branch.get()
        return branch if branch is not None and branch.run is self._identity else self._root

    @contextlib.contextmanager
    def branched(self, name: str, *, is_step: bool = False) -> Generator[Branch]:
        """Make the calls of the body a branch of their own.

        Args:
            name: its name within the branch around it.
            is_step: whether it is the inside of a step, and its name the step's.

        Raises:
            HubbubError: there is another one of this name, which may go on at the same time.
        """
        around = self.branch
        name = name.replace("/", ":") if is_step else around.name_of_branch(name)
        inner = Branch(self._identity, f"{around.path}{name}/", here(), around, is_step)
        token = current_branch.set(inner)
        try:
            yield inner
        finally:
            current_branch.reset(token)

    def step_key(self, call: Call) -> str:
        """Return a key for what a call does elsewhere, the same whenever it is made."""
        return self.lineage.step_key(call.key)

    @property
    def lineage(self) -> Lineage:
        """What the ids of its steps and messages are derived from."""
        recording = self.recording
        tasks = (*recording.lineage, self.task_id)
        return Lineage(self.agent, tasks, recording.redone, recording.fresh)

    # Calls

    def call(self, kind: str, name: str = "", *, named: bool = False) -> Call:
        """Return the durable call that is being made; see `Branch.call`.

        Raises:
            HubbubError: nothing tells it from others that are made at the same time.
            StepMismatch: on record is another call at its place.
        """
        branch = self.branch
        if not self.is_kept:
            return branch.mark(f"{kind}:{name}" if name else kind)
        call = branch.call(kind, name, named=named)
        if call.place is not None:
            recorded = self.recording.at(call.branch, call.place)
            if recorded is not None and recorded != call.key:
                raise self.mismatch(recorded, call.key)
        return call

    def mark_in_order(self, label: str) -> Call:
        """Return the key of something that is told from others of its kind by its number alone.

        Raises:
            AmbiguousCall: beside the handler's own asyncio task nothing tells that number.
        """
        if self.is_kept and self.branch.owner is not here():
            raise AmbiguousCall(
                f"{label} is called beside the handler's own asyncio task, where the order of "
                'calls may change: enclose it in `task.branch("...")`'
            )
        return self.branch.mark(label)

    def mismatch(self, recorded: str, found: str) -> StepMismatch:
        """Return the error for code that does not fit the record; the run will end of it.

        Args:
            recorded: what is on record.
            found: what the code has in its place.
        """
        error = StepMismatch(self.task_id, recorded, found)
        # Whatever the handler makes of it: from here on, nothing can be right.
        self._mismatch = self._mismatch or error
        return error

    def asking(self, agent: str, asked: bytes) -> Call:
        """Return the call that a request is: known by what is asked, so that it needs no place.

        Args:
            agent: token of whom is asked.
            asked: what.
        """
        digest = hashlib.blake2b(asked, digest_size=8).hexdigest()
        return self.branch.mark(f"request:{agent}:{digest}")

    def check_complete(self) -> None:
        """See that the handler, at its end, has made every call of its own that is on record.

        Raises:
            StepMismatch: the record goes on, or did not fit before.
        """
        if self._mismatch is not None:
            raise self._mismatch
        places = self.recording.places("")
        missed = [place for place in places if place >= self._root.calls]
        if self._root.owner is None:
            return
        if missed:
            raise StepMismatch(self.task_id, places[min(missed)], "")
        if self.recording.read:
            self._check_notes()

    def _check_notes(self) -> None:
        for key, event in self.recording.settled.items():
            if event.kind == NOTES_READ and not branch_of(key) and not self._root.has_made(key):
                raise StepMismatch(self.task_id, key, "")
