"""ExtractField: one field becomes the whole key or value.

Kafka's own transform, V1 and V2 paths. Tags and guards of the field go with it. A null on the way makes null.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import Field as Option
from pydantic import model_validator

from registry.schema.tree import Field, Shape, nothing, remembered
from transforms.carrying import beneath
from transforms.field_path import SyntaxVersion, steps
from transforms.null_defaults import default_for_null
from transforms.outcome import Code, Rejected, Unbindable
from transforms.transform import Boolean, Bound, Context, Rows, RowStep, Text, Transform

Get = Callable[[Any], Any]


class ExtractField(Transform):
    """Replace the key or value by one of its fields."""

    field: Text = Option(description="The field to extract.")
    syntax: SyntaxVersion = Option(
        default="V1",
        alias="field.syntax.version",
        description="`V1`: the whole text is a name. `V2`: dots lead to nested fields.",
    )
    replace_null_with_default: Boolean = Option(
        default=True,
        alias="replace.null.with.default",
        description="Whether a null in a field with a default becomes that default.",
    )

    @model_validator(mode="after")
    def _readable(self) -> ExtractField:
        try:
            steps(self.field, self.syntax)
        except ValueError as problem:
            raise ValueError(f"field {problem}") from None
        return self

    def bind(self, shape: Shape, context: Context) -> Bound:
        root = shape.side(self.side)
        path = steps(self.field, self.syntax)
        if root.type.kind == "null":
            of = remembered(root)
            if of is None:
                return Bound(shape)
            place = self._schema_way(of, path)[-1]
            return Bound(shape.with_side(self.side, nothing(self._as_root(place))))
        if root.type.kind == "any":
            place, get, may_be_null = _any_way(root, path), _any_get(path), True
        else:
            way = self._schema_way(root, path)
            place, get, may_be_null = way[-1], self._get(way), any(outer.null is not None for outer in way)
        step = RowStep(_replacing(self.side, get), frozenset({self.side}))
        doubted = frozenset({self.side}) if may_be_null else frozenset()
        return Bound(shape.with_side(self.side, self._as_root(place)), (step,), (root.origin,), doubted=doubted)

    def _as_root(self, place: Field) -> Field:
        return place.but(name=self.side, at=self.side)

    def _schema_way(self, root: Field, path: tuple[str, ...]) -> list[Field]:
        """The fields that lead to the one that is meant, itself included."""
        way: list[Field] = []
        for name in path:
            outer = way[-1] if way else root
            if outer.type.kind != "record":
                raise Unbindable(f"ExtractField: {self.field} leads through what is no record", code=Code.WRONG_TYPE)
            found = next((inner for inner in outer.type.fields if inner.name == name), None)
            if found is None:
                raise Unbindable(f"ExtractField: there is no field {self.field}", code=Code.MISSING_FIELD)
            way.append(found)
        if not way:
            raise Unbindable("ExtractField: the path is empty", code=Code.MISSING_FIELD)
        return way

    def _get(self, way: list[Field]) -> Get:
        ats = [place.at for place in way]
        make = default_for_null(way[-1]) if self.replace_null_with_default else None
        if make is None:
            return lambda value: _follow(value, ats)

        def filled(value: Any) -> Any:
            holder = _follow(value, ats[:-1])
            if holder is None:
                return None
            found = holder[ats[-1]]
            return make() if found is None else found

        return filled


def _follow(value: Any, ats: list[str]) -> Any:
    for at in ats:
        if value is None:
            return None
        value = value[at]
    return value


def _any_way(root: Field, path: tuple[str, ...]) -> Field:
    for name in path:
        root = beneath(root, name)
    return root


def _any_get(path: tuple[str, ...]) -> Get:
    def get(value: Any) -> Any:
        if not path:
            return Rejected(Code.MISSING_FIELD)
        for name in path:
            if value is None:
                return None
            if not isinstance(value, dict):
                return Rejected(Code.WRONG_TYPE)
            value = value.get(name)
        return value

    return get


def _replacing(side: str, get: Get) -> Callable[[Rows], dict[int, Rejected]]:
    def replace(rows: Rows) -> dict[int, Rejected]:
        values = rows.side(side)
        values[:] = [get(value) for value in values]
        return {row: value for row, value in enumerate(values) if isinstance(value, Rejected)}

    return replace
