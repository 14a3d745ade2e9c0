"""Values as plain JSON, by schema. The way back is `registry.schema.plain_input`.

A decoded record holds *physical* values: a date is an int, a decimal its unscaled bytes, a value of a union
with several branches a box `{"b1": value}`. People and other programs meet *plain JSON*: unions untagged,
bytes and fixed as base64, decimals as decimal text, dates and times as ISO 8601 text.

Converters are made once per type and then called per value. Values that do not fit raise `NotPlain`, whose text
names the place and never the value.
"""

from __future__ import annotations

import base64
import math
import struct
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal
from typing import Any

from registry.schema.tree import Field, Type

Convert = Callable[[Any], Any]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_DAY = date(1970, 1, 1).toordinal()
DAY = {"millis": 86_400_000, "micros": 86_400_000_000}
PER_SECOND = {"millis": 1_000, "micros": 1_000_000, "nanos": 1_000_000_000}
INT_RANGE = {"int": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}

# Wide enough for any decimal that a schema can declare; the default context would round at 28 digits.
EXACT = Context(prec=100_000)


class NotPlain(ValueError):
    """A value that does not fit its place. Names the place and what it takes, never the value."""

    def __init__(self, path: str, expected: str) -> None:
        super().__init__(f"{path or 'the value'}: expected {expected}")
        self.path = path


def to_plain(field: Field, *, raw_floats: bool = False) -> Convert:
    """A function from physical values of this place to plain JSON values (ready for `json.dumps`).

    With `raw_floats` floats stay as they are: 32-bit ones unrounded, NaN and the infinities numbers.
    """
    return _To(raw_floats).place(field)


def text_of(type_: Type) -> Convert | None:
    """For a leaf whose plain JSON is a string: physical value to that string. None for other types."""
    if type_.kind == "string":
        return _same
    if type_.kind == "enum" or type_.logical:
        return _To().leaf(type_)
    return None


def _same(value: Any) -> Any:
    return value


def unscaled(raw: bytes) -> int:
    """The integer that a decimal's bytes hold: two's complement, big-endian."""
    return int.from_bytes(raw, "big", signed=True)


def scaled_bytes(number: int, size: int | None = None) -> bytes:
    """A decimal's bytes: the shortest that hold the integer, or exactly `size`. Raises OverflowError."""
    length = size or max(1, (number.bit_length() + 8) // 8)
    return number.to_bytes(length, "big", signed=True)


def float32(value: float) -> float:
    """The nearest 32-bit value; raises OverflowError beyond its range."""
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


def shortest_float32(value: float) -> float:
    """The double with the shortest text that still reads back as this 32-bit value."""
    if math.isnan(value) or math.isinf(value):
        return value
    return next(
        candidate
        for digits in range(6, 18)
        if (candidate := float(f"{value:.{digits}g}")) == value or _fits32(candidate, value)
    )


def _fits32(candidate: float, value: float) -> bool:
    try:
        return float32(candidate) == value
    except OverflowError:
        return False


def instant_text(ticks: int, unit: str) -> str:
    """An instant since the epoch as `2020-01-31T13:01:02.003`, with the unit's digits."""
    seconds, fraction = divmod(ticks, PER_SECOND[unit])
    digits = {"millis": 3, "micros": 6, "nanos": 9}[unit]
    try:
        return f"{(EPOCH + timedelta(seconds=seconds)).replace(tzinfo=None).isoformat()}.{fraction:0{digits}d}"
    except OverflowError:
        raise NotPlain("", "an instant between the years 1 and 9999") from None


def time_text(ticks: int, unit: str) -> str:
    """A time of day as `13:01:02.003`, with the unit's digits."""
    seconds, fraction = divmod(ticks, PER_SECOND[unit])
    minutes, second = divmod(seconds, 60)
    digits = {"millis": 3, "micros": 6}[unit]
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}.{fraction:0{digits}d}"


def date_text(days: int) -> str:
    """Days since the epoch as `2020-01-31`."""
    try:
        return date.fromordinal(EPOCH_DAY + days).isoformat()
    except (ValueError, OverflowError):
        raise NotPlain("", "a date between the years 1 and 9999") from None


class _To:
    def __init__(self, raw_floats: bool = False) -> None:
        self._raw_floats = raw_floats
        self._types: dict[int, Convert] = {}

    def place(self, field: Field) -> Convert:
        convert = self.type(field.type)
        if field.null is None or convert is _same:
            return convert
        return lambda value: None if value is None else convert(value)

    def type(self, type_: Type) -> Convert:
        if type_.kind == "any":  # plain already, whatever places are declared in it
            return _same
        if type_.is_leaf:
            return self.leaf(type_)
        if (known := self._types.get(id(type_))) is not None:
            return known
        inner: Convert | None = None

        def late(value: Any) -> Any:  # a recursive type meets itself before it is finished
            assert inner is not None  # noqa: S101 - holds by the time any value arrives
            return inner(value)

        self._types[id(type_)] = late
        inner = self._container(type_)
        return inner

    def _container(self, type_: Type) -> Convert:
        match type_.kind:
            case "record":
                parts = [(field.name, field.at, self.place(field)) for field in type_.fields]
                return lambda value: {name: convert(value[at]) for name, at, convert in parts}
            case "array":
                items = self.place(type_.fields[0])
                return lambda value: [items(item) for item in value]
            case "map":
                values = self.place(type_.fields[1])
                return lambda value: {key: values(item) for key, item in value.items()}
            case _:
                branches = {branch.at: self.place(branch) for branch in type_.fields}
                return lambda value: next(branches[at](inner) for at, inner in value.items())

    def leaf(self, type_: Type) -> Convert:
        match type_.kind, type_.logical:
            case _, "decimal":
                scale = -int(type_.attrs.get("scale", 0))
                return lambda value: f"{Decimal(unscaled(value)).scaleb(scale, EXACT):f}"
            case _, "date":
                return date_text
            case _, "uuid":
                return (lambda value: str(uuid.UUID(bytes=value))) if type_.kind == "fixed" else _same
            case _, ("time-millis" | "time-micros") as logical:
                unit = logical.removeprefix("time-")
                return lambda value: time_text(value, unit)
            case _, str() as logical if "timestamp-" in logical:
                unit = logical.rpartition("-")[2]
                zone = "" if logical.startswith("local-") else "Z"
                return lambda value: instant_text(value, unit) + zone
            case (("bytes" | "fixed"), _):
                return lambda value: base64.b64encode(value).decode()
            case (("float" | "double"), _) if self._raw_floats:
                return _same
            case "float", _:
                return lambda value: _number(shortest_float32(value))
            case "double", _:
                return _number
            case _:
                return _same


def _number(value: float) -> float | str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value
