"""Fetch and serve the local model: `python -m hubbub.runtimes.local pull|serve`."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from hubbub.errors import HubbubError
from hubbub.runtimes.local.catalogue import DEFAULT_MODEL, WEIGHTS
from hubbub.runtimes.local.engine import serve_weights
from hubbub.runtimes.local.process import READY
from hubbub.runtimes.local.store import pull, servable

_CHOICES = f"one of {', '.join(WEIGHTS)}; to serve, also the path of a .gguf file"


def _serve(options: argparse.Namespace) -> None:
    path = servable(options.model, options.cache)
    name = path.stem if options.model == str(path) else options.model
    server = serve_weights(path, name, port=options.port, low_mem=options.low_mem)
    stop = threading.Event()

    def end(*_: object) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    if options.with_parent:
        # However the parent ends, its end of the pipe is closed.
        threading.Thread(target=_wait_for_end_of_input, args=(stop,), daemon=True).start()
    print(f"{name} is {READY}{server.listening_address}/v1", flush=True)
    while not stop.wait(0.5):  # with a timeout, so that signals get through everywhere
        pass
    del server


def _wait_for_end_of_input(stop: threading.Event) -> None:
    while sys.stdin.buffer.read(1024):
        pass
    stop.set()


def main() -> int:
    """Do what the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m hubbub.runtimes.local", description=__doc__)
    parser.add_argument("action", choices=["pull", "serve"])
    parser.add_argument("--model", default=DEFAULT_MODEL, help=_CHOICES)
    parser.add_argument("--cache", type=Path, help="folder of the weights")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free port (default)")
    parser.add_argument("--low-mem", action="store_true", help="less memory, slower")
    parser.add_argument("--with-parent", action="store_true", help="end with standard input")
    options = parser.parse_args()
    try:
        if options.action == "pull":
            print(
                pull(options.model, cache=options.cache, tell=lambda line: print(line, flush=True))
            )
        else:
            _serve(options)
    except HubbubError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
