"""HoistField: the whole key or value becomes the one field of a new record.

Kafka's own transform. What was inside keeps its tags and guards.
"""

from __future__ import annotations

from pydantic import Field as Option

from registry.schema.tree import Field, Guard, Shape, Type, remembered
from registry.schema.walk import edit_leaves
from transforms.outcome import Code, Unbindable
from transforms.transform import Bound, Context, Rows, RowStep, Text, Transform


class HoistField(Transform):
    """Wrap the key or value in a record with a single field."""

    field: Text = Option(description="The name of the field that holds what was the whole.")

    def bind(self, shape: Shape, context: Context) -> Bound:
        root = shape.side(self.side)
        inner, kind = self._inner(root, context)
        if kind == "record" and not self.field:
            raise Unbindable(f"transforms.{context.alias}.field: a field of a record needs a name")
        attrs = dict(inner.attrs)
        if inner.null == 0 and kind == "record":
            attrs.setdefault("default", None)
        place = inner.but(name=self.field, at=self.field, attrs=attrs)
        new = Field(self.side, self.side, Type(kind, (place,)), origin=root.origin)
        return Bound(shape.with_side(self.side, new), (RowStep(self._wrap, frozenset({self.side})),))

    def _inner(self, root: Field, context: Context) -> tuple[Field, str]:
        """What is wrapped, and the kind of what wraps it."""
        if root.type.kind == "any":
            return root, "any"
        if root.type.kind != "null":
            return root, "record"
        of = remembered(root)
        if of is None:
            return Field(self.field, self.field, Type("any"), null=0, origin=root.origin), "any"
        if of.null is None:
            raise Unbindable(f"transforms.{context.alias}: null where a value is required", code=Code.NULL_VALUE)
        # Every value at this place is null, so none can leak; the null stands guard.
        guard = Guard(context.alias, "HoistField")
        return edit_leaves(of, lambda leaf: leaf.but(guards=(*leaf.guards, guard))), "record"

    def _wrap(self, rows: Rows) -> None:
        values = rows.side(self.side)
        name = self.field
        values[:] = [{name: value} for value in values]
