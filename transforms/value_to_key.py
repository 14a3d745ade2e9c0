"""ValueToKey: the key becomes a record of some of the value's fields.

Kafka's own transform. The key's fields have the tags and guards of the value's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from pydantic import Field as Option

from registry.schema.settle import Convert
from registry.schema.tree import Field, Shape, Type
from transforms.carrying import beneath, copied
from transforms.null_defaults import default_for_null
from transforms.outcome import Code, Rejected, Unbindable
from transforms.transform import Boolean, Bound, Context, NonEmptyDistinctList, Rows, RowStep, Transform


class ValueToKey(Transform):
    """Replace the key by a record formed from fields of the value."""

    sides: ClassVar[bool] = False
    reads: ClassVar[frozenset[str]] = frozenset({"value"})

    fields: NonEmptyDistinctList = Option(description="Names of the value's fields that form the key.")
    replace_null_with_default: Boolean = Option(
        default=True,
        alias="replace.null.with.default",
        description="Whether a null in a field with a default becomes that default.",
    )

    def bind(self, shape: Shape, context: Context) -> Bound:
        value = shape.value
        match value.type.kind:
            case "any":
                places = [beneath(value, name) for name in self.fields]
                build = _any_builder(self.fields)
            case "record":
                sources = [self._field(value, name, context) for name in self.fields]
                fills = self.replace_null_with_default
                copies = [(field, *copied(field)) for field in sources]
                places = [place.but(at=place.name) for _, place, _ in copies]
                gets = [_getter(f, convert, default_for_null(f) if fills else None) for f, _, convert in copies]
                build = _builder(gets)
            case kind:
                code = Code.NULL_VALUE if kind == "null" else Code.WRONG_TYPE
                raise Unbindable(f"transforms.{context.alias}: only the fields of a record can form a key", code=code)
        inner = "any" if value.type.kind == "any" else "record"
        key = Field("key", "key", Type(inner, tuple(places)), null=None, origin="key")
        step = RowStep(_keying(build), frozenset({"value"}))
        return Bound(shape.with_side("key", key), (step,))

    def _field(self, value: Field, name: str, context: Context) -> Field:
        found = next((field for field in value.type.fields if field.name == name), None)
        if found is None:
            raise Unbindable(f"transforms.{context.alias}.fields: there is no field {name}", code=Code.MISSING_FIELD)
        return found


Get = Callable[[dict[str, Any]], Any]


def _getter(field: Field, convert: Convert, make: Callable[[], Any] | None) -> tuple[str, Get]:
    at = field.at
    if make is None:
        return field.name, lambda value: convert(value[at])
    return field.name, lambda value: make() if value[at] is None else convert(value[at])


def _builder(getters: list[tuple[str, Get]]) -> Callable[[Any], Any]:
    return lambda value: {name: get(value) for name, get in getters}


def _any_builder(names: tuple[str, ...]) -> Callable[[Any], Any]:
    _, copy = copied(Field("", "", Type("any")))

    def build(value: Any) -> Any:
        if not isinstance(value, dict):
            return Rejected(Code.NULL_VALUE if value is None else Code.WRONG_TYPE)
        return {name: copy(value.get(name)) for name in names}

    return build


def _keying(build: Callable[[Any], Any]) -> Callable[[Rows], dict[int, Rejected]]:
    def key(rows: Rows) -> dict[int, Rejected]:
        rows.keys[:] = [build(value) for value in rows.values]
        return {row: key for row, key in enumerate(rows.keys) if isinstance(key, Rejected)}

    return key
