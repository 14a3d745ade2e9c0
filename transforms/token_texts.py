"""Sealed values as texts: `tok_` and base64url, or the shape of an e-mail address.

Each text has one spelling, so that a token that was made is the only one that is read.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final, Protocol

PREFIX: Final = "tok_"
TOKEN_FORMAT: Final = 1
EMAIL_FORMAT: Final = 2
VAULT_FORMAT: Final = 3

LONGEST_ADDRESS: Final = 254
LONGEST_LOCAL_PART: Final = 64
LONGEST_LABEL: Final = 63


_TO_URLS = bytes.maketrans(b"+/", b"-_")
_FROM_URLS = bytes.maketrans(b"-_", b"+/")


class Spelling(Protocol):
    """How sealed bytes are written as text, and read."""

    def write(self, sealed: bytes) -> str | None:
        """The text, None where it would be too long."""

    def read(self, text: str) -> bytes | None:
        """The sealed bytes, None for a text that `write` does not make."""


class TokenSpelling:
    """`tok_` and unpadded base64url."""

    def write(self, sealed: bytes) -> str:
        return PREFIX + binascii.b2a_base64(sealed, newline=False).translate(_TO_URLS, b"=").decode()

    def read(self, text: str) -> bytes | None:
        if not text.startswith(PREFIX):
            return None
        try:
            body = text[len(PREFIX) :].encode("ascii").translate(_FROM_URLS)
            sealed = binascii.a2b_base64(body + b"=" * (-len(body) % 4))
        except ValueError:  # binascii.Error and UnicodeEncodeError are
            return None
        return sealed if self.write(sealed) == text else None


class EmailSpelling:
    """An address: unpadded base32 (RFC 4648) in lower case, which mail systems that ignore case do not spoil.

    Its first 64 characters are the local part. What is left goes in labels of 63 characters, and the last of fewer,
    before the domain. Upper case is read like lower case. RFC 5321 allows an address 254 characters.
    """

    def __init__(self, domain: str) -> None:
        self._domain = domain.lower()

    def write(self, sealed: bytes) -> str | None:
        text = base64.b32encode(sealed).rstrip(b"=").decode().lower()
        local, rest = text[:LONGEST_LOCAL_PART], text[LONGEST_LOCAL_PART:]
        labels = [rest[start : start + LONGEST_LABEL] for start in range(0, len(rest), LONGEST_LABEL)]
        address = f"{local}@{'.'.join([*labels, self._domain])}"
        return address if len(address) <= LONGEST_ADDRESS else None

    def read(self, text: str) -> bytes | None:
        if len(text) > LONGEST_ADDRESS or not text.isascii():
            return None
        text = text.lower()
        local, _, host = text.partition("@")
        if host != self._domain and not host.endswith(f".{self._domain}"):
            return None
        body = (local + host[: -len(self._domain)].replace(".", "")).upper()
        try:
            sealed = base64.b32decode(body + "=" * (-len(body) % 8))
        except ValueError:
            return None
        return sealed if self.write(sealed) == text else None
