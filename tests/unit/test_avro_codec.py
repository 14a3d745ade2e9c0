"""What no step touches comes out of the codec as it went in, byte for byte."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.shapes import avro_root
from registry.avro_codec import AvroReader, AvroWriter, opaque_leaves
from registry.columns import gather
from registry.schema.paths import Matcher
from registry.schema.tags import TagRules
from registry.schema.tree import Field
from registry.schema.walk import select

PREFIX = b"\x00\x00\x00\x00\x07"


def long(number: int) -> bytes:
    zigzag = (number << 1) ^ (number >> 63)
    out = bytearray()
    while zigzag & ~0x7F:
        out.append(zigzag & 0x7F | 0x80)
        zigzag >>= 7
    return bytes([*out, zigzag])


def text(raw: bytes) -> bytes:
    return long(len(raw)) + raw


class Datum:
    """Draws a schema together with the bytes of one value, written straight from the Avro specification."""

    def __init__(self, draw: Any) -> None:
        self._draw = draw
        self._names = 0

    def name(self) -> str:
        self._names += 1
        return f"N{self._names}"

    def any(self, depth: int) -> tuple[Any, bytes]:
        kinds = ["null", "boolean", "int", "long", "float", "double", "bytes", "string", "fixed", "enum", "logical"]
        if depth:
            kinds += ["record", "array", "map", "union", "nullable"]
        return getattr(self, "_" + self._draw(st.sampled_from(kinds)))(depth)

    def _null(self, _: int) -> tuple[Any, bytes]:
        return "null", b""

    def _boolean(self, _: int) -> tuple[Any, bytes]:
        return "boolean", bytes([self._draw(st.booleans())])

    def _int(self, _: int) -> tuple[Any, bytes]:
        return "int", long(self._draw(st.integers(-(2**31), 2**31 - 1)))

    def _long(self, _: int) -> tuple[Any, bytes]:
        return "long", long(self._draw(st.integers(-(2**63), 2**63 - 1)))

    def _float(self, _: int) -> tuple[Any, bytes]:
        return "float", struct.pack("<f", self._draw(st.floats(width=32)))

    def _double(self, _: int) -> tuple[Any, bytes]:
        return "double", struct.pack("<d", self._draw(st.floats()))

    def _bytes(self, _: int) -> tuple[Any, bytes]:
        return "bytes", text(self._draw(st.binary(max_size=9)))

    def _string(self, _: int) -> tuple[Any, bytes]:
        return "string", text(self._draw(st.text(max_size=9)).encode())

    def _fixed(self, _: int) -> tuple[Any, bytes]:
        raw = self._draw(st.binary(min_size=1, max_size=9))
        return {"type": "fixed", "name": self.name(), "size": len(raw)}, raw

    def _enum(self, _: int) -> tuple[Any, bytes]:
        symbols = ["A", "B", "C"]
        return {"type": "enum", "name": self.name(), "symbols": symbols}, long(self._draw(st.integers(0, 2)))

    def _logical(self, _: int) -> tuple[Any, bytes]:
        kind, logical = self._draw(
            st.sampled_from(
                [
                    ("int", "date"),
                    ("long", "timestamp-micros"),
                    ("long", "local-timestamp-millis"),
                    ("int", "time-millis"),
                ]
            )
        )
        return {"type": kind, "logicalType": logical}, long(self._draw(st.integers(-(2**31), 2**31 - 1)))

    def _record(self, depth: int) -> tuple[Any, bytes]:
        name, fields, payload = self.name(), [], b""
        for index in range(self._draw(st.integers(0, 3))):
            schema, raw = self.any(depth - 1)
            fields.append({"name": f"f{index}", "type": schema})
            payload += raw
        return {"type": "record", "name": name, "fields": fields}, payload

    def _array(self, depth: int) -> tuple[Any, bytes]:
        schema, raw = self.any(depth - 1)
        count = self._draw(st.integers(0, 3))
        return {"type": "array", "items": schema}, long(count) + raw * count + (b"\x00" if count else b"")

    def _map(self, depth: int) -> tuple[Any, bytes]:
        schema, raw = self.any(depth - 1)
        keys = self._draw(st.lists(st.text(max_size=4), max_size=3, unique=True))
        entries = b"".join(text(key.encode()) + raw for key in keys)
        return {"type": "map", "values": schema}, long(len(keys)) + entries + (b"\x00" if keys else b"")

    def _nullable(self, depth: int) -> tuple[Any, bytes]:
        schema, raw = self._record(depth)
        absent = self._draw(st.booleans())
        return ["null", schema], b"\x00" if absent else b"\x02" + raw

    def _union(self, depth: int) -> tuple[Any, bytes]:
        """A union in which a value alone does not tell its branch: int, long, float, double, two records, null."""
        records = [self._record(depth - 1) for _ in range(2)]
        branches = [self._long(0), self._int(0), self._double(0), self._float(0), *records, self._null(0)]
        order = self._draw(st.permutations(branches))
        chosen = self._draw(st.integers(0, len(order) - 1))
        return [schema for schema, _ in order], long(chosen) + order[chosen][1]


@st.composite
def data(draw: Any) -> tuple[Any, bytes]:
    return Datum(draw).any(3)


def codec(schema: Any) -> tuple[Field, AvroReader, AvroWriter]:
    root = avro_root("value", schema, TagRules())
    return root, AvroReader(root), AvroWriter(root)


def round_trip(reader: AvroReader, writer: AvroWriter, payload: bytes) -> bytes | None:
    decoded = reader.decode([payload])
    assert not decoded.bad
    return writer.encode(decoded.records, PREFIX).payloads[0]


@settings(max_examples=300, deadline=None)
@given(data())
def test_untouched_records_are_byte_identical(datum: tuple[Any, bytes]) -> None:
    schema, raw = datum
    _, reader, writer = codec(schema)
    assert round_trip(reader, writer, PREFIX + raw) == PREFIX + raw


@settings(max_examples=100, deadline=None)
@given(data())
def test_leaves_that_nobody_looks_at_are_byte_identical_too(datum: tuple[Any, bytes]) -> None:
    schema, raw = datum
    root = avro_root("value", schema, TagRules())
    opaque = opaque_leaves(root, [])
    assert round_trip(AvroReader(root, opaque), AvroWriter(root, opaque), PREFIX + raw) == PREFIX + raw


@settings(max_examples=100, deadline=None)
@given(data(), st.data())
def test_a_truncated_or_overlong_record_is_bad_and_its_neighbours_are_not(datum: tuple[Any, bytes], more: Any) -> None:
    schema, raw = datum
    _, reader, _ = codec(schema)
    good = PREFIX + raw
    bad = good + b"\x00" if not raw or more.draw(st.booleans()) else good[:-1]
    decoded = reader.decode([good, bad, good])
    assert list(decoded.bad) == [1]
    assert decoded.records[0] == decoded.records[2] or "nan" in repr(decoded.records[0])


NODE = {"type": "record", "name": "Node", "fields": [{"name": "next", "type": ["null", "Node"]}]}


def test_a_chain_of_moderate_depth_passes() -> None:
    _, reader, writer = codec(NODE)
    payload = PREFIX + b"\x02" * 100 + b"\x00"
    assert round_trip(reader, writer, payload) == payload


@pytest.mark.parametrize("depth", [1_000, 100_000])
def test_a_record_nested_too_deeply_is_bad_instead_of_ending_the_process(depth: int) -> None:
    _, reader, _ = codec(NODE)
    assert list(reader.decode([PREFIX + b"\x02" * depth + b"\x00"]).bad) == [0]


def test_an_array_cannot_claim_billions_of_items_that_take_no_bytes() -> None:
    _, reader, _ = codec({"type": "array", "items": "null"})
    assert list(reader.decode([PREFIX + long(2**40) + b"\x00"]).bad) == [0]


def test_a_column_reaches_every_depth_of_a_recursive_type_and_writes_back() -> None:
    tree = {
        "type": "record",
        "name": "Tree",
        "fields": [{"name": "ssn", "type": "string"}, {"name": "children", "type": {"type": "array", "items": "Tree"}}],
    }
    root, reader, writer = codec(tree)
    leaf = text(b"b") + b"\x00"
    decoded = reader.decode([PREFIX + text(b"a") + long(2) + leaf + leaf + b"\x00"])
    walk = select(root, Matcher(["**.ssn"]))
    assert walk is not None
    column = gather(walk)(decoded.records)
    assert column.values == ["a", "b", "b"]
    assert list(column.rows()) == [0, 0, 0]
    column.put(["x", "y", "z"])
    expected = text(b"x") + long(2) + text(b"y") + b"\x00" + text(b"z") + b"\x00" + b"\x00"
    assert writer.encode(decoded.records, PREFIX).payloads == [PREFIX + expected]
