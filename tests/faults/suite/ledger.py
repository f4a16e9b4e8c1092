"""What the mesh holds at the end of a run, set against what the processes have written down."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from hubbub import Mesh, TaskEvent
from hubbub.mesh.transport.answers import StoredMessage
from hubbub.wire.envelope import AgentMessage
from hubbub.wire.names import agent_token

from .journal import Facts
from .plan import AGENTS, MAX_ATTEMPTS, Job, Plan

__all__ = ["Books", "Ledger", "audit", "read_books"]

_STATE_OF = {"fail": "failed", "reject": "rejected", "cancel": "canceled", "tree": "canceled"}
_FINAL = ("completed", "failed", "rejected", "canceled")

Completion = tuple[str, str, str]
"""Who was told, about which message, and the task that has ended."""


@dataclass(frozen=True)
class Books:
    """What the streams hold.

    Attributes:
        logs: the events of each task, by agent token and task id.
        inbox: subjects of what is in any inbox.
        completions: how often each was stored.
        dead: how many dead letters each task has.
        inputs: how many inputs of tasks nobody has taken.
    """

    logs: dict[tuple[str, str], list[TaskEvent]]
    inbox: list[str]
    completions: Counter[Completion]
    dead: Counter[tuple[str, str]]
    inputs: int


@dataclass
class Ledger:
    """The account of a run.

    Attributes:
        counts: how many of what, in the order in which they are printed.
        wrong: every sentence that is not true of this run; none, if nothing was lost or doubled.
    """

    counts: dict[str, int] = field(default_factory=dict[str, int])
    wrong: list[str] = field(default_factory=list[str])

    def __str__(self) -> str:
        width = max(map(len, self.counts))
        lines = [f"  {name:<{width}} {count:>6}" for name, count in self.counts.items()]
        return "\n".join([*lines, *(f"  WRONG: {sentence}" for sentence in self.wrong)])


async def read_books(mesh: Mesh) -> Books:
    """Read what the streams hold now."""
    connection = mesh.connection
    logs: dict[tuple[str, str], list[TaskEvent]] = {}
    for stored in await connection.read_back("TASKS", "tasks.*.*.log"):
        _, agent, task_id, _ = stored.subject.split(".")
        logs.setdefault((agent, task_id), []).append(TaskEvent.from_bytes(stored.data))
    notices = await connection.read_back("NOTICES", connection.layout.done("*"))
    dead = await connection.read_back("DEAD", "dead.>")
    inbox = await connection.read_back("INBOX", "agents.direct.>")
    inputs = await connection.read_back("WAKE", "tasks.>")
    return Books(
        logs,
        [stored.subject for stored in inbox],
        Counter(_answers(stored) for stored in notices),
        Counter(_buried(stored) for stored in dead),
        len(inputs),
    )


def _answers(stored: StoredMessage) -> Completion:
    message = AgentMessage.from_bytes(stored.data)
    return stored.subject.split(".")[2], message.in_reply_to or "", message.metadata["task_id"]


def _buried(stored: StoredMessage) -> tuple[str, str]:
    _, agent, task_id = stored.subject.split(".")[:3]
    return agent, task_id


def audit(plan: Plan, books: Books, journal: list[Facts]) -> Ledger:
    """Set the books against the plan and the journal."""
    jobs, ledger = plan.all_jobs(), Ledger()
    sent = {facts["task"] for facts in journal if facts["what"] == "sent"}
    finals = {key: [e.kind for e in log if e.is_final] for key, log in books.logs.items()}
    ends = Counter(kinds[0] for kinds in finals.values() if kinds)
    claims = sum(e.kind == "claimed" for log in books.logs.values() for e in log)
    claimed = sum(any(e.kind == "claimed" for e in log) for log in books.logs.values())
    lost = [task for task in sent if not finals.get((_token(jobs[task]), task))]
    opened = {(_token(jobs[task]), task) for task in jobs}
    expected = _expected_completions(plan, books)
    doubled = {key: n for key, n in books.completions.items() if n > 1}
    missing = [key for key in expected if key not in books.completions]
    # What was canceled before its claim does not say who had sent it.
    unclaimed = {task for (_, task), log in books.logs.items() if log[0].kind == "canceled"}
    stray = [key for key in books.completions.keys() - expected if key[2] not in unclaimed]
    ledger.counts |= {
        "sent": len(sent),
        "passed on": len(books.logs.keys() - opened),
        **{state: ends[state] for state in _FINAL},
        "dead letters": books.dead.total(),
        "attempts": claims,
        "redeliveries": claims - claimed,
        "completions": books.completions.total(),
        "lost": len(lost),
        "duplicated finals": sum(len(kinds) > 1 for kinds in finals.values()),
        "duplicated completions": sum(n - 1 for n in doubled.values()),
    }
    ledger.wrong += [f"{task} ({jobs[task].do}) was sent and has no end" for task in lost]
    ledger.wrong += [f"{key} waits in an inbox" for key in books.inbox]
    ledger.wrong += [f"{key} was reported {n} times" for key, n in doubled.items()]
    ledger.wrong += [f"{key} was not reported" for key in missing]
    ledger.wrong += [f"{key} was reported, and is no task's" for key in stray]
    if books.inputs:
        ledger.wrong.append(f"{books.inputs} inputs were left behind")
    done = {(f["task"], f["attempt"]) for f in journal if f["what"] == "done"}
    steps = {(f["task"], f["attempt"], f["step"]) for f in journal if f["what"] == "step"}
    for (agent, task_id), log in books.logs.items():
        said = " ".join(event.kind for event in log)
        wrong = _wrong_with(task_id, log, done, steps)
        failed = log[-1].kind == "failed"
        if books.dead[agent, task_id] != failed:
            wrong.append(f"has {books.dead[agent, task_id]} dead letters")
        ledger.wrong += [f"{agent} {task_id} {sentence}: {said}" for sentence in wrong]
    for agent, task_id in books.dead:
        if (agent, task_id) not in books.logs:
            ledger.wrong.append(f"{agent} {task_id} is a dead letter without a log")
    ledger.wrong += _never_opened(books)
    return ledger


def _wrong_with(
    task_id: str,
    log: list[TaskEvent],
    done: set[tuple[str, int]],
    steps: set[tuple[str, int, int]],
) -> list[str]:
    """Say what is wrong with the log of one task."""
    wrong: list[str] = []
    kinds = [event.kind for event in log]
    finals = [kind for kind in kinds if kind in _FINAL]
    if len(finals) != 1 or kinds[-1] != finals[0]:
        return [f"has {len(finals)} final events"]
    claims = [event.data for event in log if event.kind == "claimed" and "message" in event.data]
    end = log[-1]
    if end.kind == "completed":
        attempt = claims[-1]["attempt"]
        if end.data["result"] != str(attempt):
            wrong.append(f"has the result of attempt {end.data['result']}, not {attempt}")
        if (task_id, attempt) not in done:
            wrong.append(f"is completed, and attempt {attempt} did not come to its end")
    for event in log:
        if event.kind == "stage":
            step = (task_id, event.data["attempt"], event.data["step"])
            if step not in steps:
                wrong.append(f"has recorded step {step}, which was not done")
    if not claims:
        wanted = "canceled"
    else:
        wanted = _STATE_OF.get(str(claims[0]["message"]["content"]).split()[0], "completed")
    died = end.kind == "failed" and len(claims) >= MAX_ATTEMPTS
    if end.kind != wanted and not died:
        wrong.append(f"is {end.kind}, not {wanted} ({end.data.get('error', '')})")
    return wrong


def _expected_completions(plan: Plan, books: Books) -> set[Completion]:
    """Return to whom the end of each task is reported: its sender, and who began the chain."""
    expected: set[Completion] = set()
    senders = _senders(plan)
    for (_, task_id), log in books.logs.items():
        if task_id in senders:
            expected.add((senders[task_id], task_id, task_id))
        for event in log:
            if event.kind == "claimed" and "message" in event.data:
                message: dict[str, Any] = event.data["message"]
                sender, first = agent_token(message["from_agent"]), message["context_id"]
                expected.add((sender, message["message_id"], task_id))
                if message["message_type"] == "handoff":
                    expected.add((senders[first], first, task_id))
    return expected


def _senders(plan: Plan) -> dict[str, str]:
    return {
        job.message_id: f"sender_{number}" for number, jobs in enumerate(plan.jobs) for job in jobs
    }


def _never_opened(books: Books) -> list[str]:
    """Say which messages that a completed task has recorded as sent have opened no task."""
    known = {task_id for _, task_id in books.logs}
    return [
        f"{task_id} has sent {event.data['message_id']}, which is nowhere"
        for (_, task_id), log in books.logs.items()
        for event in log
        if event.kind == "sent"
        and log[-1].kind == "completed"
        and event.data["message_id"] not in known
    ]


def _token(job: Job) -> str:
    assert job.to_agent in AGENTS
    return agent_token(job.to_agent)
