"""From schemas to shapes: the three roots of a record before the chain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from registry.scan import holds_nothing
from registry.schema.avro import BadSchema
from registry.schema.tags import Referenced, Said, Tagged, TagRules, tagged_tree, with_declared
from registry.schema.tree import Field, Shape, Type, null_root

OTHER_HEADERS = "*"


def avro_root(
    side: str,
    schema: str | Any,
    rules: TagRules,
    references: Iterable[Referenced] = (),
    metadata: Mapping[str, Any] | None = None,
) -> Field:
    """The root of a side that has an Avro schema. Raises `registry.schema.avro.BadSchema`."""
    said = () if metadata is None else (Said(metadata),)
    return usable(tagged_avro(side, schema, rules, references=references, metadata=said).root)


def tagged_avro(side: str, schema: str | Any, rules: TagRules, **more: Any) -> Tagged:
    """An Avro schema with its tags; `more` is what `registry.schema.tags.tagged_tree` takes. Raises `BadSchema`."""
    try:
        return tagged_tree(schema, root=side, rules=rules, **more)
    except RecursionError:
        raise BadSchema("the schema is nested too deeply") from None


def usable(root: Field) -> Field:
    """The root, if records of it can exist; raises `BadSchema` otherwise."""
    if holds_nothing(root):
        raise BadSchema("a record of the schema contains itself, so it can hold no value")
    return root


def raw_root(side: str, converter: str, rules: TagRules) -> Field:
    """The root of a side without a schema: `string`, `bytes` or `json`."""
    kind = "any" if converter == "json" else converter
    root = Field(side, side, Type(kind, (), {"raw": converter}), null=0 if kind == "any" else None)
    return with_declared(root, rules, side)


def shape_of(key: Field | None, value: Field | None, rules: TagRules, *, others: bool = False) -> Shape:
    """A shape with the headers that are declared, and one more that stands for all others when there are any."""
    raw = Type("bytes", (), {"raw": "bytes"})
    headers = [
        Field(name, name, raw, null=0, origin=f"header:{name}").tagged(sources)
        for name, sources in rules.for_headers().items()
    ]
    if others:
        headers.append(Field(OTHER_HEADERS, OTHER_HEADERS, raw, null=0, origin=f"header:{OTHER_HEADERS}"))
    return Shape(key or null_root("key"), value or null_root("value"), tuple(headers))
