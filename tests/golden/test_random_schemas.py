"""Random schemas of every kind of type, with tags on every kind of carrier: tags and bytes are as they were made."""

from __future__ import annotations

import json
import re
import struct
from collections import defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.shapes import tagged_avro
from registry.avro_codec import AvroReader, AvroWriter, opaque_leaves
from registry.schema.memory import Memory
from registry.schema.printer import print_schema
from registry.schema.tags import TagRules
from registry.schema.tree import Field, leaves
from registry.wire import prefix
from tests.golden.avro_json import long, text

TAGS = "confluent:tags"
PREFIX = prefix(1)
NAMES = [
    "type",
    "name",
    "fields",
    "items",
    "values",
    "null",
    "class",
    "None",
    "self",
    "x",
    "_",
    "A1",
    "union",
    "string",
]
LOGICAL = {
    "int": ["date", "time-millis"],
    "long": [
        "time-micros",
        *(f"{local}timestamp-{unit}" for local in ("", "local-") for unit in ("millis", "micros", "nanos")),
    ],
    "string": ["uuid"],
}
Places = list[tuple[str, frozenset[str]]]


class Made(NamedTuple):
    """A random type: how a schema says it, a payload of it, and its leaves with their tags, by path below it."""

    schema: Any
    payload: Callable[[], bytes]
    places: Places
    kind: str


class Maker:
    """Draws types. A named type may be used again, by name."""

    def __init__(self, draw: Any) -> None:
        self._draw = draw
        self._named: list[Made] = []

    def root(self) -> Made:
        return self._record(3)

    def _any(self, depth: int) -> Made:
        makers = [self._primitive, self._primitive, self._logical, self._fixed, self._enum, self._again]
        if depth > 0:
            makers += [self._record, self._array, self._map, self._union, self._nullable]
        return self._draw(st.sampled_from(makers))(depth)  # type: ignore[no-any-return]  # what sampled_from gives

    def _tags(self) -> frozenset[str]:
        return frozenset(self._draw(st.sets(st.sampled_from(["A", "B.C", "D"]), max_size=2) | st.just(set())))

    def _tagged(self, schema: dict[str, Any], tags: frozenset[str]) -> dict[str, Any]:
        return {**schema, TAGS: sorted(tags)} if tags else schema

    def _leaf(self, schema: dict[str, Any], payload: Callable[[], bytes]) -> Made:
        tags = self._tags()
        return Made(self._tagged(schema, tags), payload, [("", tags)], str(schema["type"]))

    def _primitive(self, _: int) -> Made:
        kind = self._draw(st.sampled_from(["boolean", "int", "long", "float", "double", "bytes", "string"]))
        return self._leaf({"type": kind}, lambda: self._value(kind))

    def _logical(self, _: int) -> Made:
        kind = self._draw(st.sampled_from(["int", "long", "string", "bytes"]))
        if kind == "bytes":
            scale = self._draw(st.integers(0, 5))
            schema = {"type": "bytes", "logicalType": "decimal", "precision": scale + 3, "scale": scale}
            return self._leaf(schema, lambda: self._value("bytes"))
        logical = self._draw(st.sampled_from(LOGICAL[kind]))
        return self._leaf({"type": kind, "logicalType": logical}, lambda: self._value(kind))

    def _value(self, kind: str) -> bytes:
        draw = self._draw
        match kind:
            case "boolean":
                return bytes([draw(st.integers(0, 1))])
            case "int":
                return long(draw(st.integers(-(2**31), 2**31 - 1)))
            case "long":
                return long(draw(st.integers(-(2**63), 2**63 - 1)))
            case "float":
                return struct.pack("<f", draw(st.floats(width=32)))
            case "double":
                return struct.pack("<d", draw(st.floats()))
            case "bytes":
                return text(draw(st.binary(max_size=9)))
            case _:
                return text(draw(st.text(max_size=6)).encode())

    def _name(self) -> dict[str, Any]:
        namespace = self._draw(st.sampled_from(["", "a", "b.c"]))
        name = f"T{len(self._named)}"
        return {"name": f"{namespace}.{name}" if namespace else name, **({} if namespace else {"namespace": ""})}

    def _keep(self, made: Made, name: dict[str, Any]) -> Made:
        self._named.append(made._replace(schema=name["name"], kind=name["name"]))
        return made._replace(kind=name["name"])

    def _fixed(self, _: int) -> Made:
        size, logical = self._draw(
            st.sampled_from([(1, {}), (16, {"logicalType": "uuid"}), (12, {"logicalType": "duration"}), (5, {})])
        )
        name = self._name()
        made = self._leaf({"type": "fixed", **name, "size": size, **logical}, lambda: self._bytes(size))
        return self._keep(made, name)

    def _bytes(self, size: int) -> bytes:
        return bytes(self._draw(st.binary(min_size=size, max_size=size)))

    def _enum(self, _: int) -> Made:
        name = self._name()
        schema = {"type": "enum", **name, "symbols": ["A", "B", "C"], "default": "A", "aliases": ["x.Old"]}
        return self._keep(self._leaf(schema, lambda: long(self._draw(st.integers(0, 2)))), name)

    def _again(self, depth: int) -> Made:
        # From within a namespace a name without one means another type.
        usable = [made for made in self._named if made.schema is not None and "." in made.schema]
        return self._draw(st.sampled_from(usable)) if usable else self._primitive(depth)  # type: ignore[no-any-return]  # as above

    def _record(self, depth: int) -> Made:
        name = self._name()
        self._named.append(Made(None, bytes, [], ""))  # its number is taken, and it is not used inside itself
        index = len(self._named) - 1
        fields: list[dict[str, Any]] = []
        inner: list[Made] = []
        own = self._tags()
        places: Places = []
        for field in self._draw(st.lists(st.sampled_from(NAMES), max_size=4, unique=True)):
            made = self._any(depth - 1)
            tags = self._tags()
            fields.append(self._tagged({"name": field, "type": made.schema, "aliases": [f"{field}_old"]}, tags))
            inner.append(made)
            places += [(f".{field}{path}", own | tags | deeper) for path, deeper in made.places]
        schema = self._tagged({"type": "record", **name, "fields": fields}, own)
        made = Made(schema, lambda: b"".join(each.payload() for each in inner), places, name["name"])
        self._named[index] = made._replace(schema=name["name"])
        return made

    def _array(self, depth: int) -> Made:
        items, own = self._any(depth - 1), self._tags()

        def payload() -> bytes:
            count = self._draw(st.integers(0, 2))
            return long(count) + b"".join(items.payload() for _ in range(count)) + (b"\x00" if count else b"")

        places = [(f"[*]{path}", own | tags) for path, tags in items.places]
        return Made(self._tagged({"type": "array", "items": items.schema}, own), payload, places, "array")

    def _map(self, depth: int) -> Made:
        values, own = self._any(depth - 1), self._tags()

        def payload() -> bytes:
            keys = self._draw(st.lists(st.text(max_size=3), max_size=2, unique=True))
            entries = b"".join(text(key.encode()) + values.payload() for key in keys)
            return long(len(keys)) + entries + (b"\x00" if keys else b"")

        places = [("{#}", own), *((f"{{*}}{path}", own | tags) for path, tags in values.places)]
        return Made(self._tagged({"type": "map", "values": values.schema}, own), payload, places, "map")

    def _nullable(self, depth: int) -> Made:
        return self._union_of(1, depth)

    def _union(self, depth: int) -> Made:
        return self._union_of(self._draw(st.integers(1, 4)), depth)

    def _union_of(self, count: int, depth: int) -> Made:
        """A union of at most so many branches; null stands anywhere, or nowhere."""
        branches: list[Made] = []
        for _ in range(count):
            before = len(self._named)
            made = self._any(depth - 1)
            if made.kind == "union" or made.kind in [each.kind for each in branches]:
                del self._named[before:]  # Avro forbids this branch, and with it goes what it defines
            else:
                branches.append(made)
        if not branches or self._draw(st.booleans()):
            branches.insert(self._draw(st.integers(0, len(branches))), Made("null", bytes, [], "null"))

        def payload() -> bytes:
            index = self._draw(st.integers(0, len(branches) - 1))
            return long(index) + branches[index].payload()

        places = [place for made in branches for place in made.places]
        if [made.kind for made in branches] == ["null"]:
            places = [("", frozenset())]  # alone, null is a leaf like any other
        return Made([made.schema for made in branches], payload, places, "union")


@st.composite
def schemas(draw: Any) -> tuple[Any, bytes, dict[str, set[str]]]:
    """A schema, a payload, and path to tags of the leaves that carry any."""
    made = Maker(draw).root()
    tags: dict[str, set[str]] = defaultdict(set)
    for path, found in made.places:
        tags[path.removeprefix(".")] |= found
    return made.schema, PREFIX + made.payload(), {path: found for path, found in tags.items() if found}


def root_of(schema: Any) -> Field:
    return tagged_avro("value", json.dumps(schema), TagRules()).root


def tags_of(root: Field) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for path, leaf in leaves(root):
        assert {source.tag for source in leaf.tag_sources} == leaf.tags
        found[path] |= leaf.tags
    return {path: tags for path, tags in found.items() if tags}


@settings(max_examples=100, deadline=None)
@given(schemas())
def test_the_tags_are_those_that_were_put_there(made: tuple[Any, bytes, dict[str, set[str]]]) -> None:
    schema, _, tags = made
    assert tags_of(root_of(schema)) == tags


def later(schema: Any, *, renaming: bool) -> Any:
    """What the producer registers next: no tags, and every field renamed, if it is, with an alias."""
    if isinstance(schema, list):
        return [later(each, renaming=renaming) for each in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: later(each, renaming=renaming) for key, each in schema.items() if key != TAGS}
    if renaming and "fields" in kept:
        kept["fields"] = [{**f, "name": f"{f['name']}_new", "aliases": [f["name"]]} for f in kept["fields"]]
    return kept


@settings(max_examples=100, deadline=None)
@given(schemas(), st.booleans())
def test_a_later_version_without_tags_has_just_those_of_the_one_before(
    made: tuple[Any, bytes, dict[str, set[str]]], renaming: bool
) -> None:
    schema, _, tags = made
    memory = Memory()
    before = tagged_avro("value", json.dumps(schema), TagRules())
    memory.add(before.root, before.types, "version 1")
    root = tagged_avro("value", json.dumps(later(schema, renaming=renaming)), TagRules(), earlier=[memory]).root
    assert tags_of(root) == {re.sub(r"(\w+)", r"\1_new", path) if renaming else path: tags[path] for path in tags}


@settings(max_examples=100, deadline=None)
@given(schemas(), st.booleans())
def test_untouched_records_are_byte_identical(made: tuple[Any, bytes, dict[str, set[str]]], read: bool) -> None:
    schema, payload, _ = made
    root = root_of(schema)
    opaque = frozenset() if read else opaque_leaves(root, [])
    decoded = AvroReader(root, opaque).decode([payload, payload])
    assert not decoded.bad
    assert AvroWriter(root, opaque).encode(decoded.records, PREFIX).payloads == [payload, payload]


@settings(max_examples=100, deadline=None)
@given(schemas())
def test_what_is_printed_reads_the_same_bytes(made: tuple[Any, bytes, dict[str, set[str]]]) -> None:
    schema, payload, tags = made
    again = root_of(json.loads(print_schema(root_of(schema))))
    decoded = AvroReader(again).decode([payload])
    assert not decoded.bad
    assert AvroWriter(again).encode(decoded.records, PREFIX).payloads == [payload]
    found = tags_of(again)
    assert all(tags[path] <= found[path] for path in tags)
