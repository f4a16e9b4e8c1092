"""Who plays in the browser tests: agents that talk, and workflows that ask every kind of question.

`hubbub up tests/browser/cast.py:everybody` puts them on the stage for a look by hand;
`python -m browser.chatter` (in `tests`) lets them talk at any rate.
"""

from __future__ import annotations

import asyncio
import struct
import zlib

from hubbub import Agent, Task, Workflows
from hubbub.wire.envelope import AgentMessage

triage = Agent("Triage-Bot", description="Sorts what comes in", capabilities=["triage"])
research = Agent("Research-A", description="Looks things up", capabilities=["search"])
reviewer = Agent("Reviewer", description="Reads what others wrote", capabilities=["review"])
notifier = Agent("Notifier", description="Tells people", capabilities=["mail"])
billing = Agent("Billing", description="Knows who pays", capabilities=["refunds"])
grumpy = Agent("Grumpy", description="Fails at everything")

workflows = Workflows()


@triage.agentic_run
async def sort_out(task: Task) -> str:
    await task.tool_call("classify", {"text": task.message.text}, call_id="c1")
    await task.tool_result("classify", {"queue": "research"}, call_id="c1")
    await task.handoff_to_agent("Research-A", f"Look into: {task.message.text}")
    return "Given to Research-A"


@research.run
async def look_up(message: AgentMessage) -> str:
    return f"Three sources on {message.text!r}"


@research.agentic_run
async def investigate(task: Task) -> str:
    checked = await task.request_from_agent("Reviewer", f"Is this right? {task.message.text}")
    await task.send_direct_message("Notifier", f"Done: {task.message.text}")
    return f"Looked into it. {checked.text}"


@reviewer.run
async def review(message: AgentMessage) -> str:
    return f"Right: {message.text}"


@notifier.agentic_run
async def tell_people(task: Task) -> str:
    return f"Told them: {task.message.text}"


@billing.run
async def who_pays(message: AgentMessage) -> str:
    return f"The shop pays for {message.text!r}"


@grumpy.run
async def refuse(message: AgentMessage) -> str:
    raise RuntimeError(f"No, not {message.text!r}")


@grumpy.agentic_run
async def fail(task: Task) -> str:
    raise RuntimeError("No, not today")


@workflows.register(name="questions", description="Asks every kind of question, one after another")
async def questions(task: Task, topic: str = "tea") -> str:
    """Ask.

    Args:
        task: the run.
        topic: what it is about.
    """
    name = await task.ask_text(f"Who are you, and why {topic}?", suggestions=["Ada", "Grace"])
    secret = await task.ask_text("What is the code?", secret=True)
    kind = await task.ask_choice("How do you take it?", ["black", "with milk", "with lemon"])
    extras = await task.ask_choices("What goes with it?", ["cake", "biscuits", "nothing"])
    decision = await task.approve(
        "order", {"article": topic, "pieces": 2, "for": name}, reason="It costs 4 euros"
    )
    if not decision:
        return f"Not ordered: {decision.comment}"
    pieces = decision.arguments["pieces"]
    return f"{name} ({len(secret)}) gets {pieces} {topic} {kind} and {', '.join(extras)}"


@workflows.register(name="refund", description="Gives money back, if a person agrees")
async def refund(task: Task, order: int, amount: float, reason: str = "broken") -> str:
    """Give money back.

    Args:
        task: the run.
        order: number of the order.
        amount: in euros.
        reason: what happened.
    """
    payer = await task.request_from_agent("Billing", f"order {order}")
    await task.say(f"**Billing** says: {payer.text}")
    asked = {"order": order, "amount": amount, "reason": reason}
    decision = await task.approve("refund.issue", asked, reason="Above the limit")
    if not decision:
        return f"No refund: {decision.comment}"
    handed = await task.handoff_to_agent("Notifier", f"Refund of {decision.arguments['amount']}")
    return str(await handed.result())


def square(pixels: int) -> bytes:
    """Return a PNG of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    rows = b"".join(b"\0" + b"\x5a\xa9\xff" * pixels for _ in range(pixels))
    head = struct.pack(">IIBBBBB", pixels, pixels, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


_STORY = """## A story

It has **bold** words, `code`, and a list:

- one
- two

```python
def story() -> str:
    return "once upon a time"
```

| who | what |
|---|---|
| Ada | tea |
| Grace | coffee |

And it ends here.
"""


@workflows.register(name="story", description="Shows text as it is written, an image and a tool")
async def story(task: Task, pause: float = 0.02, wait: bool = False) -> str:
    """Tell a story.

    Args:
        task: the run.
        pause: seconds between two pieces of text.
        wait: whether to ask before it goes on.
    """
    await task.progress("Thinks of a story", 0.1)
    async with task.say_stream() as out:
        for piece in _STORY.split(" "):
            await out.write(piece + " ")
            await asyncio.sleep(pause)
    await task.progress("Paints", 0.6)
    await task.image(square(48), caption="A blue square")
    await task.tool_call("print", {"pages": 2}, call_id="p1")
    await task.tool_result("print", "printed", call_id="p1")
    await task.step(_bind, "story", name="bind")
    if wait:
        await task.ask_text("Shall I go on?")
    for note in await task.steering():
        await task.say(f"As you wish: {note}")
    return "The end"


def _bind(what: str) -> str:
    return f"{what} is bound"


@workflows.register(name="pages", description="Reads page by page, and does not come to an end")
async def pages(task: Task) -> None:
    for page in range(1, 5):
        await task.progress(f"Page {page} of 4", page / 4)
        await task.step(_bind, f"page {page}", name="read")
    await task.step(asyncio.Event().wait, name="tick")


@workflows.register(name="hostile", description="<img src=x onerror=alert(1)>")
async def hostile(task: Task) -> str:
    await task.say("<script>alert(1)</script><img src=x onerror=alert(2)> **bold**")
    await task.say("![](https://example.com/pixel.png) [click](javascript:alert(3))")
    await task.say("\u202egnp.exe \u2066 a\u0300\u0301\u0302\u0303" + "long" * 400)
    await task.ask_choice("<b>Which?</b>", ["<i>this</i>", "javascript:alert(4)"])
    return "<svg onload=alert(5)>"


crook = Agent(
    "Crook-" + "o" * 57,
    description="<script>alert(6)</script> [me](javascript:alert(7)) " + "\u202e" + "w" * 300,
    capabilities=["<img src=x onerror=alert(8)>", "c" * 120],
    model="<svg onload=alert(9)>",
)


@crook.run
async def give_back(message: AgentMessage) -> str:
    return message.text


@crook.agentic_run
async def do_harm(task: Task) -> str:
    await task.say(task.message.text)
    await task.tool_call("<b>rm</b>" + "t" * 200, {"<i>path</i>": task.message.text}, call_id="c1")
    await task.tool_result("<b>rm</b>" + "t" * 200, task.message.text, call_id="c1")
    return task.message.text


guest = Agent("Guest", description="Comes and goes")


@guest.agentic_run
async def be_there(task: Task) -> str:
    return task.message.text


everybody = [triage, research, reviewer, notifier, billing, grumpy, *workflows]
with_crook = [*everybody, crook]
