"""DropHeaders: remove headers by name. Kafka's own transform."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field as Option

from registry.schema.tree import Shape
from transforms.transform import Bound, Context, NonEmptyDistinctList, Rows, RowStep, Transform


class DropHeaders(Transform):
    """Remove every header that has one of these names."""

    sides: ClassVar[bool] = False

    headers: NonEmptyDistinctList = Option(description="Names of the headers to remove, case sensitive.")

    def bind(self, shape: Shape, context: Context) -> Bound:
        names = frozenset(self.headers)
        kept = tuple(header for header in shape.headers if header.name not in names)
        dropped = tuple(header.origin for header in shape.headers if header.name in names)

        def drop(rows: Rows) -> None:
            for row, headers in enumerate(rows.headers):
                if headers:
                    rows.headers[row] = [header for header in headers if header.name not in names]

        return Bound(Shape(shape.key, shape.value, kept), (RowStep(drop, frozenset()),), dropped)
