"""What transforms ask for of keys: those of rings, and those that a server keeps. They are satisfied from outside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class KeyRing(Protocol):
    """The keys of one ring. Nothing here prints.

    A version that is not among `versions` may still be there, in a ring that is kept on a server: `has`, `subkey` and
    `fingerprint` then look there once more. That blocks at most 5 s, and raises `Unavailable` in an outage.
    """

    @property
    def versions(self) -> tuple[int, ...]:
        """Every version that is known here, ascending."""

    @property
    def last(self) -> int:
        """The highest version that the ring has ever had as far as is known here, which may be retired by now."""

    def has(self, version: int) -> bool:
        """Whether this version may be used."""

    @property
    def writing_version(self) -> int:
        """The version to write with where the configuration names none: the only one, or the document's current.

        Raises LookupError where that is not decided.
        """

    def subkey(self, purpose: str, domain: str, length: int, version: int | None = None) -> bytes:
        """HKDF-SHA256 of the ring key of that version, salt empty, info `streamveil/v1/{purpose}/{domain}`.

        Raises LookupError for a version that the ring does not have, and for `version` None where there is no
        writing version.
        """

    def fingerprint(self, version: int) -> str | None:
        """What tells a key from another under the same ring and version, and nothing about it: 16 hex digits.

        None where the key is not at hand, and a chain can be judged but not run. Raises LookupError as `subkey` does.
        """


class Transit(Protocol):
    """Keys that a server keeps. Equal plaintexts give equal ciphertexts under one key, version and context.

    Each call may block for seconds, and raises `Unavailable` where no answer comes. Nothing here prints.
    """

    def writing_version(self, key: str) -> int:
        """The only version of a key. Raises LookupError where it has several, and one must be named."""

    def encrypt(self, key: str, plaintexts: Sequence[bytes], *, context: bytes, version: int) -> Sequence[str | None]:
        """As many ciphertexts, in order; None for a plaintext that the server refuses."""

    def decrypt(self, key: str, ciphertexts: Sequence[str], *, context: bytes) -> Sequence[bytes | None]:
        """As many plaintexts, in order; None for a ciphertext that the server refuses."""
