"""TimestampConverter: change how instants are represented: text, Unix time, or a date, time or timestamp type.

Kafka's own transform, in UTC. A converted field loses its default and doc, as in Kafka; tags and guards stay.
"""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, model_validator
from pydantic import Field as Option

from registry.schema.tree import Field, Shape, Type, nothing, remembered, step_into
from registry.schema.walk import Walk
from transforms.instants import UnixPrecision, from_any, reader, writer
from transforms.java_date_format import BadPattern, JavaDateFormat
from transforms.null_defaults import defaults_for_nulls
from transforms.outcome import Code, Rejected, Unbindable
from transforms.transform import Apply, Boolean, Bound, ColumnStep, Context, Text, Transform, trimmed

TargetType = Literal["string", "unix", "Date", "Time", "Timestamp"]

_TYPES = {
    "string": Type("string"),
    "unix": Type("long"),
    "Date": Type("int", (), {"logicalType": "date"}),
    "Time": Type("int", (), {"logicalType": "time-millis"}),
    "Timestamp": Type("long", (), {"logicalType": "timestamp-millis"}),
}


class TimestampConverter(Transform):
    """Convert a field, or the whole key or value, from one representation of instants to another."""

    field: Text = Option(default="", description="The top-level field to convert; empty for the whole key or value.")
    target_type: Annotated[TargetType, BeforeValidator(trimmed)] = Option(
        alias="target.type", description="What the instant becomes."
    )
    format: Text = Option(
        default="",
        description="The pattern of texts, in the syntax of Java's `SimpleDateFormat`. Required where the target is "
        "`string`, and to read strings.",
    )
    unix_precision: Annotated[UnixPrecision, BeforeValidator(trimmed)] = Option(
        default="milliseconds", alias="unix.precision", description="The unit of Unix times, read and written."
    )
    replace_null_with_default: Boolean = Option(
        default=True,
        alias="replace.null.with.default",
        description="Whether a null in a top-level field with a default becomes that default.",
    )

    @model_validator(mode="after")
    def _has_a_pattern(self) -> TimestampConverter:
        if self.target_type == "string" and not self.format:
            raise ValueError("format must be given where target.type is string")
        try:
            _ = self._format
        except BadPattern as problem:
            raise ValueError(f"format: {problem}") from None
        return self

    @cached_property
    def _format(self) -> JavaDateFormat | None:
        return JavaDateFormat(self.format) if self.format else None

    def bind(self, shape: Shape, context: Context) -> Bound:
        root = shape.side(self.side)
        if root.type.kind == "null":
            of = remembered(root)
            return Bound(shape if of is None else shape.with_side(self.side, nothing(self._new_root(of, context))))
        if root.type.kind == "any":
            apply = _each(self._convert_any if not self.field else self._convert_entry)
            return Bound(shape, (ColumnStep(self.side, Walk(root, "", selected=True), apply),), (root.origin,))
        new = self._new_root(root, context)
        if not self.field:
            step = ColumnStep(self.side, Walk(root, "", selected=True), self._applying(root))
            return Bound(shape.with_side(self.side, new), (step,), (root.origin,))
        steps = list(defaults_for_nulls(root, self.side)) if self.replace_null_with_default else []
        place = next((inner for inner in root.type.fields if inner.name == self.field), None)
        if place is None:
            return Bound(shape.with_side(self.side, new), tuple(steps), matched=False)
        walk = Walk(root, "", children=(Walk(place, step_into("", place), selected=True),))
        steps.append(ColumnStep(self.side, walk, self._applying(place)))
        return Bound(shape.with_side(self.side, new), tuple(steps), (place.origin,))

    def _new_root(self, root: Field, context: Context) -> Field:
        if not self.field:
            reader(root.type, self._format, self.unix_precision)  # a null has a type as well
            return self._converted(root).but(attrs={})
        if root.type.kind != "record":
            raise Unbindable(f"transforms.{context.alias}: only records have fields", code=Code.WRONG_TYPE)
        fields = tuple(self._converted(inner) if inner.name == self.field else inner for inner in root.type.fields)
        return root.but(type=Type("record", fields, root.type.attrs)).without_attrs("default")

    def _converted(self, place: Field) -> Field:
        raw = {"raw": place.type.attrs["raw"]} if "raw" in place.type.attrs else {}
        type_ = _TYPES[self.target_type].with_attrs(**raw)
        if place.null is None:
            return place.but(type=type_, attrs={})
        return place.but(type=type_, null=0, attrs={"default": None})

    def _applying(self, place: Field) -> Apply:
        read = reader(place.type, self._format, self.unix_precision)
        write = writer(self.target_type, self._format, self.unix_precision)

        def convert(value: Any) -> Any:
            millis = read(value)
            return millis if isinstance(millis, Rejected) else write(millis)

        return _each(convert)

    def _convert_any(self, value: Any) -> Any:
        """A value without a schema is converted as what it is."""
        if value is None:
            return None
        millis = from_any(value, self._format, self.unix_precision)
        if isinstance(millis, Rejected):
            return millis
        return writer(self.target_type, self._format, self.unix_precision, schemaless=True)(millis)

    def _convert_entry(self, value: Any) -> Any:
        """As in Kafka, a field that is named but absent appears, null."""
        if not isinstance(value, dict):
            return Rejected(Code.WRONG_TYPE)
        converted = self._convert_any(value.get(self.field))
        return converted if isinstance(converted, Rejected) else {**value, self.field: converted}


def _each(convert: Any) -> Apply:
    return lambda values: [convert(value) for value in values]
