"""A value that fits a JSON schema, always the same one."""

from __future__ import annotations

from typing import Any

from hubbub.runtimes.shapes import JsonObject, as_list, object_in

__all__ = ["example"]

_PLAIN: dict[str, Any] = {"integer": 7, "number": 1.5, "boolean": True, "null": None}


def example(schema: JsonObject, root: JsonObject | None = None) -> Any:
    """Return the example.

    Args:
        schema: what it has to fit.
        root: where references in the schema lead; the schema itself unless given.
    """
    root = schema if root is None else root
    if isinstance(schema.get("$ref"), str):
        return example(_referred(schema["$ref"], root), root)
    for key in ("anyOf", "oneOf", "allOf"):
        if options := as_list(schema.get(key)):
            return example(object_in(options[0]), root)
    if "const" in schema:
        return schema["const"]
    if options := as_list(schema.get("enum")):
        return options[0]
    kind = schema.get("type")
    if kinds := as_list(kind):
        kind = kinds[0]
    if kind == "object" or "properties" in schema:
        properties = object_in(schema.get("properties"))
        return {name: example(object_in(part), root) for name, part in properties.items()}
    if kind == "array":
        return [example(object_in(schema.get("items")) or {"type": "string"}, root)]
    return _PLAIN.get(str(kind), "text")


def _referred(reference: str, root: JsonObject) -> JsonObject:
    node: JsonObject = root
    for part in reference.lstrip("#/").split("/"):
        node = object_in(node.get(part))
    return node
