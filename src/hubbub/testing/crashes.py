"""A task run again and again, each time with a process that dies one step later."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from hubbub.agents.agent import Agent
from hubbub.agents.mixin import NATSAgentMixin
from hubbub.mesh.mesh import Mesh, connect
from hubbub.mesh.service import Service
from hubbub.settings import NATSConfig
from hubbub.testing.attending import Answers, Attendant
from hubbub.testing.clocks import clock
from hubbub.testing.mortal import Death, MortalConnection, TaskWrites, live
from hubbub.testing.outcome import Difference, Outcome, differences, read_outcome
from hubbub.testing.report import Crash, CrashReport
from hubbub.testing.server import nats_server
from hubbub.wire.codec import JSON
from hubbub.wire.ids import new_id

__all__ = ["crash_everywhere"]

_SENDER = "Crash-Test"
_QUICK_RETRY_SECONDS = 0.01
_HAND_BACK = b"-NAK"
# What is said to the real mesh must not be said to a throw-away server.
_CREDENTIALS: dict[str, Any] = dict.fromkeys(
    [
        "nats_user",
        "nats_password",
        "nats_token",
        "nats_creds",
        "nats_nkey_seed",
        "nats_tls_ca",
        "nats_tls_cert",
        "nats_tls_key",
    ]
)


class _AgentMaker(Protocol):
    def __call__(self) -> Service | NATSAgentMixin: ...


async def crash_everywhere(
    agent: Service | NATSAgentMixin | _AgentMaker,
    content: JSON,
    *,
    metadata: dict[str, Any] | None = None,
    effects: Callable[[], Mapping[str, int]] = dict,
    may_repeat: Collection[str] = (),
    alongside: Sequence[Service] = (),
    answers: Answers | None = None,
    config: NATSConfig | None = None,
    timeout: float = 20.0,
) -> CrashReport:
    """Run a task undisturbed, then once more for each of its steps, with a crash there.

    The process that works on the task dies right before, or right after, the server stores an
    event of the task's log, a message that it sends, a time at which it is to be woken, its
    completion or its dead letter. Nothing it does afterwards reaches the server. A second process
    takes the task over, and what came of it is compared with the undisturbed run.

    The processes are connections in this process. Their handlers are cancelled where they stand,
    so that their `finally` blocks run, which those of a killed process do not; a function in a
    thread goes on, and nothing of what it says is heard. The task has one attempt more than the
    settings allow, for the crash is one. Retries and the ends of sleeps come at once, for the
    clock is moved to them.

    Example:
        ```python
        report = await crash_everywhere(agent, "Pay invoice 7", effects=lambda: {"paid": len(paid)})
        report.assert_same()
        ```

    Args:
        agent: the agent, or a function that makes a new one for every process, if agents
            remember something that a process forgets when it dies.
        content: what is sent to it.
        metadata: sent along with it.
        effects: tells how often each thing has been done that the mesh knows nothing of; what a
            run adds to these numbers is compared.
        may_repeat: kinds of events that may stand in the log more than once, such as `said`.
        alongside: other agents that it needs; they do not die.
        answers: returns the answer to a question that the task asks; None for none, so that its
            time passes if it has one. Without it, a run ends where it rests until a person has
            answered.
        config: the settings; if they name a server, everything happens there, under a new task
            id each time. Otherwise on a throw-away server.
        timeout: seconds after which a run counts as one that does not end.

    Raises:
        ConnectionLost: the server does not answer.
        SettingsError: the agent has nothing to work with.
    """
    async with _place(config) as place, connect(config=place, name=_SENDER) as mesh:
        with clock():
            async with mesh.serve(*alongside):
                trial = _Trial(mesh, place, agent, content, metadata, effects, answers, timeout)
                undisturbed = await trial.run(None)
                crashes = [
                    await _crash(trial, undisturbed, death, may_repeat)
                    for death in _deaths(undisturbed.written)
                ]
    return CrashReport(undisturbed.outcome, tuple(crashes))


@dataclass(frozen=True, slots=True)
class _Run:
    """How one run went: what its first process wrote, whether it died, what came of the task."""

    written: list[str]
    died: bool
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class _Trial:
    """What every run begins with."""

    mesh: Mesh
    config: NATSConfig
    agent: Service | NATSAgentMixin | _AgentMaker
    content: JSON
    metadata: dict[str, Any] | None
    effects: Callable[[], Mapping[str, int]]
    answers: Answers | None
    timeout: float

    async def run(self, death: Death | None) -> _Run:
        """Send the task to a process that dies, and to another one that takes over."""
        before, service = Counter(self.effects()), self._service()
        handle = await self.mesh.send_direct_message(
            service.card.name, self.content, metadata=self.metadata, message_id=new_id()
        )
        agent, task_id = service.card.token, handle.task_id
        writes = TaskWrites(agent, task_id)
        attendant = Attendant(self.mesh, agent, task_id, self.answers)
        first = await self._live(service, writes, attendant, death)
        if first.is_dead:
            await self._take_away_from(first)
            await self._live(self._service(), writes, attendant, None, one_more=True)
        done = Counter(self.effects())
        done.subtract(before)
        outcome = await read_outcome(self.mesh, agent, task_id, done)
        return _Run(first.written, first.is_dead, outcome)

    async def _live(
        self,
        service: Service,
        writes: TaskWrites,
        attendant: Attendant,
        death: Death | None,
        *,
        one_more: bool = False,
    ) -> MortalConnection:
        attempts = self.config.max_attempts + one_more
        config = self.config.model_copy(update={"max_attempts": attempts})
        url = config.nats_url or ""
        over, seconds = attendant.is_over, self.timeout
        return await live(service, config, url, writes, over, death=death, timeout=seconds)

    async def _take_away_from(self, dead: MortalConnection) -> None:
        """Hand back what a dead process had taken, before its lease runs out."""
        for ack in dead.held.values():
            await self.mesh.connection.request(ack, _HAND_BACK)

    def _service(self) -> Service:
        agent = self.agent
        if isinstance(agent, NATSAgentMixin):
            return agent.as_agent()
        if isinstance(agent, Agent) or hasattr(agent, "card"):
            return agent  # pyright: ignore[reportReturnType]
        made = agent()  # pyright: ignore
        return made.as_agent() if isinstance(made, NATSAgentMixin) else made  # pyright: ignore


def _deaths(written: Sequence[str]) -> list[Death]:
    """Return when to die, for what an undisturbed process has written.

    Right before anything but an event is right after the event that announced it.
    """
    deaths, seen = list[Death](), Counter[str]()
    for name in written:
        seen[name] += 1
        if " " not in name:
            deaths.append(Death(name, seen[name], "before"))
        deaths.append(Death(name, seen[name], "after"))
    return deaths


async def _crash(
    trial: _Trial, undisturbed: _Run, death: Death, may_repeat: Collection[str]
) -> Crash:
    run = await trial.run(death)
    different = differences(undisturbed.outcome, run.outcome, may_repeat=may_repeat)
    if not run.died:
        wanted = f"{death.write} no. {death.occurrence}"
        different.insert(0, Difference("crash", "", f"at {wanted}", "none, for it was not written"))
    return Crash(death.write, death.occurrence, death.when, run.outcome, tuple(different))


@asynccontextmanager
async def _place(config: NATSConfig | None) -> AsyncGenerator[NATSConfig]:
    """Return settings for quick runs on the server that the given ones name, or a new one."""
    settings = config or NATSConfig()
    quick: dict[str, Any] = {
        "log_dir": None,
        "grace_seconds": 0.0,
        "retry_seconds": min(settings.retry_seconds, _QUICK_RETRY_SECONDS),
    }
    if config is not None and config.nats_url is not None:
        yield config.model_copy(update=quick)
        return
    with nats_server() as server:
        quick |= {**_CREDENTIALS, "nats_url": server.url}
        yield settings.model_copy(update=quick)
