"""When two records are the same, to somebody who reads them: what the corpus compares and what it leaves open."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

PRIMITIVES = {"null", "boolean", "int", "long", "float", "double", "bytes", "string"}
LOGICAL = ("logicalType", "scale", "precision", "size", "symbols")


def differences(ours: Mapping[str, Any], theirs: Mapping[str, Any], wire: Sequence[Any] | None) -> list[str]:
    """The parts of two records that differ, by name."""
    different = [name for name in ("topic", "partition", "timestamp") if ours[name] != theirs[name]]
    for side in ("key", "value"):
        schema = canonical(theirs[f"{side}_schema"])
        if canonical(ours[f"{side}_schema"]) != schema:
            different.append(f"{side}_schema")
        if not same(ours[side], theirs[side], theirs[f"{side}_schema"]):
            different.append(side)
    expected = theirs["headers"] if wire is None else wire
    if [header[:2] for header in ours["headers"]] != [header[:2] for header in expected]:
        different.append("headers")
    return different


def same(ours: Any, theirs: Any, schema: Any) -> bool:
    """Whether two values are equal; decimals and floats by what they are, not by their text."""
    if isinstance(ours, bool) or isinstance(theirs, bool) or ours is None or theirs is None:
        return ours is theirs
    if isinstance(ours, (int, float)) and isinstance(theirs, (int, float)):
        return math.isclose(ours, theirs, rel_tol=1e-6)
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(same(ours[k], theirs[k], inner(schema, k)) for k in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(
            same(one, other, inner(schema, "items")) for one, other in zip(ours, theirs, strict=True)
        )
    if is_decimal(schema) and isinstance(ours, str) and isinstance(theirs, str):
        return Decimal(ours) == Decimal(theirs)
    return bool(ours == theirs)


def without_null(schema: Any) -> Any:
    return next((branch for branch in schema if branch != "null"), None) if isinstance(schema, list) else schema


def is_decimal(schema: Any) -> bool:
    schema = without_null(schema)
    return isinstance(schema, dict) and schema.get("logicalType") == "decimal"


def inner(schema: Any, name: str) -> Any:
    """The schema of what lies in a container; None where none is known, or where a name refers to it."""
    schema = without_null(schema)
    if not isinstance(schema, dict):
        return None
    if "fields" in schema:
        return next((field["type"] for field in schema["fields"] if field["name"] == name), None)
    return schema.get("items", schema.get("values"))


def canonical(schema: Any) -> Any:
    """A schema without what need not match: docs, `connect.*` and other attributes; names in full."""
    return _canonical(schema, "", set())


def _canonical(schema: Any, namespace: str, known: set[str]) -> Any:
    if schema is None:
        return None
    if isinstance(schema, list):
        return [_canonical(branch, namespace, known) for branch in schema]
    if isinstance(schema, str):
        if schema in PRIMITIVES:
            return schema
        return {"ref": schema if "." in schema or not namespace else f"{namespace}.{schema}"}
    kind = schema["type"]
    if not isinstance(kind, str):
        return _canonical(kind, namespace, known)
    plain: dict[str, Any] = {name: schema[name] for name in LOGICAL if name in schema}
    if "name" in schema:
        space = schema.get("namespace", namespace)
        full = schema["name"] if "." in schema["name"] or not space else f"{space}.{schema['name']}"
        plain["name"] = full
        namespace = full.rpartition(".")[0]
    match kind:
        case "record":
            plain["fields"] = [_field(field, namespace, known) for field in schema["fields"]]
        case "array":
            plain["items"] = _canonical(schema["items"], namespace, known)
        case "map":
            plain["values"] = _canonical(schema["values"], namespace, known)
    return {"type": kind, **plain} if plain else kind


def _field(field: Mapping[str, Any], namespace: str, known: set[str]) -> dict[str, Any]:
    printed = {"name": field["name"], "type": _canonical(field["type"], namespace, known)}
    if "default" in field:
        printed["default"] = field["default"]
    return printed
