"""What replaces a whole value: its type's empty value, or a text read as a value of the type.

| type | empty value |
|---|---|
| string | the empty text |
| int, long, float, double | 0 |
| boolean | false |
| date, time, timestamp | the epoch, midnight |
| decimal | 0 in the schema's scale |
| uuid | the nil uuid |
| enum | a string, empty: a symbol would say something |
| fixed | zeros |
| bytes | no bytes; Kafka refuses bytes, so only by tags or with an option for texts |
| array, map | no items |
| record | refused: name its fields |

None of them depends on the value, so it says nothing about it.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from registry.schema.plain import scaled_bytes
from registry.schema.tree import Type
from transforms.outcome import Code, Rejected
from transforms.transform import Apply

BITS = {"int8": 8, "int16": 16, "int": 32, "long": 64}
DATES = frozenset({"date", "time-millis", "timestamp-millis"})
NIL_UUID = "00000000-0000-0000-0000-000000000000"


def constant(masked: Any) -> Apply:
    """The same for every value."""
    return lambda values: [masked] * len(values)


def empty(type_: Type, *, takes_bytes: bool) -> Apply:
    """The type's empty value for every value."""
    match type_.kind, type_.logical:
        case (("bytes" | "fixed"), "decimal"):
            return constant(scaled_bytes(0, type_.attrs.get("size")))
        case "string", "uuid":
            return constant(NIL_UUID)
        case "fixed", _:
            return constant(bytes(type_.attrs["size"]))
        case "array", _:
            return lambda values: [[] for _ in values]
        case "map", _:
            return lambda values: [{} for _ in values]
        case ("record", _) | ("bytes", _) if not (takes_bytes and type_.kind == "bytes"):
            return constant(Rejected(Code.WRONG_TYPE))
        case kind, _:
            empties = {"boolean": False, "float": 0.0, "double": 0.0, "string": "", "bytes": b""}
            return constant(empties.get(kind, 0))


def replaced(type_: Type, text: str) -> Apply:
    """What a replacement means for the type. One that it does not fit rejects every record, as in Kafka."""
    match type_.kind, type_.logical:
        case (("bytes" | "fixed"), "decimal"):
            return constant(_decimal(text, type_))
        case _, logical if logical in DATES:
            return constant(Rejected(Code.WRONG_TYPE))
        case ("int" | "long") as kind, _:
            return constant(wrapped(text, BITS[type_.attrs.get("connect.type", kind)]))
        case (("float" | "double"), _):
            return constant(read_float(text))
        case "string", _:
            return constant(text)
        case _:
            return constant(Rejected(Code.WRONG_TYPE))


def wrapped(text: str, bits: int) -> int | Rejected:
    """Java's narrowing: the integer part, modulo 2^bits, in two's complement."""
    try:
        number = int(Decimal(text))
    except (InvalidOperation, ValueError, OverflowError):
        return Rejected(Code.NOT_A_NUMBER)
    half = 1 << (bits - 1)
    return (number + half) % (2 * half) - half


def read_float(text: str) -> float | Rejected:
    """A replacement as a number."""
    try:
        return float(text)
    except ValueError:
        return Rejected(Code.NOT_A_NUMBER)


def _decimal(text: str, type_: Type) -> bytes | Rejected:
    try:
        number = Decimal(text).scaleb(int(type_.attrs.get("scale", 0)))
        if number == number.to_integral_value():
            return scaled_bytes(int(number), type_.attrs.get("size") if type_.kind == "fixed" else None)
    except (InvalidOperation, ValueError):
        return Rejected(Code.NOT_A_NUMBER)
    except OverflowError:
        pass
    return Rejected(Code.OUT_OF_RANGE)


def empty_any(value: Any) -> Any:
    """The empty value of what JSON has."""
    return type(value)() if isinstance(value, (bool, int, float, str, list, dict)) else Rejected(Code.WRONG_TYPE)
