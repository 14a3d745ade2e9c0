"""Confluent's wire format, magic byte 0: a zero byte, the schema id in four big-endian bytes, the body.

    0    1          5
    ┌────┬──────────┬──────────┄
    │ 00 │ schema id│ body
    └────┴──────────┴──────────┄

The GUID framing (magic byte 1) is not read here: it raises `PoisonRecord`, reason ``magic-byte``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from registry.errors import PoisonReason, PoisonRecord

PREFIX_LENGTH = 5
"""Where the body of a framed payload starts."""


def split(payload: bytes) -> int:
    """The schema id of a framed payload, or of its first five bytes. The body starts at `PREFIX_LENGTH`.

    Raises `PoisonRecord`: ``magic-byte`` when the first byte is not zero, ``truncated`` when there are fewer
    than five bytes. An empty body is a valid one (Avro's null has no bytes).
    """
    if payload[:1] not in (b"\x00", b""):
        raise PoisonRecord(PoisonReason.MAGIC_BYTE)
    if len(payload) < PREFIX_LENGTH:
        raise PoisonRecord(PoisonReason.TRUNCATED)
    return int.from_bytes(payload[1:PREFIX_LENGTH], "big")


def prefix(schema_id: int) -> bytes:
    """The five bytes that go before a body written with ``schema_id`` (0 to 2**32 - 1)."""
    return b"\x00" + schema_id.to_bytes(4, "big")


def by_prefix(payloads: Iterable[bytes | None]) -> dict[bytes | None, list[int]]:
    """The rows of a batch by their first five bytes, in order; null payloads (tombstones) under ``None``.

    One dictionary look-up a record; then call `split` once for each key. A key is up to five bytes of a
    payload, and those of a poison record are its content: never show one.
    """
    rows: defaultdict[bytes | None, list[int]] = defaultdict(list)
    for row, payload in enumerate(payloads):
        rows[None if payload is None else payload[:PREFIX_LENGTH]].append(row)
    return dict(rows)
