"""The way back from `transforms.leaf_input`: from the bytes that a token held to a value of the type before.

Of the type only what an Avro primitive says is remembered, so a `fixed` comes back as bytes, a decimal in one as a
decimal in bytes, an enum as a string, and what had no schema as a string.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from registry.schema.avro import BadSchema, parse
from registry.schema.plain import Convert, text_of
from registry.schema.plain_input import from_plain
from registry.schema.tree import Field, Type

Attributes = tuple[tuple[str, str | int], ...]

_PRIMITIVES = frozenset({"boolean", "int", "long", "float", "double", "bytes", "string"})
_KEPT = ("logicalType", "precision", "scale")


def remembered(type_: Type) -> Attributes | None:
    """The attributes of the Avro type that a leaf of this type comes back as; None for a plain string."""
    kind = type_.kind
    if kind == "fixed":
        kind = "string" if type_.logical == "uuid" else "bytes"
    if kind not in _PRIMITIVES or type_.logical == "duration":
        return (("type", "bytes"),) if kind == "bytes" else None
    logical = tuple((name, type_.attrs[name]) for name in _KEPT if type_.logical and name in type_.attrs)
    return None if kind == "string" and not logical else (("type", kind), *logical)


def type_of(attributes: Mapping[str, Any]) -> Type | None:
    """The type that such attributes say, None where they are none of ours."""
    if attributes.get("type") not in _PRIMITIVES or not attributes.keys() <= {"type", *_KEPT}:
        return None
    try:
        type_ = parse(dict(attributes), root="value").type
    except BadSchema:
        return None
    return type_ if type_.logical == attributes.get("logicalType") else None


def restored(type_: Type) -> Callable[[bytes], Any]:
    """A function from bytes to a physical value of the type. It raises ValueError, which may hold the value."""
    if type_.kind == "bytes" and type_.logical is None:
        return bytes
    convert: Convert = from_plain(Field("value", "value", type_))
    if text_of(type_) is not None:
        return lambda raw: convert(raw.decode())
    return lambda raw: convert(json.loads(raw))
