"""Sealing values with AES-SIV (RFC 5297): deterministic, and whoever has the key notices a foreign or altered token.

Pinned, so that anyone with the ring can open them. Sealed = header, then AES-SIV of the value, padded by ISO 7816-4
to a multiple of 16 bytes; header = a format byte, then the version of the ring as two bytes, big-endian; associated
data = the domain in UTF-8, then the header. The padding hides the length of a value but for its multiple of 16.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from transforms.outcome import Code, Rejected

BLOCK = 16
HEADER = 3
KEY_BYTES = 64
LARGEST_VERSION = 2**16 - 1

_PADDING = [b"\x80" + bytes(BLOCK - 1 - over) for over in range(BLOCK)]
"""The padding of a value, by how many bytes it is longer than its whole blocks."""


class Sealer:
    """Seals and opens values of one domain. Holds keys, and shows nothing of them.

    format: the first byte of all that it makes. key_of: the 64 bytes of a version, None for one that there is not;
    asked once for each version that there is, and raising what it may.
    """

    __slots__ = ("_ciphers", "_domain", "_format", "_key_of")

    def __init__(self, format_: int, domain: str, key_of: Callable[[int], bytes | None]) -> None:
        self._format = bytes([format_])
        self._domain = domain.encode()
        self._key_of = key_of
        self._ciphers: dict[bytes, AESSIV] = {}

    def seal(self, values: list[bytes], version: int) -> list[bytes]:
        """The sealed form of each value, in order, under the key of that version, which there must be."""
        number = version.to_bytes(2, "big")
        header = self._format + number
        cipher = self._cipher(number)
        assert cipher is not None  # noqa: S101 - as said
        encrypt, associated = cipher.encrypt, [self._domain, header]
        return [header + encrypt(value + _PADDING[len(value) % BLOCK], associated) for value in values]

    def open(self, sealed: bytes) -> bytes | Rejected:
        """The value, or why it cannot be had."""
        if len(sealed) < HEADER + 2 * BLOCK or sealed[:1] != self._format:
            return Rejected(Code.NOT_A_TOKEN)
        header = sealed[:HEADER]
        cipher = self._cipher(header[1:])
        if cipher is None:
            return Rejected(Code.KEY_VERSION)
        try:
            padded = cipher.decrypt(sealed[HEADER:], [self._domain, header])
        except InvalidTag:
            return Rejected(Code.NOT_A_TOKEN)
        value, mark, zeros = padded.rpartition(b"\x80")
        return Rejected(Code.NOT_A_TOKEN) if not mark or zeros.strip(b"\0") else value

    def _cipher(self, number: bytes) -> AESSIV | None:
        if number not in self._ciphers:
            key = self._key_of(int.from_bytes(number, "big"))
            if key is None:
                return None
            self._ciphers[number] = AESSIV(key)
        return self._ciphers[number]

    def __repr__(self) -> str:
        return f"<sealer of {len(self._ciphers)} version(s)>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a sealer holds keys: it cannot be pickled or copied")
