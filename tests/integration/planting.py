"""Planted values: random, so that finding one in an output means that it leaked, and the search for all their forms."""

from __future__ import annotations

import base64
import json
import secrets
import string
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

Value = str | bytes | int | float
_V = TypeVar("_V", str, bytes, int, float)


@dataclass(slots=True)
class Planted:
    """What was planted. `tagged` has what may not reach the sink either; all of it is in `values`."""

    values: list[Value] = field(default_factory=list)
    tagged: list[Value] = field(default_factory=list)

    def text(self, *, tagged: bool = False) -> str:
        """22 characters of URL-safe base64, 128 bits."""
        return self._new(secrets.token_urlsafe(16), tagged)

    def letters(self, *, tagged: bool = False) -> str:
        """No digit among them, 94 bits."""
        return self._new("".join(secrets.choice(string.ascii_letters) for _ in range(20)), tagged)

    def digits(self, *, tagged: bool = False) -> str:
        """Digits in groups, as numbers of cards and telephones are written; 66 bits."""
        return self._new("-".join(f"{secrets.randbelow(10_000):04d}" for _ in range(5)), tagged)

    def binary(self, *, tagged: bool = False) -> bytes:
        """16 bytes that are no UTF-8."""
        return self._new(b"\xff" + secrets.token_bytes(15), tagged)

    def long(self, *, tagged: bool = False) -> int:
        """19 digits, negative or not; 62 bits and the sign."""
        return self._new((secrets.randbits(62) | 1 << 62) * secrets.choice((1, -1)), tagged)

    def double(self, *, tagged: bool = False) -> float:
        """All bits of the mantissa, and some of the exponent and the sign."""
        exponent = 900 + secrets.randbelow(200)
        bits = secrets.randbits(1) << 63 | exponent << 52 | secrets.randbits(52)
        number: float = struct.unpack(">d", bits.to_bytes(8, "big"))[0]
        return self._new(number, tagged)

    def _new(self, value: _V, tagged: bool) -> _V:
        self.values.append(value)
        if tagged:
            self.tagged.append(value)
        return value


def leaked(values: Iterable[Value], *outputs: bytes) -> list[tuple[str, Value]]:
    """The values that are in an output in any form, each with the form's name."""
    everything = b"\n".join(outputs)
    only_digits = b"\n".join(bytes(byte for byte in line if byte in b"0123456789") for line in everything.split(b"\n"))
    return [
        (name, value)
        for value in values
        for name, needle in forms(value)
        if needle in everything or (name == "digits" and needle in only_digits)
    ]


def forms(value: Value) -> Iterator[tuple[str, bytes]]:
    """How a value could be written: as it is, escaped, in hex, in base64 at each alignment, its digits alone."""
    for name, raw in _plain(value):
        yield name, raw
        yield f"{name}, hex", raw.hex().encode()
        yield f"{name}, HEX", raw.hex().upper().encode()
        for skip in range(3):
            text = _base64_at(raw, skip)
            yield f"{name}, base64 at {skip}", text
            yield f"{name}, url-safe base64 at {skip}", text.translate(bytes.maketrans(b"+/", b"-_"))
    if isinstance(value, str) and sum(map(str.isdigit, value)) >= 19:
        yield "digits", "".join(filter(str.isdigit, value)).encode()
    if isinstance(value, int):
        yield "digits", str(abs(value)).encode()


def _plain(value: Value) -> Iterator[tuple[str, bytes]]:
    match value:
        case str():
            yield "UTF-8", value.encode()
        case bytes():
            yield "bytes", value
            yield "repr", repr(value)[2:-1].encode()
            yield "repr in JSON", json.dumps(repr(value)[2:-1])[1:-1].encode()
            yield "Latin-1 in JSON", json.dumps(value.decode("latin-1"))[1:-1].encode()
            yield "Latin-1 in UTF-8", value.decode("latin-1").encode()
        case float():
            yield "text", repr(value).encode()
            yield "Avro", struct.pack("<d", value)
            yield "big-endian", struct.pack(">d", value)
        case int():
            yield "text", str(value).encode()
            yield "Avro", _zigzag(value)
            yield "hexadecimal", f"{abs(value):x}".encode()
            yield "big-endian", value.to_bytes(8, "big", signed=True)
            yield "little-endian", value.to_bytes(8, "little", signed=True)


def _base64_at(raw: bytes, skip: int) -> bytes:
    """What is the same of the base64 of any text that has `raw` at an offset of `skip` modulo 3."""
    first = (0, 2, 3)[skip]
    return base64.b64encode(bytes(skip) + raw)[first : (skip + len(raw)) * 8 // 6]


def _zigzag(number: int) -> bytes:
    rest = number << 1 ^ number >> 63
    out = bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)
