"""`hubbub keys`, as people type it."""

from __future__ import annotations

import json
import stat
from pathlib import Path

from hubbub.gateway.api_keys import ApiKeys
from hubbub.gateway.identity.principals import Principal, Role

from .conftest import Run


async def test_keys_are_made_listed_and_removed(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "api-keys.json"
    at = ("--file", str(file))
    missing = await run("keys", "list", *at)
    assert (missing.code, str(file) in missing.err) == (2, True)
    made = await run("keys", "add", "ada", "--role", "operator", *at)
    key = made.out.splitlines()[0]
    assert ApiKeys(file).principal(key) == Principal("ada", Role.OPERATOR)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert key not in file.read_text()
    more = json.loads((await run("keys", "add", "bob", "--json", *at)).out)
    assert (more["user"], more["role"]) == ("bob", "user")
    assert ApiKeys(file).principal(more["key"]) == Principal("bob", Role.USER)
    shown = await run("keys", "list", *at)
    assert "operator" in shown.out
    assert key not in shown.out
    listed = json.loads((await run("keys", "list", "--json", *at)).out)
    assert [one["user"] for one in listed] == ["ada", "bob"]
    assert (await run("keys", "remove", "ada", *at)).code == 0
    gone = json.loads((await run("keys", "remove", more["id"], "--json", *at)).out)
    assert [one["id"] for one in gone] == [more["id"]]
    assert (await run("keys", "remove", "ada", *at)).code == 2
    assert "no keys" in (await run("keys", "list", *at)).out


async def test_what_cannot_be_a_key_is_refused(run: Run, tmp_path: Path) -> None:
    at = ("--file", str(tmp_path / "api-keys.json"))
    for arguments in (("a b\n",), ("ada", "--role", "king")):
        refused = await run("keys", "add", *arguments, *at)
        assert refused.code == 2
        assert refused.err
    assert [*tmp_path.glob("api-keys*")] == []
    (tmp_path / "api-keys.json").write_text("{}")
    assert (await run("keys", "add", "ada", *at)).code == 2
    assert (tmp_path / "api-keys.json").read_text() == "{}"
