"""SetSchemaMetadata: give a record's schema another name or version.

Kafka's own transform. It changes the schema alone; a null in a field with a default still becomes that default, as in
all of Kafka's transforms that copy a record.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field as Option
from pydantic import model_validator

from registry.schema.tree import Field, Shape, Type, nothing, remembered
from transforms.null_defaults import defaults_for_nulls
from transforms.outcome import Code, Unbindable
from transforms.transform import Boolean, Bound, Context, Int32, Text, Transform


class SetSchemaMetadata(Transform):
    """Set the name or the version of the key's or the value's schema."""

    schema_name: Text | None = Option(default=None, alias="schema.name", description="The schema's new full name.")
    schema_version: Int32 | None = Option(
        default=None,
        alias="schema.version",
        description="The schema's new version, kept as the attribute `connect.version`.",
    )
    replace_null_with_default: Boolean = Option(
        default=True,
        alias="replace.null.with.default",
        description="Whether a null in a top-level field with a default becomes that default.",
    )

    @model_validator(mode="after")
    def _sets_something(self) -> SetSchemaMetadata:
        if self.schema_name is None and self.schema_version is None:
            raise ValueError("schema.name or schema.version must be given")
        return self

    def bind(self, shape: Shape, context: Context) -> Bound:
        root = shape.side(self.side)
        if root.type.kind == "null":
            of = remembered(root)
            return Bound(shape if of is None else shape.with_side(self.side, nothing(self._renamed(of, context))))
        steps = defaults_for_nulls(root, self.side) if self.replace_null_with_default else ()
        return Bound(shape.with_side(self.side, self._renamed(root, context)), tuple(steps))

    def _renamed(self, root: Field, context: Context) -> Field:
        if root.type.kind != "record":
            raise Unbindable(f"transforms.{context.alias}: only a record's schema has a name", code=Code.WRONG_TYPE)
        attrs: dict[str, Any] = dict(root.type.attrs)
        if self.schema_name is not None:
            attrs["name"] = self.schema_name
        if self.schema_version is not None:
            attrs["connect.version"] = self.schema_version
        return root.but(type=Type("record", root.type.fields, attrs))
