"""`hubbub keys`: who may use the gateway."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from hubbub.cli.options import Json
from hubbub.cli.output import console, print_json, safe
from hubbub.errors import MissingExtra

if TYPE_CHECKING:
    from hubbub.gateway.api_keys import ApiKey

__all__ = ["register"]

_VARIABLE = "HUBBUB_GATEWAY_API_KEYS_FILE"
_DEFAULT = "api-keys.json"

keys = typer.Typer(
    help="Make and remove the API keys of the gateway.", no_args_is_help=True, rich_markup_mode=None
)

User = Annotated[str, typer.Argument(metavar="USER", help="Whose key it is.")]
File = Annotated[
    Path | None,
    typer.Option("--file", "-f", help=f"Where they are kept: ${_VARIABLE}, or {_DEFAULT} here."),
]
Role = Annotated[
    str, typer.Option("--role", "-r", help="user, viewer, operator or admin: what they may do.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(keys, name="keys")


@keys.command()
def add(user: User, role: Role = "user", file: File = None, json: Json = False) -> None:
    """Make a key for a user, and show it: once, for only a hash of it is kept.

    A running gateway takes it within a second.
    """
    file = _file(file)
    there = _read(file) if file.exists() else []
    api_keys = _api_keys()
    try:
        key, kept = api_keys.new_api_key(user, role)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    api_keys.write_api_keys(file, [*there, kept])
    if json:
        print_json({"key": key, "id": kept.id, "user": user, "role": role, "file": str(file)})
        return
    console.print(key)
    console.print(
        f"This is the key of {user} ({role}); it is not shown again. {file} has its hash."
    )


@keys.command("list")
def list_all(file: File = None, json: Json = False) -> None:
    """Show whose keys there are, without the keys."""
    there = _read(_file(file))
    if json:
        print_json([{"id": key.id, "user": key.user, "role": key.role} for key in there])
        return
    table = Table("id", "user", "role", box=None, pad_edge=False)
    for key in there:
        table.add_row(key.id, safe(key.user), key.role)
    console.print(table if there else "There are no keys; `hubbub keys add USER` makes one.")


@keys.command()
def remove(
    name: Annotated[str, typer.Argument(metavar="ID|USER", help="One key, or all of a user.")],
    file: File = None,
    json: Json = False,
) -> None:
    """Remove a key by its id, or all keys of a user.

    A running gateway refuses them within a second.
    """
    file = _file(file)
    there = _read(file)
    gone = [key for key in there if key.id == name] or [key for key in there if key.user == name]
    if not gone:
        raise typer.BadParameter(f"{file} has no key with the id or of the user {name!r}")
    _api_keys().write_api_keys(file, [key for key in there if key not in gone])
    if json:
        print_json([{"id": key.id, "user": key.user, "role": key.role} for key in gone])
        return
    for key in gone:
        console.print(f"Removed {key.id} of {safe(key.user)}")


def _file(file: Path | None) -> Path:
    return file or Path(os.environ.get(_VARIABLE) or _DEFAULT)


def _read(file: Path) -> list[ApiKey]:
    return _api_keys().read_api_keys(file)


def _api_keys():
    # The extra of the gateway has it; its type is the module itself.
    try:
        from hubbub.gateway import api_keys
    except ModuleNotFoundError:
        raise MissingExtra("The gateway", "gateway") from None
    return api_keys
