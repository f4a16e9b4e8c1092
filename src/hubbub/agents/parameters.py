"""The parameters of a workflow: a start form for people, and a check before the handler runs."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from hubbub.errors import InvalidMessage, Reject
from hubbub.wire.codec import decode_object

if TYPE_CHECKING:
    from pydantic import BaseModel

    from hubbub.agents.task import Task

__all__ = ["Parameters"]


class Parameters:
    """What a workflow's function takes beside its task.

    Args:
        function: the function; its first parameter is the task, the others have types.

    Raises:
        TypeError: it takes no task, or a parameter whose type has no JSON schema.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        name = getattr(function, "__qualname__", repr(function))
        parameters = list(inspect.signature(function).parameters.values())
        if not parameters or parameters[0].kind is inspect.Parameter.KEYWORD_ONLY:
            raise TypeError(f"{name} must take the task as its first argument")
        self._fields = parameters[1:]
        for parameter in self._fields:
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                raise TypeError(f"{name}: name the parameters, *{parameter.name} has no start form")
        self._function = function
        self._name = name
        self._form: type[BaseModel] | None = None

    @property
    def names(self) -> list[str]:
        """Their names."""
        return [parameter.name for parameter in self._fields]

    def schema(self) -> dict[str, Any] | None:
        """Return the JSON schema of an object that holds them; None if there are none.

        Raises:
            TypeError: one of them has a type without a schema.
        """
        if not self._fields:
            return None
        from pydantic import PydanticUserError

        try:
            schema = self._model().model_json_schema()
        except PydanticUserError as error:
            raise TypeError(
                f"{self._name} has a parameter without a JSON schema: {error}"
            ) from None
        schema.pop("title", None)
        return schema

    def values(self, task: Task) -> dict[str, Any]:
        """Return what the function is called with, as the message that opened the task has it.

        They stand in `metadata["params"]`; in their absence a JSON object in the content will do,
        and if one text alone is needed, the content is it.

        Raises:
            Reject: one is missing or wrong.
        """
        if not self._fields:
            return {}
        given = task.metadata.get("params")
        if given is None:
            given = self._in_content(task)
        if not isinstance(given, dict):
            raise Reject(f"params must be an object with {', '.join(self.names)}")
        if unknown := set(cast("dict[str, Any]", given)) - set(self.names):
            raise Reject(f"{self._name} has no parameter {min(unknown)!r}: it takes {self.names}")
        from pydantic import ValidationError

        try:
            form = self._model().model_validate(given)
        except ValidationError as error:
            raise Reject(_in_words(error)) from None
        return {name: getattr(form, name) for name in self.names}

    def _in_content(self, task: Task) -> dict[str, Any]:
        content = task.message.content
        if isinstance(content, dict):
            return content
        if content is None:
            return {}
        try:
            return decode_object(task.content.encode())
        except InvalidMessage:
            pass  # it is just text
        needed = [one for one in self._fields if one.default is one.empty]
        wanted = needed or self._fields[:1]
        if task.content.strip() and len(wanted) == 1:
            return {wanted[0].name: task.content}
        return {}

    def _model(self) -> type[BaseModel]:
        if self._form is None:
            from pydantic import ConfigDict, create_model

            hints = typing.get_type_hints(self._function, include_extras=True)
            fields: dict[str, Any] = {
                one.name: (
                    hints.get(one.name, Any),
                    ... if one.default is one.empty else one.default,
                )
                for one in self._fields
            }
            config = ConfigDict(
                arbitrary_types_allowed=False, protected_namespaces=(), extra="forbid"
            )
            self._form = create_model(self._name, __config__=config, **fields)
        return self._form


def _in_words(error: Any) -> str:
    """Return what is wrong with the parameters, field by field."""
    wrong = [
        f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()
    ]
    return "the parameters are wrong: " + "; ".join(wrong)
