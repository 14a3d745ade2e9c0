"""Defaults of Avro schemas as physical values."""

from __future__ import annotations

from typing import Any

from registry.schema.plain import Convert, float32
from registry.schema.tree import Field


def default_value(field: Field) -> Convert:
    """A function from Avro's JSON encoding of a default (bytes as ISO 8859-1 text) to physical values."""
    type_ = field.type
    match type_.kind:
        case "bytes" | "fixed":
            return lambda value: value.encode("iso-8859-1")
        case "record":
            parts = [(f.name, f.at, default_value(f), f.attrs) for f in type_.fields]
            return lambda value: {
                at: None if (item := value.get(name, attrs.get("default"))) is None else convert(item)
                for name, at, convert, attrs in parts
            }
        case "array":
            items = default_value(type_.fields[0])
            return lambda value: [None if item is None else items(item) for item in value]
        case "map":
            values = default_value(type_.fields[1])
            return lambda value: {k: None if v is None else values(v) for k, v in value.items()}
        case "union":
            first = type_.fields[0]
            convert = default_value(first)
            return lambda value: {first.at: convert(value)}
        case "float":
            return lambda value: float32(float(value))
        case "double":
            return float
        case _:
            return _as_it_is


def _as_it_is(value: Any) -> Any:
    return value
