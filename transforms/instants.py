"""Instants in the representations that TimestampConverter knows, read to milliseconds and written from them.

As in Java, whole units are cut off toward zero, and what exceeds 64 bits becomes the largest number there is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from registry.schema.plain import INT_RANGE, NotPlain
from registry.schema.tree import Type
from transforms.java_calendar import DAY_MILLIS
from transforms.java_date import JavaDate
from transforms.java_date_format import JavaDateFormat, Unreadable
from transforms.outcome import Code, Rejected, Unbindable

UnixPrecision = Literal["seconds", "milliseconds", "microseconds", "nanoseconds"]
Millis = int | Rejected
Read = Callable[[Any], Millis]
Write = Callable[[int], Any]

_NANOS = {"seconds": 10**9, "milliseconds": 10**6, "microseconds": 10**3, "nanoseconds": 1}
_NANOS_OF_LOGICAL = {"millis": 10**6, "micros": 10**3, "nanos": 1}


def reader(type_: Type, format_: JavaDateFormat | None, precision: UnixPrecision) -> Read:
    """A function from physical values of this type to milliseconds; raises `Unbindable` for what is no instant."""
    match type_.kind, type_.logical:
        case "int", "date":
            return lambda value: value * DAY_MILLIS
        case (("int" | "long"), str() as logical) if logical.startswith(("time", "local-timestamp")):
            unit = _NANOS_OF_LOGICAL[logical.rpartition("-")[2]]
            return lambda value: _scaled(value, unit, 10**6)
        case "long", None:
            unit = _NANOS[precision]
            return lambda value: _scaled(value, unit, 10**6)
        case (("string" | "enum"), _):
            return lambda value: _parsed(value, format_)
        case kind, _:
            raise Unbindable(f"TimestampConverter: {kind} holds no instants", code=Code.WRONG_TYPE)


def from_any(value: Any, format_: JavaDateFormat | None, precision: UnixPrecision) -> Millis:
    """The milliseconds of a value without a schema, by what it is."""
    match value:
        case JavaDate():
            return value.millis
        case str():
            return _parsed(value, format_)
        case int() if not isinstance(value, bool):
            return _scaled(value, _NANOS[precision], 10**6)
        case _:
            return Rejected(Code.WRONG_TYPE)


def writer(target: str, format_: JavaDateFormat | None, precision: UnixPrecision, *, schemaless: bool = False) -> Write:
    """A function from milliseconds to physical values of the target type, or to what stands for them in JSON."""
    if target == "unix":
        unit = _NANOS[precision]
        return lambda millis: _scaled(millis, 10**6, unit)
    if target == "string":
        assert format_ is not None  # noqa: S101 - the options see to it
        return format_.format
    if schemaless:
        return lambda millis: _java_date(target, millis)
    if target == "Date":
        return _days
    return _identity if target == "Timestamp" else lambda millis: millis % DAY_MILLIS


def _identity(millis: int) -> int:
    return millis


def _scaled(number: int, unit: int, to_unit: int) -> int:
    """A number of one unit in another, both given in nanoseconds."""
    if unit >= to_unit:
        low, high = INT_RANGE["long"]
        return max(low, min(high, number * (unit // to_unit)))
    divisor = to_unit // unit
    return number // divisor if number >= 0 else -(-number // divisor)


def _parsed(text: str, format_: JavaDateFormat | None) -> Millis:
    if format_ is None:
        return Rejected(Code.BAD_TIMESTAMP)
    try:
        return format_.parse(text)
    except Unreadable:
        return Rejected(Code.BAD_TIMESTAMP)


def _days(millis: int) -> Any:
    low, high = INT_RANGE["int"]
    days = millis // DAY_MILLIS
    return days if low <= days <= high else Rejected(Code.OUT_OF_RANGE)


def _java_date(target: str, millis: int) -> Any:
    if target == "Date":
        millis -= millis % DAY_MILLIS
    elif target == "Time":
        millis %= DAY_MILLIS
    try:
        return JavaDate.at(millis)
    except NotPlain:
        return Rejected(Code.OUT_OF_RANGE)
