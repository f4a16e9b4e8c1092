"""A class you have already, put on the mesh.

The class keeps its methods, sync or async. `run` answers requests, `agentic_run` works on direct
messages and handoffs; either of them alone is enough.
"""

import asyncio

import hubbub
from hubbub import NATSAgentMixin


class Librarian(NATSAgentMixin):
    """Knows a few books."""

    def __init__(self, name: str, books: dict[str, str]) -> None:
        self.name = name  # the mixin reads it: this is the agent's name
        self.books = books
        super().__init__()

    # Sync methods run in a thread, so they may take their time without blocking other agents.
    # An argument without another annotation, or with `str`, is the content of the message.
    def run(self, message: str) -> str:
        """Tell what is known of one book."""
        return self.books.get(message, f"I have no book called {message!r}.")

    def agentic_run(self, message: str) -> list[str]:
        """Find the books with a word in their title."""
        # Whoever needs more than the text asks for the task: its sender, its metadata, the verbs.
        task = hubbub.current_task()
        assert task is not None
        titles = [title for title in self.books if message.casefold() in title.casefold()]
        # `task.blocking` has the verbs for code that cannot await.
        task.blocking.broadcast_message(f"{task.message.from_agent} looks for {message!r}")
        return titles


async def main() -> None:
    librarian = Librarian("Librarian", {"Emma": "Jane Austen, 1815", "Emil": "Erich Kästner, 1929"})
    await librarian.connect_nats(capabilities=["books"], description="Knows a few books")
    try:
        async with hubbub.connect(name="Reader") as mesh:
            answer = await mesh.request_from_agent("Librarian", "Emma", timeout=10)
            print(f"Emma: {answer.text}")

            handle = await mesh.send_direct_message("Librarian", "em")
            print(f"Found: {await handle.result(timeout=10)}")
    finally:
        await librarian.disconnect_nats()


if __name__ == "__main__":
    asyncio.run(main())  # a program that only serves says `await librarian.run_with_nats()`
