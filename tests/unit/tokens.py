"""Tokenize and Detokenize of the field x, as tests configure them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from transforms.detokenize import Detokenize
from transforms.tokenize import Tokenize


def tokenize(**options: Any) -> Tokenize:
    """`_` in an option's name stands for a dot; None leaves it out."""
    return Tokenize.model_validate(_options(options))


def detokenize(**options: Any) -> Detokenize:
    return Detokenize.model_validate(_options(options))


def _options(options: dict[str, Any]) -> dict[str, Any]:
    given = {"fields": "x", "key": "ring", "domain": "D"} | {k.replace("_", "."): v for k, v in options.items()}
    return {name: value for name, value in given.items() if value is not None}


class InMemoryTransit:
    """Keys that stay where they are, for tests that start no server: one of each name, with one version."""

    def writing_version(self, key: str) -> int:
        del key
        return 1

    def encrypt(self, key: str, plaintexts: Sequence[bytes], *, context: bytes, version: int) -> list[str | None]:
        siv = _siv(key, context)
        sealed = (siv.encrypt(b"\0" + plaintext, None) for plaintext in plaintexts)
        return [f"vault:v{version}:{base64.b64encode(each).decode()}" for each in sealed]

    def decrypt(self, key: str, ciphertexts: Sequence[str], *, context: bytes) -> list[bytes | None]:
        return [_opened(_siv(key, context), ciphertext) for ciphertext in ciphertexts]


def _siv(key: str, context: bytes) -> AESSIV:
    return AESSIV(hashlib.sha512(key.encode() + b"\0" + context).digest())


def _opened(siv: AESSIV, ciphertext: str) -> bytes | None:
    try:
        return siv.decrypt(base64.b64decode(ciphertext.split(":")[2]), None)[1:]
    except (InvalidTag, ValueError):
        return None
