"""A value that the server should have dropped is no sign of life, should it come back."""

from __future__ import annotations

import time

import pytest

from hubbub.mesh.presence.cards import Instance, presence_key, read_instance
from hubbub.mesh.transport.answers import StoredMessage
from hubbub.mesh.transport.headers import TTL
from hubbub.wire import clock
from hubbub.wire.codec import encode


@pytest.mark.parametrize(
    ("age_seconds", "headers", "is_there"),
    [(5, {TTL: "9s"}, True), (30, {TTL: "9s"}, True), (100, {TTL: "9s"}, False), (100, {}, True)],
)
def test_what_has_outlived_its_time_is_not_there(
    age_seconds: float, headers: dict[str, str], is_there: bool
) -> None:
    stored = StoredMessage(
        subject=presence_key("ada", "x"),
        data=encode(Instance(name="Ada")),
        headers=headers,
        sequence=1,
        time=clock.iso(time.time() - age_seconds),
    )
    assert (read_instance(stored) is not None) is is_there
