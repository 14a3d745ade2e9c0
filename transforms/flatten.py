"""Flatten: nested records become fields of one record, their names joined.

Kafka's own transform. Leaves keep tags, guards and origin. Arrays stay as they are; maps that have a schema are an
error, as in Kafka, because their keys are not known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import Field as Option

from registry.schema.tree import ITEMS, MAP_KEYS, MAP_VALUES, Field, Shape, Type, leaves
from transforms.null_defaults import default_for_null
from transforms.outcome import Code, Rejected, Unbindable
from transforms.transform import Bound, Context, Rows, RowStep, Text, Transform

Way = tuple[Field, ...]


class Flatten(Transform):
    """Turn nested records into fields whose names are the joined names on the way to them."""

    delimiter: Text = Option(default=".", description="What stands between the names.")

    def bind(self, shape: Shape, context: Context) -> Bound:
        root = shape.side(self.side)
        flat: Callable[[Any], Any]
        match root.type.kind:
            case "null":
                return Bound(shape)
            case "any":
                new, flat = self._flat_any(root), self._flatten_any
            case "record":
                new, flat = self._flat_record(root, context)
            case _:
                raise Unbindable(f"transforms.{context.alias}: only records can be flattened", code=Code.WRONG_TYPE)
        step = RowStep(_replacing(self.side, flat), frozenset({self.side}))
        return Bound(shape.with_side(self.side, new), (step,))

    def _flat_record(self, root: Field, context: Context) -> tuple[Field, Callable[[Any], Any]]:
        fields: list[Field] = []
        gets: list[tuple[str, Callable[[Any], Any]]] = []
        default = root.attrs.get("default")
        for name, way, outer_default in self._leaves(root, (), "", default, context):
            optional = root.null is not None or any(place.null is not None for place in way)
            fields.append(_flat_field(name, way[-1], optional=optional, outer_default=outer_default))
            gets.append((name, _get(way)))
        names = Counter(field.name for field in fields)
        if twice := next((name for name, count in names.items() if count > 1), None):
            reason = f"transforms.{context.alias}: two fields would be named {twice}"
            raise Unbindable(reason, code=Code.DUPLICATE_FIELD, path=twice)
        new = root.but(type=Type("record", tuple(fields), root.type.attrs), null=None).without_attrs("default")
        return new, lambda value: {name: get(value) for name, get in gets}

    def _leaves(
        self, outer: Field, way: Way, prefix: str, default: Mapping[str, Any] | None, context: Context
    ) -> Iterator[tuple[str, Way, Any]]:
        """Name, way and inherited default of each field that is no record."""
        for inner in outer.type.fields:
            name = self._joined(prefix, inner.name)
            given = inner.attrs.get("default")
            if given is None and default is not None:
                given = default.get(inner.name)
            if inner.type.kind == "record":
                if any(inner.type is place.type for place in way):
                    raise Unbindable(f"transforms.{context.alias}: {name} contains itself", code=Code.WRONG_TYPE)
                yield from self._leaves(inner, (*way, inner), name, given, context)
            elif inner.type.kind == "map":
                raise Unbindable(f"transforms.{context.alias}: {name} is a map", code=Code.WRONG_TYPE, path=name)
            else:
                yield name, (*way, inner), given

    def _joined(self, prefix: str, name: str) -> str:
        return f"{prefix}{self.delimiter}{name}" if prefix else name

    def _flat_any(self, root: Field) -> Field:
        """What is declared within a value without a schema moves along; what may be under any name covers all."""
        covers_all = False
        places: dict[str, Field] = {}
        for name, place in self._declared(root, ""):
            if place is None or name in places:
                covers_all = True
            else:
                places[name] = place.but(name=name, at=name)
        if covers_all:
            whole = root.tagged_as(leaf for _, leaf in leaves(root))
            if whole.tags != root.tags:
                return whole.but(type=Type("any", (), root.type.attrs), guards=())
        return root.but(type=Type("any", tuple(places.values()), root.type.attrs))

    def _declared(self, outer: Field, prefix: str) -> Iterator[tuple[str, Field | None]]:
        for inner in outer.type.fields:
            name = self._joined(prefix, inner.name)
            below = {place.name for place in inner.type.fields}
            if inner.name in (ITEMS, MAP_KEYS, MAP_VALUES) or below & {MAP_KEYS, MAP_VALUES}:
                yield name, None
            elif inner.type.fields and ITEMS not in below:
                yield from self._declared(inner, name)
            else:
                yield name, inner

    def _flatten_any(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return Rejected(Code.WRONG_TYPE)
        flat: dict[str, Any] = {}
        self._fill(flat, value, "")
        return flat

    def _fill(self, flat: dict[str, Any], value: Mapping[str, Any], prefix: str) -> None:
        for key, inner in value.items():
            name = self._joined(prefix, key)
            if isinstance(inner, dict):
                self._fill(flat, inner, name)
            else:
                flat[name] = inner


def _flat_field(name: str, place: Field, *, optional: bool, outer_default: Any) -> Field:
    """The field on top level; null comes first unless a default has to."""
    attrs = {key: value for key, value in place.attrs.items() if key not in ("default", "aliases")}
    if outer_default is not None:
        attrs["default"] = outer_default
    elif optional:
        attrs["default"] = None
    null = (1 if outer_default is not None else 0) if optional else None
    return place.but(name=name, at=name, null=null, attrs=attrs)


def _get(way: Way) -> Callable[[Any], Any]:
    ats = [place.at for place in way]
    make = default_for_null(way[-1]) or _none

    def get(value: Any) -> Any:
        for at in ats[:-1]:
            value = value[at]
            if value is None:
                return None
        found = value[ats[-1]]
        return make() if found is None else found

    return get


def _none() -> None:
    return None


def _replacing(side: str, flat: Callable[[Any], Any]) -> Callable[[Rows], dict[int, Rejected]]:
    def replace(rows: Rows) -> dict[int, Rejected]:
        values = rows.side(side)
        values[:] = [flat(value) for value in values]
        return {row: value for row, value in enumerate(values) if isinstance(value, Rejected)}

    return replace
