"""Draw `demo.svg`: plays `hubbub demo --once` and records what it shows.

`python docs/images/demo.py` does it in ten seconds. The agents, the server and the conversation are
real; the picture is what a terminal of 110 columns shows.
"""

import asyncio
import io
import os
import re
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI

PICTURE = Path(__file__).with_suffix(".svg")
_COLUMNS = 110


def record(console: Console) -> None:
    """Play the demo on a console."""
    from hubbub.cli import output

    output.console = console
    from hubbub.cli.demo.story import play  # takes the console over when it is loaded

    asyncio.run(play(stay=False))


def draw(console: Console) -> str:
    """Return what a console has recorded, as an SVG that needs nothing from elsewhere."""
    svg = console.export_svg(title="hubbub demo --once", theme=MONOKAI, unique_id="demo")
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"\s*font-variant-east-asian: full-width;", "", svg)
    return svg.replace("Fira Code, monospace", "ui-monospace, Menlo, Consolas, monospace")


def main() -> None:
    """Play, draw, write."""
    # Nothing of this machine's set-up may be in the picture.
    for variable in list(os.environ):
        if variable.startswith(("HUBBUB_", "NATS_", "OPENAI_")):
            del os.environ[variable]
    console = Console(
        file=io.StringIO(),
        record=True,
        width=_COLUMNS,
        force_terminal=True,
        color_system="truecolor",
        highlight=False,
        markup=False,
        emoji=False,
    )
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HUBBUB_DATA_DIR"] = folder
        os.environ["HUBBUB_LOG_DIR"] = ""
        record(console)
    PICTURE.write_text(draw(console), "utf-8")


if __name__ == "__main__":
    main()
