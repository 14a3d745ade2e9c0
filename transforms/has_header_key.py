"""HasHeaderKey: Kafka's own predicate for records that carry a header."""

from __future__ import annotations

from pydantic import Field as Option

from registry.schema.tree import Shape
from transforms.predicate import Predicate
from transforms.transform import Context, NonEmptyText, Rows


class HasHeaderKey(Predicate):
    """Holds for records with at least one header of this name."""

    name: NonEmptyText = Option(description="The header's name, case sensitive.")

    def decide(self, shape: Shape, context: Context) -> bool | None:
        return None

    def holds(self, rows: Rows) -> list[bool]:
        return [any(header.name == self.name for header in headers) for headers in rows.headers]
