"""Handoffs: urgent, on record, and whoever began the chain learns how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import hubbub
from hubbub import Agent, AgentMessage, NATSConfig, Task
from hubbub.wire import agent_token

from .kit import inbox_of, listener, stored, take

Name = Callable[[str], str]


async def test_a_handoff_waits_at_priority_two_and_is_put_on_record(
    config: NATSConfig, name: Name
) -> None:
    async with hubbub.connect(config=config, name=name("Coordinator")) as mesh:
        handle = await mesh.handoff_to_agent(
            name("Specialist"), "yours", metadata={"context": {"a": 1}}
        )
        (waiting,) = await inbox_of(mesh, name("Specialist"))
        one, other = agent_token(mesh.name), agent_token(name("Specialist"))
        (record,) = await stored(mesh, "HISTORY", f"agents.handoff.{one}.to.{other}")
        history = await stored(mesh, "HISTORY", f"history.agents.direct.{other}.>")
    assert waiting.subject == f"agents.direct.{other}.2.from.{one}"
    message = AgentMessage.from_bytes(waiting.data)
    assert message.message_type == "handoff"
    assert message.priority == 2
    assert message.metadata == {"context": {"a": 1}}
    assert message.message_id == handle.task_id
    assert record.data == waiting.data
    assert [copy.data for copy in history] == [waiting.data]


async def test_the_record_is_heard_live_as_well(config: NATSConfig, name: Name) -> None:
    heard = asyncio.Queue[str]()

    async def on_handoff(message: object) -> None:
        heard.put_nowait(str(getattr(message, "subject", "")))

    async with hubbub.connect(config=config, name=name("A")) as mesh:
        one, other = agent_token(name("A")), agent_token(name("B"))
        async with mesh.connection.subscription(f"agents.handoff.{one}.to.*", on_handoff):
            await mesh.handoff_to_agent(name("B"), "yours")
            assert await take(heard, 1) == [f"agents.handoff.{one}.to.{other}"]


async def test_the_end_of_a_handed_on_task_reaches_its_first_sender(
    config: NATSConfig, name: Name
) -> None:
    boss, heard = listener(name("Boss"))
    coordinator, specialist = Agent(name("Coordinator")), Agent(name("Specialist"))
    passed_on, worked = list[hubbub.TaskHandle](), list[Task]()

    @coordinator.agentic_run
    async def coordinate(task: Task) -> str:
        passed_on.append(await task.handoff_to_agent(specialist.name, "yours", metadata={"k": 1}))
        return "handed on"

    @specialist.agentic_run
    async def work(task: Task) -> str:
        worked.append(task)
        return "done by me"

    async with hubbub.connect(config=config) as mesh, mesh.serve(boss, coordinator, specialist):
        first = await boss.send_direct_message(coordinator.name, "please")
        completions = {c.from_agent: c for c in await take(heard, 2)}
        assert await passed_on[0].result(timeout=10) == "done by me"
    assert completions[coordinator.name].content == "handed on"
    end = completions[specialist.name]
    assert end.content == "done by me"
    assert end.in_reply_to == first.task_id
    assert end.metadata["task_id"] == passed_on[0].task_id
    assert end.metadata["state"] == "completed"
    assert end.context_id == first.task_id
    (task,) = worked
    assert task.metadata == {"k": 1}
    assert task.message.message_type == "handoff"
    assert task.message.from_agent == coordinator.name
    assert task.context_id == first.task_id
    assert task.message.hops == 1


async def test_a_chain_of_three_ends_at_its_beginning(config: NATSConfig, name: Name) -> None:
    boss, heard = listener(name("Boss"))
    chain = [Agent(name(f"Link-{number}")) for number in range(3)]
    hops = list[tuple[str, int, str]]()

    def link(agent: Agent, following: str | None) -> None:
        @agent.agentic_run
        async def work(task: Task) -> str:
            hops.append((task.agent, task.message.hops, task.context_id))
            if following is not None:
                await task.handoff_to_agent(following, task.content)
            return f"by {task.agent}"

    for agent, following in zip(chain, [chain[1].name, chain[2].name, None], strict=True):
        link(agent, following)
    async with hubbub.connect(config=config) as mesh, mesh.serve(boss, *chain):
        first = await boss.send_direct_message(chain[0].name, "go", context_id="talk")
        completions = await take(heard, 3)
    assert hops == [(agent.name, number, "talk") for number, agent in enumerate(chain)]
    assert {str(c.content) for c in completions} == {f"by {agent.name}" for agent in chain}
    assert {c.in_reply_to for c in completions} == {first.task_id}
    assert {c.context_id for c in completions} == {"talk"}


async def test_who_began_a_chain_and_is_in_the_middle_of_it_too_hears_of_both(
    config: NATSConfig, name: Name
) -> None:
    boss, heard = Agent(name("Boss")), asyncio.Queue[AgentMessage]()
    middle, last = Agent(name("Middle")), Agent(name("Last"))
    boss.on_message(heard.put)
    passed_on = list[hubbub.TaskHandle]()

    @boss.agentic_run
    async def pass_on(task: Task) -> str:
        passed_on.append(await task.handoff_to_agent(last.name, "yours"))
        return "passed on"

    @middle.agentic_run
    async def give_back(task: Task) -> str:
        await task.handoff_to_agent(boss.name, "yours again")
        return "given back"

    @last.agentic_run
    async def work(task: Task) -> str:
        return "done"

    async with hubbub.connect(config=config) as mesh, mesh.serve(boss, middle, last):
        first = await boss.send_direct_message(middle.name, "please")
        completions = await take(heard, 4)
    ends = {c.in_reply_to for c in completions if c.from_agent == last.name}
    assert ends == {first.task_id, passed_on[0].task_id}


async def test_a_request_that_is_handed_on_tells_the_requester_later(
    config: NATSConfig, name: Name
) -> None:
    boss, heard = listener(name("Boss"))
    front, back = Agent(name("Front")), Agent(name("Back"))

    @front.run
    async def answer(task: Task) -> str:
        await task.handoff_to_agent(back.name, task.content)
        return "somebody is on it"

    @back.agentic_run
    async def work(task: Task) -> str:
        return "done"

    async with hubbub.connect(config=config) as mesh, mesh.serve(boss, front, back):
        reply = await boss.request_from_agent(front.name, "please", timeout=10)
        assert reply.content == "somebody is on it"
        (end,) = await take(heard, 1)
    assert end.content == "done"
    assert end.in_reply_to == reply.in_reply_to
