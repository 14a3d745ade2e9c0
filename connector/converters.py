"""Converters without schemas: `string`, `bytes` and `json`, by the names that Kafka Connect gives them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from registry.codec import Decoded, Encoded


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


def _no_number(constant: str) -> Any:
    """NaN and the infinities are Python's, not JSON's."""
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_number)
_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _parsed(payload: bytes) -> Any:
    return _DECODER.decode(payload.decode())


def _printed(record: Any) -> bytes | None:
    if record is None:
        return None
    return _ENCODER.encode(record).encode()


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
