"""The program of the second machine. It gives the first one work and prints what comes back."""

import asyncio

import hubbub


async def main() -> None:
    async with hubbub.connect(name="Asker") as mesh:
        # If the worker is away, the message waits for it, and so does the result.
        handle = await mesh.send_direct_message("Word-Counter", "to be or not to be")
        print(f"Stored as task {handle.task_id}", flush=True)
        print(await handle.result(timeout=60))


if __name__ == "__main__":
    asyncio.run(main())
