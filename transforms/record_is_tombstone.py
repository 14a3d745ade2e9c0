"""RecordIsTombstone: Kafka's own predicate for records without a value."""

from __future__ import annotations

from typing import ClassVar

from registry.schema.tree import Shape
from transforms.predicate import Predicate
from transforms.transform import Context


class RecordIsTombstone(Predicate):
    """Holds for records whose value is null. Decided when the chain is bound: records without a value have a plan
    of their own, so behind the negation of this predicate a transform reaches every value there is."""

    reads: ClassVar[frozenset[str]] = frozenset({"value"})

    def decide(self, shape: Shape, context: Context) -> bool | None:
        return shape.value.type.kind == "null"
