"""The seam between bytes and records. Plans know this file; what stands behind it can be exchanged.

A codec hands out decoded records as opaque objects; `registry.columns` reaches into those of the first codec,
which are plain Python containers. Records that cannot be read or written are reported by row, never by content.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol


class Decoded(NamedTuple):
    """Records in the order of the payloads; at a bad row the record is None and `bad` has the error's class name."""

    records: list[Any]
    bad: Mapping[int, str]

    def __repr__(self) -> str:
        return f"<{len(self.records)} records, {len(self.bad)} of them bad>"


class Encoded(NamedTuple):
    """Payloads in the order of the records; at a bad row the payload is None and `bad` has the error's class name."""

    payloads: list[bytes | None]
    bad: Mapping[int, str]

    def __repr__(self) -> str:
        return f"<{len(self.payloads)} payloads, {len(self.bad)} of them bad>"


class Reader(Protocol):
    def decode(self, payloads: Sequence[bytes]) -> Decoded:
        """Decode payloads of one writer schema. Every record owns its containers."""


class Writer(Protocol):
    def encode(self, records: Sequence[Any], prefix: bytes) -> Encoded:
        """Encode records of one shape; `prefix` goes before each payload."""
