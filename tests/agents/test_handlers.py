"""What may be a handler, what it is called with, and what it finds when it is called."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Optional

import pytest
from msgspec import structs

import hubbub
from hubbub import Agent, AgentMessage, NATSConfig, SettingsError, Task, Workflows
from hubbub.agents.calling import argument_of
from hubbub.wire import JSON

Name = Callable[[str], str]


def unannotated(message):  # pyright: ignore
    return kind_of(message)  # pyright: ignore


def kind_of(value: object) -> str:
    return type(value).__name__


def text(message: str) -> str:
    return kind_of(message)


async def async_text(message: str) -> str:
    return kind_of(message)


def envelope(message: AgentMessage) -> str:
    return kind_of(message)


async def qualified(message: hubbub.AgentMessage) -> str:
    return kind_of(message)


def task(task: Task) -> str:
    return kind_of(task)


async def async_task(task: Task) -> str:
    return kind_of(task)


def nothing() -> str:
    return "nothing"


def optional(message: str | None = None) -> str:
    return kind_of(message)


def old_optional(message: Optional[str] = None) -> str:  # noqa: UP045 - as people write it
    return kind_of(message)


def with_more(message: str, tone: str = "calm", *rest: str, **options: str) -> str:
    return kind_of(message)


def anything(*arguments: Any) -> str:
    return kind_of(arguments[0])


def anyhow(message: Any, **options: Any) -> str:
    return kind_of(message)


def pieces(message: str) -> Iterator[str]:
    yield from kind_of(message)


async def async_pieces(message: str) -> AsyncIterator[str]:
    for letter in kind_of(message):
        yield letter


class Callables:
    def method(self, message: str) -> str:
        return kind_of(message)

    async def async_method(self, message: Task) -> str:
        return kind_of(message)

    @classmethod
    def of_the_class(cls, message: AgentMessage) -> str:
        return kind_of(message)

    @staticmethod
    def of_nobody(message: str) -> str:
        return kind_of(message)


class SyncCallable:
    def __call__(self, message: str) -> str:
        return kind_of(message)


class AsyncCallable:
    async def __call__(self, message: Task) -> str:
        return kind_of(message)


def returns_a_coroutine(message: str) -> Any:
    return async_text(message)


HANDLERS: list[tuple[Any, str | None]] = [
    (text, "str"),
    (async_text, "str"),
    (envelope, "AgentMessage"),
    (qualified, "AgentMessage"),
    (task, "Task"),
    (async_task, "Task"),
    (nothing, "nothing"),
    (optional, "str"),
    (old_optional, "str"),
    (with_more, "str"),
    (pieces, "str"),
    (async_pieces, "str"),
    (Callables().method, "str"),
    (Callables().async_method, "Task"),
    (Callables.of_the_class, "AgentMessage"),
    (Callables.of_nobody, "str"),
    (SyncCallable(), "str"),
    (AsyncCallable(), "Task"),
    (functools.partial(with_more, tone="loud"), "str"),
    (functools.partial(async_text), "str"),
    (returns_a_coroutine, "str"),
    (lambda message: kind_of(message), None),  # pyright: ignore
    (unannotated, None),
    (anything, None),
    (anyhow, None),
]


@pytest.mark.parametrize("ability", ["run", "agentic_run"])
async def test_a_handler_gets_what_its_annotation_says(
    config: NATSConfig, name: Name, ability: str
) -> None:
    usual = {"run": "AgentMessage", "agentic_run": "Task"}[ability]
    agents = [Agent(name(f"Agent-{number}")) for number in range(len(HANDLERS))]
    for agent, (function, _) in zip(agents, HANDLERS, strict=True):
        assert getattr(agent, ability)(function) is function
    async with hubbub.connect(config=config) as mesh, mesh.serve(*agents):
        for agent, (function, expected) in zip(agents, HANDLERS, strict=True):
            result: JSON
            if ability == "run":
                result = (await mesh.request_from_agent(agent.name, "x", timeout=10)).content
            else:
                result = await (await mesh.send_direct_message(agent.name, "x")).result(10)
            assert result == (expected or usual), function


async def test_an_agent_with_only_one_ability_uses_it_for_both(
    config: NATSConfig, name: Name
) -> None:
    only_run, only_agentic = Agent(name("Run")), Agent(name("Agentic"))
    only_run.run(unannotated)  # pyright: ignore
    only_agentic.agentic_run(unannotated)  # pyright: ignore
    async with hubbub.connect(config=config) as mesh, mesh.serve(only_run, only_agentic):
        for agent, kind in ((only_run, "AgentMessage"), (only_agentic, "Task")):
            reply = await mesh.request_from_agent(agent.name, "x", timeout=10)
            assert reply.content == kind
            assert await (await mesh.send_direct_message(agent.name, "x")).result(10) == kind


async def test_an_agent_with_both_uses_each_for_its_own(config: NATSConfig, name: Name) -> None:
    agent = Agent(name("Both"))

    @agent.run
    async def answer(message: AgentMessage) -> str:
        return "answered"

    @agent.agentic_run
    async def work(task: Task) -> str:
        return "worked"

    async with hubbub.connect(config=config) as mesh, mesh.serve(agent):
        assert (await mesh.request_from_agent(agent.name, "x", timeout=10)).content == "answered"
        assert await (await mesh.send_direct_message(agent.name, "x")).result(10) == "worked"
        assert await (await mesh.handoff_to_agent(agent.name, "x")).result(10) == "worked"


class OnlyRuns:
    name = "set below"
    description = "It runs"
    capabilities = ("running",)

    def run(self, message):  # pyright: ignore
        return f"ran on {message!r}"


class OnlyWorks:
    async def agentic_run(self, task: Task) -> str:
        return f"worked on {task.content!r}"


async def test_any_object_with_one_of_the_abilities_becomes_an_agent(
    config: NATSConfig, name: Name
) -> None:
    runs = OnlyRuns()
    runs.name = name("Runner")
    agents = [Agent.of(runs), Agent.of(OnlyWorks(), name=name("Worker"))]
    assert Agent.of(agents[0]) is agents[0]
    assert Agent.of(OnlyWorks()).name == "OnlyWorks"
    assert Agent.of(text).name == "text"
    assert agents[0].card.description == "It runs"
    assert agents[0].card.capabilities == ["running"]
    async with hubbub.connect(config=config) as mesh, mesh.serve(*agents):
        for agent, result in zip(agents, ("ran on 'x'", "worked on 'x'"), strict=True):
            assert (await mesh.request_from_agent(agent.name, "x", timeout=10)).content == result
            assert await (await mesh.send_direct_message(agent.name, "x")).result(10) == result


# What cannot be a handler


def needs_two(message: str, tone: str) -> None: ...


def needs_a_keyword(message: str, *, tone: str) -> None: ...


def only_a_keyword(*, message: str) -> None: ...


def wants_a_number(message: int) -> None: ...


def wants_a_choice(message: str | int) -> None: ...


def wants_a_list(message: list[str]) -> None: ...


@pytest.mark.parametrize(
    ("function", "what"),
    [
        (needs_two, "needs_two takes more than one argument: tone"),
        (needs_a_keyword, "needs_a_keyword takes more than one argument: tone"),
        (only_a_keyword, "only_a_keyword takes more than one argument: message"),
        (wants_a_number, "wants_a_number wants a int: annotate"),
        (wants_a_choice, r"wants_a_choice wants a str \| int"),
        (wants_a_list, "wants_a_list wants a list"),
        ("text", "not a callable"),
        (None, "not a callable"),
    ],
)
def test_what_cannot_be_a_handler_is_refused_where_it_is_given(function: Any, what: str) -> None:
    agent = Agent("Agent")
    for decorate in (agent.run, agent.agentic_run, agent.on_message, agent.on_broadcast):
        with pytest.raises(TypeError, match=what):
            decorate(function)


def test_a_listener_gets_no_task() -> None:
    with pytest.raises(TypeError, match="task hears messages"):
        Agent("Agent").on_message(task)


def test_what_has_nothing_to_work_with_is_no_agent() -> None:
    with pytest.raises(TypeError, match="it needs a method `run` or `agentic_run`"):
        Agent.of(object())


@pytest.mark.parametrize("bad", ["", "*", "a.b", "ü", "x" * 64, None, 7])
def test_an_agent_needs_a_name(bad: Any) -> None:
    with pytest.raises(hubbub.InvalidAgentName):
        Agent(bad)


def test_an_agent_works_on_one_thing_at_least() -> None:
    with pytest.raises(SettingsError, match="at least 1"):
        Agent("Agent", concurrency=0)
    with pytest.raises(SettingsError, match="at least 1"):
        Agent("Agent", request_concurrency=0)


def test_an_annotation_that_only_type_checkers_can_look_up_is_read_by_its_name() -> None:
    def function(task: Task) -> None: ...

    function.__annotations__ = {"task": "Task", "return": "NobodyKnows"}
    assert argument_of(function, "text") == "task"
    function.__annotations__ = {"task": "hubbub.AgentMessage | None", "return": "NobodyKnows"}
    assert argument_of(function, "text") == "message"


async def test_an_agent_without_handlers_cannot_be_served(config: NATSConfig, name: Name) -> None:
    idle = Agent(name("Idle"), config=config)
    async with hubbub.connect(config=config) as mesh:
        with pytest.raises(SettingsError, match=r"decorate a function with `@agent\.run`"):
            async with mesh.serve(idle):
                pass
    with pytest.raises(SettingsError, match="has nothing to work with"):
        await idle.connect_nats()
    with pytest.raises(hubbub.ConnectionLost):  # the failed attempt has left nothing behind
        await idle.announce_presence()


# What a handler finds


async def test_the_task_at_hand_is_found_from_wherever_the_handler_runs(
    config: NATSConfig, name: Name
) -> None:
    in_thread, on_loop, found = Agent(name("Thread")), Agent(name("Loop")), list[str]()

    @in_thread.agentic_run
    def work(message: str) -> str:
        task = hubbub.current_task()
        assert task is not None
        assert threading.current_thread() is not threading.main_thread()
        found.append(task.id)
        return task.agent

    @on_loop.agentic_run
    async def work_too(message: str) -> str:
        def look() -> str:
            task = hubbub.current_task()
            assert task is not None
            return task.agent

        names = {look(), await asyncio.to_thread(look)}
        async with asyncio.TaskGroup() as group:
            names.add(await group.create_task(asyncio.to_thread(look)))
        (only,) = names
        return only

    @on_loop.run
    async def answer() -> JSON:
        task = hubbub.current_task()
        assert task is not None
        return [task.content, task.message.message_type, task.attempt]

    async with hubbub.connect(config=config) as mesh, mesh.serve(in_thread, on_loop):
        handle = await mesh.send_direct_message(in_thread.name, "x")
        assert await handle.result(10) == in_thread.name
        assert found == [handle.task_id]
        assert await (await mesh.send_direct_message(on_loop.name, "x")).result(10) == on_loop.name
        reply = await mesh.request_from_agent(on_loop.name, "what", timeout=10)
        assert reply.content == ["what", "request", 1]
        assert hubbub.current_task() is None


async def test_tasks_at_the_same_time_are_not_mixed_up(config: NATSConfig, name: Name) -> None:
    agent = Agent(name("Agent"), concurrency=8)

    @agent.agentic_run
    def work(message: str) -> JSON:
        threading.Event().wait(0.02)
        task = hubbub.current_task()
        assert task is not None
        return [message, task.content, task.id]

    async with hubbub.connect(config=config) as mesh, mesh.serve(agent):
        handles = [await mesh.send_direct_message(agent.name, str(i)) for i in range(16)]
        for number, handle in enumerate(handles):
            assert await handle.result(10) == [str(number), str(number), handle.task_id]


async def test_a_sync_handler_has_every_verb(config: NATSConfig, name: Name) -> None:
    agent, other = Agent(name("Agent"), capabilities=[name("special")]), Agent(name("Other"))

    @other.run
    async def answer(message: AgentMessage) -> str:
        return f"{message.text} from {message.from_agent}"

    @agent.agentic_run
    def work(task: Task) -> JSON:
        verbs = task.blocking
        (card,) = verbs.list_agents(name("special"))
        handle = verbs.send_direct_message(other.name, "direct", metadata={"k": 1}, priority=1)
        handoff = verbs.handoff_to_agent(other.name, "handoff")
        verbs.broadcast_message("to all")
        waiting = verbs.send_direct_message(name("Nobody"), "never mind")
        waiting.cancel()
        return [
            card.name,
            verbs.request_from_agent(other.name, "request", timeout=10).content,
            handle.result(10),
            handoff.result(10),
            str(waiting.state()),
        ]

    async with hubbub.connect(config=config) as mesh, mesh.serve(agent, other):
        handle = await mesh.send_direct_message(agent.name, "go")
        assert await handle.result(10) == [
            agent.name,
            f"request from {agent.name}",
            f"direct from {agent.name}",
            f"handoff from {agent.name}",
            "canceled",
        ]


async def test_blocking_verbs_on_the_loop_are_refused_instead_of_hanging(
    config: NATSConfig, name: Name
) -> None:
    agent = Agent(name("Agent"))

    @agent.agentic_run
    async def work(task: Task) -> str:
        with pytest.raises(hubbub.HubbubError, match="await the verb itself"):
            task.blocking.send_direct_message("Other", "x")
        return "refused"

    async with hubbub.connect(config=config) as mesh, mesh.serve(agent):
        assert await (await mesh.send_direct_message(agent.name, "go")).result(10) == "refused"


async def test_a_generator_keeps_to_one_asyncio_task_from_piece_to_piece(
    config: NATSConfig, name: Name
) -> None:
    agent = Agent(name("Agent"))

    @agent.run
    async def answer(message: AgentMessage) -> AsyncIterator[str]:
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            for number in range(3):
                yield str(await group.create_task(asyncio.sleep(0, number)))

    async with hubbub.connect(config=config) as mesh, mesh.serve(agent):
        pieces = [piece async for piece in mesh.stream_from_agent(agent.name, "x")]
        assert pieces == ["0", "1", "2"]
        assert (await mesh.request_from_agent(agent.name, "x", timeout=10)).content == "012"
        assert await (await mesh.send_direct_message(agent.name, "x")).result(10) == "012"


# What is told of it


async def test_an_agent_that_joins_by_itself_keeps_its_whole_card(
    config: NATSConfig, name: Name
) -> None:
    workflows = Workflows(config=config)

    @workflows.register(name=name("Form"), description="Asks for a topic", version="3")
    async def learn(task: Task, topic: str) -> str:
        return topic

    plain = Agent(name("Plain"), tools=["saw"], model="m", version="1", config=config)
    plain.run(text)
    plain.card = structs.replace(plain.card, metadata={"team": "blue"})
    workflow = workflows[name("Form")]
    made_with = {one.name: one.card for one in (plain, workflow)}
    await plain.connect_nats(description="Cuts", capabilities=["wood"])
    await workflow.connect_nats()
    try:
        seen = {card.name: card for card in await plain.list_agents()}
    finally:
        await plain.disconnect_nats()
        await workflow.disconnect_nats()
    schema = seen[workflow.name].input_schema
    assert schema is not None
    assert list(schema["properties"]) == ["topic"]
    assert (seen[plain.name].description, seen[plain.name].capabilities) == ("Cuts", ["wood"])
    for card in made_with.values():
        told = seen[card.name]
        assert (told.metadata, told.tools, told.model, told.version) == (
            card.metadata,
            card.tools,
            card.model,
            card.version,
        )
