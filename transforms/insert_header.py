"""InsertHeader: add a header with a fixed value to every record.

Kafka's own transform. The literal is read as Kafka Connect reads header values, and written as it writes them.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field as Option

from registry.schema.tree import Field, Shape, Type
from transforms.connect_literal import canonical
from transforms.transform import Bound, Context, Header, Rows, RowStep, Text, Transform


class InsertHeader(Transform):
    """Add a header."""

    sides: ClassVar[bool] = False

    header: Text = Option(description="The header's name.")
    value_literal: Text = Option(
        alias="value.literal",
        description="The header's value: `007` is the number 7, `null` a header without a value.",
    )

    def bind(self, shape: Shape, context: Context) -> Bound:
        place = Field(self.header, self.header, Type("string"), null=0)
        header = Header(self.header, canonical(self.value_literal), place)

        def insert(rows: Rows) -> None:
            rows.headers[:] = [[*headers, header] for headers in rows.headers]

        return Bound(Shape(shape.key, shape.value, (*shape.headers, place)), (RowStep(insert, frozenset()),))
