"""Key rings for tests."""

from __future__ import annotations

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class RingOf:
    """A ring with one version, whose key everybody may know."""

    versions = (1,)
    writing_version = 1
    last = 1

    def __init__(self, key: bytes) -> None:
        self._key = key

    def has(self, version: int) -> bool:
        return version == 1

    def subkey(self, purpose: str, domain: str, length: int, version: int | None = None) -> bytes:
        assert version in (None, 1)
        return self._derived(f"{purpose}/{domain}", length)

    def fingerprint(self, version: int) -> str:
        assert version == 1
        return self._derived("fingerprint", 8).hex()

    def _derived(self, info: str, length: int) -> bytes:
        return HKDF(hashes.SHA256(), length, b"", f"streamveil/v1/{info}".encode()).derive(self._key)


class OnceRotated(RingOf):
    """A ring whose second version is retired, so that the first is the only one again."""

    last = 2


RING = RingOf(b"\x01" * 32)
