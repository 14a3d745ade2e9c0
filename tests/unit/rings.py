"""Key rings for tests."""

from __future__ import annotations

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class RingOf:
    """A ring with one version, whose key everybody may know."""

    writing_version = 1

    def __init__(self, key: bytes) -> None:
        self._key = key

    def subkey(self, purpose: str, domain: str, length: int, version: int | None = None) -> bytes:
        assert version in (None, 1)
        info = f"streamveil/v1/{purpose}/{domain}".encode()
        return HKDF(hashes.SHA256(), length, b"", info).derive(self._key)


RING = RingOf(b"\x01" * 32)
