"""How Kafka's transforms read a null: in a field that has a default, as that default."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

from registry.schema.defaults import default_value
from registry.schema.tree import Field, leaves
from registry.schema.walk import Walk
from transforms.transform import Apply, ColumnStep, Side


def default_for_null(field: Field) -> Callable[[], Any] | None:
    """A function that makes the field's default, anew each time; None where a null stays null.

    It does where the field has no default but null, and where a sensitive leaf in it is protected by now: its
    default is what the schema's author wrote there, and no transform has seen it.
    """
    default = field.attrs.get("default")
    if field.null is None or default is None or any(leaf.tags and leaf.guards for _, leaf in leaves(field)):
        return None
    physical = default_value(field)(default)
    return lambda: deepcopy(physical)


def defaults_for_nulls(root: Field, side: Side) -> Iterator[ColumnStep]:
    """A step for each nullable top-level field whose default is something else than null."""
    for field in root.type.fields:
        if (make := default_for_null(field)) is not None:
            walk = Walk(root, "", children=(Walk(field, field.name, selected=True),))
            yield ColumnStep(side, walk, _filling(make), nulls=True)


def _filling(make: Callable[[], Any]) -> Apply:
    return lambda values: [make() if value is None else value for value in values]
