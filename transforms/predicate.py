"""The contract of a predicate: which records a transform is for."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from registry.schema.tree import Shape
from transforms.transform import Context, Rows


class Predicate(BaseModel):
    """Options of one predicate, and how it judges records."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    description: ClassVar[str] = ""
    reads: ClassVar[frozenset[str]] = frozenset()
    """The sides of which it must be known whether they hold a value."""

    def decide(self, shape: Shape, context: Context) -> bool | None:
        """The answer for every record of this shape and topic, or None where each record has its own."""
        raise NotImplementedError

    def holds(self, rows: Rows) -> list[bool]:
        """The answer for each row. Called only where `decide` answers None."""
        raise NotImplementedError
