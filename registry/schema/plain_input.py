"""Plain JSON read into physical values, by schema: the inverse of `registry.schema.plain`."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from registry.schema.defaults import default_value
from registry.schema.plain import (
    EPOCH,
    EPOCH_DAY,
    EXACT,
    INT_RANGE,
    PER_SECOND,
    Convert,
    NotPlain,
    float32,
    scaled_bytes,
)
from registry.schema.tree import Field, Type, step_into


def from_plain(field: Field) -> Convert:
    """A function from plain JSON values to physical values of this place; raises `NotPlain`."""
    return _From().place(field, "")


def _same(value: Any) -> Any:
    return value


class _From:
    def __init__(self) -> None:
        self._types: dict[int, Convert] = {}

    def place(self, field: Field, path: str) -> Convert:
        if field.type.kind in ("null", "any"):
            return _same
        convert = self._type(field.type, path)
        if field.null is not None:
            return lambda value: None if value is None else convert(value)

        def present(value: Any) -> Any:
            if value is None:
                raise NotPlain(path, "a value, not null")
            return convert(value)

        return present

    def _type(self, type_: Type, path: str) -> Convert:
        if type_.is_leaf:
            return _checked(_leaf_from_plain(type_), path, _expectation(type_))
        if (known := self._types.get(id(type_))) is not None:
            return known
        inner: Convert | None = None

        def late(value: Any) -> Any:
            assert inner is not None  # noqa: S101 - holds by the time any value arrives
            return inner(value)

        self._types[id(type_)] = late
        inner = self._container(type_, path)
        return inner

    def _container(self, type_: Type, path: str) -> Convert:
        match type_.kind:
            case "record":
                return self._record(type_, path)
            case "array":
                items = self.place(type_.fields[0], path + "[*]")
                return _of(list, path, "an array", lambda value: [items(item) for item in value])
            case "map":
                values = self.place(type_.fields[1], path + "{*}")
                return _of(dict, path, "an object", lambda value: {k: values(v) for k, v in value.items()})
            case _:
                branches = [(branch.at, self.place(branch, path)) for branch in type_.fields]
                return lambda value: _first_that_fits(branches, value, path)

    def _record(self, type_: Type, path: str) -> Convert:
        parts = []
        for field in type_.fields:
            convert = self.place(field, step_into(path, field))
            parts.append((field.name, field.at, convert, _default(field)))

        def record(value: Any) -> Any:
            return {at: convert(value[name]) if name in value else default() for name, at, convert, default in parts}

        return _of(dict, path, "an object", record)


def _default(field: Field) -> Callable[[], Any]:
    """The physical value of a field that is absent; raises `NotPlain` where there is no default."""
    if "default" in field.attrs:
        default = field.attrs["default"]
        if default is None:
            return lambda: None
        convert = default_value(field)
        return lambda: convert(default)

    def missing() -> Any:
        raise NotPlain(field.origin or field.name, "a value: the field is missing and has no default")

    return missing


def _of(kind: type, path: str, expected: str, convert: Convert) -> Convert:
    def checked(value: Any) -> Any:
        if not isinstance(value, kind):
            raise NotPlain(path, expected)
        return convert(value)

    return checked


def _first_that_fits(branches: list[tuple[str, Convert]], value: Any, path: str) -> Any:
    for at, convert in branches:
        try:
            return {at: convert(value)}
        except NotPlain:
            continue
    raise NotPlain(path, "a value of one of the union's branches")


def _checked(convert: Convert, path: str, expected: str) -> Convert:
    def checked(value: Any) -> Any:
        try:
            return convert(value)
        except (ValueError, TypeError, ArithmeticError, AttributeError, InvalidOperation):
            raise NotPlain(path, expected) from None

    return checked


def _expectation(type_: Type) -> str:
    if type_.logical:
        return f"{type_.kind} ({type_.logical})"
    return f"{type_.kind} as base64" if type_.kind in ("bytes", "fixed") else type_.kind


def _leaf_from_plain(type_: Type) -> Convert:
    match type_.kind, type_.logical:
        case _, "decimal":
            return lambda value: _decimal(type_, value)
        case _, "date":
            return lambda value: date.fromisoformat(value).toordinal() - EPOCH_DAY
        case _, "uuid":
            return (lambda value: uuid.UUID(value).bytes) if type_.kind == "fixed" else _string
        case _, ("time-millis" | "time-micros") as logical:
            return lambda value: _time(value, logical.removeprefix("time-"))
        case _, str() as logical if "timestamp-" in logical:
            return lambda value: _instant(value, logical)
        case (("bytes" | "fixed"), _):
            return lambda value: _bytes(type_, value)
        case (("int" | "long"), _):
            return lambda value: _integer(type_.kind, value)
        case (("float" | "double"), _):
            return lambda value: _float(type_.kind, value)
        case "boolean", _:
            return _boolean
        case "enum", _:
            return lambda value: _symbol(type_, value)
        case "string", _:
            return _string
        case _:
            return _same


def _decimal(type_: Type, value: Any) -> bytes:
    if not isinstance(value, str):
        raise TypeError
    number = Decimal(value).scaleb(int(type_.attrs.get("scale", 0)), EXACT)
    if number != number.to_integral_value():
        raise ValueError
    return scaled_bytes(int(number), type_.attrs.get("size") if type_.kind == "fixed" else None)


def _time(value: str, unit: str) -> int:
    clock, _, fraction = value.partition(".")
    hours, minutes, seconds = (int(part) for part in clock.split(":"))
    if not (0 <= hours < 24 and 0 <= minutes < 60 and 0 <= seconds < 60):
        raise ValueError
    return (hours * 3600 + minutes * 60 + seconds) * PER_SECOND[unit] + _fraction(fraction, unit)


def _instant(value: str, logical: str) -> int:
    unit = logical.rpartition("-")[2]
    if not logical.startswith("local-"):
        if not value.endswith("Z"):
            raise ValueError
        value = value[:-1]
    clock, _, fraction = value.partition(".")
    since = datetime.fromisoformat(clock).replace(tzinfo=UTC) - EPOCH
    return (since.days * 86_400 + since.seconds) * PER_SECOND[unit] + _fraction(fraction, unit)


def _fraction(digits: str, unit: str) -> int:
    width = len(str(PER_SECOND[unit])) - 1
    if digits and (len(digits) > width or not digits.isdigit()):
        raise ValueError
    return int((digits or "0").ljust(width, "0"))


def _bytes(type_: Type, value: Any) -> bytes:
    raw = base64.b64decode(value, validate=True)
    if type_.kind == "fixed" and len(raw) != type_.attrs["size"]:
        raise ValueError
    return raw


def _integer(kind: str, value: Any) -> int:
    low, high = INT_RANGE[kind]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ValueError
    return value


def _float(kind: str, value: Any) -> float:
    if value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError
    number = float(value)
    return float32(number) if kind == "float" else number


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    value.encode()  # a lone surrogate has no UTF-8
    return value


def _symbol(type_: Type, value: Any) -> str:
    if value not in type_.attrs["symbols"]:
        raise ValueError
    return str(value)
