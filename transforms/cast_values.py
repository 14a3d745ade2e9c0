"""One value cast to another type, as Kafka Connect's `Cast` does it: Java's narrowing, parsing and text.

Integers lose their high bits; floats saturate at 32 and 64 bits; any number but 0 (after its fraction is cut off) is
true; text is parsed. Dates and times are the numbers that they are stored as, except as text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from registry.schema.plain import EXACT, NotPlain, unscaled
from registry.schema.tree import Field, Type
from transforms.connect_text import any_text, connect_text
from transforms.java_date import JavaDate
from transforms.java_numbers import NotANumber, parse_double, parse_float, parse_whole, rounded32, truncated, wrapped
from transforms.outcome import Code, Rejected

Convert = Callable[[Any], Any]

TARGETS: Mapping[str, Type] = {
    "int8": Type("int", (), {"connect.type": "int8"}),
    "int16": Type("int", (), {"connect.type": "int16"}),
    "int32": Type("int"),
    "int64": Type("long"),
    "float32": Type("float"),
    "float64": Type("double"),
    "boolean": Type("boolean"),
    "string": Type("string"),
}
_BITS = {"int8": 8, "int16": 16, "int32": 32, "int64": 64}


def caster(place: Field, target: str) -> Convert:
    """A function from physical values of this place, none of them null, to values of the target or `Rejected`."""
    type_ = place.type
    match type_.kind, type_.logical:
        case "any", _:
            return _any(target)
        case (("record" | "array" | "map" | "union" | "null"), _):
            return _rejecting
        case _ if target == "string":
            return _guarded(connect_text(place))
        case _, "decimal":
            scale = -int(type_.attrs.get("scale", 0))
            return lambda value: _of_decimal(Decimal(unscaled(value)).scaleb(scale, EXACT), target)
        case (("bytes" | "fixed"), _):
            return _rejecting
        case (("int" | "long" | "boolean"), _):
            return _of_int(target)
        case (("float" | "double"), _):
            return _of_float(target)
        case _:
            return _of_text(target)


def _rejecting(value: Any) -> Rejected:
    del value
    return Rejected(Code.WRONG_TYPE)


def _guarded(convert: Convert) -> Convert:
    def cast(value: Any) -> Any:
        try:
            return convert(value)
        except NotANumber as problem:
            return Rejected(problem.code)
        except NotPlain:
            return Rejected(Code.OUT_OF_RANGE)

    return cast


def _of_int(target: str) -> Convert:
    if bits := _BITS.get(target):
        return lambda value: wrapped(value, bits)
    converts: dict[str, Convert] = {"float32": rounded32, "float64": float, "boolean": bool}
    return converts[target]


def _of_float(target: str) -> Convert:
    if bits := _BITS.get(target):
        return lambda value: truncated(value, bits)
    if target == "boolean":
        return lambda value: truncated(value, 64) != 0
    return rounded32 if target == "float32" else float


def _of_decimal(value: Decimal, target: str) -> Any:
    match target:
        case "float32":
            return rounded32(float(value))
        case "float64":
            return float(value)
        case "boolean":
            return wrapped(int(value), 64) != 0
        case _:
            return wrapped(int(value), _BITS[target])


def _of_text(target: str) -> Convert:
    if bits := _BITS.get(target):
        return _guarded(lambda value: parse_whole(value, bits))
    if target == "boolean":
        return lambda value: value.lower() == "true"
    return _guarded(parse_float if target == "float32" else parse_double)


def _any(target: str) -> Convert:
    """A value without a schema is cast as what it is."""
    if target == "string":
        return lambda value: any_text(value) if _is_scalar(value) else Rejected(Code.WRONG_TYPE)
    casts: Mapping[type, Convert] = {
        bool: _of_int(target),
        int: _of_int(target),
        float: _of_float(target),
        str: _of_text(target),
    }

    def cast(value: Any) -> Any:
        convert: Convert = casts.get(type(value), _rejecting)
        return convert(value)

    return cast


def _is_scalar(value: Any) -> bool:
    return isinstance(value, (bool, int, float, str)) and not isinstance(value, JavaDate)
