"""Cast: change the type of fields, or of the whole key or value.

Kafka's own transform. Tags and guards stay: other digits for the same value reveal no more than the value did.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic import Field as Option

from registry.schema.defaults import default_value
from registry.schema.plain import scaled_bytes, shortest_float32
from registry.schema.tree import Field, Shape, Type, same_type, step_into
from registry.schema.walk import Walk
from transforms.carrying import summary
from transforms.cast_values import TARGETS, Convert, caster
from transforms.null_defaults import defaults_for_nulls
from transforms.outcome import Code, Rejected, Unbindable
from transforms.transform import Apply, Boolean, Bound, ColumnStep, Context, Transform, split_list

WHOLE = None
"""Stands for the name of the field where the whole key or value is cast."""


def _casts(value: Any) -> Any:
    """`name:type` entries, or one type alone. Of two entries for one name the later counts."""
    if not isinstance(value, str):
        return value
    entries = split_list(value)
    if not entries:
        raise ValueError("must name at least one cast")
    casts: dict[str | None, str] = {}
    for entry in entries:
        parts = entry.rstrip(":").split(":")
        if len(parts) > 2:
            raise ValueError(f"has an invalid cast: {entry}")
        target = parts[-1].strip().lower()
        if target not in TARGETS:
            raise ValueError(f"casts to {target or 'nothing'}: expected one of {', '.join(TARGETS)}")
        casts[parts[0].strip() if len(parts) == 2 else WHOLE] = target
    if WHOLE in casts and len(entries) > 1:
        raise ValueError("names a type alone, for the whole value, and must then have no other entry")
    return tuple(casts.items())


class Cast(Transform):
    """Cast fields or the whole key or value to another type."""

    spec: Annotated[tuple[tuple[str | None, str], ...], BeforeValidator(_casts)] = Option(
        description="`name:type` pairs of top-level fields, comma separated, or one type for the whole key or value. "
        "Types: `int8`, `int16`, `int32`, `int64`, `float32`, `float64`, `boolean`, `string`."
    )
    replace_null_with_default: Boolean = Option(
        default=True,
        alias="replace.null.with.default",
        description="Whether a null in a top-level field with a default becomes that default.",
    )

    def bind(self, shape: Shape, context: Context) -> Bound:
        root = shape.side(self.side)
        casts = dict(self.spec)
        if root.type.kind == "null":
            return Bound(shape)
        if (target := casts.get(WHOLE)) is not None:
            new, apply = _cast(root, target)
            steps = (ColumnStep(self.side, Walk(root, "", selected=True), apply),) if apply else ()
            return Bound(shape.with_side(self.side, new), steps, (root.origin,) if apply else ())
        if root.type.kind == "any":
            return Bound(shape, (ColumnStep(self.side, Walk(root, "", selected=True), _schemaless(casts)),))
        if root.type.kind != "record":
            raise Unbindable(f"transforms.{context.alias}: only records have fields to cast", code=Code.WRONG_TYPE)
        return self._fields(shape, root, {name: target for name, target in self.spec if name is not None})

    def _fields(self, shape: Shape, root: Field, casts: dict[str, str]) -> Bound:
        fields = []
        steps = list(defaults_for_nulls(root, self.side)) if self.replace_null_with_default else []
        touched = []
        for field in root.type.fields:
            new, apply = _cast(field, casts[field.name]) if field.name in casts else (field, None)
            fields.append(new)
            if apply is not None:
                steps.append(ColumnStep(self.side, _walk_to(root, field), apply))
                touched.append(field.origin)
        root = root.but(type=Type("record", tuple(fields), root.type.attrs))
        matched = not casts.keys().isdisjoint(field.name for field in fields)
        return Bound(shape.with_side(self.side, root), tuple(steps), tuple(touched), matched)


def _walk_to(root: Field, field: Field) -> Walk:
    return Walk(root, "", children=(Walk(field, step_into("", field), selected=True),))


def _cast(place: Field, target: str) -> tuple[Field, Apply | None]:
    """The place after the cast, and what makes its values so; nothing where it has that type already."""
    convert = _masked_zero(place, target) or caster(place, target)
    if place.type.kind == "any":
        return place, _each(convert)
    raw = {"raw": place.type.attrs["raw"]} if "raw" in place.type.attrs else {}
    type_ = TARGETS[target].with_attrs(**raw)
    if same_type(place.type, type_):
        return place, None
    return summary(place).but(type=type_, attrs=_default(place, convert, target)), _each(convert)


def _each(convert: Convert) -> Apply:
    return lambda values: [convert(value) for value in values]


def _masked_zero(place: Field, target: str) -> Convert | None:
    """Kafka's mask of a decimal is a zero without a scale, and so is its text."""
    masked = place.type.logical == "decimal" and place.guards and place.guards[-1].transform == "MaskField"
    if not masked or target != "string":
        return None
    cast = caster(place, target)
    zeros = {scaled_bytes(0), scaled_bytes(0, place.type.attrs.get("size"))}
    return lambda value: "0" if value in zeros else cast(value)


def _default(place: Field, convert: Convert, target: str) -> dict[str, Any]:
    """The default, cast too, as an attribute; none where JSON has no word for it (an infinite number)."""
    default = place.attrs.get("default")
    if default is not None:
        default = convert(default_value(place)(default))
    if isinstance(default, Rejected):
        raise Unbindable(f"Cast: the default of {place.name} cannot be cast", code=default.code, path=place.origin)
    if "default" not in place.attrs or (isinstance(default, float) and not math.isfinite(default)):
        return {}
    return {"default": shortest_float32(default) if target == "float32" and default is not None else default}


def _schemaless(casts: dict[str | None, str]) -> Apply:
    converts = {str(name): caster(Field("", "", Type("any")), target) for name, target in casts.items()}

    def cast(value: Any) -> Any:
        if not isinstance(value, dict):
            return Rejected(Code.WRONG_TYPE)
        return _first_rejected({**value, **dict(_cast_entries(value, converts))})

    return _each(cast)


def _cast_entries(value: dict[str, Any], converts: dict[str, Convert]) -> Iterator[tuple[str, Any]]:
    """As in Kafka, a field that is named but absent appears, null."""
    for name, convert in converts.items():
        found = value.get(name)
        yield name, None if found is None else convert(found)


def _first_rejected(value: dict[str, Any]) -> Any:
    return next((inner for inner in value.values() if isinstance(inner, Rejected)), value)
