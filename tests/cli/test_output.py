"""What others send cannot steer the terminal of whoever reads it."""

from __future__ import annotations

import pytest
from rich.console import Console

from hubbub.cli import output
from hubbub.cli.conversation import Utterance, rendered
from hubbub.wire import AgentMessage


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Console:
    console = Console(force_terminal=True, width=120)
    monkeypatch.setattr(output, "console", console)
    return console


@pytest.mark.usefixtures("terminal")
def test_control_characters_are_shown_not_obeyed() -> None:
    assert output.safe("\x1b[2Jgone\x07\x9b31m\u202e") == "␛[2Jgone␇�31m�"
    assert output.safe("two\nlines\tand ü → ok") == "two\nlines\tand ü → ok"


@pytest.mark.usefixtures("terminal")
def test_a_hostile_message_stays_one_harmless_line() -> None:
    message = AgentMessage(
        message_type="request", from_agent="Mallory", content="a\r\n\x1b]0;title\x07b [red]x[/red]"
    )
    line = rendered(Utterance("direct", message, "Ann"), width=200).plain
    assert "\n" not in line
    assert "\x1b" not in line
    assert line.endswith("a ␛]0;title␇b [red]x[/red]")


def test_a_pipe_gets_what_was_sent() -> None:
    assert output.safe("\x1b[2J") == "\x1b[2J"
