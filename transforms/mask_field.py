"""MaskField: replace values by a constant that says nothing about them.

Kafka's own transform, with two more ways to say which places are meant: path patterns and tags. Without a
`replacement` a value becomes its type's empty value: 0, false, "", an empty array or map, the epoch.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

from pydantic import Field as Option
from pydantic import model_validator

from registry.schema.plain import scaled_bytes
from registry.schema.tree import Field, Guard, Shape, Type
from registry.schema.walk import Walk
from transforms.null_defaults import defaults_for_nulls
from transforms.outcome import Code, Rejected, Unbindable
from transforms.selecting import Selecting
from transforms.transform import Apply, Boolean, Bound, ColumnStep, Context

BITS = {"int8": 8, "int16": 16, "int": 32, "long": 64}
DATES = frozenset({"date", "time-millis", "timestamp-millis"})
NIL_UUID = "00000000-0000-0000-0000-000000000000"


class MaskField(Selecting):
    """Mask the selected places; nulls stay null unless `replace.null.with.default` says otherwise."""

    protecting: ClassVar[bool] = True

    replacement: str | None = Option(
        default=None,
        min_length=1,
        description="What strings and numbers become, instead of their empty value.",
    )
    replace_null_with_default: Boolean = Option(
        default=True,
        alias="replace.null.with.default",
        description="Whether a null in a top-level field with a default becomes that default.",
    )

    @model_validator(mode="after")
    def _selects_something(self) -> MaskField:
        if not self.fields and not self.tags:
            raise ValueError("fields or tags must say what to mask")
        return self

    def bind(self, shape: Shape, context: Context) -> Bound:
        root = shape.side(self.side)
        bound = self.over(shape, context, self._leaf, guard=lambda field: Guard(context.alias, "MaskField"))
        if root.type.kind == "any":
            return Bound(bound.shape, (self._schemaless(root), *bound.steps), bound.touched, bound.matched)
        if self.fields and root.type.kind != "record" and not bound.matched:
            code = Code.NULL_VALUE if root.type.kind == "null" else Code.WRONG_TYPE
            raise Unbindable(f"transforms.{context.alias}: only records can be masked by field", code=code)
        if self.replace_null_with_default and root.type.kind == "record":
            return Bound(bound.shape, (*defaults_for_nulls(root, self.side), *bound.steps), bound.touched, bound.matched)
        return bound

    def _leaf(self, field: Field) -> tuple[Field, Apply]:
        if field.type.kind == "any":
            return field, _each(self._mask_any)
        if field.type.kind == "enum":
            return field.but(type=Type("string")), _constant(self.replacement or "")
        if field.type.logical == "uuid" and field.type.kind == "string" and self.replacement:
            return field.but(type=Type("string")), _constant(self.replacement)
        if self.replacement is None:
            return field, _empty(field.type, by_tags=bool(self.tags))
        return field, _replaced(field.type, self.replacement)

    def _mask_any(self, value: Any) -> Any:
        """A value without a schema is masked by what it is."""
        if self.replacement is None:
            return (
                type(value)() if isinstance(value, (bool, int, float, str, list, dict)) else Rejected(Code.WRONG_TYPE)
            )
        match value:
            case bool() | list() | dict():
                return Rejected(Code.WRONG_TYPE)
            case int():
                return _wrapped(self.replacement, 64)
            case float():
                return _float(self.replacement)
            case _:
                return self.replacement

    def _schemaless(self, root: Field) -> ColumnStep:
        """As in Kafka, a top-level field that is named but absent appears, null."""
        names = [name for name in self.fields if not re.search(r"[.*\[{`]", name)]

        def add_missing(values: list[Any]) -> list[Any]:
            return [
                {**dict.fromkeys(names), **value} if isinstance(value, dict) else self._not_a_map(value)
                for value in values
            ]

        return ColumnStep(self.side, Walk(root, "", selected=True), add_missing, nulls=True)

    def _not_a_map(self, value: Any) -> Any:
        """Without `fields` there is nothing that a value must be."""
        if not self.fields:
            return value
        return Rejected(Code.NULL_VALUE if value is None else Code.WRONG_TYPE)


def _each(mask: Callable[[Any], Any]) -> Apply:
    return lambda values: [mask(value) for value in values]


def _constant(masked: Any) -> Apply:
    return lambda values: [masked] * len(values)


def _empty(type_: Type, *, by_tags: bool) -> Apply:
    match type_.kind, type_.logical:
        case (("bytes" | "fixed"), "decimal"):
            return _constant(scaled_bytes(0, type_.attrs.get("size")))
        case "string", "uuid":
            return _constant(NIL_UUID)
        case "fixed", _:
            return _constant(bytes(type_.attrs["size"]))
        case "array", _:
            return lambda values: [[] for _ in values]
        case "map", _:
            return lambda values: [{} for _ in values]
        case ("record", _) | ("bytes", _) if not (by_tags and type_.kind == "bytes"):
            return _constant(Rejected(Code.WRONG_TYPE))
        case kind, _:
            empties = {"boolean": False, "float": 0.0, "double": 0.0, "string": "", "bytes": b""}
            return _constant(empties.get(kind, 0))


def _replaced(type_: Type, text: str) -> Apply:
    match type_.kind, type_.logical:
        case (("bytes" | "fixed"), "decimal"):
            return _constant(_decimal(text, type_))
        case _, logical if logical in DATES:
            return _constant(Rejected(Code.WRONG_TYPE))
        case ("int" | "long") as kind, _:
            return _constant(_wrapped(text, BITS[type_.attrs.get("connect.type", kind)]))
        case (("float" | "double"), _):
            return _constant(_float(text))
        case "string", _:
            return _constant(text)
        case _:
            return _constant(Rejected(Code.WRONG_TYPE))


def _wrapped(text: str, bits: int) -> int | Rejected:
    """Java's narrowing: the integer part, modulo 2^bits, in two's complement."""
    try:
        number = int(Decimal(text))
    except (InvalidOperation, ValueError, OverflowError):
        return Rejected(Code.NOT_A_NUMBER)
    half = 1 << (bits - 1)
    return (number + half) % (2 * half) - half


def _float(text: str) -> float | Rejected:
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
