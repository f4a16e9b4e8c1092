"""Serve the scripted model: `python -m hubbub.runtimes.scripted --port 8765`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys

from hubbub.runtimes.scripted.server import MODEL, ScriptedModel


async def _serve(port: int, word_seconds: float) -> None:
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    async with ScriptedModel(port=port, word_seconds=word_seconds) as server:
        print(f"{MODEL}, not a real model, answers at {server.base_url}", flush=True)
        if task is not None and sys.platform != "win32":
            loop.add_signal_handler(signal.SIGTERM, task.cancel)
        await server.serve_forever()


def main() -> int:
    """Serve until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m hubbub.runtimes.scripted", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 picks a free port (default)")
    parser.add_argument(
        "--word-seconds", type=float, default=0.0, help="pause after each word (default 0)"
    )
    options = parser.parse_args()
    try:
        with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
            asyncio.run(_serve(options.port, options.word_seconds))
    except OSError as error:
        print(f"Cannot listen on port {options.port}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
