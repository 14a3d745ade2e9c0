"""A key ring for tests: its key is 32 bytes of 0x01."""

from __future__ import annotations

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

RING_KEY = b"\x01" * 32


class TestRing:
    __test__ = False
    writing_version = 1

    def subkey(self, purpose: str, domain: str, length: int, version: int | None = None) -> bytes:
        assert version in (None, 1)
        info = f"streamveil/v1/{purpose}/{domain}".encode()
        return HKDF(hashes.SHA256(), length, b"", info).derive(RING_KEY)


RING = TestRing()
