"""From `module:object` or `file.py:object` to the agents it names."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from hubbub.agents.agent import Agent
from hubbub.agents.lifespan import agents_of
from hubbub.agents.workflows import Workflows
from hubbub.cli.traces import users_trace
from hubbub.errors import SettingsError

__all__ = ["load_agents"]


def load_agents(target: str) -> list[Agent]:
    """Return the agents that a target names: an agent, workflows, an object with `run`, a list.

    Args:
        target: `package.module:object` or `path/to/file.py:object`; without `:object` all agents
            and workflows of the module.

    Raises:
        SettingsError: there is no such module, file or object, or it is no agent.
    """
    place, _, name = target.rpartition(":") if ":" in target else (target, "", "")
    module = _load_file(Path(place)) if place.endswith(".py") else _load_module(place)
    if not name:
        held = [one for one in vars(module).values() if isinstance(one, Agent | Workflows)]
        found = {id(agent): agent for agent in agents_of(held)}
        if not found:
            raise SettingsError(f"{place} holds no agent: name an object, as in {place}:agent")
        return [*found.values()]
    value: Any = module
    for part in name.split("."):
        if not hasattr(value, part):
            names = ", ".join(sorted(key for key in vars(module) if not key.startswith("_")))
            raise SettingsError(f"{place} has no {name!r}; it has: {names or 'nothing'}")
        value = getattr(value, part)
    held = cast("list[object]", [*value] if isinstance(value, list | tuple) else [value])
    if any(inspect.isclass(one) for one in held):
        raise SettingsError(f"{target} is a class: name an object made from it")
    try:
        found = agents_of(held)
    except TypeError as error:
        raise SettingsError(f"{target}: {error}") from None
    if not found:
        raise SettingsError(f"{target} is empty: there is nothing in it to serve")
    return found


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise SettingsError(f"There is no file {str(path)!r}")
    # The file's own folder comes first, as when Python runs it.
    sys.path.insert(0, str(path.resolve().parent))
    name = path.stem
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise SettingsError(f"{str(path)!r} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # noqa: BLE001 - a user's module may raise anything
        raise SettingsError(f"{path} cannot be loaded:\n{users_trace(error)}") from None
    return module


def _load_module(name: str) -> ModuleType:
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        wanted = (error.name or "").split(".")
        if name.split(".")[: len(wanted)] != wanted:
            raise  # the module is there, but something it imports is not
        raise SettingsError(
            f"There is no module {name!r} here; did you mean {name}.py:...?"
        ) from None
