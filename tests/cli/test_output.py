"""What others send cannot steer the terminal of whoever reads it."""

from __future__ import annotations

import pytest
from rich.console import Console

from hubbub.cli import output
from hubbub.cli.conversation import Utterance, rendered
from hubbub.wire import AgentMessage
from hubbub.wire.clock import now


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


def test_the_date_is_shown_unless_it_is_today() -> None:
    message = AgentMessage(message_type="request", from_agent="Ann", content="hello")
    old = Utterance("direct", message, "Bob", at="2020-02-29T12:00:00.000000Z")
    assert rendered(old, width=200).plain.startswith("2020-02-29 ")
    today = Utterance("direct", message, "Bob", at=now())
    assert rendered(today, width=200).plain[2] == ":"
    unknowable = Utterance("direct", message, "Bob", at="9999-12-31T23:59:59-12:00")
    assert rendered(unknowable, width=200).plain.startswith("--:--:--")


def test_a_pipe_gets_what_was_sent() -> None:
    assert output.safe("\x1b[2J") == "\x1b[2J"
