"""InsertField: add what Kafka knows of a record, or a fixed text, as top-level fields.

Kafka's own transform. What it adds is no source data and carries no tag.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from pydantic import Field as Option
from pydantic import model_validator

from registry.schema.tree import Field, Shape, Type
from transforms.null_defaults import defaults_for_nulls
from transforms.outcome import Code, Rejected, Unbindable
from transforms.transform import Boolean, Bound, Context, Rows, RowStep, Text, Transform

_SUFFIXES = "`!` after the name makes the field required, `?` optional, which it is anyway."
_TIMESTAMP = Type("long", (), {"logicalType": "timestamp-millis"})


Column = Callable[[Rows], Sequence[Any]]


class _Insertion(NamedTuple):
    """One field to add. `skips_null`: without a schema, no field is added where there is no value for it."""

    name: str
    optional: bool
    type: Type
    column: Column
    skips_null: bool


class InsertField(Transform):
    """Add fields with the topic, partition, offset or timestamp of the record, or with a fixed text."""

    topic_field: Text | None = Option(
        default=None,
        alias="topic.field",
        description=f"The field that gets the topic, as the chain has routed it by then. {_SUFFIXES}",
    )
    partition_field: Text | None = Option(
        default=None, alias="partition.field", description=f"The field that gets the partition. {_SUFFIXES}"
    )
    offset_field: Text | None = Option(
        default=None, alias="offset.field", description=f"The field that gets the offset in the source. {_SUFFIXES}"
    )
    timestamp_field: Text | None = Option(
        default=None, alias="timestamp.field", description=f"The field that gets the timestamp. {_SUFFIXES}"
    )
    static_field: Text | None = Option(
        default=None, alias="static.field", description=f"The field that gets `static.value`. {_SUFFIXES}"
    )
    static_value: Text | None = Option(
        default=None, alias="static.value", description="The text for `static.field`; required with it."
    )
    replace_null_with_default: Boolean = Option(
        default=True,
        alias="replace.null.with.default",
        description="Whether a null in a top-level field with a default becomes that default.",
    )

    @model_validator(mode="after")
    def _inserts_something(self) -> InsertField:
        if not self._insertions():
            raise ValueError("one of the options that end in .field must be given")
        if self.static_field is not None and self.static_value is None:
            raise ValueError("static.value must be given with static.field")
        return self

    def _insertions(self) -> list[_Insertion]:
        candidates: list[tuple[str | None, Type, Column, bool]] = [
            (self.topic_field, Type("string"), lambda rows: rows.topics, False),
            (self.partition_field, Type("int"), lambda rows: rows.partitions, True),
            (self.offset_field, Type("long"), lambda rows: rows.offsets, False),
            (self.timestamp_field, _TIMESTAMP, lambda rows: rows.timestamps, True),
            (self.static_field, Type("string"), lambda rows: [self.static_value] * len(rows), False),
        ]
        return [
            _Insertion(text[:-1] if text.endswith(("?", "!")) else text, not text.endswith("!"), type_, column, skips)
            for text, type_, column, skips in candidates
            if text is not None
        ]

    def bind(self, shape: Shape, context: Context) -> Bound:
        root = shape.side(self.side)
        insertions = self._insertions()
        if root.type.kind == "null":
            return Bound(shape)
        if root.type.kind == "any":
            return Bound(shape, (RowStep(_into_json(self.side, insertions), frozenset({self.side})),))
        if root.type.kind != "record":
            raise Unbindable(f"transforms.{context.alias}: only records take new fields", code=Code.WRONG_TYPE)
        new = _places(root, insertions)
        steps = list(defaults_for_nulls(root, self.side)) if self.replace_null_with_default else []
        wider = root.but(type=Type("record", (*root.type.fields, *new), root.type.attrs), null=None)
        into = _into_records(self.side, [(place.at, one.column) for place, one in zip(new, insertions, strict=True)])
        return Bound(shape.with_side(self.side, wider.without_attrs("default")), (*steps, RowStep(into, frozenset())))


def _places(root: Field, insertions: Sequence[_Insertion]) -> list[Field]:
    """The new fields. Their values lie where no other field's do, those that were dropped or renamed included."""
    names = {field.name for field in root.type.fields}
    taken = {field.at for field in root.type.fields}
    places = []
    for name, optional, type_, *_ in insertions:
        if not name:
            raise Unbindable("InsertField: a field without a name cannot be inserted", code=Code.MISSING_FIELD)
        if name in names:
            raise Unbindable(f"InsertField: there is a field {name} already", code=Code.DUPLICATE_FIELD, path=name)
        at = name
        while at in taken:
            at += "'"
        names.add(name)
        taken.add(at)
        attrs = {"default": None} if optional else {}
        places.append(Field(name, at, type_, null=0 if optional else None, attrs=attrs))
    return places


def _into_records(side: str, columns: Sequence[tuple[str, Column]]) -> Callable[[Rows], None]:
    def insert(rows: Rows) -> None:
        for at, column in columns:
            for record, value in zip(rows.side(side), column(rows), strict=True):
                record[at] = value

    return insert


def _into_json(side: str, insertions: Sequence[_Insertion]) -> Callable[[Rows], dict[int, Rejected]]:
    def insert(rows: Rows) -> dict[int, Rejected]:
        values = rows.side(side)
        for one in insertions:
            for value, inserted in zip(values, one.column(rows), strict=True):
                if isinstance(value, dict) and not (inserted is None and one.skips_null):
                    value[one.name] = inserted
        return {row: Rejected(Code.WRONG_TYPE) for row, value in enumerate(values) if not isinstance(value, dict)}

    return insert
