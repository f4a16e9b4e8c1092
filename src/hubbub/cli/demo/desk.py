"""The shop of the demo: five agents without a model, and a workflow that needs a person's word.

They keep the console's picture moving, and cost nothing.
"""

from __future__ import annotations

import asyncio
import random
import zlib

from hubbub.agents.agent import Agent
from hubbub.agents.task import Task
from hubbub.agents.workflows import Workflows
from hubbub.wire.envelope import AgentMessage

__all__ = ["desk"]

_ARTICLES = ("umbrella", "tent", "lamp", "kettle", "bicycle pump", "raincoat", "compass", "stove")
_SHELVES = "ABCDEF"

front = Agent(
    "Front-Desk", description="Sorts what customers want", capabilities=["triage"], concurrency=4
)
orders = Agent("Orders", description="Knows every order", capabilities=["order_lookup"])
warehouse = Agent("Warehouse", description="Packs parcels", capabilities=["stock"], concurrency=4)
billing = Agent("Billing", description="Pays money back", capabilities=["refunds"], concurrency=4)
courier = Agent("Courier", description="Brings parcels", capabilities=["delivery"], concurrency=4)

workflows = Workflows()


def _article(order: int) -> str:
    return _ARTICLES[zlib.crc32(str(order).encode()) % len(_ARTICLES)]


async def _a_moment(least: float, most: float) -> None:
    """Work for so many seconds."""
    await asyncio.sleep(random.uniform(least, most))  # noqa: S311 - it is only for the eye


@orders.run
async def look_up(message: AgentMessage) -> str:
    await _a_moment(0.03, 0.25)
    order = int("".join(filter(str.isdecimal, message.text)) or 0)
    return f"order {order}: one {_article(order)}, paid"


@front.agentic_run
async def sort_out(task: Task) -> str:
    text = task.message.text
    known = await task.request_from_agent("Orders", text)
    await _a_moment(0.1, 0.4)
    await task.handoff_to_agent("Warehouse", f"Pack {known.text}")
    return f"In hand: {known.text}"


@warehouse.agentic_run
async def pack(task: Task) -> str:
    shelf = _SHELVES[zlib.crc32(task.id.encode()) % len(_SHELVES)]
    await task.tool_call("find", {"what": task.message.text}, call_id="find")
    await _a_moment(0.2, 0.7)
    await task.tool_result("find", {"shelf": shelf}, call_id="find")
    await task.handoff_to_agent("Courier", f"From shelf {shelf}: {task.message.text}")
    return f"Packed from shelf {shelf}"


@courier.agentic_run
async def deliver(task: Task) -> str:
    await _a_moment(0.3, 1.1)
    if zlib.crc32(task.id.encode()) % 9 == 0:
        await task.broadcast_message("A parcel waits at the neighbour's")
    return "Delivered"


@billing.agentic_run
async def pay_back(task: Task) -> str:
    await task.progress("Pays", 0.5)
    await _a_moment(0.4, 0.9)
    return f"Paid: {task.message.text}"


@workflows.register(name="refund", description="Gives money back; above 100 euros a person decides")
async def refund(task: Task, order: int, amount: float, reason: str = "arrived broken") -> str:
    """Give money back.

    Args:
        task: the run.
        order: number of the order.
        amount: in euros.
        reason: what happened.
    """
    known = await task.request_from_agent("Orders", f"order {order}")
    await task.say(f"A customer writes about **{known.text}**: it {reason}.")
    decision = await task.approve(
        "refund.issue",
        {"order": order, "amount": amount, "reason": reason},
        reason="Above the 100 euros that Billing may give by itself",
    )
    if not decision:
        why = f": {decision.comment}" if decision.comment else ""
        await task.say(f"No money back{why}")
        return f"Refused{why}"
    paid = await task.handoff_to_agent("Billing", f"{decision.arguments['amount']} euros back")
    result = str(await paid.result())
    await task.say(f"{result} ✓")
    return result


desk = [front, orders, warehouse, billing, courier, *workflows]
