"""The agent of the first machine. It stays until Ctrl-C or SIGTERM."""

import asyncio

from hubbub import Agent, Task

counter = Agent("Word-Counter", description="Counts words", capabilities=["counting"])


@counter.agentic_run
async def count(task: Task) -> dict[str, int]:
    words = task.content.split()
    await task.progress(f"{len(words)} words to look at")
    return {"words": len(words), "different": len(set(words))}


if __name__ == "__main__":
    asyncio.run(counter.run_with_nats())
