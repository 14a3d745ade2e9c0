"""One side of a record, key or value: from payloads to what a plan runs on, and back.

What no step touches passes as the bytes that it came in; an Avro payload is still decoded once, so that a
malformed one is found here and not by whoever reads the sink.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from connector.plan import Plan
from registry.avro_codec import AvroReader, AvroWriter, Opaque, opaque_leaves
from registry.codec import Decoded, Encoded
from registry.schema.tree import Field
from registry.schema.walk import Walk
from transforms.transform import ColumnStep


class Reading(Protocol):
    def decode(self, payloads: Sequence[bytes]) -> Decoded: ...


class Writing(Protocol):
    def encode(self, records: Sequence[Any], prefix: bytes) -> Encoded: ...


def walks_of(plan: Plan, side: str) -> list[Walk]:
    """All the ways that column steps go on a side."""
    return [step.walk for step in plan.steps() if isinstance(step, ColumnStep) and step.side == side]


def opaque_of(plan: Plan, root: Field, side: str, watched: Sequence[Walk]) -> Opaque:
    """The leaves of a source that nobody looks at."""
    if plan.reads_whole(side):
        return frozenset()
    return opaque_leaves(root, [*walks_of(plan, side), *watched])


def avro_reader(root: Field, opaque: Opaque) -> Reading:
    return AvroReader(root, opaque)


def avro_writer(root: Field, opaque: Opaque) -> Writing:
    return AvroWriter(root, opaque)


class Text:
    """The `string` converter: UTF-8."""

    def decode(self, payloads: Sequence[bytes]) -> Decoded:
        return _each(payloads, bytes.decode)

    def encode(self, records: Sequence[Any], prefix: bytes) -> Encoded:
        del prefix
        return _every(records, _utf8)


class Raw:
    """The `bytes` converter."""

    def decode(self, payloads: Sequence[bytes]) -> Decoded:
        return Decoded(list(payloads), {})

    def encode(self, records: Sequence[Any], prefix: bytes) -> Encoded:
        del prefix
        return _every(records, _bytes)


class Json:
    """The `json` converter, without schemas."""

    def decode(self, payloads: Sequence[bytes]) -> Decoded:
        return _each(payloads, _parsed)

    def encode(self, records: Sequence[Any], prefix: bytes) -> Encoded:
        del prefix
        return _every(records, _printed)


CONVERTERS: Mapping[str, Text | Raw | Json] = {"string": Text(), "bytes": Raw(), "json": Json()}


def _parsed(payload: bytes) -> Any:
    return json.loads(payload)


def _printed(record: Any) -> bytes | None:
    if record is None:
        return None
    return json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode()


def _utf8(record: Any) -> bytes | None:
    if record is not None and not isinstance(record, str):
        raise TypeError
    return None if record is None else record.encode()


def _bytes(record: Any) -> bytes | None:
    if record is not None and not isinstance(record, bytes):
        raise TypeError
    return record


def _each(payloads: Sequence[bytes], decode: Any) -> Decoded:
    records: list[Any] = []
    bad: dict[int, str] = {}
    for row, payload in enumerate(payloads):
        record = None
        try:
            record = decode(payload)
        except (ValueError, RecursionError) as error:
            bad[row] = type(error).__name__
        records.append(record)
    return Decoded(records, bad)


def _every(records: Sequence[Any], encode: Any) -> Encoded:
    payloads: list[bytes | None] = []
    bad: dict[int, str] = {}
    for row, record in enumerate(records):
        payload = None
        try:
            payload = encode(record)
        except (ValueError, TypeError, RecursionError) as error:
            bad[row] = type(error).__name__
        payloads.append(payload)
    return Encoded(payloads, bad)
