"""Workflows: ordinary Python, registered by name, that goes on wherever it left off.

A workflow is an agent. It is listed, messaged, scaled and watched like any other; what is its own
is a start form made from its parameters, and versions, so that runs end on the code they began
with.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from hubbub.agents.agent import Agent
from hubbub.agents.calling import Handler
from hubbub.agents.parameters import Parameters
from hubbub.errors import InvalidAgentName, SettingsError
from hubbub.mesh.limits import Limits
from hubbub.mesh.service import Request
from hubbub.settings import NATSConfig
from hubbub.wire.card import WORKFLOW, AgentCard
from hubbub.wire.codec import JSON
from hubbub.wire.names import agent_token
from hubbub.wire.replays import REPLAY

__all__ = ["Workflow", "Workflows"]

F = TypeVar("F", bound=Callable[..., Any])

_CONCURRENCY = 10


class Workflow(Agent):
    """One workflow, with all versions of it that are served; made by `Workflows.register`."""

    def __init__(self, name: str, **options: Any) -> None:
        super().__init__(name, **options)
        self._codes: dict[str, Handler] = {}

    @property
    def versions(self) -> Sequence[str]:
        """The versions that are served, the one for new runs first."""
        return [*reversed(self._codes)]

    def add(self, version: str, description: str, function: Callable[..., Any]) -> None:
        """Serve one more version; new runs begin with it.

        Raises:
            SettingsError: it is there already.
            TypeError: the function does not fit.
        """
        if version in self._codes:
            shown = f"version {version!r} of the workflow" if version else "the workflow"
            raise SettingsError(
                f"{shown} {self.name} is registered already: give this one another version"
            )
        parameters = Parameters(function)
        schema = parameters.schema()
        self._codes[version] = self._agentic_run = Handler(function, "task", parameters)
        self.card = AgentCard(
            name=self.name,
            description=description or self.card.description,
            capabilities=self.card.capabilities,
            version=version,
            metadata={} if schema is None else {"input_schema": schema},
        )

    def _worker(self, version: str) -> Handler:
        return self._codes[version]

    async def answer(self, request: Request) -> JSON | AsyncIterator[str]:
        """Answer a request: open a run for it, under the same id, and wait for its end."""
        message = request.message
        if isinstance(replayed := message.metadata.get(REPLAY), str):
            return await self._rehearse(replayed)
        handle = await self.send_direct_message(
            self.name,
            message.content,
            metadata=message.metadata,
            message_id=message.message_id,
        )
        return await handle.result()


class Workflows:
    """A collection of workflows, to be served together.

    Args:
        concurrency: how many runs of each workflow one process works on at the same time; those
            that wait for a person or a time do not count.
        config: the settings; by default those of the environment and the files.

    Example:
        ```python
        workflows = Workflows()

        @workflows.register(name="greeting", description="Greets somebody")
        async def greeting(task: Task, name: str = "Ada") -> str:
            mood = await task.ask_choice(f"How is {name}?", ["well", "so so"])
            return f"Hello {name}, you are {mood}"
        ```
    """

    def __init__(
        self, *, concurrency: int = _CONCURRENCY, config: NATSConfig | None = None
    ) -> None:
        self._concurrency = concurrency
        self._config = config
        self._workflows: dict[str, Workflow] = {}

    def register(
        self,
        name: str | None = None,
        description: str | None = None,
        *,
        version: str = "",
        capabilities: Iterable[str] = (),
        concurrency: int | None = None,
        rate_limit: float | None = None,
        limits: Limits | None = None,
        lease_seconds: float | None = None,
    ) -> Callable[[F], F]:
        """Decorate a function that is a workflow.

        Its first parameter is the `Task`; the others, typed, are its start form. They arrive as
        `metadata["params"]`, and a run with wrong ones is rejected before the function is called.

        Args:
            name: display name; by default the function's.
            description: one sentence for people and models; by default the first line of the
                function's docstring.
            version: runs go on with the version that they began with: when the code changes in
                what it records, register the new one under a new version, behind the old one,
                and keep both until no run of the old one is left.
            capabilities: words to find it by.
            concurrency: how many runs one process works on at the same time.
            rate_limit: how many runs a second one process may begin.
            limits: what each run, over all its attempts, may use.
            lease_seconds: its lease, if it is not that of the settings.

        Raises:
            InvalidAgentName: the name cannot be a subject token.
            SettingsError: this version is registered already.
            TypeError: the function does not fit.
        """
        if callable(name):
            raise TypeError("write `@workflows.register()`, with parentheses")

        def register(function: F) -> F:
            shown = name or getattr(function, "__name__", "")
            token = agent_token(shown)
            workflow = self._workflows.get(token)
            if workflow is None:
                workflow = Workflow(
                    shown,
                    capabilities=[WORKFLOW, *capabilities],
                    concurrency=concurrency or self._concurrency,
                    rate_limit=rate_limit,
                    limits=limits,
                    lease_seconds=lease_seconds,
                    config=self._config,
                )
            doc = (getattr(function, "__doc__", None) or "").strip().partition("\n")[0]
            workflow.add(version, doc if description is None else description, function)
            self._workflows[token] = workflow
            return function

        return register

    def __iter__(self) -> Iterator[Workflow]:
        return iter(self._workflows.values())

    def __len__(self) -> int:
        return len(self._workflows)

    def __getitem__(self, name: str) -> Workflow:
        try:
            return self._workflows[agent_token(name)]
        except (KeyError, InvalidAgentName):
            raise KeyError(name) from None
