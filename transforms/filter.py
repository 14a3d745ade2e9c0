"""Filter: drop records on purpose. Kafka's own transform, meant to stand behind a predicate."""

from __future__ import annotations

from typing import ClassVar

from registry.schema.tree import Shape
from transforms.transform import Bound, Context, Transform


class Filter(Transform):
    """Drop every record that reaches it."""

    sides: ClassVar[bool] = False

    def bind(self, shape: Shape, context: Context) -> Bound:
        return Bound(None)
