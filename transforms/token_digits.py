"""Tokens of as many digits as there were: FF1 over digits, AES-256, with an empty tweak.

The subkey of a domain is HKDF-SHA256 of the ring key, with an empty salt, 32 bytes, and the info
`streamveil/v1/token-digits/` + domain.
"""

from __future__ import annotations

from typing import Any

from transforms.ff1 import FF1
from transforms.fpe import ALPHABETS
from transforms.fpe_texts import Format, TextCipher
from transforms.keys import KeyRing
from transforms.outcome import Code, Rejected
from transforms.token_cipher import beside
from transforms.transform import Apply


def digits(ring: KeyRing, domain: str, version: int, *, decrypts: bool) -> Apply:
    """Encrypts or decrypts columns of digits. What is no text of 6 to 256 digits is rejected."""
    cipher = TextCipher(
        FF1(ring.subkey("token-digits", domain, 32, version), ALPHABETS["digits"]), Format(), decrypts=decrypts
    )

    def apply(values: list[Any]) -> list[Any]:
        return beside([value if isinstance(value, str) else Rejected(Code.WRONG_TYPE) for value in values], cipher)

    return apply
