"""How Kafka's transforms read a null: in a top-level field that has a default, as that default."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

from registry.schema.plain import default_value
from registry.schema.tree import Field
from registry.schema.walk import Walk
from transforms.transform import Apply, ColumnStep, Side


def defaults_for_nulls(root: Field, side: Side) -> Iterator[ColumnStep]:
    """A step for each nullable top-level field whose default is something else than null."""
    for field in root.type.fields:
        default = field.attrs.get("default")
        if field.null is not None and default is not None:
            walk = Walk(root, "", children=(Walk(field, field.name, selected=True),))
            yield ColumnStep(side, walk, _filling(default_value(field), default), nulls=True)


def _filling(convert: Callable[[Any], Any], default: Any) -> Apply:
    physical = convert(default)
    return lambda values: [deepcopy(physical) if value is None else value for value in values]
