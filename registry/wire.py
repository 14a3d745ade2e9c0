"""Confluent's wire format. A magic byte says how the schema is named, and then comes the body:

    0    1           5                 0    1                      17
    ┌────┬───────────┬──────┄          ┌────┬──────────────────────┬──────┄
    │ 00 │ schema id │ body            │ 01 │ GUID of the schema   │ body
    └────┴───────────┴──────┄          └────┴──────────────────────┴──────┄

Ids are big-endian. What comes before the body may instead be the value of a header, `__key_schema_id` or
`__value_schema_id`, and the payload is then the body alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from registry.errors import PoisonReason, PoisonRecord

PREFIX_LENGTH = 5
"""Where the body of a payload starts that is framed with a schema id."""
GUID_PREFIX_LENGTH = 17
"""Where the body of a payload starts that is framed with a GUID."""

ID_HEADERS = {"key": "__key_schema_id", "value": "__value_schema_id"}
"""The header that names the schema of a side, where the payload does not."""

_BY_GUID = b"\x01"


def starts(payloads: Sequence[bytes | None]) -> list[bytes | None]:
    """What of each framed payload names its schema, to group by; None for a null payload (a tombstone).

    Of a poison record these bytes are content: never show them.
    """
    found = [None if payload is None else payload[:PREFIX_LENGTH] for payload in payloads]
    if not any(head is not None and head[:1] == _BY_GUID for head in set(found)):
        return found
    return [None if payload is None else payload[: framing_of(payload).body_at] for payload in payloads]


@dataclass(frozen=True, slots=True)
class Framing:
    """Where the body of a payload starts: at `body_at`, and after one of the `prefixes` if it is there."""

    body_at: int
    prefixes: tuple[bytes, ...] = field(default=(), repr=False)

    def body(self, payload: bytes) -> bytes:
        for prefix_there in self.prefixes:
            if payload.startswith(prefix_there):
                return payload[len(prefix_there) :]
        return payload[self.body_at :]


BY_ID = Framing(PREFIX_LENGTH)


def framing_of(framed: bytes) -> Framing:
    """The framing of payloads that begin with these bytes."""
    return Framing(GUID_PREFIX_LENGTH) if framed[:1] == _BY_GUID else BY_ID


def in_header_framing(header: bytes, schema_id: int) -> Framing:
    """The framing of payloads whose schema a header names. One that names the same schema once more is understood."""
    return Framing(0, (header, prefix(schema_id)))


def schema_named(framed: bytes) -> int | UUID:
    """The schema id or the GUID of a framed payload, or of what `starts` gives. Raises `PoisonRecord`.

    ``magic-byte`` when the first byte is neither zero nor one, ``truncated`` when there are too few bytes for an id
    or a GUID. An empty body is a valid one (Avro's null has no bytes).
    """
    if framed[:1] != _BY_GUID:
        return split(framed)
    if len(framed) < GUID_PREFIX_LENGTH:
        raise PoisonRecord(PoisonReason.TRUNCATED)
    return UUID(bytes=framed[1:GUID_PREFIX_LENGTH])


def split(payload: bytes) -> int:
    """The schema id of a payload that is framed with one, as `schema_named`; a GUID is ``magic-byte`` here."""
    if payload[:1] not in (b"\x00", b""):
        raise PoisonRecord(PoisonReason.MAGIC_BYTE)
    if len(payload) < PREFIX_LENGTH:
        raise PoisonRecord(PoisonReason.TRUNCATED)
    return int.from_bytes(payload[1:PREFIX_LENGTH], "big")


def prefix(schema_id: int) -> bytes:
    """The five bytes that go before a body written with ``schema_id`` (0 to 2**32 - 1)."""
    return b"\x00" + schema_id.to_bytes(4, "big")
