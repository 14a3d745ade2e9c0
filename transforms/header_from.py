"""HeaderFrom: copy or move fields of the key or value into headers.

Kafka's own transform. A header made of a tagged field is a tagged header.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

from pydantic import Field as Option
from pydantic import model_validator

from registry.schema.plain import NotPlain
from registry.schema.tree import Field, Shape, Type
from transforms.carrying import beneath, summary
from transforms.connect_text import any_text, connect_text
from transforms.null_defaults import default_for_null, defaults_for_nulls
from transforms.outcome import Code, Rejected, Unbindable
from transforms.transform import Boolean, Bound, Context, Header, NonEmptyList, Rows, RowStep, Step, Transform

Written = tuple[Field, Callable[[Any], str | None]]
"""A header that is written: its place in the shape, and how its text is made of a value."""


class HeaderFrom(Transform):
    """Write fields of the key or value as headers, and drop them there if `operation` is `move`."""

    fields: NonEmptyList = Option(description="Names of the fields.")
    headers: NonEmptyList = Option(description="The header of each field, in the same order.")
    operation: Literal["move", "copy"] = Option(description="Whether the fields stay where they are.")
    replace_null_with_default: Boolean = Option(
        default=True,
        alias="replace.null.with.default",
        description="Whether a null in a field with a default becomes that default.",
    )

    @model_validator(mode="before")
    @classmethod
    def _trimmed(cls, options: Any) -> Any:
        operation = options.get("operation") if isinstance(options, dict) else None
        return {**options, "operation": operation.strip()} if isinstance(operation, str) else options

    @model_validator(mode="after")
    def _one_header_a_field(self) -> HeaderFrom:
        if len(self.fields) != len(self.headers):
            raise ValueError("fields and headers must have equally many entries")
        return self

    def bind(self, shape: Shape, context: Context) -> Bound:
        root = shape.side(self.side)
        match root.type.kind:
            case "any":
                written = [_from_any(header, root, name) for name, header in self._pairs()]
            case "record":
                written = [self._from_record(header, root, name, context) for name, header in self._pairs()]
            case kind:
                code = Code.NULL_VALUE if kind == "null" else Code.WRONG_TYPE
                raise Unbindable(f"transforms.{context.alias}: only a record's fields can become headers", code=code)
        steps: list[Step] = [RowStep(_writing(self.side, written), frozenset({self.side}))]
        if self.operation == "move":
            root = self._without_moved(root)
            steps += self._moving(root)
        headers = (*shape.headers, *(place for place, _ in written))
        return Bound(Shape(shape.key, shape.value, headers).with_side(self.side, root), tuple(steps))

    def _pairs(self) -> Iterator[tuple[str, str]]:
        return zip(self.fields, self.headers, strict=True)

    def _from_record(self, header: str, root: Field, name: str, context: Context) -> Written:
        source = next((field for field in root.type.fields if field.name == name), None)
        if source is None:
            raise Unbindable(f"transforms.{context.alias}.fields: there is no field {name}", code=Code.MISSING_FIELD)
        at, text = source.at, connect_text(source)
        make = default_for_null(source) if self.replace_null_with_default else None

        def get(value: Any) -> str | None:
            found = value[at]
            if found is None and make is not None:
                found = make()
            return None if found is None else text(found)

        return summary(source).but(name=header, at=header), get

    def _without_moved(self, root: Field) -> Field:
        kept = tuple(field for field in root.type.fields if field.name not in self.fields)
        moved = root.but(type=Type(root.type.kind, kept, root.type.attrs))
        return moved if root.type.kind == "any" else moved.but(null=None).without_attrs("default")

    def _moving(self, root: Field) -> Sequence[Step]:
        """What a move does to values: with a schema nothing but fill in defaults, as all that copies a record does."""
        if root.type.kind == "any":
            return [RowStep(_removing(self.side, frozenset(self.fields)), frozenset({self.side}))]
        return list(defaults_for_nulls(root, self.side)) if self.replace_null_with_default else []


def _from_any(header: str, root: Field, name: str) -> Written:
    def get(value: Any) -> str | None:
        found = value.get(name)
        return None if found is None else any_text(found)

    return summary(beneath(root, name)).but(name=header, at=header), get


def _writing(side: str, written: Sequence[Written]) -> Callable[[Rows], dict[int, Rejected]]:
    def write(rows: Rows) -> dict[int, Rejected]:
        bad: dict[int, Rejected] = {}
        for row, value in enumerate(rows.side(side)):
            if not isinstance(value, dict):
                bad[row] = Rejected(Code.NULL_VALUE if value is None else Code.WRONG_TYPE)
                continue
            try:
                headers = [Header(place.name, get(value), place) for place, get in written]
            except NotPlain as problem:
                bad[row] = Rejected(Code.OUT_OF_RANGE, problem.path)
            else:
                rows.headers[row] = [*rows.headers[row], *headers]
        return bad

    return write


def _removing(side: str, names: frozenset[str]) -> Callable[[Rows], None]:
    def remove(rows: Rows) -> None:
        values = rows.side(side)
        values[:] = [{key: inner for key, inner in value.items() if key not in names} for value in values]

    return remove
