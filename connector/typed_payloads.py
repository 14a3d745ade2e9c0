"""Payloads for a side whose converter has no schema, of values that have one: a key that was made of an Avro value.

As Kafka Connect's converters write them: text for scalars, JSON without its schema (dates and times as numbers, bytes
and decimals as base64 of their bytes). What a converter cannot write rejects its record.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Any

from connector.converters import CONVERTERS
from registry.codec import Encoded, Writer
from registry.schema.plain import NotPlain
from registry.schema.tree import Field, Type
from transforms.connect_text import connect_text

Convert = Callable[[Any], Any]


def writer_for(root: Field, converter: str) -> Writer:
    """How values of this place leave under a converter's name."""
    if root.type.kind == "any":
        return _Unwritable("NoSchema") if converter == "avro" else CONVERTERS[converter]
    match converter:
        case "json":
            return _Converted(_json(root.type, {}), CONVERTERS["json"])
        case "string" if root.type.is_leaf:
            return _Converted(connect_text(root), CONVERTERS["string"])
        case "string":
            return _Unwritable("NoText")
        case _:
            return CONVERTERS[converter]


class Optional:
    """A writer whose records may be null, which is written as no payload at all, as in Kafka Connect."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def encode(self, records: Sequence[Any], prefix: bytes) -> Encoded:
        present = [row for row, record in enumerate(records) if record is not None]
        encoded = self._writer.encode([records[row] for row in present], prefix)
        payloads: list[bytes | None] = [None] * len(records)
        for row, payload in zip(present, encoded.payloads, strict=True):
            payloads[row] = payload
        return Encoded(payloads, {present[row]: error for row, error in encoded.bad.items()})


class Nothing:
    """The writer of a side that the chain left without a value."""

    def encode(self, records: Sequence[Any], prefix: bytes) -> Encoded:
        del prefix
        return Encoded([None] * len(records), {})


class _Converted:
    def __init__(self, convert: Convert, writer: Writer) -> None:
        self._convert = convert
        self._writer = writer

    def encode(self, records: Sequence[Any], prefix: bytes) -> Encoded:
        converted: list[Any] = []
        bad: dict[int, str] = {}
        for row, record in enumerate(records):
            try:
                converted.append(self._convert(record))
            except NotPlain as problem:
                converted.append(None)
                bad[row] = type(problem).__name__
        encoded = self._writer.encode(converted, prefix)
        return Encoded(encoded.payloads, {**encoded.bad, **bad})


class _Unwritable:
    def __init__(self, error: str) -> None:
        self._error = error

    def encode(self, records: Sequence[Any], prefix: bytes) -> Encoded:
        del prefix
        return Encoded([None] * len(records), dict.fromkeys(range(len(records)), self._error))


def _json(type_: Type, known: dict[int, Convert]) -> Convert:
    if id(type_) in known:
        return known[id(type_)]
    known[id(type_)] = lambda value: known[id(type_)](value)  # a recursive type meets itself before it is finished
    convert = _json_of(type_, known)
    known[id(type_)] = convert
    return convert


def _json_of(type_: Type, known: dict[int, Convert]) -> Convert:
    def inner(place: Field) -> Convert:
        convert = _json(place.type, known)
        return lambda value: None if value is None else convert(value)

    match type_.kind:
        case "record":
            parts = [(field.name, field.at, inner(field)) for field in type_.fields]
            return lambda value: {name: convert(value[at]) for name, at, convert in parts}
        case "array":
            items = inner(type_.fields[0])
            return lambda value: [items(item) for item in value]
        case "map":
            values = inner(type_.fields[1])
            return lambda value: {key: values(item) for key, item in value.items()}
        case "union":
            branches = {branch.at: inner(branch) for branch in type_.fields}
            return lambda box: next(branches[at](value) for at, value in box.items())
        case "bytes" | "fixed":
            return lambda value: base64.b64encode(value).decode()
        case _:
            return lambda value: value
